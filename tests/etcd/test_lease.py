"""Leases: granted, kept alive, run out, revoked."""

from __future__ import annotations

import pytest

from kubekit.etcd import Event, KVStore, LeaseNotFound
from kubekit.etcd.errors import LeaseExists, LeaseOverdue, LeaseTtlTooLarge
from kubekit.etcd.expiry import LeaseExpiry
from kubekit.etcd.lease import MAX_TTL, MIN_TTL
from kubekit.etcd.v3rpc import Server
from kubekit.sim import Loop, VirtualClock


def test_granting(store: KVStore) -> None:
    assert store.leases.grant(60, id=7).ttl == 60
    assert store.leases.grant(1).ttl == MIN_TTL
    assert store.leases.grant(0).id != store.leases.grant(0).id
    with pytest.raises(LeaseExists):
        store.leases.grant(60, id=7)
    with pytest.raises(LeaseTtlTooLarge):
        store.leases.grant(MAX_TTL + 1)


def test_revoking_deletes_the_keys_in_order_and_at_once(store: KVStore) -> None:
    store.leases.grant(60, id=7)
    for key in (b"b", b"a", b"c"):
        store.put(key, b"v", lease=7)
    store.put(b"c", b"v")  # put without the lease: no longer tied to it
    heard: list[list[Event]] = []
    store.watch(b"\x00", b"\x00", 0, heard.append)
    store.leases.revoke(7)
    assert [[event.kv.key for event in events] for events in heard] == [[b"a", b"b"]]
    assert store.get(b"c") is not None and store.revision == 6
    with pytest.raises(LeaseNotFound):
        store.leases.revoke(7)
    with pytest.raises(LeaseNotFound):
        store.leases.renew(7)


def test_a_key_moves_between_leases(store: KVStore) -> None:
    for id in (1, 2):
        store.leases.grant(60, id=id)
    store.put(b"k", b"v", lease=1)
    store.put(b"k", b"v", lease=2)
    store.leases.revoke(1)
    assert store.get(b"k") is not None
    store.delete(b"k")
    lease = store.leases.lookup(2)
    assert lease is not None and not lease.keys


def test_running_out(store: KVStore, clock: VirtualClock) -> None:
    store.leases.grant(10, id=1)
    store.leases.grant(5, id=2)
    store.put(b"k", b"v", lease=2)
    assert [lease.id for lease in store.leases.leases()] == [2, 1]
    clock.advance_to(clock.now() + 4)
    assert store.leases.renew(2) == 5
    clock.advance_to(clock.now() + 4)
    assert store.leases.expire() == []
    clock.advance_to(clock.now() + 4)
    assert store.leases.expire() == [2, 1]
    assert store.get(b"k") is None and store.leases.next_look() is None


def test_an_overdue_lease_cannot_be_renewed(store: KVStore, clock: VirtualClock) -> None:
    store.leases.grant(5, id=2)
    store.put(b"k", b"v", lease=2)
    clock.advance_to(clock.now() + 5)
    with pytest.raises(LeaseOverdue):
        store.leases.renew(2)
    assert store.get(b"k") is not None
    answer = Server(store).call("Lease/LeaseKeepAlive", {"ID": 2})
    assert answer["TTL"] == 0 and answer["ID"] == 2
    assert store.get(b"k") is None and store.leases.lookup(2) is None


def test_the_loop_lets_leases_run_out() -> None:
    loop = Loop()
    store = KVStore(loop.clock)
    expiry = LeaseExpiry(loop, store)
    store.leases.grant(100, id=1)
    store.leases.grant(3, id=2)
    store.put(b"k", b"v", lease=2)
    loop.advance(2)
    store.leases.renew(2)
    loop.advance(2.5)
    assert store.get(b"k") is not None
    loop.advance(1)
    assert store.get(b"k") is None and store.leases.lookup(1) is not None
    expiry.stop()
    loop.advance(1000)
    assert store.leases.lookup(1) is not None


def test_a_store_without_leases_sets_no_timer() -> None:
    loop = Loop()
    LeaseExpiry(loop, KVStore(loop.clock))
    assert loop.waiting("etcd") == []
