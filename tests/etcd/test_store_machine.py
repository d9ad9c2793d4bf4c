"""A property: whatever clients do in whatever order, a member answers as a model that keeps everything.

The model has a full copy of the keys at every revision, so it knows every answer; leases run out, histories
are compacted, watches pause, the alarm of a full store goes off and the store is filled anew from its own
history, all in between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kubekit.etcd import FROM_KEY, Compacted, FutureRevision, KeyValue, KVStore, LeaseNotFound
from kubekit.etcd.alarms import ACTIVATE, DEACTIVATE, NOSPACE
from kubekit.etcd.errors import LeaseExists, NoSpace
from kubekit.etcd.lease import MIN_TTL
from kubekit.etcd.messages import Message
from kubekit.etcd.v3rpc import Server
from kubekit.etcd.watch_stream import NO_WATCH, WatchStream
from kubekit.sim import VirtualClock

keys = st.sampled_from([b"a", b"a/", b"a/1", b"a/2", b"b", b"\x00", b"\xff"])
ends = st.sampled_from([b"", FROM_KEY, b"a0", b"b", b"c"])
lease_ids = st.integers(0, 3)


def inside(key: bytes, start: bytes, end: bytes) -> bool:
    if not end:
        return key == start
    return key >= start and (end == FROM_KEY or key < end)


class Followed:
    """A client's stream with one watch of everything, and what it should have been told."""

    def __init__(self, store: KVStore, start: int, wanted: list[tuple[int, bytes]]) -> None:
        self.heard: list[Message] = []
        self.start = start
        self.wanted = wanted
        self.paused = False
        self.unheard = 0
        """The first revision that it has not been told of; 0 when that was not noted."""
        self.stream = WatchStream(store, self.heard.append)
        request = {"key": b"\x00", "range_end": FROM_KEY, "start_revision": start}
        self.stream.request({"create_request": request})

    @property
    def events(self) -> list[tuple[int, bytes]]:
        return [(e["kv"]["mod_revision"], e["kv"]["key"]) for m in self.heard for e in m.get("events", ())]

    @property
    def lost(self) -> bool:
        return any(message.get("canceled") for message in self.heard)


