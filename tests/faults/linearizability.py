"""Linearizability: is there one order of the operations that explains what every client saw?

An operation takes effect at one moment between its call and its answer. A history is linearizable if such
moments can be chosen so that each answer is the one a single register would have given. The search is Wing
and Gong's with Lowe's memory, as Porcupine does it: try the operations that are under way one after the
other, go back where an answer comes that cannot be explained, and never look twice at the same set of done
operations with the same state. Keys do not influence each other, so each key is looked at alone.

An operation whose client gave up waiting (`unknown`) may have taken effect at any time after its call, even
after the client gave up, or never.

    history = History()
    call = history.call("client 1", "put", b"a", b"1")      # get, put, delete, cas
    history.answered(call, None)                            # or history.unknown(call), history.refused(call)
    assert history.anomaly() is None                        # else a text that shows the key's operations

Sources: Wing and Gong, Testing and Verifying Concurrent Objects (1993); Lowe, Testing for Linearizability
(2017); github.com/anishathalye/porcupine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

UNKNOWN: Any = object()
"""The answer of an operation whose client gave up."""


@dataclass(eq=False, slots=True)
class Operation:
    """One call. `called` and `answered` are positions in the order in which things happened."""

    client: str
    kind: str
    key: bytes
    argument: Any
    called: int
    answered: int | None = None
    answer: Any = UNKNOWN
    at: float = 0.0
    """When it was called, for the reader."""

    def __str__(self) -> str:
        span = f"[{self.called:>4} {'' if self.answered is None else self.answered:>4}]"
        asked = {
            "get": "get",
            "put": f"put {self.argument!r}",
            "delete": "delete",
            "cas": f"cas {self.argument[0]!r} -> {self.argument[1]!r}" if self.kind == "cas" else "",
        }[self.kind]
        answer = "unknown" if self.answer is UNKNOWN else repr(self.answer)
        return f"{span} {self.at:8.3f}s {self.client:<10} {asked}  =  {answer}"


def effect(state: Any, operation: Operation) -> tuple[bool, Any]:
    """Whether a register that holds `state` (None: absent) could have answered so, and what it holds then.

    Answers: get gives the value or None, put None, delete how many went (0 or 1), cas whether it did. The
    argument of cas is (expected, new), expected None for absent; new None deletes.
    """
    kind, answer = operation.kind, operation.answer
    if kind == "get":
        return answer is UNKNOWN or answer == state, state
    if kind == "put":
        return True, operation.argument
    if kind == "delete":
        return answer is UNKNOWN or answer == (state is not None), None
    expected, new = operation.argument
    swapped = state == expected
    return answer is UNKNOWN or answer == swapped, new if swapped else state


@dataclass(slots=True)
class _Event:
    """A call or an answer, in a list from which a call that has been placed is taken out."""

    operation: Operation | None
    bit: int
    is_call: bool
    partner: _Event | None = None
    before: _Event | None = None
    after: _Event | None = None

    def take_out(self) -> None:
        for event in (self, self.partner):
            if event is not None:
                assert event.before is not None
                event.before.after = event.after
                if event.after is not None:
                    event.after.before = event.before

    def put_back(self) -> None:
        for event in (self.partner, self):
            if event is not None:
                assert event.before is not None
                event.before.after = event
                if event.after is not None:
                    event.after.before = event


def _timeline(operations: list[Operation]) -> _Event:
    """The events in order; before the first stands one that is none."""
    moments: list[tuple[int, _Event]] = []
    for number, operation in enumerate(operations):
        call = _Event(operation, 1 << number, True)
        moments.append((operation.called, call))
        if operation.answered is not None:
            call.partner = _Event(operation, 1 << number, False)
            moments.append((operation.answered, call.partner))
    head = last = _Event(None, 0, False)
    for _, event in sorted(moments, key=lambda moment: moment[0]):
        last.after, event.before = event, last
        last = event
    return head


def linearization(operations: list[Operation], initial: Any = None) -> tuple[bool, list[Operation]]:
    """Whether operations on one key can be put in order, and that order (or the longest beginning found).

    Operations of unknown outcome appear in it only where they had to.
    """
    # A read that nobody got an answer to explains nothing.
    operations = [o for o in operations if not (o.kind == "get" and o.answer is UNKNOWN)]
    head = _timeline(operations)
    answers = sum(operation.answered is not None for operation in operations)
    state: Any = initial
    done = 0
    seen: set[tuple[int, Any]] = set()
    placed: list[tuple[_Event, Any]] = []
    longest: list[Operation] = []
    event = head.after
    while answers:
        if event is not None and event.is_call:
            assert event.operation is not None
            possible, then = effect(state, event.operation)
            if possible and (done | event.bit, then) not in seen:
                seen.add((done | event.bit, then))
                placed.append((event, state))
                state, done = then, done | event.bit
                answers -= event.partner is not None
                event.take_out()
                if len(placed) > len(longest):
                    longest = [e.operation for e, _ in placed if e.operation is not None]
                event = head.after
            else:
                event = event.after
        elif not placed:
            return False, longest
        else:
            # An answer has come that this order does not explain: the last choice was wrong.
            event, state = placed.pop()
            done &= ~event.bit
            answers += event.partner is not None
            event.put_back()
            event = event.after
    return True, [e.operation for e, _ in placed if e.operation is not None]


@dataclass(slots=True)
class History:
    """What several clients did and were told, in the order in which it happened."""

    operations: list[Operation] = field(default_factory=list)
    _moment: int = 0

    def call(self, client: str, kind: str, key: bytes, argument: Any = None, at: float = 0.0) -> Operation:
        """A client asks."""
        self._moment += 1
        operation = Operation(client, kind, key, argument, self._moment, at=at)
        self.operations.append(operation)
        return operation

    def answered(self, operation: Operation, answer: Any) -> None:
        """It is answered."""
        self._moment += 1
        operation.answered, operation.answer = self._moment, answer

    def unknown(self, operation: Operation) -> None:
        """The client stops waiting: it may take effect yet, or have taken it."""

    def refused(self, operation: Operation) -> None:
        """It certainly took no effect and never will."""
        self.operations.remove(operation)

    def anomaly(self) -> str | None:
        """None if all of it is linearizable; else the operations on a key for which no order exists."""
        by_key: dict[bytes, list[Operation]] = {}
        for operation in self.operations:
            by_key.setdefault(operation.key, []).append(operation)
        for key, operations in sorted(by_key.items()):
            holds, longest = linearization(operations)
            if not holds:
                lines = [f"no order explains what was seen of {key!r}; the longest beginning is"]
                lines += [f"  {operation}" for operation in longest]
                lines.append("all of it, with the positions of call and answer:")
                lines += [f"  {operation}" for operation in sorted(operations, key=lambda o: o.called)]
                return "\n".join(lines)
        return None
