"""Clusters on a real etcd: kept there, found again, joined by a second control plane, with certificates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubekit.cluster import Cluster, KubekitError, up
from kubekit.serving.certificates import Authority
from kubekit.serving.etcd_pki import EtcdPki
from tests.clients.api_servers import Obj, config_map
from tests.clients.real_etcd import RealEtcd
from tests.programs import need_bundled

pytestmark = pytest.mark.real

DEPLOYMENT: Obj = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "nginx"}]},
        },
    },
}


def test_a_cluster_on_a_real_etcd(one: RealEtcd) -> None:
    cluster = up(workers=1, etcd=one.endpoints)
    try:
        cluster.apply(DEPLOYMENT)
        cluster.settle()
        pods = cluster.client.list("pods", "default")["items"]
        assert [pod["status"]["phase"] for pod in pods] == ["Running", "Running"]
        stored = one.content(b"/registry/pods/default/")
        assert {name.rsplit(b"/", 1)[1].decode() for name in stored} == {p["metadata"]["name"] for p in pods}
        for pod in pods:
            value, revision = stored[f"/registry/pods/default/{pod['metadata']['name']}".encode()]
            assert revision == int(pod["metadata"]["resourceVersion"])
            assert json.loads(value)["status"] == pod["status"]
    finally:
        cluster.etcd.stop()


def test_a_cluster_that_comes_back_finds_everything(one: RealEtcd) -> None:
    first = up(workers=1, etcd=one.endpoints)
    first.apply(DEPLOYMENT)
    first.settle()
    uids = {pod["metadata"]["uid"] for pod in first.client.list("pods", "default")["items"]}
    namespace = first.client.get("namespaces", "default")
    first.etcd.stop()  # and nobody says goodbye
    second = up(workers=1, etcd=one.endpoints)
    try:
        assert second.client.get("namespaces", "default") == namespace
        second.settle()
        pods = second.client.list("pods", "default")["items"]
        assert {pod["metadata"]["uid"] for pod in pods} == uids
        assert [pod["status"]["phase"] for pod in pods] == ["Running", "Running"]
        second.client.create("configmaps", config_map("after"))
        every = [obj["metadata"]["uid"] for kind in ("configmaps", "pods", "services", "secrets")
                 for obj in second.client.list(kind)["items"]]  # fmt: skip
        assert len(set(every)) == len(every), "a uid was drawn a second time"
    finally:
        second.etcd.stop()


def test_a_joining_control_plane_waits_for_its_turn(one: RealEtcd) -> None:
    first = up(workers=1, etcd=one.endpoints)
    second: Cluster | None = None
    try:
        second = up(etcd=one.endpoints, join=True, name="second")
        assert second.nodes == {} and len(second.client.list("nodes")["items"]) == 2
        assert first.controller_manager.is_leader and not second.controller_manager.is_leader
        assert first.scheduler.is_leader and not second.scheduler.is_leader
        second.apply(DEPLOYMENT)
        first.settle()
        assert all(p["status"]["phase"] == "Running" for p in second.client.list("pods", "default")["items"])
        first.controller_manager.crash()
        first.scheduler.crash()
        for _ in range(30):
            second.advance("1s")
        assert second.controller_manager.is_leader and second.scheduler.is_leader
    finally:
        first.etcd.stop()
        if second is not None:
            second.etcd.stop()


def test_no_etcd_no_cluster() -> None:
    with pytest.raises(KubekitError, match=r"etcd at http://127\.0\.0\.1:1 does not answer"):
        up(etcd=["http://127.0.0.1:1"])
    with pytest.raises(KubekitError, match="is no endpoint"):
        up(etcd=["http://nowhere"])
    with pytest.raises(KubekitError, match="No such file"):
        up(etcd=["https://127.0.0.1:1"], etcd_cafile="/nowhere/ca.crt")
    with pytest.raises(KubekitError, match="join needs"):
        up(join=True)


def test_certificates(tmp_path: Path) -> None:
    """A real etcd that asks for certificates, as kubeadm sets it up, and an API server that shows one."""
    pki = EtcdPki.write(tmp_path / "pki", Authority("etcd-ca"))
    with RealEtcd(need_bundled("etcd"), tmp_path / "etcd") as real:
        real.members[0].kill()
    [member] = real.members
    member.command = [
        part.replace("http://", "https://") if "client-urls" in part else part for part in member.command
    ]
    member.command += [
        f"--cert-file={pki.server_certificate}",
        f"--key-file={pki.server_key}",
        f"--trusted-ca-file={pki.ca}",
        "--client-cert-auth",
    ]
    files = {
        "etcd_cafile": str(pki.ca),
        "etcd_certfile": str(pki.folder / "apiserver-etcd-client.crt"),
        "etcd_keyfile": str(pki.folder / "apiserver-etcd-client.key"),
    }
    endpoint = member.client.replace("http://", "https://")
    member.start()
    try:
        cluster = up(workers=0, etcd=endpoint, **files)
        cluster.client.create("configmaps", config_map("x"))
        cluster.etcd.stop()
        again = up(etcd=[endpoint], join=True, **files)
        assert again.client.get("configmaps", "x", "default")
        again.etcd.stop()
        with pytest.raises(KubekitError, match="does not answer"):
            up(workers=0, etcd=endpoint, etcd_cafile=str(pki.ca))
    finally:
        member.kill()
