"""Pods that are given other resources while they run, hooks that fail, probes of pods that never restart."""

from __future__ import annotations

from kubekit.cluster import Cluster
from tests.kubelet.conftest import Obj, conditions, events, pod


def server(cpu: str, **more: Obj) -> Obj:
    return {"image": "nginx:1.28", "resources": {"requests": {"cpu": cpu}}, **more}


def resize(cluster: Cluster, name: str, cpu: str) -> None:
    wanted = {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]}}
    kind = "application/strategic-merge-patch+json"
    cluster.client.patch("pods", name, wanted, "default", subresource="resize", patch_type=kind)
    cluster.advance(3)


def test_a_wish_that_fits_is_granted_and_told(cluster: Cluster) -> None:
    cluster.create(pod("p", server("100m")))
    cluster.advance(3)
    resize(cluster, "p", "150m")
    summary = '{"containers":[{"name":"c","resources":{"requests":{"cpu":"150m"}}}],"generation":2}'
    assert events(cluster, "p")[-2:] == [
        f"ResizeStarted Pod resize started: {summary}",
        f"ResizeCompleted Pod resize completed: {summary}",
    ]
    found = cluster.get("pod", "p")
    assert "PodResizeInProgress" not in conditions(found)
    assert found["status"]["containerStatuses"][0]["allocatedResources"] == {"cpu": "150m"}


def test_a_wish_that_does_not_fit_waits_until_there_is_room(cluster: Cluster) -> None:
    for name in ("p", "other"):
        cluster.create(pod(name, server("1500m")))
    cluster.advance(3)
    resize(cluster, "p", "3500m")
    found = cluster.get("pod", "p")
    assert conditions(found)["PodResizePending"] == "True/Deferred"
    assert found["status"]["containerStatuses"][0]["allocatedResources"] == {"cpu": "1500m"}
    assert events(cluster, "p")[-1].startswith("ResizeDeferred Pod resize OutOfcpu: {")
    cluster.delete("pod", "other")
    cluster.advance(35)
    found = cluster.get("pod", "p")
    assert "PodResizePending" not in conditions(found)
    assert found["status"]["containerStatuses"][0]["allocatedResources"] == {"cpu": "3500m"}


def test_a_hook_that_fails_is_told_in_full(cluster: Cluster) -> None:
    hook = {"postStart": {"exec": {"command": ["false"]}}}
    cluster.create(pod("p", {"image": "nginx:1.28", "lifecycle": hook}))
    cluster.advance(3)
    found = cluster.get("pod", "p")
    waiting = found["status"]["containerStatuses"][0]["state"]["waiting"]
    who = f"p_default({found['metadata']['uid']})"
    assert waiting == {
        "reason": "PostStartHookError",
        "message": f'Exec lifecycle hook ([false]) for Container "c" in Pod "{who}" failed - error: '
        "command 'false' exited with 1: , message: \"\"",
    }


def test_a_pod_that_never_restarts_is_stopped_as_a_whole(cluster: Cluster) -> None:
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 2}
    cluster.create(pod("p", {"image": "nginx:1.28", "startupProbe": probe}, restartPolicy="Never"))
    cluster.advance(8)
    assert [one for one in events(cluster, "p") if one.startswith("Killing")] == [
        "Killing Stopping container c"
    ]
