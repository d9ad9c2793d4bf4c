"""Probes: what makes a container ready, what restarts it, and that health costs nothing while time passes."""

from __future__ import annotations

from kubekit.cluster import Cluster
from tests.kubelet.conftest import conditions, events, pod


def probe(*command: str, **more: object) -> dict[str, object]:
    return {"exec": {"command": list(command)}, "periodSeconds": 1, **more}


def ready(cluster: Cluster, name: str = "p") -> bool:
    return bool(cluster.get("pod", name)["status"]["containerStatuses"][0]["ready"])


def test_ready_when_the_readiness_probe_says_so(cluster: Cluster) -> None:
    cluster.create(pod("p", {"image": "nginx:1.28", "readinessProbe": probe("ready-after", "3")}))
    cluster.advance("2s")
    assert not ready(cluster)
    assert conditions(cluster.get("pod", "p"))["Ready"] == "False/ContainersNotReady"
    cluster.settle()
    assert ready(cluster)
    assert set(events(cluster, "p")[3:]) == {"Unhealthy Readiness probe failed:  x3"}


def test_never_ready(cluster: Cluster) -> None:
    cluster.create(pod("p", {"image": "nginx:1.28", "readinessProbe": probe("false")}))
    cluster.settle()
    assert not ready(cluster)
    assert cluster.loop.clock.elapsed() < 60, "a learner waits for the first verdict only"


def test_startup_probe_holds_the_others_back(cluster: Cluster) -> None:
    startup = probe("ready-after", "3", failureThreshold=10)
    container = {"image": "nginx:1.28", "startupProbe": startup, "livenessProbe": probe("healthy-for", "600")}
    cluster.create(pod("p", container))
    cluster.settle()
    entry = cluster.get("pod", "p")["status"]["containerStatuses"][0]
    assert entry["started"] and entry["ready"] and entry["restartCount"] == 0
    assert events(cluster, "p")[-1] == "Unhealthy Startup probe failed:  x3"


def test_startup_probe_that_never_succeeds_restarts(cluster: Cluster) -> None:
    cluster.create(pod("p", {"image": "nginx:1.28", "startupProbe": probe("false", failureThreshold=3)}))
    cluster.advance("10s")
    assert cluster.get("pod", "p")["status"]["containerStatuses"][0]["restartCount"] >= 1
    assert "Killing Container c failed startup probe, will be restarted" in " ".join(events(cluster, "p"))


def test_liveness_probe_restarts(cluster: Cluster) -> None:
    cluster.create(pod("p", {"image": "nginx:1.28", "livenessProbe": probe("healthy-for", "10")}))
    cluster.settle()
    cluster.advance("15s")
    entry = cluster.get("pod", "p")["status"]["containerStatuses"][0]
    assert entry["restartCount"] == 1 and "running" in entry["state"]
    assert "Killing Container c failed liveness probe, will be restarted" in events(cluster, "p")


def test_the_example_of_the_documentation(cluster: Cluster) -> None:
    command = "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600"
    liveness = {"exec": {"command": ["cat", "/tmp/healthy"]}, "initialDelaySeconds": 5, "periodSeconds": 5}
    cluster.create(pod("p", {"command": ["/bin/sh", "-c", command], "livenessProbe": liveness}))
    cluster.settle()
    cluster.advance("29s")
    assert cluster.get("pod", "p")["status"]["containerStatuses"][0]["restartCount"] == 0
    cluster.advance("40s")
    assert cluster.get("pod", "p")["status"]["containerStatuses"][0]["restartCount"] == 1
    found = [text for text in events(cluster, "p") if text.startswith("Unhealthy")]
    wrong = "cat: /tmp/healthy: No such file or directory\n"
    assert found == [f"Unhealthy Liveness probe failed: {wrong} x3"]


def test_http_and_tcp_probes(cluster: Cluster) -> None:
    fine = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 1}
    missing = {"httpGet": {"path": "/nope", "port": "web"}, "periodSeconds": 1}
    closed = {"tcpSocket": {"port": 81}, "periodSeconds": 1}
    ports = [{"name": "web", "containerPort": 80}]
    for name, what in (("fine", fine), ("missing", missing), ("closed", closed)):
        cluster.create(pod(name, {"image": "nginx:1.28", "ports": ports, "readinessProbe": what}))
    cluster.settle()
    ip = cluster.get("pod", "closed")["status"]["podIP"]
    assert ready(cluster, "fine")
    assert "Readiness probe failed: HTTP probe failed with statuscode: 404" in events(cluster, "missing")[-1]
    assert (
        f"Readiness probe failed: dial tcp {ip}:81: connect: connection refused"
        in events(cluster, "closed")[-1]
    )


def test_a_file_made_by_hand_is_noticed(cluster: Cluster) -> None:
    cluster.create(pod("p", {"image": "nginx:1.28", "readinessProbe": probe("cat", "/tmp/ready")}))
    cluster.settle()
    assert not ready(cluster)
    assert cluster.exec("default", "p", "", ["touch", "/tmp/ready"]) == (0, "", "")
    cluster.advance("3s")
    assert ready(cluster)
    cluster.exec("default", "p", "", ["rm", "/tmp/ready"])
    cluster.advance("5s")
    assert not ready(cluster)


def test_a_healthy_probe_stops_asking(cluster: Cluster) -> None:
    for n in range(5):
        cluster.create(pod(f"p{n}", {"image": "nginx:1.28", "livenessProbe": probe("true")}))
    cluster.settle()
    waiting = [h.what for h in cluster.loop.waiting("kubelet/node01") if "probe" in h.what]
    assert waiting == []


def test_a_probe_that_takes_too_long(cluster: Cluster) -> None:
    slow = probe("sh", "-c", "sleep 5; exit 0", timeoutSeconds=2)
    cluster.create(pod("p", {"image": "nginx:1.28", "readinessProbe": slow}))
    cluster.create(pod("q", {"image": "nginx:1.28", "readinessProbe": probe("sleep", "0.5")}))
    cluster.settle()
    assert not ready(cluster) and ready(cluster, "q")
    said = 'Unhealthy Readiness probe failed: command timed out: "sh -c sleep 5; exit 0" timed out after 2s'
    assert any(event.startswith(said) for event in events(cluster, "p"))
