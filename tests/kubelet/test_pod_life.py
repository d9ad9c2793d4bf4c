"""A pod's life on its node: the states a watch sees, the conditions, the events."""

from __future__ import annotations

import pytest

from kubekit.cluster import Cluster
from tests.kubelet.conftest import History, conditions, events, pod, script

PRESENT = "already present on machine and can be accessed by the pod"

LIVES = {
    "a server": (
        pod("p"),
        ["Pending", "Pending c=ContainerCreating", "Running c=running*"],
    ),
    "a command that ends": (
        pod("p", script("sleep 1; exit 0"), restartPolicy="Never"),
        [
            "Pending",
            "Pending c=ContainerCreating",
            "Running c=running*",
            "Running c=Completed",
            "Succeeded c=Completed",
        ],
    ),
    "a command that fails": (
        pod("p", script("exit 2"), restartPolicy="Never"),
        [
            "Pending",
            "Pending c=ContainerCreating",
            "Running c=running*",
            "Running c=Error",
            "Failed c=Error",
        ],
    ),
    "two init containers": (
        pod(
            "p",
            initContainers=[
                {"name": "i1", "image": "busybox:1.37", **script("sleep 1; exit 0")},
                {"name": "i2", "image": "busybox:1.37", **script("exit 0")},
            ],
        ),
        [
            "Pending",
            "Pending i1=PodInitializing i2=PodInitializing c=PodInitializing",
            "Pending i1=running i2=PodInitializing c=PodInitializing",
            "Pending i1=Completed* i2=PodInitializing c=PodInitializing",
            "Pending i1=Completed* i2=running c=PodInitializing",
            "Pending i1=Completed* i2=Completed* c=PodInitializing",
            "Running i1=Completed* i2=Completed* c=running*",
        ],
    ),
    "an init container that fails for good": (
        pod(
            "p",
            restartPolicy="Never",
            initContainers=[{"name": "i", "image": "busybox:1.37", **script("exit 9")}],
        ),
        [
            "Pending",
            "Pending i=PodInitializing c=PodInitializing",
            "Pending i=running c=PodInitializing",
            "Pending i=Error c=PodInitializing",
            "Failed i=Error c=PodInitializing",
        ],
    ),
    "a sidecar ends after the main container": (
        pod(
            "p",
            script("sleep 2; exit 0"),
            restartPolicy="Never",
            initContainers=[
                {
                    "name": "s",
                    "image": "busybox:1.37",
                    "command": ["sleep", "infinity"],
                    "restartPolicy": "Always",
                }
            ],
        ),
        [
            "Pending",
            "Pending s=PodInitializing c=PodInitializing",
            "Running s=running* c=running*",
            "Running s=running* c=Completed",
            "Running s=Error c=Completed",
            "Succeeded s=Error c=Completed",
        ],
    ),
    "an image that does not exist": (
        pod("p", {"image": "does-not-exist:1"}),
        ["Pending", "Pending c=ContainerCreating", "Pending c=ErrImagePull"],
    ),
    "a crash, and the first restart without waiting": (
        pod("p", script("sleep 2; exit 1")),
        [
            "Pending",
            "Pending c=ContainerCreating",
            "Running c=running*",
            "Running c=Error",
            "Running c=running*+1",
            "Running c=Error+1",
        ],
    ),
    "a deadline": (
        pod("p", activeDeadlineSeconds=3),
        [
            "Pending",
            "Pending c=ContainerCreating",
            "Running c=running*",
            "Failed c=Completed",
        ],
    ),
}


@pytest.mark.parametrize("name", LIVES)
def test_what_a_watch_sees(cluster: Cluster, name: str) -> None:
    manifest, expected = LIVES[name]
    history = History(cluster)
    cluster.create(manifest)
    cluster.settle()
    seen = history.states()
    remaining = iter(seen)
    assert all(state in remaining for state in expected), seen
    assert seen[-1] == expected[-1], seen


def test_conditions_of_a_running_pod(cluster: Cluster) -> None:
    cluster.create(pod("p"))
    cluster.settle()
    found = cluster.get("pod", "p")
    assert conditions(found) == {
        "PodReadyToStartContainers": "True",
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
        "PodScheduled": "True",
    }
    assert found["status"]["conditions"][0]["type"] == "PodReadyToStartContainers"
    assert all(c["observedGeneration"] == 1 for c in found["status"]["conditions"])
    status = found["status"]
    assert status["hostIP"] == "192.168.0.11" and status["podIPs"] == [{"ip": status["podIP"]}]
    assert status["podIP"].startswith("10.244.1.")


def test_conditions_of_a_pod_that_has_ended(cluster: Cluster) -> None:
    cluster.create(pod("p", script("exit 0"), restartPolicy="Never"))
    cluster.settle()
    assert conditions(cluster.get("pod", "p")) == {
        "PodReadyToStartContainers": "False",
        "Initialized": "True/PodCompleted",
        "Ready": "False/PodCompleted",
        "ContainersReady": "False/PodCompleted",
        "PodScheduled": "True",
    }


