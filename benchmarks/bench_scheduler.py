"""What scheduling costs, and how it grows with the number of nodes.

Each figure is taken in a process of its own: a cluster without kubelets gets its nodes, then pods are created
one by one and everything runs until each of them is bound in the store (create -> queue -> filter -> score ->
bind -> event). `basic` pods request CPU and memory; `hard` ones have required anti-affinity to their own kind
over hosts, a hard topology spread over zones and a preferred affinity to another kind.

    python -m benchmarks scheduler
    python -m benchmarks.bench_scheduler --kubeconfig FILE [--nodes 100] [--pods 500]

The second form puts the same nodes and pods into a real cluster (named kubekit-bench-*, deleted afterwards)
and measures its kube-scheduler with the same clock. Never point it at a cluster that somebody needs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.own_process import own

Obj = dict[str, Any]

NODES = (100, 1_000, 5_000)
PODS = {"basic": 1_000, "hard": 500}
ZONES = ("a", "b", "c")
KINDS = 20
PREFIX = "kubekit-bench"


def node(number: int) -> Obj:
    """A node of 32 CPUs in one of three zones."""
    name = f"{PREFIX}-{number:05}"
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": ZONES[number % len(ZONES)]}
    has = {"cpu": "32", "memory": "64Gi", "pods": "110"}
    status = {"allocatable": has, "capacity": has, "conditions": [{"type": "Ready", "status": "True"}]}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": status,
    }


def pod(number: int, workload: str) -> Obj:
    """A pod of the workload."""
    labels = {"app": "load"}
    spec: Obj = {
        "containers": [
            {
                "name": "c",
                "image": "registry.k8s.io/pause:3.10",
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
            }
        ]
    }
    if workload == "hard":
        mine, other = f"app{number % KINDS}", f"app{(number + 1) % KINDS}"
        labels = {"app": mine}
        selector = {"matchLabels": labels}
        spec["affinity"] = {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "kubernetes.io/hostname", "labelSelector": selector}
                ]
            },
            "podAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 10,
                        "podAffinityTerm": {
                            "topologyKey": "topology.kubernetes.io/zone",
                            "labelSelector": {"matchLabels": {"app": other}},
                        },
                    }
                ]
            },
        }
        spec["topologySpreadConstraints"] = [
            {
                "maxSkew": 5,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": selector,
            }
        ]
    metadata = {"generateName": f"{PREFIX}-", "namespace": "default", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def filled(nodes: int) -> Any:
    """A cluster of so many nodes without kubelets; the control plane's own node takes no pods."""
    import kubekit

    cluster = kubekit.up(workers=0)
    cluster.controller_manager.stop()
    for number in range(nodes):
        made = cluster.client.create("nodes", node(number))
        if made["spec"].get("taints"):  # every new node begins as not ready
            cluster.client.update("nodes", {**made, "spec": {}})
    cluster.settle()
    return cluster


def through_the_engine(nodes: int, workload: str, pods: int) -> tuple[float, float]:
    """(pods a second of processor time, pods a second of real time): created, scheduled, bound."""
    from kubekit.sim.calm import calm

    cluster = filled(nodes)
    for number in range(100):
        cluster.client.create("pods", pod(number, workload))
    cluster.settle()
    with calm():
        began, used = time.perf_counter(), time.process_time()
        for number in range(pods):
            cluster.client.create("pods", pod(number, workload))
        cluster.settle()
        used, took = time.process_time() - used, time.perf_counter() - began
    bound = [p for p in cluster.client.list("pods", "default")["items"] if p["spec"].get("nodeName")]
    possible = min(pods + 100, nodes * KINDS) if workload == "hard" else pods + 100
    assert len(bound) >= possible * 0.95, f"{len(bound)} of {pods + 100} pods are bound"
    return pods / used, pods / took


