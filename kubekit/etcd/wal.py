"""WAL: the log on disk, written before anything is done.

A folder of segments, each a file of 64 MB that is allocated beforehand and filled from the front. Every
record's checksum goes on from the one before it, over all segments, so no record can be changed, lost or put
elsewhere without a trace. What was synced is there after a crash; of what was not, some may be there too,
torn: the end of the last segment is repaired by cutting off what is torn, anywhere else a wrong checksum is
an error that nobody can mend.

    wal = WAL.create(disk, "member/wal", encode_identity(member_id, cluster_id))
    wal.save(HardState(1, 0, 0), [Entry(1, 1)])              # synced when it must be
    wal.save_mark(LogMark(1, 1, conf_state))                 # a snapshot contains entry 1
    wal, found = WAL.open(disk, "member/wal", LogMark())     # .identity .hard_state .entries

On a disk in memory nothing is made into bytes until somebody looks (see `Disk.later`). Do not delete segments
by hand: `purge` knows which are needed. `wal_records` reads the records of a segment one by one.
Source: server/storage/wal/wal.go, encoder.go, repair.go, util.go; server/storage/wal/walpb/record.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from kubekit.etcd.crc32c import crc32c
from kubekit.etcd.disk import Disk
from kubekit.etcd.key_value import varint
from kubekit.etcd.raft_codec import (
    LogMark,
    decode_entry,
    decode_hard_state,
    decode_mark,
    encode_entry,
    encode_hard_state,
    encode_mark,
)
from kubekit.etcd.wal_records import (
    CRC,
    ENTRY,
    IDENTITY,
    MARK,
    STATE,
    RecordReader,
    TornRecord,
    WalError,
    decoded,
    repair,
)
from kubekit.raft import Entry, HardState

SEGMENT_SIZE = 64_000_000
"""Bytes of a segment; a new one is begun when a save has filled it."""

KEPT_SEGMENTS = 5
"""Segments that stay although they are not needed any more."""

_NAME = re.compile(r"([0-9a-f]{16})-([0-9a-f]{16})\.wal")


class Found(NamedTuple):
    """What a log holds after a snapshot: whose it is, the last hard state, the entries."""

    identity: bytes
    hard_state: HardState
    entries: list[Entry]


class _Save(NamedTuple):
    """A save that was put off."""

    hard_state: HardState | None
    entries: Sequence[Entry]
    must_sync: bool


class _NewHead(NamedTuple):
    """A segment that begins with entry `index` or before, in place of saves that nobody needs any more."""

    index: int  # type: ignore[assignment]  # tuple.index is not missed
    hard_state: HardState


def segment_name(sequence: int, index: int) -> str:
    """The name of the segment number `sequence`, whose first entry is `index`.

    >>> segment_name(1, 10001)
    '0000000000000001-0000000000002711.wal'
    """
    return f"{sequence:016x}-{index:016x}.wal"


def segments(disk: Disk, folder: str) -> list[tuple[int, int, str]]:
    """(sequence, first index, path) of each segment, oldest first. Raises WalError when there is none."""
    names = disk.list(folder) if disk.exists(folder) else []
    found = [(match, name) for name in names if (match := _NAME.fullmatch(name))]
    if not found:
        raise WalError("wal: file not found")
    return [(int(match[1], 16), int(match[2], 16), f"{folder}/{name}") for match, name in found]


class WAL:
    """A log that is open for writing; `create` or `open` one."""

    def __init__(self, disk: Disk, folder: str, identity: bytes, segment_size: int) -> None:
        self.disk = disk
        self.folder = folder
        self.identity = identity
        self.segment_size = segment_size
        self.hard_state = HardState()
        self.last_index = 0
        """The index of the entry that was saved last."""
        self._path = ""
        self._sequence = 0
        self._offset = 0
        self._crc = 0
        self._pending: list[_Save | LogMark | _NewHead] = []
        """What was asked for and is not written, on a disk that can tell when somebody looks."""

    # Beginning

    @classmethod
    def create(cls, disk: Disk, folder: str, identity: bytes, segment_size: int = SEGMENT_SIZE) -> WAL:
        """Begin a log. Raises WalError when there is one."""
        if disk.exists(folder) and any(_NAME.fullmatch(name) for name in disk.list(folder)):
            raise WalError("file already exists")
        # It is made beside and then renamed, so that there is a whole log or none.
        made = f"{folder}.tmp"
        if disk.exists(made):
            disk.remove(made)
        disk.mkdir(made)
        wal = cls(disk, made, identity, segment_size)
        name = segment_name(0, 0)
        wal._begin(f"{made}/{name}", 0, 0)
        wal._write(wal._record(CRC, None) + wal._record(IDENTITY, identity))
        wal._save_mark(LogMark())
        disk.fsync(made)
        if disk.exists(folder):
            disk.remove(folder)
        disk.rename(made, folder)
        wal.folder, wal._path = folder, f"{folder}/{name}"
        disk.fsync(folder.rpartition("/")[0])
        return wal

    @classmethod
    def open(
        cls, disk: Disk, folder: str, mark: LogMark, segment_size: int = SEGMENT_SIZE
    ) -> tuple[WAL, Found]:
        """Read a log from a snapshot on, mend its torn end, and go on writing. Raises WalError."""
        try:
            return cls._open(disk, folder, mark, segment_size)
        except TornRecord:
            repair(disk, segments(disk, folder)[-1][2])
            return cls._open(disk, folder, mark, segment_size)

    @classmethod
    def _open(cls, disk: Disk, folder: str, mark: LogMark, segment_size: int) -> tuple[WAL, Found]:
        paths = _from(segments(disk, folder), mark.index)
        reader = RecordReader(disk, [path for _, _, path in paths])
        found = _read(reader, mark)
        wal = cls(disk, folder, found.identity, segment_size)
        wal._sequence, _, wal._path = paths[-1]
        wal._offset, wal._crc = reader.offset, reader.crc
        wal.hard_state, wal.last_index = found.hard_state, reader.last_index
        # What follows a zero was never synced. Overwritten in part it would look like damage.
        size = disk.size(wal._path)
        disk.truncate(wal._path, wal._offset)
        disk.truncate(wal._path, max(size, segment_size))
        # Else the next power cut could bring it back, among what is written from now on.
        disk.fsync(wal._path)
        return wal, found

    # Writing

    def save(self, hard_state: HardState | None, entries: Sequence[Entry], must_sync: bool = True) -> None:
        """Write entries and the hard state after them. They are kept through a crash when it matters: when
        there are entries, or the term or the vote has changed; and if `must_sync` allows."""
        if hard_state is not None or entries:
            if self._pending or self.disk.later(self._catch_up):
                self._pending.append(_Save(hard_state, entries, must_sync))
            else:
                self._save(hard_state, entries, must_sync)

    def put_off(self, entry: Entry) -> bool:
        """Let an entry wait behind others that wait to be made into bytes; False when none do."""
        if not self._pending:
            return False
        self._pending.append(_Save(None, (entry,), True))
        return True

    def save_mark(self, mark: LogMark) -> None:
        """Note a snapshot that is safely on disk."""
        if self._pending or self.disk.later(self._catch_up):
            self._pending.append(mark)
        else:
            self._save_mark(mark)

    def sync(self) -> None:
        """Keep everything that was written through a crash."""
        self._catch_up()
        self.disk.fsync(self._path)

    def purge(self, index: int, keep: int = KEPT_SEGMENTS) -> list[str]:
        """Remove the oldest segments that hold nothing after the snapshot of entry `index`, all but `keep`;
        their names."""
        if self._forget(index):
            return []
        self._catch_up()
        paths = segments(self.disk, self.folder)
        needed = next((place for place, (_, first, _) in enumerate(paths) if first >= index), len(paths)) - 1
        gone = [path for _, _, path in paths[: max(0, min(needed, len(paths) - keep))]]
        for path in gone:
            self.disk.remove(path)
        return [path.rpartition("/")[2] for path in gone]

    def _save(self, hard_state: HardState | None, entries: Sequence[Entry], must_sync: bool) -> None:
        frames = [self._record(ENTRY, encode_entry(entry)) for entry in entries]
        if entries:
            self.last_index = entries[-1].index
        before = self.hard_state
        if hard_state is not None:
            frames.append(self._record(STATE, encode_hard_state(hard_state)))
            self.hard_state = hard_state
        self._write(b"".join(frames))
        if self._offset >= self.segment_size:
            self._cut()
        elif must_sync and (entries or before[:2] != self.hard_state[:2]):
            self.disk.fsync(self._path)

    def _save_mark(self, mark: LogMark) -> None:
        self._write(self._record(MARK, encode_mark(mark)))
        self.last_index = max(self.last_index, mark.index)
        self.disk.fsync(self._path)

    # What is put off on a disk that can tell when somebody looks

    def _catch_up(self) -> None:
        """Write what was put off, in the order in which it was asked for."""
        pending, self._pending = self._pending, []
        for work in pending:
            if type(work) is _Save:
                self._save(*work)
            elif type(work) is LogMark:
                self._save_mark(work)
            else:
                assert type(work) is _NewHead
                self._begin_anew(work)

    def _forget(self, index: int) -> bool:
        """Never write what is put off and not needed after the snapshot of entry `index`, as if it had been
        in segments that are gone; whether that could be done."""
        pending = self._pending
        place = -1
        for at, work in enumerate(pending):
            if place < 0 and type(work) is _Save and work.entries and work.entries[-1].index > index:
                place = at
            elif type(work) is LogMark and work.index == index:
                break
        else:
            return False
        dropped = pending[: at if place < 0 else place]
        states = [work.hard_state for work in dropped if not isinstance(work, LogMark) and work.hard_state]
        if dropped:
            pending[: len(dropped)] = [_NewHead(index, states[-1] if states else self.hard_state)]
        return True

    def _begin_anew(self, head: _NewHead) -> None:
        """Begin a segment in place of all that there are."""
        old = [path for _, _, path in segments(self.disk, self.folder)]
        self.hard_state = head.hard_state
        self._next_segment(head.index)
        for path in old:
            self.disk.remove(path)

    def _record(self, type: int, data: bytes | None) -> bytes:
        """A record with its frame."""
        if data is None:
            record = b"\x08%c\x10%b" % (type, varint(self._crc))
        else:
            self._crc = crc = crc32c(data, self._crc)
            record = b"\x08%c\x10%b\x1a%b%b" % (type, varint(crc), varint(len(data)), data)
        size = len(record)
        padding = -size & 7
        if padding:
            # Padded to eight bytes, so that a length never lies across two sectors.
            return (size | (0x80 | padding) << 56).to_bytes(8, "little") + record + bytes(padding)
        return size.to_bytes(8, "little") + record

    def _write(self, frames: bytes) -> None:
        self.disk.write(self._path, frames, self._offset)
        self._offset += len(frames)

    def _begin(self, path: str, sequence: int, crc: int) -> None:
        self.disk.write(path, b"")
        self.disk.truncate(path, self.segment_size)
        self._path, self._sequence, self._offset, self._crc = path, sequence, 0, crc

    def _cut(self) -> None:
        """Finish the segment and begin the next."""
        self.disk.truncate(self._path, self._offset)
        self.disk.fsync(self._path)
        self._next_segment(self.last_index + 1)

    def _next_segment(self, index: int) -> None:
        """Begin a segment, which says at its head what the log was up to."""
        sequence = self._sequence + 1
        made = f"{self.folder}/{sequence % 2}.tmp"
        self._begin(made, sequence, self._crc)
        frames = self._record(CRC, None) + self._record(IDENTITY, self.identity)
        if self.hard_state != HardState():
            frames += self._record(STATE, encode_hard_state(self.hard_state))
        self._write(frames)
        self.disk.fsync(made)
        self._path = f"{self.folder}/{segment_name(sequence, index)}"
        self.disk.rename(made, self._path)
        self.disk.fsync(self.folder)


def _from(paths: list[tuple[int, int, str]], index: int) -> list[tuple[int, int, str]]:
    """The segments from the one that holds entry `index` on. Raises WalError."""
    start = max((place for place, (_, first, _) in enumerate(paths) if first <= index), default=-1)
    if start < 0:
        raise WalError(f"wal: file not found which matches the snapshot index '{index}'")
    for (before, _, _), (after, _, _) in zip(paths[start:], paths[start + 1 :], strict=False):
        if after != before + 1 and before:
            raise WalError(f"wal: file sequence numbers (starting from {start}) do not increase continuously")
    return paths[start:]


def _read(reader: RecordReader, mark: LogMark) -> Found:
    """Everything after a snapshot. Raises WalError, TornRecord."""
    identity: bytes | None = None
    state = HardState()
    entries: list[Entry] = []
    matched = False
    while (record := reader.next()) is not None:
        data = record.data
        if record.type == ENTRY:
            entry = decoded(decode_entry, data)
            reader.last_index = entry.index
            place = entry.index - mark.index - 1
            if place > len(entries):
                raise WalError(
                    f"wal: slice bounds out of range, snapshot[Index: {mark.index}, Term: {mark.term}], "
                    f"current entry[Index: {entry.index}, Term: {entry.term}], len(ents): {len(entries)}"
                )
            if place >= 0:
                # A later leader may have replaced entries that were never committed.
                del entries[place:]
                entries.append(entry)
        elif record.type == STATE:
            state = decoded(decode_hard_state, data)
        elif record.type == IDENTITY:
            if identity is not None and identity != data:
                raise WalError("wal: conflicting metadata found")
            identity = data
        elif record.type == MARK:
            found = decoded(decode_mark, data)
            reader.last_index = max(reader.last_index, found.index)
            if found.index == mark.index:
                if found.term != mark.term:
                    raise WalError("wal: snapshot mismatch")
                matched = True
        elif record.type != CRC:
            raise WalError(f"unexpected block type {record.type}")
    if not matched:
        raise WalError("wal: snapshot not found")
    return Found(identity or b"", state, entries)


def marks(disk: Disk, folder: str) -> list[LogMark]:
    """The snapshots that a log notes and that were committed, oldest first. Raises WalError."""
    found: list[LogMark] = []
    commit = 0
    reader = RecordReader(disk, [path for _, _, path in segments(disk, folder)])
    try:
        while (record := reader.next()) is not None:
            if record.type == MARK:
                found.append(decoded(decode_mark, record.data))
            elif record.type == STATE:
                commit = decoded(decode_hard_state, record.data).commit
    except TornRecord:
        # What is torn was never synced, so nothing in it counts.
        pass
    return [mark for mark in found if mark.index <= commit]
