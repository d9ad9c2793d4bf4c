"""AlarmStore: the alarms of a cluster, and what they forbid.

An alarm says that something is wrong with a member: NOSPACE (its file has reached the quota) or CORRUPT (its
data differs from the others'). Alarms travel through the log like writes, so all members hold the same ones,
and one member's alarm ties the hands of all until somebody disarms it. NOSPACE refuses what makes the file
grow: a put, a transaction that puts in either branch, a lease. CORRUPT refuses all that goes through the log
except alarms and users. Nothing is checked by itself: who applies an entry calls `check` first.

>>> alarms = AlarmStore()
>>> alarms.activate(7, NOSPACE)
Alarm(member_id=7, alarm=1)
>>> alarms.check("delete_range", 0)
>>> alarms.check("put", 300)
Traceback (most recent call last):
kubekit.etcd.errors.NoSpace: etcdserver: mvcc: database space exceeded
>>> alarms.deactivate(7, NOSPACE)
Alarm(member_id=7, alarm=1)
>>> alarms.check("put", 300)

Source: server/etcdserver/api/v3alarm/alarms.go, server/etcdserver/apply/uber_applier.go, corrupt.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kubekit.etcd.errors import CorruptCluster, NoSpace
from kubekit.etcd.messages import Message

NONE, NOSPACE, CORRUPT = 0, 1, 2
"""Types of alarms; NONE stands for all of them in a question."""

GET, ACTIVATE, DEACTIVATE = 0, 1, 2
"""What an `AlarmRequest` asks for."""

_GROWING = frozenset({"put", "lease_grant"})
_CORRUPTING = frozenset({"range", "put", "delete_range", "txn", "compaction", "lease_grant", "lease_revoke"})
"""Kinds of entries that no member applies while a member's data is corrupt."""


class Alarm(NamedTuple):
    """One alarm of one member."""

    member_id: int
    alarm: int

    def __str__(self) -> str:
        """As a status lists it among its errors."""
        names = {NOSPACE: "NOSPACE", CORRUPT: "CORRUPT"}
        member = f"memberID:{self.member_id} " if self.member_id else ""
        return f"{member}alarm:{names.get(self.alarm, self.alarm)} " if self.alarm else member


class AlarmStore:
    """The alarms that are on; the same on every member."""

    def __init__(self, alarms: Iterable[tuple[int, int]] = ()) -> None:
        self._on: set[Alarm] = {Alarm(*pair) for pair in alarms}

    def __iter__(self) -> Iterator[Alarm]:
        return iter(self.get())

    def activate(self, member_id: int, alarm: int) -> Alarm | None:
        """Set an alarm off; it, also when it was on already. NONE is no alarm: None."""
        if alarm == NONE:
            return None
        found = Alarm(member_id, alarm)
        self._on.add(found)
        return found

    def deactivate(self, member_id: int, alarm: int) -> Alarm | None:
        """Turn an alarm off; it, or None when it was not on."""
        found = Alarm(member_id, alarm)
        if found not in self._on:
            return None
        self._on.remove(found)
        return found

    def get(self, alarm: int = NONE) -> list[Alarm]:
        """The alarms of a type that are on, or all, ordered by type and member."""
        return sorted((on for on in self._on if alarm in (NONE, on.alarm)), key=lambda on: on[::-1])

    def apply(self, request: Message) -> Message:
        """Do an `AlarmRequest`; the fields of its answer."""
        member_id, alarm = request.get("memberID", 0), request.get("alarm", NONE)
        action = request.get("action", GET)
        if action == GET:
            found = self.get(alarm)
        else:
            changed = {ACTIVATE: self.activate, DEACTIVATE: self.deactivate}.get(action, _nothing)
            one = changed(member_id, alarm)
            found = [] if one is None else [one]
        return {"alarms": [{"memberID": on.member_id, "alarm": on.alarm} for on in found]}

    def check(self, kind: str, cost: int) -> None:
        """Refuse to apply an entry that the alarms forbid. Raises CorruptCluster, NoSpace.

        `kind` is the entry's name in the log (``put``, ``lease_grant``, ``compaction``, ...); `cost`, which
        matters for ``txn`` only, is what `quota.cost` says of it.
        """
        if not self._on:
            return
        if kind in _CORRUPTING and self.get(CORRUPT):
            raise CorruptCluster
        if (kind in _GROWING or (kind == "txn" and cost > 0)) and self.get(NOSPACE):
            raise NoSpace


def _nothing(member_id: int, alarm: int) -> Alarm | None:
    """What an unknown action does."""
    return None
