"""A store with several writers: whose event is whose, what a list is as of, and the table of node ports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubekit.apiserver.backend import StoreBackend
from kubekit.apiserver.registry.node_ports import NodePorts, PortError
from kubekit.apiserver.registry.port_table import KEY, LOOKS, PortTable
from kubekit.apiserver.storage import Storage, decode
from kubekit.apiserver.watch_cache import WatchCache
from kubekit.etcd import DELETE, PUT, Event, KeyValue, KVStore
from kubekit.sim import Rng, VirtualClock

Obj = dict[str, Any]


def config_map(name: str, **data: str) -> Obj:
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": "d"}, "data": data}


class Shared:
    """One store that others write to as well: `before_put` runs just before a write of ours."""

    def __init__(self) -> None:
        self.store = KVStore(VirtualClock())
        self.before_put: Callable[[], object] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def put_if(self, key: bytes, value: bytes, mod_revision: int, lease: int = 0) -> int:
        self.before_put()
        return self.store.put_if(key, value, mod_revision, lease)


@pytest.fixture
def shared() -> Shared:
    return Shared()


def test_an_event_of_somebody_else_is_never_taken_for_ours(shared: Shared) -> None:
    """The other's write gets the very revision that ours would have had, under the same prefix."""
    storage = Storage(StoreBackend(shared))
    cache = WatchCache(storage, "/registry/configmaps")
    cache.start()
    theirs = b'{"kind":"ConfigMap","metadata":{"name":"x","namespace":"d"},"data":{"by":"them"}}'
    shared.before_put = lambda: shared.store.put(b"/registry/configmaps/d/theirs", theirs)
    ours = storage.create("/registry/configmaps/d/ours", config_map("ours", by="us"))
    assert ours is not None and ours["metadata"]["resourceVersion"] == "3"
    assert cache.get("/registry/configmaps/d/theirs") == decode(theirs, 2)
    assert cache.get("/registry/configmaps/d/ours") is ours, "ours was not decoded"


def test_a_lost_race_for_the_same_key(shared: Shared) -> None:
    storage = Storage(StoreBackend(shared))
    cache = WatchCache(storage, "/registry/configmaps")
    cache.start()
    key = "/registry/configmaps/d/x"
    theirs = b'{"kind":"ConfigMap","metadata":{"name":"x"},"data":{"by":"them"}}'
    shared.before_put = lambda: shared.store.put(key.encode(), theirs)
    assert storage.create(key, config_map("x", by="us")) is None
    assert cache.get(key) == decode(theirs, 2)


def test_a_receiver_that_writes_to_the_same_key(shared: Shared) -> None:
    storage = Storage(StoreBackend(shared))
    cache = WatchCache(storage, "/registry/configmaps")
    cache.start()
    key = "/registry/configmaps/d/x"

    def answer(event: Any) -> None:
        if event.new["data"] == {"n": "1"}:
            storage.update(key, {**event.new, "data": {"n": "2"}}, event.revision)

    cache.changes.append(answer)
    first = storage.create(key, config_map("x", n="1"))
    assert first is not None and first["metadata"]["resourceVersion"] == "2" and first["data"] == {"n": "1"}
    present = cache.get(key)
    assert present is not None and present["data"] == {"n": "2"}
    assert present["metadata"]["resourceVersion"] == "3"


class Distant(Shared):
    """A store whose events come later, when they are asked for: as a remote one's do."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Event] = []
        self.receivers: list[Callable[[list[Event]], None]] = []
        self.store.watch(b"\x00", b"\x00", 0, self.heard.extend)
        self.told = 1
        self.on_lost: Any = None

    @property
    def revision(self) -> int:
        return self.told

    def watch(self, key: bytes, range_end: bytes, start_rev: int, callback: Any) -> Any:
        self.receivers.append(callback)
        return self.store.watch(b"\xff", b"", 0, lambda events: None)

    def load(self, key: bytes, range_end: bytes) -> tuple[list[KeyValue], int]:
        return self.store.range(key, range_end).kvs, self.store.revision

    def refresh(self) -> None:
        events, self.heard[:] = list(self.heard), []
        for event in events:
            self.told = event.kv.mod_revision
            for receive in self.receivers:
                receive([event])


def test_a_cache_is_as_of_what_it_was_told() -> None:
    distant = Distant()
    storage = Storage(StoreBackend(distant))
    distant.store.put(b"/registry/configmaps/d/old", b'{"metadata":{"name":"old"}}')
    distant.refresh()
    cache = WatchCache(storage, "/registry/configmaps")
    cache.start()
    assert cache.revision == 2 and storage.revision() == 2
    distant.store.put(b"/registry/configmaps/d/new", b'{"metadata":{"name":"new"}}')
    assert cache.count() == 1 and storage.revision() == 2, "not heard of yet"
    storage.backend.refresh()
    assert cache.count() == 2 and storage.revision() == 3
    written = storage.create("/registry/configmaps/d/ours", config_map("ours"))
    assert written is not None
    assert cache.newer("/registry/configmaps/d/ours", written) is written, "what was written, not what was"
    assert [e.type for e in distant.heard] == [PUT] and DELETE not in [e.type for e in distant.heard]


# -- the table of node ports ------------------------------------------------------------------------------


def table(shared: Shared) -> PortTable:
    return PortTable(Storage(StoreBackend(shared)), 30000, 30031)


def test_a_port_is_had_once(shared: Shared) -> None:
    one, other = table(shared), table(shared)
    assert one.claim(30000) and one.claim(30009)
    assert not other.claim(30009)
    assert other.taken() == {30000, 30009}
    found = Storage(StoreBackend(shared)).get(KEY)
    assert found is not None and found["kind"] == "RangeAllocation"
    assert (found["range"], found["data"]) == ("30000-30031", "AgE=")
    one.release([30009, 30010])
    assert other.taken() == {30000} and other.claim(30009)


def test_a_claim_against_another_claim(shared: Shared) -> None:
    """Somebody else takes the port between our look and our write."""
    one, other = table(shared), table(shared)
    one.claim(30001)
    races = [lambda: other.claim(30002)]

    def race() -> None:
        if races:
            races.pop()()

    shared.before_put = race
    assert not one.claim(30002)
    assert one.claim(30003) and one.taken() == {30001, 30002, 30003}


def test_leaks_are_given_back_after_some_looks(shared: Shared) -> None:
    one = table(shared)
    for port in (30001, 30002):
        one.claim(port)
    for _ in range(LOOKS - 1):
        one.repair({30001, 30005, 99})
        assert one.taken() == {30001, 30002, 30005}
    one.repair({30001, 30005})
    assert one.taken() == {30001, 30005}
    one.claim(30007)
    one.repair({30001, 30005})
    one.repair({30001, 30005, 30007})
    for _ in range(LOOKS):
        one.repair({30001, 30005, 30007})
    assert one.taken() == {30001, 30005, 30007}, "a Service that came in time keeps its port"


def test_two_servers_fill_a_range(shared: Shared) -> None:
    def ports(seed: int) -> NodePorts:
        storage = Storage(StoreBackend(shared))
        cache = WatchCache(storage, "/registry/services/specs")  # as if it heard of nothing
        return NodePorts(cache, (30000, 30031), Rng(seed), table(shared))

    one, other = ports(1), ports(1)
    given = [server.take_any(set()) for _ in range(16) for server in (one, other)]
    assert sorted(given) == list(range(30000, 30032))
    with pytest.raises(PortError, match="range is full"):
        one.take_any(set())
    with pytest.raises(PortError, match="already allocated"):
        other.take(30003, set())
    one.release([30003])
    assert other.take(30003, set()) == 30003
