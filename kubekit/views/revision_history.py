"""The history of the keys under a prefix, as the revision explorer draws it.

`History.of_store(store, prefix)` reads the embedded store's own log. `History.through_calls(client, prefix)`
asks like anybody else, for a store that is elsewhere (a real etcd, a served one): the changes from the first
revision on; where that was compacted, a read at the oldest readable revision and the changes that follow.

A key's marks are its versions and tombstones in order. What compaction took is gone from every store; a mark
stays for it (`kept` is False) only where something still says so: the create revision of a version that is
there, a record of the request that wrote it, or what was shown before.
Source: server/storage/mvcc/key_index.go (generations).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kubekit.etcd.errors import Compacted
from kubekit.etcd.key_value import DELETE, Event, KeyValue
from kubekit.etcd.revision import Revision
from kubekit.etcd.tree_index import prefix_end


class Write(NamedTuple):
    """One write that a record tells of: which key, at which revision, and whether it deleted it."""

    key: bytes
    main: int
    deleted: bool
    record: int
    at: float
    """Seconds since the cluster's start."""
    by: str
    """Who asked for it."""
    asked: str
    """As what: `PATCH /api/v1/...`."""


@dataclass(frozen=True)
class Mark:
    """One version of a key, or its tombstone; `kv` is None for what is only known to have been."""

    revision: Revision
    tombstone: bool
    kv: KeyValue | None

    @property
    def kept(self) -> bool:
        """Whether the store still has it."""
        return self.kv is not None

    def __str__(self) -> str:
        main, sub = self.revision
        return f"{main}.{sub}(t)" if self.tombstone else f"{main}.{sub}"


@dataclass
class KeyHistory:
    """One key's marks by generation, oldest first."""

    key: bytes
    generations: list[list[Mark]] = field(default_factory=list)

    @property
    def marks(self) -> Iterator[Mark]:
        """All marks in order."""
        for generation in self.generations:
            yield from generation

    def at(self, revision: int) -> Mark | None:
        """The version that is read at a revision; None where there is none (or it cannot be known)."""
        found = None
        for mark in self.marks:
            if mark.revision.main > revision:
                break
            found = mark
        return None if found is None or found.tombstone or not found.kept else found

    def index(self) -> list[str]:
        """The generations as etcd's index has them: what is gone is not in it."""
        lines = []
        for generation in self.generations:
            kept = ", ".join(str(mark) for mark in generation if mark.kept)
            if kept:
                lines.append("{" + kept + "}")
        return lines


