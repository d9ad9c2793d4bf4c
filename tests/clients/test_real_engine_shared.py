"""Two API servers on one real etcd: what one writes the other sees, and neither undoes the other's work."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kubekit.api.status_error import StatusError
from kubekit.etcd import Compacted
from kubekit.sim import Loop
from tests.clients.api_servers import Server, both, config_map
from tests.clients.real_etcd import RealEtcd

pytestmark = pytest.mark.real


def test_what_one_server_wrote_the_other_sees(one: RealEtcd, servers: Callable[..., Server]) -> None:
    a, b = servers(one, "a"), servers(one, "b")
    told = b.watch("/api/v1/namespaces/default/configmaps")
    made = a.client.create("configmaps", config_map("x", from_="a"))
    assert b.client.get("configmaps", "x", "default") == made
    listed = b.client.list("configmaps", "default")
    assert made in [{**item, "apiVersion": "v1", "kind": "ConfigMap"} for item in listed["items"]]
    changed = b.client.update("configmaps", {**made, "data": {"from": "b"}})
    assert a.client.get("configmaps", "x", "default")["data"] == {"from": "b"}
    with pytest.raises(StatusError) as refused:
        a.client.update("configmaps", {**made, "data": {"from": "late"}})
    assert refused.value.reason == "Conflict"
    with pytest.raises(StatusError) as refused:
        b.client.create("configmaps", config_map("x"))
    assert refused.value.reason == "AlreadyExists"
    a.client.delete("configmaps", "x", "default")
    with pytest.raises(StatusError) as refused:
        b.client.get("configmaps", "x", "default")
    assert refused.value.reason == "NotFound"
    revisions = [int(made["metadata"]["resourceVersion"]), int(changed["metadata"]["resourceVersion"])]
    assert [(type, name) for type, name, _ in told] == [("ADDED", "x"), ("MODIFIED", "x"), ("DELETED", "x")]
    assert [revision for _, _, revision in told][:2] == revisions


def test_a_list_and_the_watch_after_it_leave_no_gap(one: RealEtcd, servers: Callable[..., Server]) -> None:
    a, b = servers(one, "a"), servers(one, "b")
    followed: list[tuple[int, set[str], list[tuple[str, str, int]]]] = []

    def write() -> None:
        for number in range(150):
            a.client.create("configmaps", config_map(f"n{number:03}"))

    def read() -> None:
        for _ in range(30):
            listed = b.client.list("configmaps", "default")
            at = int(listed["metadata"]["resourceVersion"])
            told = b.watch("/api/v1/namespaces/default/configmaps", at)
            followed.append((at, {item["metadata"]["name"] for item in listed["items"]}, told))

    both(write, read)
    b.hear()
    stored = one.content(b"/registry/configmaps/default/")
    made = sorted((revision, name.rsplit(b"/", 1)[1].decode()) for name, (_, revision) in stored.items())
    assert len(made) == 150
    for at, known, told in followed:
        assert known == {name for revision, name in made if revision <= at}
        assert told == [("ADDED", name, revision) for revision, name in made if revision > at]


def test_counting_together(one: RealEtcd, servers: Callable[..., Server]) -> None:
    """Two servers change one object, each on what it has just read: no change is lost."""
    a, b = servers(one, "a"), servers(one, "b")
    a.client.create("configmaps", config_map("sum", n="0"))
    conflicts: list[str] = []

    def counting(server: Server) -> Callable[[], None]:
        def count() -> None:
            done = 0
            while done < 60:
                obj = server.client.get("configmaps", "sum", "default")
                try:
                    server.client.update("configmaps", {**obj, "data": {"n": str(int(obj["data"]["n"]) + 1)}})
                    done += 1
                except StatusError as error:
                    assert error.reason == "Conflict"
                    conflicts.append(server.api.name)

        return count

    both(counting(a), counting(b))
    assert a.client.get("configmaps", "sum", "default")["data"] == {"n": "120"}
    assert b.client.get("configmaps", "sum", "default")["data"] == {"n": "120"}
    assert conflicts, "they never met: this showed nothing"


def test_addresses_and_ports_are_given_once(one: RealEtcd, servers: Callable[..., Server]) -> None:
    """Both draw from the same chance and a narrow range, so they would meet all the time."""
    narrow = {"node_port_range": (30000, 30063), "service_cidr": "10.96.0.0/25"}
    a, b = servers(one, "a", **narrow), servers(one, "b", **narrow)
    a.loop.rng, b.loop.rng = Loop(seed=5).rng, Loop(seed=5).rng
    a.api.node_ports.rng, b.api.node_ports.rng = Loop(seed=5).rng, Loop(seed=5).rng

    def exposing(server: Server, name: str) -> Callable[[], None]:
        def expose() -> None:
            for number in range(25):
                spec = {"type": "NodePort", "ports": [{"port": 80}]}
                metadata = {"name": f"{name}{number}", "namespace": "default"}
                obj = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
                server.client.create("services", obj)

        return expose

    both(exposing(a, "a"), exposing(b, "b"))
    services = [
        s for s in a.client.list("services", "default")["items"] if s["metadata"]["name"] != "kubernetes"
    ]
    assert len(services) == 50
    assert len({service["spec"]["clusterIP"] for service in services}) == 50
    ports = {service["spec"]["ports"][0]["nodePort"] for service in services}
    assert len(ports) == 50
    assert a.api.node_ports.table is not None and a.api.node_ports.table.taken() == ports
    b.client.delete("services", services[0]["metadata"]["name"], "default")
    assert a.api.node_ports.table.taken() == ports - {services[0]["spec"]["ports"][0]["nodePort"]}


def test_two_compactors_do_the_work_of_one(one: RealEtcd, servers: Callable[..., Server]) -> None:
    a, b = servers(one, "a"), servers(one, "b")
    revisions = []
    for round in range(4):
        a.client.create("configmaps", config_map(f"n{round}"))
        revisions.append(one.revision())
        a.loop.advance(300.0)
        b.loop.advance(300.0)
    entry = one.content(b"compact_rev_key")[b"compact_rev_key"]
    assert revisions[1] < int(entry[0]) <= one.revision()
    assert a.etcd.range(b"a", rev=revisions[3]).kvs == []
    with pytest.raises(Compacted):
        a.etcd.range(b"a", rev=revisions[0])
