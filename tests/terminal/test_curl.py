"""curl on a node: whom it trusts, what it is refused for, and what the three ports answer.

The texts of refusals are those of curl 7.88.1 with OpenSSL 3 against servers made for the purpose.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import kubekit
from kubekit.terminal.cli.result import Result
from kubekit.terminal.sessions import sessions_of

PKI = "/etc/kubernetes/pki"
FILES = "--cacert ca.crt --cert server.crt --key server.key"
CLIENT = f"{PKI}/apiserver-kubelet-client"
ADMIN = f"--cacert {PKI}/ca.crt --cert {CLIENT}.crt --key {CLIENT}.key"
RANGE = "https://127.0.0.1:2379/v3/kv/range"
Sh = Callable[..., Result]


@pytest.fixture(scope="module")
def cluster() -> Any:
    return kubekit.up(workers=1, seed=3, name="curl")


@pytest.fixture
def sh(cluster: Any) -> Sh:
    def run(line: str, machine: str = "controlplane") -> Result:
        shell = sessions_of(cluster).node(machine)
        shell.run(f"cd {PKI}/etcd")
        return shell.run(line)

    return run


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("curl --cacert ca.crt https://127.0.0.1:2379/health", 56, "tlsv13 alert certificate required"),
        (
            "curl --cacert ../ca.crt https://127.0.0.1:2379/health",
            60,
            "unable to get local issuer certificate",
        ),
        (
            "curl --cacert none.crt https://127.0.0.1:2379/health",
            77,
            "error setting certificate file: none.crt",
        ),
        (
            "curl --cacert server.key https://127.0.0.1:2379/",
            77,
            "error setting certificate file: server.key",
        ),
        (
            "curl -k --cert server.crt https://127.0.0.1:2379/",
            58,
            "unable to set private key file: 'server.crt'",
        ),
        (
            "curl -k --cert server.crt --key peer.key https://127.0.0.1:2379/",
            58,
            "private key file: 'peer.key'",
        ),
        (
            "curl -k --cert server.key --key server.crt https://127.0.0.1:2379/",
            58,
            "PEM routines::no start line",
        ),
        ("curl -k --cert no.crt https://127.0.0.1:2379/", 58, "system library::No such file or directory"),
        (f"curl {FILES} https://127.0.0.1:2381/health", 35, "SSL routines::wrong version number"),
        (f"curl {ADMIN} https://127.0.0.1:6443/version", 60, "target host name '127.0.0.1'"),
        ("curl http://192.168.0.11:2379/", 7, "Failed to connect to 192.168.0.11 port 2379"),
        ("curl http://elsewhere/", 6, "Could not resolve host: elsewhere"),
        ("curl -f -k https://127.0.0.1:6443/api/v1/nodes", 22, "The requested URL returned error: 403"),
        ("curl gopher://127.0.0.1/", 1, 'Protocol "gopher" not supported'),
        ("curl --nonsense http://127.0.0.1/", 2, "curl: option --nonsense: is unknown"),
        ("curl -d @none http://127.0.0.1:2381/", 26, "Failed to open none"),
        ("curl", 2, "curl: try 'curl --help' for more information"),
    ],
)
def test_a_refusal_has_curls_status_and_words(sh: Sh, line: str, code: int, told: str) -> None:
    result = sh(line)
    assert result.exit == code
    assert told in result.stderr
    assert not result.stdout


def test_silence_hides_the_error_unless_it_is_asked_for(sh: Sh) -> None:
    assert sh("curl -s http://127.0.0.1:1/").stderr == ""
    assert sh("curl -sS http://127.0.0.1:1/").stderr.startswith("curl: (7) ")


def test_the_gateway_answers_who_brings_the_right_files(sh: Sh) -> None:
    sh(f'curl -s {FILES} https://127.0.0.1:2379/v3/kv/put -d \'{{"key":"Zm9v","value":"YmFy"}}\'')
    got = sh(f'KEY=$(echo -n foo | base64)\ncurl -s {FILES} {RANGE} -d "{{\\"key\\":\\"$KEY\\"}}"')
    assert json.loads(got.stdout)["kvs"][0]["value"] == "YmFy"
    watched = sh(
        f"curl -s {FILES} https://127.0.0.1:2379/v3/watch "
        '-d \'{"create_request":{"key":"Zm9v","start_revision":1}}\''
    )
    assert watched.exit == 130 and '"created":true' in watched.stdout and "YmFy" in watched.stdout
    refused = sh(f"curl -s {FILES} https://127.0.0.1:2379/v3/kv/put -d '{{}}'")
    assert json.loads(refused.stdout)["message"] == "etcdserver: key is not provided"
    assert sh(f"curl -s {FILES} https://127.0.0.1:2379/v3/kv/range").stdout.startswith('{"code":12')


def test_the_metrics_port_is_plain_and_local(sh: Sh) -> None:
    assert sh("curl -s http://127.0.0.1:2381/health").stdout == '{"health":"true","reason":""}'
    assert "[+]linearizable_read ok\n" in sh('curl -s "http://127.0.0.1:2381/readyz?verbose"').stdout
    assert "etcd_server_has_leader 1" in sh("curl -s http://127.0.0.1:2381/metrics").stdout
    assert sh("curl -s http://127.0.0.1:2381/health", "node01").exit == 7
    assert sh("curl -s http://127.0.0.1:2379/").stdout == "Client sent an HTTP request to an HTTPS server.\n"


def test_a_full_store_is_unhealthy(cluster: Any, sh: Sh) -> None:
    member = cluster.etcd.member("etcd")
    member.call("Maintenance/Alarm", {"action": 1, "memberID": member.id, "alarm": 1})
    assert '"health":"false","reason":"ALARM NOSPACE"' in sh("curl -s http://127.0.0.1:2381/health").stdout
    member.call("Maintenance/Alarm", {"action": 2, "memberID": member.id, "alarm": 1})
    assert '"true"' in sh("curl -s http://127.0.0.1:2381/health").stdout


def test_the_api_server_knows_certificates_tokens_and_strangers(sh: Sh) -> None:
    url = "https://192.168.0.10:6443/api/v1/namespaces/default"
    assert json.loads(sh(f"curl -s {ADMIN} {url}").stdout)["metadata"]["name"] == "default"
    assert 'User \\"system:anonymous\\"' in sh(f"curl -sk {url}").stdout
    assert '"code": 401' in sh(f"curl -sk --cert server.crt --key server.key {url}").stdout
    token = 'TOKEN=$(kubectl create token default)\ncurl -sk -H "Authorization: Bearer $TOKEN" '
    assert "system:serviceaccount:default:default" in sh(f"{token} {url}").stdout
    assert sh(f"curl -sk -o /dev/null -w '%{{http_code}}\\n' {url}", "node01").stdout == "403\n"
    assert sh("curl -sk https://127.0.0.1:6443/version", "node01").exit == 7
    head = sh(f"curl -s -i {ADMIN} {url}").stdout
    assert head.startswith("HTTP/2 200 \r\ncontent-type: application/json\r\n")
    watch = sh(f"curl -s {ADMIN} '{url.rpartition('/')[0]}?watch=1&resourceVersion=0'")
    assert watch.exit == 130 and '"type":"ADDED"' in watch.stdout


def test_a_file_is_written_seen_from_the_working_directory(sh: Sh) -> None:
    assert sh("cd /tmp; curl -s -o health http://127.0.0.1:2381/health; cat health").stdout.startswith("{")


def test_verbose_tells_the_conversation(sh: Sh) -> None:
    told = sh(f"curl -v -s {ADMIN} https://controlplane:6443/healthz").stderr.splitlines()
    assert told[:3] == [
        "*   Trying controlplane:6443...",
        "* Connected to controlplane (controlplane) port 6443 (#0)",
        "> GET /healthz HTTP/2",
    ]
    assert "< HTTP/2 200 " in told


@pytest.mark.parametrize(
    ("line", "out", "code"),
    [
        ("echo -n seat | base64", "c2VhdA==\n", 0),
        ("echo c2VhdA== | base64 -d", "seat", 0),
        ("echo -n seat | base64 -w 0", "c2VhdA==", 0),
        ("echo '%' | base64 -d", "", 1),
    ],
)
def test_base64(sh: Sh, line: str, out: str, code: int) -> None:
    result = sh(line)
    assert (result.stdout, result.exit) == (out, code)


def test_etcdctl_finds_files_from_where_the_shell_stands(sh: Sh) -> None:
    assert sh(f"etcdctl --endpoints https://127.0.0.1:2379 {FILES} put a b").stdout == "OK\n"
    missing = sh(f"cd /tmp; etcdctl --endpoints https://127.0.0.1:2379 {FILES} get a")
    assert missing.stderr == "Error: open server.crt: no such file or directory\n"


def test_the_notebook_fills_in_what_a_line_does_not_say(cluster: Any) -> None:
    shell = sessions_of(cluster).notebook
    assert shell.run("ETCDCTL_API=3 etcdctl --endpoints $ENDPOINT put a b").stdout == "OK\n"
    assert shell.run("etcdctl --endpoints $ENDPOINT --cacert /tmp/none get a").exit == 128
    assert shell.run(f"etcdctl --cacert {PKI}/ca.crt get a").exit == 1


def test_members_on_hosts_of_their_own_show_certificates_of_their_own() -> None:
    cluster = kubekit.up(workers=0, etcd_members=3, seed=3, name="hosts")
    shell = sessions_of(cluster).node("etcd-2")
    got = shell.run(f"cd {PKI}/etcd; etcdctl --endpoints https://127.0.0.1:2379 {FILES} endpoint health")
    assert got.stderr == "" and "https://127.0.0.1:2379 is healthy" in got.stdout
    assert "healthy" in shell.run(f"etcdctl --endpoints https://etcd-3:2379 {FILES} endpoint health").stdout
    assert not shell.files.exists(f"{PKI}/apiserver.crt")
    manifest = shell.files.read("/etc/kubernetes/manifests/etcd.yaml").decode()
    assert "--initial-cluster=etcd-1=https://192.168.0.21:2380,etcd-2=https://192.168.0.22:2380," in manifest
    assert sessions_of(cluster).notebook.run("etcdctl endpoint health").exit == 0