def test_events_of_a_start_and_a_stop(cluster: Cluster) -> None:
    cluster.create(pod("p"))
    cluster.settle()
    cluster.delete("pod", "p")
    cluster.settle()
    assert events(cluster, "p") == [
        f'Pulled Container image "nginx:1.28" {PRESENT}',
        "Created Container created",
        "Started Container started",
        "Killing Stopping container c",
    ]
    assert cluster.list("pods") == []


def test_a_deleted_pod_ends_before_it_goes(cluster: Cluster) -> None:
    cluster.create(pod("p"))
    cluster.settle()
    history = History(cluster)
    cluster.delete("pod", "p")
    cluster.settle()
    assert history.states()[-3:] == [
        "Running (deleting) c=running*",
        "Succeeded (deleting) c=Completed",
        "deleted",
    ]


def test_a_crash_loop_waits_longer_each_time(cluster: Cluster) -> None:
    cluster.create(pod("p", script("exit 1")))
    cluster.settle()
    uid = cluster.get("pod", "p")["metadata"]["uid"]
    backoff = f"BackOff Back-off restarting failed container c in pod p_default({uid})"
    assert events(cluster, "p")[-1] == backoff
    restarts = []
    for _ in range(12):
        cluster.advance("30s")
        restarts.append(cluster.get("pod", "p")["status"]["containerStatuses"][0]["restartCount"])
    assert restarts[:4] == sorted(restarts[:4]) and restarts[0] == 2 and restarts[-1] <= 6
    cluster.run_until(lambda: "waiting" in only_state(cluster), timeout="10m")
    waiting = only_state(cluster)["waiting"]
    assert waiting["reason"] == "CrashLoopBackOff"
    assert waiting["message"].endswith(f"restarting failed container=c pod=p_default({uid})")


def only_state(cluster: Cluster) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = cluster.get("pod", "p")["status"]["containerStatuses"][0]["state"]
    return found


def test_a_pull_that_fails_is_tried_again_later(cluster: Cluster) -> None:
    cluster.create(pod("p", {"image": "does-not-exist:1"}))
    cluster.settle()
    reference = "docker.io/library/does-not-exist:1"
    assert events(cluster, "p") == [
        'Pulling Pulling image "does-not-exist:1"',
        'Failed Failed to pull image "does-not-exist:1": rpc error: code = NotFound desc = failed to pull '
        f'and unpack image "{reference}": failed to resolve reference "{reference}": {reference}: not found',
        "Failed Error: ErrImagePull",
        'BackOff Back-off pulling image "does-not-exist:1"',
        "Failed Error: ImagePullBackOff",
    ]
    cluster.run_until(lambda: only_state(cluster)["waiting"]["reason"] == "ImagePullBackOff", timeout="1m")


def test_pulling_takes_time_and_says_how_long(cluster: Cluster) -> None:
    images = cluster.node("node01").images
    images.everything_present = False
    cluster.create(pod("p", {"image": "nginx:1.28"}))
    cluster.settle()
    assert events(cluster, "p")[:2] == [
        'Pulling Pulling image "nginx:1.28"',
        'Pulled Successfully pulled image "nginx:1.28" in 2s (2s including waiting). '
        "Image size: 72324501 bytes.",
    ]


def test_restarted_kubelet_finds_its_containers_running(cluster: Cluster) -> None:
    cluster.create(pod("p"))
    cluster.settle()
    before = cluster.get("pod", "p")["status"]["containerStatuses"]
    cluster.node("node01").kubelet.crash()
    cluster.advance("20s")
    cluster.node("node01").kubelet.start()
    cluster.advance("20s")
    assert cluster.get("pod", "p")["status"]["containerStatuses"] == before


def test_what_was_deleted_while_the_kubelet_was_away_is_ended(cluster: Cluster) -> None:
    cluster.create(pod("p"))
    cluster.settle()
    node = cluster.node("node01")
    node.kubelet.crash()
    cluster.delete("pod", "p", grace_seconds=0)
    cluster.settle()
    assert len(node.runtime.pods) == 1
    node.kubelet.start()
    cluster.settle()
    assert node.runtime.pods == {} and node.host.pods == {}


def test_a_power_cut_loses_the_containers(cluster: Cluster) -> None:
    cluster.create(pod("p"))
    cluster.settle()
    cluster.node("node01").crash()
    cluster.advance("10s")
    cluster.node("node01").start()
    cluster.advance("10s")
    entry = cluster.get("pod", "p")["status"]["containerStatuses"][0]
    assert entry["restartCount"] == 1 and "running" in entry["state"]
    assert entry["lastState"]["terminated"]["reason"] == "ContainerStatusUnknown"
