"""etcdctl as learners type it: in the notebook and on the control-plane node, with TLS as kubeadm has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("IPython")

from IPython.core.interactiveshell import InteractiveShell

from kubekit.cluster.cluster import Cluster, up
from kubekit.terminal import etcd_magics, magics
from kubekit.terminal.sessions import Sessions, sessions_of
from tests.terminal.etcd_shells import PKI, REACH, TLS


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return up(workers=1)


@pytest.fixture(scope="module")
def shell(cluster: Cluster) -> Iterator[Any]:
    found = InteractiveShell.instance()
    magics.load_ipython_extension(found)
    yield found
    InteractiveShell.clear_instance()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_plain_lines_reach_etcd(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_line_magic("etcdctl", "put greeting 'hello there'")
    shell.run_line_magic("etcdctl", "get greeting")
    assert capsys.readouterr().out == "OK\ngreeting\nhello there\n"
    assert shell.user_ns["_exit_code"] == 0
    shell.run_line_magic("etcdctl", "get --prefix /registry/namespaces/ --keys-only | grep kube | head -1")
    assert capsys.readouterr().out == "/registry/namespaces/kube-node-lease\n"
    shell.run_line_magic("etcdctl", "get")
    assert shell.user_ns["_exit_code"] == 128


def test_how_it_is_reached_can_be_seen(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_line_magic("etcdctl", "env")
    out = capsys.readouterr().out
    assert "ENDPOINT=https://127.0.0.1:2379\n" in out
    assert f"ETCDCTL_CACERT={PKI}/etcd/ca.crt\n" in out


def test_a_cell_is_standard_input_or_lines(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell_magic("etcdctl", "txn", 'mod("nothing") = "0"\n\nput made yes\n\n\n')
    assert capsys.readouterr().out == "SUCCESS\n\nOK\n"
    shell.run_cell_magic("etcdctl", "", "put x 1\n$ etcdctl get x\nX=$(echo x)\nget $X --print-value-only\n")
    assert capsys.readouterr().out == "OK\nx\n1\n1\n"


def test_prefix_variables_and_files_are_the_folders(folder: Path, cluster: Cluster) -> None:
    saved = etcd_magics.run("etcdctl", "ETCDCTL_API=3 etcdctl snapshot save snapshotdb")
    assert saved.stdout == "Snapshot saved at snapshotdb\nServer version 3.6.0\n"
    size = (folder / "snapshotdb").stat().st_size
    status = etcd_magics.run("etcdutl", "snapshot status snapshotdb -w fields").stdout
    assert '"Revision" : ' in status and size > 100_000
    line = f"ETCDCTL_API=3 etcdctl --endpoints $ENDPOINT {TLS} snapshot save second"
    assert etcd_magics.run("etcdctl", line).exit == 0
    assert (folder / "second").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--endpoints http://127.0.0.1:2379", "error reading server preface: EOF"),
        ("--endpoints https://127.0.0.1:2379", "x509: certificate signed by unknown authority"),
        ("--endpoints https://127.0.0.1:2379 --cacert nope", "open nope: no such file or directory"),
        (
            f"--endpoints https://127.0.0.1:2379 --cacert {PKI}/ca.crt",
            "x509: certificate signed by unknown authority",
        ),
        (
            f"--endpoints https://127.0.0.1:2379 --cacert {PKI}/etcd/ca.crt",
            "remote error: tls: certificate required",
        ),
        (
            f"--endpoints https://127.0.0.1:2379 --cacert {PKI}/etcd/ca.crt"
            f" --cert {PKI}/etcd/server.crt --key {PKI}/etcd/peer.key",
            "tls: private key does not match public key",
        ),
        (f"--endpoints https://127.0.0.1:2399 {TLS}", "127.0.0.1:2399: connect: connection refused"),
    ],
)
def test_what_is_said_about_the_connection_counts(cluster: Cluster, flags: str, words: str) -> None:
    result = Sessions(cluster).node("controlplane").run(f"etcdctl get x {flags}")
    assert result.exit != 0 and words in result.stderr


def test_any_client_certificate_of_the_right_authority_will_do(cluster: Cluster) -> None:
    name = f"{PKI}/apiserver-etcd-client"
    line = f"endpoint health --endpoints https://127.0.0.1:2379 --cacert {PKI}/etcd/ca.crt"
    assert etcd_magics.run("etcdctl", f"{line} --cert {name}.crt --key {name}.key").exit == 0


def test_on_the_node_nothing_is_prepared(cluster: Cluster) -> None:
    node = sessions_of(cluster).node("controlplane")
    assert "error reading server preface: EOF" in node.run("etcdctl get x").stderr
    assert node.run(f"etcdctl {REACH} put on-node 1").stdout == "OK\n"
    assert node.run(f"etcdctl {REACH} snapshot save /opt/s.db; ls /opt").stdout.endswith("s.db\n")
    exported = f"export ETCDCTL_CACERT={PKI}/etcd/ca.crt ETCDCTL_CERT={PKI}/etcd/server.crt"
    node.run(f"{exported} ETCDCTL_KEY={PKI}/etcd/server.key ETCDCTL_ENDPOINTS=https://127.0.0.1:2379")
    assert node.run("etcdctl get on-node").stdout == "on-node\n1\n"


def test_watch_ends_when_nothing_more_happens(cluster: Cluster) -> None:
    etcd_magics.run("etcdctl", "put w 1")
    result = etcd_magics.run("etcdctl", "watch w --rev=1")
    assert result.stdout.startswith("PUT\nw\n1\n")
    assert "`timeout 5m etcdctl ...` waits" in result.stderr
    start = cluster.loop.clock.now()
    assert etcd_magics.run("etcdctl", "timeout 30s etcdctl watch w").exit == 124
    assert cluster.loop.clock.now() - start == pytest.approx(30.0, abs=0.5)


def test_restore_makes_a_directory_and_takes_none_that_is_there(folder: Path, cluster: Cluster) -> None:
    etcd_magics.run("etcdctl", "snapshot save s.db")
    first = etcd_magics.run("etcdutl", "snapshot restore s.db")
    assert first.exit == 0 and (folder / "default.etcd" / "member" / "snap" / "db").exists()
    again = etcd_magics.run("etcdutl", "snapshot restore s.db")
    assert again.exit == 1
    assert again.stderr.endswith('Error: data-dir "default.etcd" not empty or could not be read\n')
    other = etcd_magics.run(
        "etcdutl",
        "snapshot restore s.db --name m1 --initial-cluster m1=http://h1:2380,m2=http://h2:2380"
        " --initial-cluster-token t --initial-advertise-peer-urls http://h1:2380 --data-dir m1.etcd",
    )
    assert other.exit == 0 and (folder / "m1.etcd" / "member" / "wal").is_dir()
    data = bytearray((folder / "s.db").read_bytes())
    data[5000] ^= 1
    (folder / "bad.db").write_bytes(data)
    bad = etcd_magics.run("etcdutl", "snapshot restore bad.db --data-dir bad")
    assert bad.exit == 1 and "expected sha256 " in bad.stderr
    (folder / "cut.db").write_bytes(data[: len(data) // 2 + 7])
    cut = etcd_magics.run("etcdutl", "snapshot restore cut.db --data-dir cut")
    assert cut.exit == 1 and "snapshot missing hash but --skip-hash-check=false" in cut.stderr


def test_one_node_after_the_other(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell_magic("ssh", "controlplane", "cd /etc/kubernetes\nls pki/etcd\n")
    assert "server.crt" in capsys.readouterr().out
    shell.run_cell_magic("ssh", "controlplane", "pwd\n")
    assert capsys.readouterr().out == "/etc/kubernetes\n"
    shell.run_cell_magic("ssh", "node01", "ls /etc/kubernetes\n")
    assert capsys.readouterr().out == "manifests\n"
    shell.run_cell_magic("ssh", "nowhere", "ls\n")
    assert "'nowhere'; there are controlplane, node01" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("%etcdctl sna", ["snapshot"]),
        ("%etcdctl snapshot ", ["save"]),
        ("%etcdctl member l", ["list"]),
        ("%etcdctl get --pre", ["--prefix"]),
        ("%etcdctl get k -w ta", ["table"]),
        ("%etcdctl get k --write-out=f", ["--write-out=fields"]),
        ("%etcdutl snapshot ", ["restore", "status"]),
        ("%etcdctl nothing x", []),
    ],
)
def test_tab_completes(line: str, wanted: list[str]) -> None:
    assert etcd_magics.completions(None, SimpleNamespace(line=line)) == wanted
