"""The snapshot: brought up to date step by step, it is what a new one would be."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.scheduler.cache import Cache
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.snapshot import Snapshot
from tests.scheduler.world import node, pod

Obj = dict[str, Any]

ANTI = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}}
        ]
    }
}


def some_pod(number: int, on: str) -> Obj:
    more: Obj = {"cpu": f"{number * 100}m", "on": on}
    if number % 3 == 0:
        more["affinity"] = ANTI
    if number % 4 == 0:
        more["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": f"claim{number % 2}"}}]
    made = pod(f"p{number}", **more)
    if number % 5 == 0:
        made["spec"]["containers"][0]["ports"] = [{"containerPort": 1, "hostPort": 8000 + number}]
    return made


def facts(info: NodeInfo) -> Any:
    return (
        info.name,
        info.labels,
        sorted(p.uid for p in info.pods),
        info.requested.to_json(),
        (info.nonzero_cpu, info.nonzero_memory),
        {address: set(used) for address, used in info.used_ports.by_address.items()},
        info.claim_refs,
        sorted(p.uid for p in info.pods_with_affinity),
        {image: sorted(state.nodes) for image, state in info.images.items()},
    )


def seen(snapshot: Snapshot) -> Any:
    return {
        "order": [info.name for info in snapshot.nodes],
        "nodes": [facts(info) for info in snapshot.nodes],
        "affinity": sorted(snapshot.with_affinity),
        "anti": sorted(snapshot.with_required_anti_affinity),
        "claims": [snapshot.claim_in_use(f"shop/claim{n}") for n in (0, 1)],
        "same": all(snapshot.by_name[info.name] is info for info in snapshot.nodes),
    }


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["node", "unnode", "pod", "unpod", "assume", "forget", "refresh"]),
        st.integers(0, 3),
        st.integers(0, 11),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(OPERATIONS)
def test_incremental_equals_rebuilt(operations: list[tuple[str, int, int]]) -> None:
    cache, snapshot = Cache(), Snapshot()
    for what, at, number in operations:
        name = f"n{at}"
        if what == "node":
            images = [{"names": [f"image{number % 3}"], "sizeBytes": 5}]
            labels = {"topology.kubernetes.io/zone": f"z{number % 3}"}
            cache.add_node(node(name, labels=labels, images=images))
        elif what == "unnode":
            cache.remove_node(node(name))
        elif what == "pod":
            cache.add_pod(some_pod(number, name))
        elif what == "unpod":
            cache.remove_pod(f"uid-p{number}")
        elif what == "assume" and f"uid-p{number}" not in cache.pods:
            cache.assume(PodInfo(some_pod(number, name)))
        elif what == "forget" and f"uid-p{number}" in cache.assumed:
            cache.forget(cache.pods[f"uid-p{number}"])
        elif what == "refresh":
            cache.update_snapshot(snapshot)
    cache.update_snapshot(snapshot)
    known = {info.name: info for info in cache.nodes.values() if info.node is not None}
    assert set(known) == set(snapshot.by_name)
    assert seen(snapshot) == seen(Snapshot.of(known[info.name] for info in snapshot.nodes))


def test_one_more_pod_replaces_one_node() -> None:
    cache, snapshot = Cache(), Snapshot()
    for number in range(5):
        cache.add_node(node(f"n{number}"))
    cache.update_snapshot(snapshot)
    before = list(snapshot.nodes)
    cache.assume(PodInfo(pod("p", on="n3")))
    cache.update_snapshot(snapshot)
    assert [old is new for old, new in zip(before, snapshot.nodes, strict=True)] == [
        True,
        True,
        True,
        False,
        True,
    ]
    assert not before[3].pods, "what an earlier attempt looked at stays as it was"


def test_a_status_update_of_a_bound_pod_touches_no_node() -> None:
    cache, snapshot = Cache(), Snapshot()
    cache.add_node(node("n"))
    cache.add_pod(pod("p", on="n"))
    cache.update_snapshot(snapshot)
    before = snapshot.nodes[0]
    cache.add_pod({**pod("p", on="n"), "status": {"phase": "Running"}})
    cache.update_snapshot(snapshot)
    assert snapshot.nodes[0] is before
    assert cache.pods["uid-p"].pod["status"]["phase"] == "Running"
