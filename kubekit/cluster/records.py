"""The learner's way into the trace: records by object, by kind, by time.

`cluster.records.of("pod/shop/web")` is every record about that object in order; a record's `caused_by` leads
on (`chain`). Nothing is computed here: these are selections of what was recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, overload

from kubekit.sim import Record, Trace


class RecordList(list[Record]):
    """Records that print one sentence a line."""

    def __repr__(self) -> str:
        if not self:
            return "no records"
        return "\n".join(repr(record) for record in self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


class Records:
    """The kept records of a cluster, oldest first."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def of(self, subject: str) -> RecordList:
        """Every record about one object, e.g. ``pod/shop/web`` or ``node/node01``."""
        return RecordList(self._trace.of(subject))

    def kind(self, kind: str) -> RecordList:
        """Every record of one kind: request, watch, schedule, reconcile, sync, cri, packet ..."""
        return RecordList(record for record in self if record.kind == kind)

    def by(self, component: str) -> RecordList:
        """Every record that one component made."""
        return RecordList(record for record in self if record.component == component)

    def since(self, seconds: float) -> RecordList:
        """Every record from `seconds` after the cluster's start on."""
        return RecordList(record for record in self if record.at >= seconds)

    def chain(self, record: Record) -> RecordList:
        """The record and all that led to it; the origin comes first."""
        return RecordList(self._trace.chain(record))

    def __iter__(self) -> Iterator[Record]:
        return iter(self._trace.in_order())

    def __len__(self) -> int:
        return len(self._trace.records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> RecordList: ...

    def __getitem__(self, index: int | slice) -> Record | RecordList:
        found = self._trace.in_order()
        return RecordList(found[index]) if isinstance(index, slice) else found[index]

    def __repr__(self) -> str:
        return f"{len(self)} records; cluster.records.of('pod/default/web') selects those about one object"
