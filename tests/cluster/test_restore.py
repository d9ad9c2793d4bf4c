"""A restored etcd beneath a running cluster: who hears of it, and who does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import kubekit
from kubekit.terminal.sessions import sessions_of

MARKED = "--bump-revision 1000000000 --mark-compacted"


def names(cluster: Any) -> list[str]:
    """The pods in the default namespace that etcd holds."""
    return sorted(cluster.etcdctl("get /registry/pods/default/ --prefix --keys-only").stdout.split())


def running(cluster: Any) -> int:
    return sum(len(node.runtime.pods) for node in cluster.nodes.values())


@pytest.fixture
def restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two pods are in the backup, two more came after it; then the backup is restored with some flags."""

    def make(flags: str) -> Any:
        monkeypatch.chdir(tmp_path)
        cluster = kubekit.up(workers=1, seed=5, name=f"restore{len(flags)}")
        shell = sessions_of(cluster).notebook
        shell.run("kubectl create deployment web --image=httpd:2.4-alpine --replicas=2")
        cluster.settle()
        assert shell.run("etcdctl snapshot save before.db").exit == 0
        shell.run("kubectl scale deployment web --replicas=4")
        shell.run("kubectl create configmap late --from-literal=a=b")
        cluster.settle()
        assert running(cluster) == 4
        assert shell.run(f"etcdutl snapshot restore before.db --data-dir=/var/lib/again {flags}").exit == 0
        shell.run("sed -i 's#path: /var/lib/etcd$#path: /var/lib/again#' /etc/kubernetes/manifests/etcd.yaml")
        cluster.advance("60s")
        cluster.settle()
        assert cluster.etcd.running and len(names(cluster)) == 2
        assert not cluster.etcdctl("get /registry/configmaps/default/late").stdout
        return cluster

    return make


def test_watchers_who_are_ahead_of_a_restored_store_hear_nothing(restored: Any) -> None:
    cluster = restored("")
    assert cluster.etcd.store.revision < 1000
    assert running(cluster) == 4, "nobody told the kubelet that two of its pods are gone"
    sessions_of(cluster).notebook.run("kubectl scale deployment web --replicas=3")
    cluster.settle()
    assert len(names(cluster)) == 2, "the controllers wait for revisions that are long past for them"
    for component in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet/node01"):
        cluster.stop(component)
        cluster.start(component)
    cluster.advance("30s")
    cluster.settle()
    assert len(names(cluster)) == running(cluster) == 3


def test_marks_of_compaction_make_everybody_list_anew(restored: Any) -> None:
    cluster = restored(MARKED)
    assert cluster.etcd.store.revision > 1_000_000_000
    assert running(cluster) == 2
    sessions_of(cluster).notebook.run("kubectl scale deployment web --replicas=3")
    cluster.settle()
    assert len(names(cluster)) == running(cluster) == 3