def decisions(nodes: int, workload: str, arrays: bool | None, pods: int = 300) -> float:
    """Microseconds of processor time for one decision and nothing else: no API server, no binding."""
    from kubekit.scheduler.cache import Cache
    from kubekit.scheduler.config import SchedulerConfig
    from kubekit.scheduler.framework.pod_info import PodInfo
    from kubekit.scheduler.snapshot import Snapshot
    from kubekit.scheduler.what_if import Bystander, decide

    cache, snapshot = Cache(), Snapshot()
    for number in range(nodes):
        cache.add_node(node(number))
    framework = SchedulerConfig().build(Bystander(snapshot))["default-scheduler"]
    waiting = []
    for number in range(pods + 50):
        made = pod(number, workload)
        made["metadata"]["name"] = f"p{number}"
        waiting.append(made)
    start, best = 0, float("inf")
    for first in range(0, len(waiting), 50):
        used = time.process_time()
        for made in waiting[first : first + 50]:
            cache.update_snapshot(snapshot)
            info = PodInfo(made)
            attempt, start = decide(framework, snapshot, info, start=start, arrays=arrays)
            if attempt.node:
                cache.assume(info.on_node(attempt.node))
        if first:
            best = min(best, (time.process_time() - used) / 50)
    return best * 1e6


def rows() -> list[tuple[str, float, str]]:
    """All figures: (name, value, unit)."""
    found: list[tuple[str, float, str]] = []
    for workload, pods in PODS.items():
        for nodes in NODES:
            best = own("bench_scheduler", f"through_the_engine({nodes}, {workload!r}, {pods})")
            found.append((f"{nodes:,} nodes, {workload}: created, scheduled, bound", best[1], "1/s"))
            found.append((f"{nodes:,} nodes, {workload}: the same, processor", best[0], "1/s"))
    for nodes in (16, 64, *NODES[1:]):
        for arrays in (False, True):
            how = "all at once" if arrays else "node by node"
            pods = 100 if nodes >= 1_000 and not arrays else 300
            value = own("bench_scheduler", f"(decisions({nodes}, 'basic', {arrays}, {pods}),)")[0]
            found.append((f"{nodes:,} nodes: one decision, {how}", value, "us"))
    return found


# -- a real kube-scheduler -------------------------------------------------------------------------


def real(kubeconfig: str, context: str, nodes: int, pods: int) -> Iterator[tuple[str, float, str]]:
    """The same nodes and pods in a real cluster; everything is deleted at the end."""
    from kubekit.client import Client
    from kubekit.client.https_handler import HTTPSHandler

    client = Client(HTTPSHandler.of(kubeconfig, context, read_only=False), name=PREFIX)
    toleration = {"key": PREFIX, "operator": "Exists"}
    try:
        for number in range(nodes):
            made = node(number)
            taints = {"spec": {"taints": [{"key": PREFIX, "effect": "NoSchedule"}]}}
            client.create("nodes", {**made, **taints})
            client.patch("nodes", made["metadata"]["name"], {"status": made["status"]}, subresource="status")
            # Admission has tainted the new node as not ready, and nobody but us says that it is.
            client.patch("nodes", made["metadata"]["name"], taints)
        for workload in PODS:
            began = time.perf_counter()
            for number in range(pods):
                made = pod(number, workload)
                made["spec"]["tolerations"] = [toleration]
                client.create("pods", made)
            created = time.perf_counter()
            left = pods
            while left and time.perf_counter() - created < 300:
                items = client.list("pods", "default")["items"]
                own = [p for p in items if p["metadata"]["name"].startswith(PREFIX)]
                left = sum(not p["spec"].get("nodeName") for p in own)
                time.sleep(0.2)
            yield f"real, {nodes:,} nodes, {workload}: bound", pods / (time.perf_counter() - began), "1/s"
            _delete(client, "pods", "default")
    finally:
        _delete(client, "pods", "default")
        _delete(client, "nodes", None)


def _delete(client: Any, plural: str, namespace: str | None) -> None:
    for obj in client.list(plural, namespace)["items"]:
        if obj["metadata"]["name"].startswith(PREFIX):
            client.delete(plural, obj["metadata"]["name"], namespace, grace_seconds=0)


def main() -> None:
    """The table, here or against a real cluster."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kubeconfig", default="")
    parser.add_argument("--context", default="")
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--pods", type=int, default=500)
    given = parser.parse_args()
    figures = real(given.kubeconfig, given.context, given.nodes, given.pods) if given.kubeconfig else rows()
    for name, value, unit in figures:
        print(f"{name:<60}{value:>12.1f} {unit}", flush=True)


if __name__ == "__main__":
    main()
