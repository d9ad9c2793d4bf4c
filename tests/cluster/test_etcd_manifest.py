"""etcd.yaml: what the kubelet does when it is moved, changed or broken; a cluster that goes back in time."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.cluster.cluster import Cluster, up
from kubekit.cluster.etcd_command import CommandError, host_path, read_command
from kubekit.terminal.sessions import sessions_of
from tests.terminal.etcd_shells import REACH

MANIFEST = "/etc/kubernetes/manifests/etcd.yaml"


@pytest.fixture
def cluster() -> Cluster:
    return up(workers=1)


def on_node(cluster: Cluster, script: str) -> str:
    result = sessions_of(cluster).node("controlplane").run(script)
    return result.stdout + result.stderr


def edit(cluster: Cluster, change: str) -> None:
    on_node(cluster, f"sed -i '{change}' {MANIFEST}")


def member(cluster: Cluster) -> Any:
    return cluster.etcd.member("etcd")


def test_moved_away_it_stops_and_comes_back(cluster: Cluster) -> None:
    on_node(cluster, f"{'etcdctl ' + REACH} put k v; mv {MANIFEST} /tmp/")
    assert member(cluster).running
    cluster.advance(20)
    assert member(cluster).state == "stopped"
    assert "connection refused" in on_node(cluster, f"etcdctl {REACH} get k")
    on_node(cluster, f"mv /tmp/etcd.yaml {MANIFEST}")
    cluster.settle()
    assert on_node(cluster, f"etcdctl {REACH} get k") == "k\nv\n"
    assert "node01" in on_node(cluster, "kubectl get nodes")


def test_a_kubelet_that_does_not_run_sees_nothing(cluster: Cluster) -> None:
    cluster.stop("kubelet/controlplane")
    on_node(cluster, f"mv {MANIFEST} /tmp/")
    cluster.advance(60)
    assert member(cluster).running
    cluster.start("kubelet/controlplane")
    cluster.advance(25)
    assert member(cluster).state == "stopped"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("s/--data-dir/--data-dirr/", "flag provided but not defined: -data-dirr"),
        (
            "s#etcd/server.crt#etcd/none.crt#",
            "open /etc/kubernetes/pki/etcd/none.crt: no such file or directory",
        ),
        ("s/- etcd$/- etcdd/", 'exec: "etcdd": executable file not found in $PATH: unknown'),
    ],
)
def test_a_broken_command_leaves_etcd_down_until_it_is_mended(
    cluster: Cluster, change: str, words: str
) -> None:
    on_node(cluster, f"cp {MANIFEST} /tmp/good.yaml")
    edit(cluster, change)
    cluster.advance(60)
    assert not member(cluster).running and member(cluster).exit_error == words
    on_node(cluster, f"cp /tmp/good.yaml {MANIFEST}")
    cluster.settle()
    assert member(cluster).running


def test_what_is_no_yaml_is_as_good_as_gone(cluster: Cluster) -> None:
    on_node(cluster, f"echo 'x: [' >> {MANIFEST}")
    cluster.settle()
    assert not member(cluster).running


def test_a_copy_in_the_same_folder_counts_too(cluster: Cluster) -> None:
    on_node(cluster, f"mv {MANIFEST} {MANIFEST}.bak")
    cluster.settle()
    assert member(cluster).running
    on_node(cluster, f"mv {MANIFEST}.bak /etc/kubernetes/manifests/.etcd.yaml")
    cluster.settle()
    assert not member(cluster).running


@pytest.mark.parametrize("what", ["the volume", "the flag"])
def test_a_restored_directory_is_served(cluster: Cluster, what: str) -> None:
    on_node(cluster, f"etcdctl {REACH} put k before; etcdctl {REACH} snapshot save /opt/s.db")
    on_node(cluster, f"etcdctl {REACH} put k after; kubectl create configmap late")
    on_node(cluster, "etcdutl snapshot restore /opt/s.db --data-dir=/var/lib/restored")
    if what == "the volume":
        edit(cluster, "s#path: /var/lib/etcd$#path: /var/lib/restored#")
    else:
        edit(cluster, "s#/var/lib/etcd$#/var/lib/restored#")
    cluster.settle()
    assert on_node(cluster, f"etcdctl {REACH} get k") == "k\nbefore\n"
    assert "late" not in on_node(cluster, "kubectl get configmaps")
    edit(cluster, "s#/var/lib/restored#/var/lib/etcd#")
    cluster.settle()
    assert on_node(cluster, f"etcdctl {REACH} get k") == "k\nafter\n"


def test_a_flag_without_a_volume_means_a_folder_of_the_container(cluster: Cluster) -> None:
    on_node(cluster, f"etcdctl {REACH} put k v")
    edit(cluster, "s#--data-dir=/var/lib/etcd#--data-dir=/data#")
    cluster.settle()
    assert on_node(cluster, f"etcdctl {REACH} get k") == ""


def test_restored_in_place_while_etcd_runs(cluster: Cluster) -> None:
    on_node(cluster, f"etcdctl {REACH} put k before; etcdctl {REACH} snapshot save /opt/s.db")
    on_node(cluster, f"etcdctl {REACH} put k after; rm -rf /var/lib/etcd")
    assert on_node(cluster, f"etcdctl {REACH} get k") == "k\nafter\n"
    on_node(cluster, f"etcdutl snapshot restore /opt/s.db --data-dir /var/lib/etcd; mv {MANIFEST} /tmp/")
    on_node(cluster, f"etcdctl {REACH} put k lost; sleep 25; mv /tmp/etcd.yaml {MANIFEST}")
    cluster.settle()
    assert on_node(cluster, f"etcdctl {REACH} get k") == "k\nbefore\n"


def test_flags_of_the_member_take_effect(cluster: Cluster) -> None:
    edit(cluster, "s/- --snapshot-count=10000/- --quota-backend-bytes=300000/")
    cluster.settle()
    assert '"dbSizeQuota":300000' in on_node(cluster, f"etcdctl {REACH} endpoint status -w json")


def test_other_manifests_become_static_pods(cluster: Cluster) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: c, image: nginx}]}"
    for node in ("controlplane", "node01"):
        sessions_of(cluster).node(node).run(f"cat > /etc/kubernetes/manifests/w.yaml <<E\n{pod}\nE\n")
    cluster.advance(30)
    shown = on_node(cluster, "kubectl get pods")
    assert "web-controlplane   1/1" in shown and "web-node01         1/1" in shown
    sessions_of(cluster).node("node01").run("rm /etc/kubernetes/manifests/w.yaml")
    cluster.advance(60)
    assert "web-node01" not in on_node(cluster, "kubectl get pods")
    assert member(cluster).running


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--nothing=1"], "flag provided but not defined: -nothing"),
        (["--name"], "flag needs an argument: -name"),
        (["--name=a", "b"], '"b" is not a valid flag'),
        (
            ["--listen-client-urls=http://x:1"],
            "--advertise-client-urls is required when --listen-client-urls is set explicitly",
        ),
    ],
)
def test_command_lines_that_etcd_refuses(words: list[str], error: str) -> None:
    with pytest.raises(CommandError) as caught:
        read_command(words)
    assert str(caught.value) == error


def test_flags_are_read_as_go_reads_them() -> None:
    assert read_command(["-name", "a", "--client-cert-auth", "--data-dir=/x=y"]) == {
        "name": "a",
        "client-cert-auth": "true",
        "data-dir": "/x=y",
    }


def test_paths_follow_the_longest_mount() -> None:
    pod = {
        "spec": {
            "containers": [
                {
                    "volumeMounts": [
                        {"name": "a", "mountPath": "/data"},
                        {"name": "b", "mountPath": "/data/in/"},
                        {"name": "none", "mountPath": "/tmp"},
                    ]
                }
            ],
            "volumes": [{"name": "a", "hostPath": {"path": "/h"}}, {"name": "b", "hostPath": {"path": "/i"}}],
        }
    }
    assert host_path(pod, "/data/x") == "/h/x"
    assert host_path(pod, "/data/in/x") == "/i/x"
    assert host_path(pod, "/database").startswith("/run/")
    assert host_path(pod, "/tmp/x").startswith("/run/")
