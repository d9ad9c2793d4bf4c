"""Records of a WAL: frames in segments, read one after the other and checked.

A frame is a length of eight bytes (its top byte says how many bytes of padding follow), a record, and the
padding. A record has a type, a checksum and data. The checksum goes on from record to record; a CRC record at
the head of a segment says where the segment before it ended. A length of zero is where nothing was written
yet.

    for record in wal_records(disk, "member/wal/0000000000000000-0000000000000000.wal"):
        record.offset, record.size, record.name, record.crc, record.data

`TornRecord` is what a crash leaves at the end of the last segment; `CrcMismatch` is damage.
Source: server/storage/wal/decoder.go, encoder.go; walpb/record.proto.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from kubekit.etcd.crc32c import crc32c
from kubekit.etcd.disk import SECTOR, Disk
from kubekit.etcd.protobuf import DecodeError, fields

IDENTITY, ENTRY, STATE, CRC, MARK = range(1, 6)
"""Types of records: whose log it is, an entry, the hard state, a checksum to go on from, a snapshot."""

NAMES = {IDENTITY: "metadata", ENTRY: "entry", STATE: "state", CRC: "crc", MARK: "snapshot"}

FRAME = 8
"""Bytes of a frame's length."""

_CHUNK = 1 << 18


class WalError(Exception):
    """A log that cannot be read; the text is etcd's own."""


class TornRecord(WalError):
    """A record that was being written when the power went."""


class CrcMismatch(WalError):
    """A record that is not what was written."""


class WalRecord(NamedTuple):
    """One record: where it is in its file, how long its frame is, and what it says."""

    path: str
    offset: int
    size: int
    type: int
    crc: int
    data: bytes

    @property
    def name(self) -> str:
        """metadata, entry, state, crc or snapshot."""
        return NAMES.get(self.type, f"unknown {self.type}")


def wal_records(disk: Disk, path: str) -> Iterator[WalRecord]:
    """The records of one segment. Raises WalError at the first one that is damaged."""
    reader = RecordReader(disk, [path])
    while (record := reader.next()) is not None:
        yield record


class RecordReader:
    """Reads the records of some segments in order, and knows where it is: `offset` is the end of the last
    good record in the present segment, `crc` the checksum so far."""

    def __init__(self, disk: Disk, paths: Sequence[str]) -> None:
        self._disk = disk
        self._waiting = list(paths)
        self._path = ""
        self._size = 0
        self._chunk = b""
        self._chunk_at = 0
        self.offset = 0
        self.crc = 0
        self.last_index = 0
        """For the reader of entries: the index of the last one."""
        self._next_file()

    def next(self) -> WalRecord | None:
        """The next record; None at the end. Raises TornRecord, CrcMismatch, WalError."""
        while True:
            length = self._bytes(self.offset, FRAME)
            if 0 < len(length) < FRAME:
                raise TornRecord("unexpected EOF")
            if length and length != bytes(FRAME):
                break
            # The end of the file, or of what was written to it.
            if not self._waiting:
                return None
            self._next_file()
        field = int.from_bytes(length, "little")
        size = field & (1 << 56) - 1
        padding = field >> 56 & 7 if field >> 63 else 0
        if size > self._size - self.offset - padding:
            raise TornRecord(
                "unexpected EOF: [wal] max entry size limit exceeded when reading "
                f'"{self._path.rpartition("/")[2]}", recBytes: {size}, '
                f"fileSize({self._size}) - offset({self.offset}) - padBytes({padding}) = "
                f"entryLimit({self._size - self.offset - padding})"
            )
        data = self._bytes(self.offset + FRAME, size + padding)
        if len(data) < size + padding:
            raise TornRecord("unexpected EOF")
        record = self._record(data, size, padding)
        self.offset += FRAME + size + padding
        return record

    def _record(self, data: bytes, size: int, padding: int) -> WalRecord:
        type, crc, content = 0, 0, b""
        try:
            for number, value in fields(data[:size]):
                if number == 1:
                    type = _number(value)
                elif number == 2:
                    crc = _number(value) & 0xFFFFFFFF
                elif number == 3:
                    content = _data(value)
        except DecodeError as error:
            if self._torn(data):
                raise TornRecord("unexpected EOF") from None
            raise WalError(str(error)) from None
        if type == CRC:
            if self.crc not in (0, crc):
                raise CrcMismatch("walpb: crc mismatch")
            self.crc = crc
        else:
            computed = crc32c(content, self.crc)
            if computed != crc:
                where = f"in file '{self._path.rpartition('/')[2]}' at position: {self.offset}"
                if self._torn(data):
                    raise TornRecord(f"unexpected EOF: {where}")
                raise CrcMismatch(f"walpb: crc mismatch: expected: {crc:x} computed: {computed:x}: {where}")
            self.crc = computed
        return WalRecord(self._path, self.offset, FRAME + size + padding, type, crc, content)

    def _torn(self, data: bytes) -> bool:
        """Whether a sector of the record was never written, and it is in the last segment."""
        if self._waiting:
            return False
        at = 0
        place = self.offset + FRAME
        while at < len(data):
            end = at + SECTOR - (place + at) % SECTOR
            if not any(data[at:end]):
                return True
            at = end
        return False

    def _next_file(self) -> None:
        self._path = self._waiting.pop(0)
        self._size = self._disk.size(self._path)
        self._chunk = b""
        self._chunk_at = 0
        self.offset = 0

    def _bytes(self, offset: int, size: int) -> bytes:
        """Bytes of the present file; fewer where it ends."""
        start = offset - self._chunk_at
        if start < 0 or start + size > len(self._chunk):
            self._chunk = self._disk.read(self._path, offset, max(size, _CHUNK))
            self._chunk_at = offset
            start = 0
        return self._chunk[start : start + size]


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise DecodeError("proto: wrong wireType = 2 for field Type")
    return value


def _data(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise DecodeError("proto: wrong wireType = 0 for field Data")
    return value


T = TypeVar("T")


def decoded(how: Callable[[bytes], T], data: bytes) -> T:
    """A record's data, decoded. Raises WalError: its checksum was right, so it was written that way."""
    try:
        return how(data)
    except DecodeError as error:
        raise WalError(f"unmarshal should never fail ({error})") from None


def repair(disk: Disk, path: str) -> None:
    """Cut the torn end off a segment, which must be the last; the file as it was stays beside it. Raises
    WalError when something else is wrong with it."""
    reader = RecordReader(disk, [path])
    try:
        while reader.next() is not None:
            pass
    except TornRecord:
        _copy(disk, path, f"{path}.broken")
        disk.truncate(path, reader.offset)
        disk.fsync(path)


def _copy(disk: Disk, path: str, to: str) -> None:
    """Copy a file; what is zero in it is left out, because most of a segment is."""
    disk.write(to, b"")
    size = disk.size(path)
    for at in range(0, size, 1 << 20):
        piece = disk.read(path, at, 1 << 20)
        if any(piece):
            disk.write(to, piece, at)
    disk.truncate(to, size)