class Member(RuleBasedStateMachine):
    """One member, asked by clients."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.store = KVStore(self.clock)
        self.server = Server(self.store)
        self.snapshots: list[dict[bytes, KeyValue]] = [{}, {}]
        self.events: list[tuple[int, bytes]] = []
        self.compacted = -1
        self.leases: dict[int, tuple[int, float]] = {}
        self.full = False
        self.streams: list[Followed] = []

    # -- the model ----------------------------------------------------------------------------------------

    @property
    def revision(self) -> int:
        return len(self.snapshots) - 1

    def write(self, *changes: tuple[bytes, bytes | None, int]) -> None:
        """(key, value or None, lease) each; all at the next revision, nothing at all if there is nothing."""
        if not changes:
            return
        now = dict(self.snapshots[-1])
        main = self.revision + 1
        for key, value, lease in changes:
            old = now.pop(key, None)
            if value is not None:
                created, version = (old.create_revision, old.version) if old else (main, 0)
                now[key] = KeyValue(key, value, created, main, version + 1, lease)
            self.events.append((main, key))
        self.snapshots.append(now)
        for followed in self.streams:
            if followed.paused and not followed.unheard:
                followed.unheard = main
            followed.wanted.extend((main, key) for key, _, _ in changes)

    def end(self, *ids: int) -> None:
        """Leases end one after the other."""
        for id in ids:
            del self.leases[id]
            tied = sorted(key for key, kv in self.snapshots[-1].items() if kv.lease == id)
            self.write(*((key, None, 0) for key in tied))

    def ask(self, call: str, request: Message, *refused: type[Exception]) -> Any:
        """Ask the member; it refuses with one of `refused` if there are any."""
        if not refused:
            return self.server.call(call, request)
        with pytest.raises(refused):
            self.server.call(call, request)
        return None

    # -- clients -------------------------------------------------------------------------------------------

    @rule(key=keys, value=st.binary(max_size=2), lease=lease_ids)
    def put(self, key: bytes, value: bytes, lease: int) -> None:
        request = {"key": key, "value": value, "lease": lease}
        if self.full:
            self.ask("KV/Put", request, NoSpace)
        elif lease and lease not in self.leases:
            self.ask("KV/Put", request, LeaseNotFound)
        else:
            self.ask("KV/Put", request)
            self.write((key, value, lease))

    @rule(key=keys, end=ends)
    def delete(self, key: bytes, end: bytes) -> None:
        gone = sorted(k for k in self.snapshots[-1] if inside(k, key, end))
        answer = self.ask("KV/DeleteRange", {"key": key, "range_end": end})
        assert answer["deleted"] == len(gone)
        self.write(*((k, None, 0) for k in gone))

    @rule(names=st.lists(keys, unique=True, min_size=1, max_size=3), value=st.binary(max_size=1))
    def put_several(self, names: list[bytes], value: bytes) -> None:
        puts = [{"request_put": {"key": key, "value": value}} for key in names]
        if self.full:
            self.ask("KV/Txn", {"success": puts}, NoSpace)
        else:
            self.ask("KV/Txn", {"success": puts})
            self.write(*((key, value, 0) for key in names))

    @rule(key=keys, end=ends, back=st.integers(-1, 12), limit=st.integers(0, 4))
    def read(self, key: bytes, end: bytes, back: int, limit: int) -> None:
        revision = self.revision - back
        request = {"key": key, "range_end": end, "revision": revision, "limit": limit}
        if revision > self.revision:
            self.ask("KV/Range", request, FutureRevision)
        elif 0 < revision < self.compacted:
            self.ask("KV/Range", request, Compacted)
        else:
            at = self.snapshots[revision if revision > 0 else -1]
            found = [kv for k, kv in sorted(at.items()) if inside(k, key, end)]
            answer = self.ask("KV/Range", request)
            assert [kv["key"] for kv in answer["kvs"]] == [kv.key for kv in found[: limit or None]]
            assert answer["kvs"] == [kv._asdict() for kv in found[: limit or None]]
            assert (answer["count"], answer["more"]) == (len(found), 0 < limit < len(found))
            counted = self.ask("KV/Range", request | {"count_only": True})
            assert counted["count"] == len(found) and not counted["kvs"]

    @rule(back=st.integers(-1, 8))
    def compact(self, back: int) -> None:
        revision = self.revision - back
        if revision > self.revision:
            self.ask("KV/Compact", {"revision": revision}, FutureRevision)
        elif revision <= self.compacted:
            self.ask("KV/Compact", {"revision": revision}, Compacted)
        else:
            self.ask("KV/Compact", {"revision": revision})
            self.compacted = revision

    # -- leases --------------------------------------------------------------------------------------------

    @rule(id=st.integers(1, 3), ttl=st.integers(-1, 6))
    def grant(self, id: int, ttl: int) -> None:
        request = {"ID": id, "TTL": ttl}
        if self.full:
            self.ask("Lease/LeaseGrant", request, NoSpace)
        elif id in self.leases:
            self.ask("Lease/LeaseGrant", request, LeaseExists)
        else:
            ttl = max(ttl, MIN_TTL)
            assert self.ask("Lease/LeaseGrant", request)["TTL"] == ttl
            self.leases[id] = (ttl, self.clock.now() + ttl)

    @rule(id=st.integers(1, 3))
    def revoke(self, id: int) -> None:
        if id in self.leases:
            self.ask("Lease/LeaseRevoke", {"ID": id})
            self.end(id)
        else:
            self.ask("Lease/LeaseRevoke", {"ID": id}, LeaseNotFound)

    @rule(id=st.integers(1, 3))
    def keep_alive(self, id: int) -> None:
        ttl = self.leases[id][0] if id in self.leases else 0
        assert self.ask("Lease/LeaseKeepAlive", {"ID": id})["TTL"] == ttl
        if id in self.leases:
            self.leases[id] = (ttl, self.clock.now() + ttl)

    @rule(seconds=st.integers(1, 4))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance_to(self.clock.now() + seconds)
        over = sorted((at, id) for id, (_, at) in self.leases.items() if at <= self.clock.now())
        assert self.store.leases.expire() == [id for _, id in over]
        self.end(*(id for _, id in over))

    # -- alarms, restarts ----------------------------------------------------------------------------------

    @rule(on=st.booleans())
    def alarm(self, on: bool) -> None:
        action = ACTIVATE if on else DEACTIVATE
        answer = self.ask("Maintenance/Alarm", {"action": action, "memberID": 1, "alarm": NOSPACE})
        assert len(answer["alarms"]) == (on or self.full)
        self.full = on

    @rule()
    def restart(self) -> None:
        """The store is filled anew; as a new leader this member begins all leases anew."""
        leases = [(lease.id, lease.ttl, 0) for lease in self.store.leases.leases()]
        self.store.restore(list(self.store.history(0)), leases, compacted=max(0, self.compacted))
        self.store.leases.promote()
        self.compacted = self.compacted or -1  # a compaction at 0 forgets nothing and is not kept
        self.leases = {id: (ttl, self.clock.now() + ttl) for id, (ttl, _) in self.leases.items()}

    # -- watches -------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.streams) < 5)
    @rule(back=st.integers(-2, 8), now=st.booleans())
    def watch(self, back: int, now: bool) -> None:
        start = 0 if now else max(0, self.revision - back)
        first = start or self.revision + 1
        followed = Followed(self.store, start, [event for event in self.events if event[0] >= first])
        assert followed.lost == (0 < start < self.compacted)
        if not followed.lost:
            if start > self.revision + 1:
                followed.stream.close()  # a watch of the future has a test of its own
            else:
                self.streams.append(followed)

    @precondition(lambda self: self.streams)
    @rule(choose=st.integers(0, 4))
    def pause_or_resume(self, choose: int) -> None:
        followed = self.streams[choose % len(self.streams)]
        if followed.paused:
            followed.stream.resume()
            if 0 < followed.unheard < self.compacted:
                assert followed.lost and followed.heard[-1]["compact_revision"] == self.compacted
                self.streams.remove(followed)
        else:
            followed.stream.pause()
        followed.paused = not followed.paused
        followed.unheard = 0

    @precondition(lambda self: self.streams)
    @rule(choose=st.integers(0, 4))
    def progress(self, choose: int) -> None:
        followed = self.streams[choose % len(self.streams)]
        before = len(followed.heard)
        followed.stream.request({"progress_request": {}})
        note: list[Message] = [{"header": {"revision": self.revision}, "watch_id": NO_WATCH}]
        silent = followed.paused or followed.start > self.revision
        assert followed.heard[before:] == ([] if silent else note)

    # -- always --------------------------------------------------------------------------------------------

    @invariant()
    def everybody_knows(self) -> None:
        assert self.store.revision == self.revision
        assert {lease.id for lease in self.store.leases.leases()} == set(self.leases)
        for id in self.leases:
            lease = self.store.leases.lookup(id)
            assert lease is not None
            assert set(lease.keys) == {key for key, kv in self.snapshots[-1].items() if kv.lease == id}
        for followed in self.streams:
            if not followed.paused:
                assert followed.events == followed.wanted
            else:
                assert followed.events == followed.wanted[: len(followed.events)]
        assert self.store.size.bytes_in_use <= self.store.size.bytes


TestMember: Callable[[], object] = Member.TestCase
Member.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
