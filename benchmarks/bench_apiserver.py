"""What the API server costs without a wire: reads, writes, long lists, and many watchers.

Each figure is taken in a process of its own, with a client in process, on a control plane without a scheduler
and controllers.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.own_process import own

PODS = 10_000
WATCHERS = 1_000


def control_plane(pods: int = 0) -> Any:
    """A cluster that does nothing with its pods."""
    import kubekit
    from benchmarks.bench_scheduler import pod

    cluster = kubekit.up(workers=0)
    cluster.scheduler.stop()
    cluster.controller_manager.stop()
    for number in range(pods):
        cluster.client.create("pods", pod(number, "basic"))
    return cluster


def creates(count: int = 3_000) -> float:
    """Pods created a second."""
    from benchmarks.bench_scheduler import pod

    cluster = control_plane(200)
    bodies = [pod(number, "basic") for number in range(count)]
    began = time.perf_counter()
    for body in bodies:
        cluster.client.create("pods", body)
    return count / (time.perf_counter() - began)


def gets(count: int = 20_000) -> float:
    """GETs of one pod a second."""
    cluster = control_plane(100)
    name = cluster.client.list("pods", "default")["items"][0]["metadata"]["name"]
    began = time.perf_counter()
    for _ in range(count):
        cluster.client.get("pods", name, "default")
    return count / (time.perf_counter() - began)


def lists() -> tuple[float, float, float]:
    """Milliseconds for a list of all pods: the first after the server forgot everything, the first that is
    asked for, and any further one."""
    cluster = control_plane(PODS)
    store = cluster.apiserver.store("", "pods")

    def once() -> float:
        began = time.perf_counter()
        assert len(cluster.client.list("pods", "default")["items"]) == PODS
        return (time.perf_counter() - began) * 1000

    first, warm = once(), min(once() for _ in range(10))
    store.cache.stop()
    began = time.perf_counter()
    store.cache.start()
    loaded = (time.perf_counter() - began) * 1000
    return loaded + once(), first, warm


def watched(changes: int = 200) -> tuple[float, float]:
    """(events a second to all watchers of one kind, encodings an event)."""
    from kubekit.api import exchange
    from kubekit.api.exchange import Request

    cluster = control_plane(1)
    admin = cluster.client
    version = admin.list("configmaps")["metadata"]["resourceVersion"]
    query = {"watch": ["true"], "resourceVersion": [version]}
    heard = 0

    def told(event: Any) -> None:
        nonlocal heard
        event.encode()
        heard += 1

    for _ in range(WATCHERS):
        asked = Request("GET", "/api/v1/configmaps", query, user=admin.user, source="bench")
        cluster.apiserver(asked).on_event(told)
    made, encode = 0, exchange.encode_json

    def counted(value: Any) -> bytes:
        nonlocal made
        if isinstance(value, dict) and set(value) == {"type", "object"}:
            made += 1
        return encode(value)

    exchange.encode_json = counted
    began = time.perf_counter()
    for number in range(changes):
        admin.create("configmaps", {"metadata": {"name": f"c{number}", "namespace": "default"}})
        cluster.settle()
    took = time.perf_counter() - began
    exchange.encode_json = encode
    return heard / took, made / changes


def rows() -> list[tuple[str, float, str]]:
    """All figures: (name, value, unit)."""
    cold, first, warm = own("bench_apiserver", "lists()")
    events, encodings = own("bench_apiserver", "watched()")
    return [
        ("API server: get of one pod", own("bench_apiserver", "gets()")[0], "/s"),
        ("API server: create of a pod", own("bench_apiserver", "creates()")[0], "/s"),
        (f"API server: list of {PODS:,} pods, read from etcd", cold, "ms"),
        (f"API server: list of {PODS:,} pods, the first", first, "ms"),
        (f"API server: list of {PODS:,} pods, any further one", warm, "ms"),
        (f"API server: events to {WATCHERS:,} watchers of one kind", events, "/s"),
        (f"API server: encodings of an event for {WATCHERS:,} watchers", encodings, ""),
    ]


if __name__ == "__main__":
    for name, value, unit in rows():
        print(f"{name:<60} {value:>12,.2f} {unit}")
