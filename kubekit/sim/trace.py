"""The trace: a bounded ring of records, each telling how one decision was made.

Every room emits records here and nothing else reads the rooms' insides: views draw records, checks read
records, the determinism test compares them. A record is cheap to emit: `came_in`, `steps` and `came_out`
may be callables over immutable data, evaluated when somebody looks. Never emit a callable that closes over
something that will change.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from kubekit.sim.clock import Clock

VERDICTS = ("pass", "refuse", "skip", "pick", "wait", "note")
"""What a step's verdict may be: passes, is refused, does not apply, was picked, must wait, is a remark."""

KINDS = ("request", "watch", "schedule", "reconcile", "sync", "raft", "packet", "query", "cri", "component")
"""The kinds of records."""


class Step(NamedTuple):
    """One thing that was asked on the way to a decision."""

    asked: str
    verdict: str
    reason: str = ""
    figures: Any = None

    def to_json(self) -> dict[str, Any]:
        """The step as a JSON object; empty parts are left out."""
        out: dict[str, Any] = {"asked": self.asked, "verdict": self.verdict}
        if self.reason:
            out["reason"] = self.reason
        if self.figures is not None:
            out["figures"] = self.figures
        return out


Detail = Any
"""A JSON value, or a callable without arguments that gives one."""


class Record:
    """How one decision was made: what came in, each step, what came out, and which record led to it."""

    __slots__ = (
        "_came_in",
        "_came_out",
        "_sentence",
        "_steps",
        "at",
        "caused_by",
        "component",
        "id",
        "kind",
        "subject",
        "took",
    )

    def __init__(
        self,
        id: int,
        at: float,
        kind: str,
        component: str,
        subject: str,
        sentence: str | Callable[[], str],
        came_in: Detail,
        steps: Sequence[Step] | Callable[[], Sequence[Step]],
        came_out: Detail,
        caused_by: int | None,
        took: int = 0,
    ) -> None:
        self.id = id
        self.at = at
        self.kind = kind
        self.component = component
        self.subject = subject
        self.caused_by = caused_by
        self.took = took
        """Nanoseconds of the machine's clock, 0 where nobody measured: no part of the JSON form, since no two
        runs agree on it."""
        self._sentence = sentence
        self._came_in = came_in
        self._steps = steps
        self._came_out = came_out

    @property
    def sentence(self) -> str:
        """One plain sentence: caption, live region, first line of text."""
        if callable(self._sentence):
            self._sentence = self._sentence()
        return self._sentence

    @property
    def came_in(self) -> Any:
        """What the decision was made about."""
        if callable(self._came_in):
            self._came_in = self._came_in()
        return self._came_in

    @property
    def steps(self) -> Sequence[Step]:
        """What was asked, in order, each with its verdict and reason."""
        if callable(self._steps):
            self._steps = self._steps()
        return self._steps

    @property
    def came_out(self) -> Any:
        """What was decided."""
        if callable(self._came_out):
            self._came_out = self._came_out()
        return self._came_out

    def to_json(self) -> dict[str, Any]:
        """The whole record as a JSON object."""
        return {
            "id": self.id,
            "at": round(self.at, 6),
            "kind": self.kind,
            "component": self.component,
            "subject": self.subject,
            "sentence": self.sentence,
            "came_in": self.came_in,
            "steps": [step.to_json() for step in self.steps],
            "came_out": self.came_out,
            "caused_by": self.caused_by,
        }

    def __repr__(self) -> str:
        return f"[{self.id}] t={self.at:.3f}s {self.component}: {self.sentence}"


class Trace:
    """The ring of records of one cluster, with the cause that new records inherit."""

    def __init__(self, clock: Clock, size: int = 50_000) -> None:
        self.clock = clock
        self.size = size
        self.records: deque[Record] = deque(maxlen=size)
        self.cause: int | None = None
        self._next = 1
        self._subscribers: list[Callable[[Record], None]] = []

    def emit(
        self,
        kind: str,
        component: str,
        subject: str,
        sentence: str | Callable[[], str],
        came_in: Detail = None,
        steps: Sequence[Step] | Callable[[], Sequence[Step]] = (),
        came_out: Detail = None,
        caused_by: int | None = None,
    ) -> Record:
        """Add a record at the present time; without `caused_by` it is caused by what runs now."""
        record = Record(
            self._next,
            self.clock.elapsed(),
            kind,
            component,
            subject,
            sentence,
            came_in,
            steps,
            came_out,
            self.cause if caused_by is None else caused_by,
        )
        self._next += 1
        self.records.append(record)
        for notify in self._subscribers:
            notify(record)
        return record

    def reserve(self) -> int:
        """The id that a record will get when it is added later with `add` (its effects may come first)."""
        taken = self._next
        self._next += 1
        return taken

    def add(self, record: Record) -> Record:
        """Add a record that was made with a reserved id."""
        self.records.append(record)
        for notify in self._subscribers:
            notify(record)
        return record

    @contextmanager
    def under(self, cause: int | None) -> Iterator[None]:
        """While inside, new records and newly scheduled events are caused by the record with this id."""
        before = self.cause
        self.cause = cause
        try:
            yield
        finally:
            self.cause = before

    def of(self, subject: str) -> list[Record]:
        """All kept records about one subject, in order of time, e.g. ``pod/shop/web``."""
        return [record for record in self.in_order() if record.subject == subject]

    def get(self, id: int) -> Record | None:
        """The record with this id, or None when it has left the ring."""
        for record in reversed(self.records):
            if record.id == id:
                return record
        return None

    def in_order(self) -> list[Record]:
        """The kept records by id: the order in which things began."""
        return sorted(self.records, key=lambda record: record.id)

    def chain(self, record: Record) -> list[Record]:
        """The record and, following `caused_by`, all that led to it; the origin comes first."""
        by_id = {other.id: other for other in self.records}
        chain = [record]
        while chain[-1].caused_by is not None and (cause := by_id.get(chain[-1].caused_by)) is not None:
            if cause in chain:
                break
            chain.append(cause)
        return chain[::-1]

    def subscribe(self, notify: Callable[[Record], None]) -> Callable[[], None]:
        """Call `notify` with each new record; returns the function that ends it."""
        self._subscribers.append(notify)

        def unsubscribe() -> None:
            if notify in self._subscribers:
                self._subscribers.remove(notify)

        return unsubscribe

    def clear(self) -> None:
        """Forget all records; ids go on counting."""
        self.records.clear()

    def dump(self) -> str:
        """Every record as a line of JSON: what the determinism test compares."""
        return "\n".join(
            json.dumps(record.to_json(), sort_keys=True, default=str) for record in self.in_order()
        )