@dataclass
class History:
    """The keys under a prefix in the order of their bytes, and the store's revisions."""

    prefix: bytes
    keys: dict[bytes, KeyHistory]
    revision: int
    compacted: int
    """The oldest revision that can be read; -1 when nothing was ever compacted."""
    writes: dict[int, Write] = field(default_factory=dict)
    """The recorded write of a main revision."""
    leases: dict[int, str] = field(default_factory=dict)
    """What is known of the leases that keys are tied to: `granted 3600 s`."""

    @classmethod
    def of_store(cls, store: Any, prefix: bytes) -> History:
        """Of an embedded KVStore: its log, read whole."""
        entries = [(revision, kv) for revision, kv in store.history(0) if kv.key.startswith(prefix)]
        leases = {lease.id: f"granted {lease.ttl} s" for lease in store.leases.leases()}
        return cls(
            prefix, _by_key(entries), int(store.revision), int(store.compacted_revision), leases=leases
        )

    @classmethod
    def through_calls(cls, client: Any, prefix: bytes) -> History:
        """Of anything that answers `revision`, `range` and `watch` as KVStore does, or, where a watch tells
        nothing of the past, `past(start)`: the events from a revision on."""
        end = prefix_end(prefix)
        entries: list[tuple[Revision, KeyValue]] = []
        compacted = -1
        try:
            events = _since(client, prefix, end, 1)
        except Compacted as error:
            compacted = error.compact_revision
            read = client.range(prefix, end, rev=compacted)
            entries = [(Revision(kv.mod_revision, 0), kv) for kv in read.kvs]
            events = _since(client, prefix, end, compacted + 1)
        subs: dict[int, int] = {}
        for event in events:
            main = event.kv.mod_revision
            sub = subs[main] = subs.get(main, -1) + 1
            if not event.kv.key.startswith(prefix):
                continue
            kv = KeyValue(event.kv.key, mod_revision=main) if event.type == DELETE else event.kv
            entries.append((Revision(main, sub), kv))
        return cls(prefix, _by_key(entries), int(client.revision), compacted)

    def remember(self, writes: Iterable[Write]) -> None:
        """Learn from records who wrote what, and of writes whose versions are gone."""
        for write in writes:
            if write.key.startswith(self.prefix):
                self.writes.setdefault(write.main, write)
                self._add_gone(write.key, write.main, write.deleted)

    def remember_shown(self, before: History) -> None:
        """Keep a place for what an earlier picture showed and the store has not any more."""
        for key, history in before.keys.items():
            for mark in history.marks:
                self._add_gone(key, mark.revision.main, mark.tombstone)

    def revisions(self) -> list[int]:
        """The main revisions at which something under the prefix changed, in order."""
        return sorted({mark.revision.main for history in self.keys.values() for mark in history.marks})

    def readable(self, revision: int) -> bool:
        """Whether the store answers a read at a revision."""
        return revision >= self.compacted

    def _add_gone(self, key: bytes, main: int, deleted: bool) -> None:
        if main > self.compacted:
            return
        history = self.keys.get(key)
        if history is not None and any(mark.revision.main == main for mark in history.marks):
            return
        marks = list(history.marks) if history is not None else []
        marks.append(Mark(Revision(main, 0), deleted, None))
        self.keys[key] = KeyHistory(key, _generations(marks))
        self.keys = dict(sorted(self.keys.items()))


def _since(client: Any, key: bytes, end: bytes, start: int) -> list[Event]:
    """The events from a revision to now. Raises Compacted."""
    if hasattr(client, "past"):
        return list(client.past(start))
    events: list[Event] = []
    client.watch(key, end, start, events.extend).cancel()
    return events


def _by_key(entries: list[tuple[Revision, KeyValue]]) -> dict[bytes, KeyHistory]:
    marks: dict[bytes, list[Mark]] = {}
    for revision, kv in sorted(entries, key=lambda entry: entry[0]):
        marks.setdefault(kv.key, []).append(Mark(revision, kv.tombstone, kv))
    for own in marks.values():
        # The first version that is left still says when its key was created.
        for mark in list(own):
            if mark.kv is not None and mark.kv.create_revision:
                created = mark.kv.create_revision
                if not any(other.revision.main == created for other in own):
                    own.append(Mark(Revision(created, 0), False, None))
    return {key: KeyHistory(key, _generations(marks[key])) for key in sorted(marks)}


def _generations(marks: list[Mark]) -> list[list[Mark]]:
    """Marks cut into generations: one ends with its tombstone, and another begins where a key was created."""
    found: list[list[Mark]] = []
    ended = True
    for mark in sorted(marks, key=lambda mark: mark.revision):
        begins = mark.kv is not None and mark.kv.create_revision == mark.revision.main
        if ended or (begins and found[-1][-1].revision.main != mark.revision.main):
            found.append([])
        found[-1].append(mark)
        ended = mark.tombstone
    return found


def writes_of(records: Iterable[Any]) -> Iterator[Write]:
    """The writes that the records of requests tell of."""
    for record in records:
        if record.kind != "request":
            continue
        asked = record.came_in
        for write in record.came_out.get("writes") or ():
            deleted = str(write["condition"]).startswith("delete")
            yield Write(
                write["key"].encode(), int(write["revision"]), deleted, record.id, record.at,
                str(asked["source"]), f"{asked['method']} {asked['path']}",
            )  # fmt: skip
