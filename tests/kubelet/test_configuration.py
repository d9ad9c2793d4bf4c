"""ConfigMaps, Secrets, environment, hooks, grace periods, logs and exec."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.api.exchange import Request
from kubekit.api.status_error import StatusError
from kubekit.cluster import Cluster
from tests.kubelet.conftest import events, pod, script


def waiting(cluster: Cluster) -> dict[str, str]:
    state: dict[str, Any] = cluster.get("pod", "p")["status"]["containerStatuses"][0]["state"]
    found: dict[str, str] = state.get("waiting", {})
    return found


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_a_missing_config_map_in_the_environment(cluster: Cluster) -> None:
    env = [{"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "COLOR"}}}]
    cluster.create(pod("p", {"image": "nginx:1.28", "env": env}))
    cluster.settle()
    assert 'Failed Error: configmap "settings" not found' in events(cluster, "p")[-1]
    cluster.advance("20s")
    assert waiting(cluster) == {
        "reason": "CreateContainerConfigError",
        "message": 'configmap "settings" not found',
    }
    cluster.create(config_map("settings", SIZE="1"))
    cluster.advance("1m")
    assert waiting(cluster)["message"] == "couldn't find key COLOR in ConfigMap default/settings"
    cluster.patch("configmap", "settings", {"data": {"COLOR": "green"}})
    cluster.advance("2m")
    assert cluster.get("pod", "p")["status"]["phase"] == "Running"
    assert cluster.exec("default", "p", "", ["printenv", "COLOR"]) == (0, "green\n", "")


def test_a_missing_secret_as_a_volume(cluster: Cluster) -> None:
    volume = {"name": "keys", "secret": {"secretName": "keys"}}
    mount = {"name": "keys", "mountPath": "/keys"}
    cluster.create(pod("p", {"image": "nginx:1.28", "volumeMounts": [mount]}, volumes=[volume]))
    cluster.advance("10s")
    assert events(cluster, "p")[0].startswith(
        'FailedMount MountVolume.SetUp failed for volume "keys" : secret "keys" not found'
    )
    assert waiting(cluster)["reason"] == "ContainerCreating"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"a": "1"}}
    cluster.create(secret)
    cluster.advance("1m")
    assert cluster.exec("default", "p", "", ["cat", "/keys/a"]) == (0, "1\n", "")


def test_a_claim_has_to_be_bound_before_anything_starts(cluster: Cluster) -> None:
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": "keep"}}
    cluster.create(pod("p", volumes=[volume], nodeName="node01"))
    cluster.advance("20s")
    told = "Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], "
    told += "failed to process volumes=[v]: error processing PVC default/keep: "
    missing = 'failed to fetch PVC from API server: persistentvolumeclaims "keep" not found'
    assert [e for e in events(cluster, "p") if e.startswith(f"FailedMount {told}{missing}")]
    amount = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"kind": "PersistentVolumeClaim", "metadata": {"name": "keep"}, "spec": amount}
    cluster.create({"apiVersion": "v1", **claim})
    cluster.advance("30s")
    assert [e for e in events(cluster, "p") if e.startswith(f"FailedMount {told}PVC is not bound")]
    assert waiting(cluster)["reason"] == "ContainerCreating"
    disk = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/d"}}
    cluster.create({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "d"}, "spec": disk})
    cluster.advance("1m")
    assert cluster.get("pod", "p")["status"]["phase"] == "Running"


def test_a_pod_that_waits_for_a_volume_can_be_deleted(cluster: Cluster) -> None:
    cluster.create(pod("p", volumes=[{"name": "v", "configMap": {"name": "nope"}}]))
    cluster.advance("10s")
    cluster.delete("pod", "p")
    cluster.settle()
    assert cluster.list("pods") == []


def test_the_environment_knows_the_pod_and_expands_names(cluster: Cluster) -> None:
    env = [
        {"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "HELLO", "value": "I am $(ME), not $$(ME)"},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
    ]
    cluster.create(pod("p", {"image": "nginx:1.28", "env": env}))
    cluster.settle()
    status, out, _ = cluster.exec("default", "p", "c", ["env"])
    ip = cluster.get("pod", "p")["status"]["podIP"]
    assert status == 0
    lines = out.splitlines()
    assert {"ME=p", f"IP={ip}", "HELLO=I am p, not $(ME)", "CPU=4", "HOSTNAME=p"} <= set(lines)
    assert "KUBERNETES_SERVICE_HOST=10.96.0.1" in lines


def test_run_as_non_root(cluster: Cluster) -> None:
    cluster.create(pod("p", {"image": "nginx:1.28", "securityContext": {"runAsNonRoot": True}}))
    cluster.settle()
    uid = cluster.get("pod", "p")["metadata"]["uid"]
    assert events(cluster, "p")[-1].removesuffix(" x2") == (
        "Failed Error: container has runAsNonRoot and image will run as root "
        f'(pod: "p_default({uid})", container: c)'
    )


def test_hooks_take_their_time(cluster: Cluster) -> None:
    hooks = {"postStart": {"exec": {"command": ["sleep", "4"]}}, "preStop": {"sleep": {"seconds": 7}}}
    cluster.create(pod("p", {"image": "nginx:1.28", "lifecycle": hooks}))
    cluster.advance("3s")
    assert cluster.get("pod", "p")["status"]["phase"] == "Pending"
    cluster.settle()
    assert cluster.get("pod", "p")["status"]["phase"] == "Running"
    began = cluster.loop.clock.now()
    cluster.delete("pod", "p")
    cluster.settle()
    assert 7 <= cluster.loop.clock.now() - began < 9


def test_a_post_start_hook_that_fails(cluster: Cluster) -> None:
    hooks = {"postStart": {"exec": {"command": ["false"]}}}
    cluster.create(pod("p", {"image": "nginx:1.28", "lifecycle": hooks}))
    cluster.settle()
    found = [text.removesuffix(" x2") for text in events(cluster, "p")]
    assert "FailedPostStartHook PostStartHook failed" in found
    assert "Killing FailedPostStartHook" in found


def test_who_ignores_the_signal_uses_up_the_grace_period(cluster: Cluster) -> None:
    cluster.create(pod("p", script("trap '' TERM; sleep infinity"), terminationGracePeriodSeconds=20))
    cluster.settle()
    began = cluster.loop.clock.now()
    cluster.delete("pod", "p")
    cluster.advance("19s")
    assert cluster.list("pods") != []
    cluster.settle()
    assert cluster.list("pods") == [] and cluster.loop.clock.now() - began < 23


def log(cluster: Cluster, **query: str) -> str:
    server = cluster.node("node01").kubelet.server
    asked = Request("GET", "/containerLogs/default/p/c", {k: [v] for k, v in query.items()})
    return server(asked).encoded().decode()


def test_logs_and_previous_logs(cluster: Cluster) -> None:
    cluster.create(pod("p", script("echo one; sleep 2; echo two; exit 1")))
    cluster.advance("2s")
    assert log(cluster) == "one\n"
    cluster.advance("2s")
    assert log(cluster, previous="true") == "one\ntwo\n"
    cluster.advance("30s")
    assert log(cluster, tailLines="1", previous="true") == "two\n"


def test_why_there_is_no_log(cluster: Cluster) -> None:
    cluster.create(pod("p", {"image": "does-not-exist:1"}))
    cluster.settle()
    what = 'container "c" in pod "p" is waiting to start: trying and failing to pull image'
    assert log(cluster) == what
    assert log(cluster, previous="true") == 'previous terminated container "c" in pod "p" not found'


def test_a_server_says_what_such_servers_say(cluster: Cluster) -> None:
    cluster.create(pod("p"))
    cluster.settle()
    assert "start worker processes" in log(cluster)


def test_a_kubelet_that_does_not_run_answers_nothing(cluster: Cluster) -> None:
    cluster.create(pod("p"))
    cluster.settle()
    cluster.node("node01").kubelet.stop()
    with pytest.raises(StatusError, match="connect: connection refused"):
        cluster.exec("default", "p", "", ["ls"])
