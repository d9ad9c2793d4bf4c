"""The clients of a schedule of faults: those that read and write, and those that watch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.etcd import FROM_KEY, Event, KVStore
from kubekit.etcd.cluster_errors import ConnectionRefused, NoLeader, ProposalLost, TooManyRequests
from kubekit.etcd.errors import EtcdError
from tests.faults.linearizability import Operation

if TYPE_CHECKING:
    from tests.faults.schedule import Schedule

KEYS = (b"a", b"b", b"c")
VALUE, CREATE = 3, 1
"""What a transaction compares: etcd's numbers."""
CERTAINLY_NOT_DONE = (ConnectionRefused, NoLeader, ProposalLost, TooManyRequests)

Change = tuple[int, bytes, bytes | None]
"""Revision, key, and value or None for a deletion."""


class Client:
    """Does one thing after the other, at one member or another; gives up after a while and goes on."""

    def __init__(self, schedule: Schedule, name: str) -> None:
        self.schedule = schedule
        self.name = name
        self.rng = schedule.rng.child(name)
        self.last_read: dict[bytes, bytes | None] = dict.fromkeys(KEYS)
        self.acknowledged: list[tuple[int, bytes, bytes | None]] = []
        """(revision, key, value or None for a deletion) of each acknowledged write."""
        self.stopped = False
        self.later(self.rng.uniform(0.0, 1.0), self.act)

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        self.schedule.loop.call_later(seconds, self.name, what, what="a client")

    def act(self) -> None:
        if self.stopped:
            return
        rng = self.rng
        key = rng.choice(KEYS)
        chance = rng.random()
        if chance < 0.4:
            self.ask("get", key, None, "KV/Range", {"key": key})
        elif chance < 0.65:
            value = self.schedule.new_value()
            self.ask("put", key, value, "KV/Put", {"key": key, "value": value})
        elif chance < 0.75:
            self.ask("delete", key, None, "KV/DeleteRange", {"key": key})
        else:
            old, new = self.last_read[key], self.schedule.new_value()
            compare: dict[str, Any] = {"key": key, "result": 0, "target": CREATE, "create_revision": 0}
            if old is not None:
                compare = {"key": key, "result": 0, "target": VALUE, "value": old}
            put = {"request_put": {"key": key, "value": new}}
            self.ask("cas", key, (old, new), "KV/Txn", {"compare": [compare], "success": [put]})

    def ask(self, kind: str, key: bytes, argument: Any, call: str, request: dict[str, Any]) -> None:
        schedule = self.schedule
        members = [m for m in schedule.etcd.members.values() if m.plan.name not in schedule.gone]
        member = self.rng.choice(members)
        operation = schedule.history.call(self.name, kind, key, argument, schedule.loop.clock.elapsed())
        open_ = True

        def answered(result: Any) -> None:
            nonlocal open_
            if open_:
                open_ = False
                self.note(operation, result)
                self.later(self.rng.uniform(0.0, 0.25), self.act)

        def gives_up() -> None:
            nonlocal open_
            if open_:
                open_ = False
                answer.cancel()
                self.note(operation, None)
                self.act()

        # The limit goes first: an answer may come at once.
        self.later(self.rng.choice([0.5, 2.0, 10.0]), gives_up)
        answer = member.submit(call, request, "", answered)

    def note(self, operation: Operation, result: Any) -> None:
        """What the client makes of an answer; None if it gave up."""
        history = self.schedule.history
        if result is None or isinstance(result, EtcdError):
            if operation.kind == "get" or isinstance(result, CERTAINLY_NOT_DONE):
                history.refused(operation)
            else:
                history.unknown(operation)
            return
        key, revision = operation.key, result["header"]["revision"]
        if operation.kind == "get":
            value = result["kvs"][0]["value"] if result["kvs"] else None
            self.last_read[key] = value
            history.answered(operation, value)
        elif operation.kind == "put":
            self.last_read[key] = operation.argument
            self.acknowledged.append((revision, key, operation.argument))
            history.answered(operation, None)
        elif operation.kind == "delete":
            if result["deleted"]:
                self.acknowledged.append((revision, key, None))
            history.answered(operation, result["deleted"])
        else:
            if result["succeeded"]:
                self.last_read[key] = operation.argument[1]
                self.acknowledged.append((revision, key, operation.argument[1]))
            history.answered(operation, result["succeeded"])


class Watcher:
    """Watches everything, at one member or another, and goes on elsewhere from where it was."""

    def __init__(self, schedule: Schedule, name: str) -> None:
        self.schedule = schedule
        self.name = name
        self.rng = schedule.rng.child(name)
        self.seen: list[Change] = []
        self.later(0.0, self.open)

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        self.schedule.loop.call_later(seconds, self.name, what, what="a watcher")

    def open(self) -> None:
        members = [member for member in self.schedule.belonging() if member.running and member.serving]
        if not members:
            self.later(0.2, self.open)
            return
        over = False

        def told(response: dict[str, Any]) -> None:
            if over:
                return
            for event in response.get("events", []):
                kv = event["kv"]
                value = None if event["type"] else kv["value"]
                self.seen.append((kv["mod_revision"], kv["key"], value))

        def leave(_: object = None) -> None:
            nonlocal over
            if not over:
                over = True
                self.later(0.1, self.open)

        def move_on() -> None:
            if not over:
                stream.close()
                leave()

        try:
            stream = self.rng.choice(members).watch(told, ended=leave)
        except EtcdError:
            self.later(0.2, self.open)
            return
        start = self.seen[-1][0] + 1 if self.seen else 1
        stream.request({"create_request": {"key": b"\0", "range_end": b"\0", "start_revision": start}})
        self.later(self.rng.choice([0.5, 3.0, 15.0]), move_on)


def everything(store: KVStore) -> list[Change]:
    """Every change that a store knows of, in order."""
    changes: list[Change] = []

    def told(events: list[Event]) -> None:
        changes.extend((e.kv.mod_revision, e.kv.key, None if e.type else e.kv.value) for e in events)

    store.watch(b"\0", FROM_KEY, 1, told).cancel()
    return changes
