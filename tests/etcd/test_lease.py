"""Leases: granted, kept alive, run out, revoked."""

from __future__ import annotations

import pytest

from kubekit.etcd import Event, KVStore, LeaseNotFound
from kubekit.etcd.errors import LeaseExists, LeaseOverdue, LeaseTtlTooLarge, NotPrimary
from kubekit.etcd.expiry import LeaseExpiry
from kubekit.etcd.lease import MAX_TTL, MIN_TTL, RETRY, min_ttl
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


def leased(store: KVStore, count: int, ttl: int) -> list[int]:
    for id in range(1, count + 1):
        store.leases.grant(ttl, id)
    return list(range(1, count + 1))


def test_who_does_not_lead_keeps_no_time(store: KVStore, clock: VirtualClock) -> None:
    store.leases.grant(5, id=1)
    store.leases.demote()
    store.leases.grant(5, id=2)
    clock.advance_to(clock.now() + 1000)
    assert store.leases.expired() == [] and store.leases.next_look() is None
    with pytest.raises(NotPrimary):
        store.leases.renew(1)
    store.leases.promote(extend=1.0)
    lease = store.leases.lookup(1)
    assert lease is not None and store.leases.remaining(lease) == 6
    assert store.leases.next_look() == clock.now() + 6
    clock.advance_to(clock.now() + 6)
    assert store.leases.expired() == [1, 2]


def test_the_leader_names_what_is_over_and_deletes_nothing(store: KVStore, clock: VirtualClock) -> None:
    store.leases.grant(5, id=1)
    store.put(b"k", b"v", lease=1)
    clock.advance_to(clock.now() + 5)
    assert store.leases.expired() == [1]
    assert store.get(b"k") is not None and store.leases.expired() == []
    # The revocation may have been lost: it is asked for again.
    assert store.leases.next_look() == clock.now() + RETRY
    clock.advance_to(clock.now() + RETRY)
    assert store.leases.expired() == [1]
    store.leases.revoke(1)
    assert store.get(b"k") is None and store.leases.next_look() is None


def test_so_many_at_once_and_no_more(store: KVStore, clock: VirtualClock) -> None:
    ids = leased(store, 12, 5)
    clock.advance_to(clock.now() + 5)
    assert store.leases.expired(limit=5) == ids[:5]
    assert store.leases.expired(limit=5) == ids[5:10]
    assert store.leases.expired(limit=5) == ids[10:]


def test_a_new_leader_spreads_what_would_run_out_together(store: KVStore, clock: VirtualClock) -> None:
    leased(store, 3000, 60)
    store.leases.demote()
    store.leases.promote()
    rest = [store.leases.remaining(lease) for lease in store.leases.leases()]
    most = max(rest.count(second) for second in set(rest))
    assert min(rest) == 60 and max(rest) >= 63 and most <= 1000


def test_checkpoints_tell_the_next_leader_how_much_is_left(store: KVStore, clock: VirtualClock) -> None:
    lessor = store.leases
    lessor.checkpoint_interval = 300.0
    lessor.grant(1000, id=1)
    lessor.grant(200, id=2)
    assert lessor.due_checkpoints() == []
    assert lessor.next_look() == clock.now() + 200
    lessor.revoke(2)
    assert lessor.next_look() == clock.now() + 300
    clock.advance_to(clock.now() + 300)
    assert lessor.due_checkpoints() == [(1, 700)] and lessor.due_checkpoints() == []
    lessor.checkpoint(1, 700)
    lessor.checkpoint(99, 1)
    clock.advance_to(clock.now() + 300)
    assert lessor.due_checkpoints() == [(1, 400)]
    lessor.checkpoint(1, 400)
    lease = lessor.lookup(1)
    assert lease is not None
    lessor.demote()
    lessor.promote(1.0)
    assert lessor.remaining(lease) == 401 and lease.ttl == 1000
    # A keep-alive begins the whole time anew; the leader clears the checkpoint first.
    lessor.checkpoint(1, 0)
    assert lessor.renew(1) == 1000 and lessor.remaining(lease) == 1000


def test_a_renewed_lease_needs_no_checkpoint(store: KVStore, clock: VirtualClock) -> None:
    store.leases.checkpoint_interval = 300.0
    store.leases.grant(1000, id=1)
    clock.advance_to(clock.now() + 300)
    store.leases.renew(1)
    assert store.leases.due_checkpoints() == []


def test_the_shortest_lease_outlives_an_election() -> None:
    assert (min_ttl(1.0), min_ttl(5.0), min_ttl(0.1)) == (2, 8, 1)


def test_a_leader_acts_on_its_looks_by_itself() -> None:
    loop = Loop()
    store = KVStore(loop.clock)
    asked: list[int] = []
    LeaseExpiry(loop, store, act=lambda: asked.extend(store.leases.expired()))
    store.leases.demote()
    store.leases.grant(5, id=1)
    loop.advance(100)
    assert asked == []
    store.leases.promote(1.0)
    loop.advance(5.5)
    assert asked == []
    loop.advance(1)
    assert asked == [1]
    loop.advance(3.5)
    assert asked == [1, 1]
