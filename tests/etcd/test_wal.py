"""The log on disk: segments, torn ends, flipped bits."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kubekit.etcd.disk import SECTOR, MemoryDisk
from kubekit.etcd.operation import Put
from kubekit.etcd.raft_codec import LogMark, encode_identity
from kubekit.etcd.raft_request import RaftRequest
from kubekit.etcd.wal import WAL, Found, marks, segment_name, segments
from kubekit.etcd.wal_records import CrcMismatch, RecordReader, TornRecord, WalError, wal_records
from kubekit.raft import NORMAL, ConfState, Entry, HardState
from kubekit.sim import Rng

IDENTITY = encode_identity(1, 2)
CONF = ConfState((1,), ())
FIRST = f"wal/{segment_name(0, 0)}"


def entry(index: int, term: int = 1, size: int = 40) -> Entry:
    return Entry(term, index, NORMAL, RaftRequest("put", Put(b"key%d" % index, b"v" * size), index))


def fresh(disk: MemoryDisk, segment_size: int = 1 << 16) -> WAL:
    return WAL.create(disk, "wal", IDENTITY, segment_size)


START = LogMark()


def reopened(disk: MemoryDisk, mark: LogMark = START, segment_size: int = 1 << 16) -> Found:
    return WAL.open(disk, "wal", mark, segment_size)[1]


def used(disk: MemoryDisk, path: str = FIRST) -> int:
    """Where the last record of a segment ends."""
    return max(record.offset + record.size for record in wal_records(disk, path))


@pytest.mark.parametrize("lazy", [True, False])
def test_what_is_saved_is_read(lazy: bool) -> None:
    disk = MemoryDisk(lazy)
    wal = fresh(disk)
    entries = [entry(index) for index in range(1, 30)]
    for one in entries:
        wal.save(HardState(1, 1, one.index - 1), (one,))
    wal.save_mark(LogMark(20, 1, CONF))
    found = reopened(disk)
    assert found == (IDENTITY, HardState(1, 1, 28), entries)
    assert reopened(disk, LogMark(20, 1)).entries == entries[20:]
    assert marks(disk, "wal") == [LogMark(), LogMark(20, 1, CONF)]


def test_a_log_goes_on_where_it_was() -> None:
    disk = MemoryDisk()
    for start in (1, 11, 21):
        wal = fresh(disk) if start == 1 else WAL.open(disk, "wal", LogMark(), 1 << 16)[0]
        wal.save(None, [entry(index) for index in range(start, start + 10)])
    assert reopened(disk).entries == [entry(index) for index in range(1, 31)]


def test_a_new_leader_replaces_what_was_not_committed() -> None:
    disk = MemoryDisk()
    wal = fresh(disk)
    wal.save(HardState(1, 1, 2), [entry(index) for index in range(1, 6)])
    wal.save(HardState(2, 3, 2), [entry(3, 2)])
    assert reopened(disk).entries == [entry(1), entry(2), entry(3, 2)]


@pytest.mark.parametrize("lazy", [True, False])
def test_segments(lazy: bool) -> None:
    disk = MemoryDisk(lazy)
    wal = fresh(disk, 2000)
    for index in range(1, 101):
        wal.save(HardState(1, 1, index - 1), (entry(index),))
    paths = segments(disk, "wal")
    assert [sequence for sequence, _, _ in paths] == list(range(len(paths))) and len(paths) > 5
    assert all(disk.size(path) >= 2000 for _, _, path in paths)
    # A finished segment is as long as what is in it; the last one is preallocated.
    assert all(disk.size(path) == used(disk, path) for _, _, path in paths[:-1])
    first = list(wal_records(disk, paths[3][2]))[:3]
    assert [record.name for record in first] == ["crc", "metadata", "state"]
    assert first[0].crc == list(wal_records(disk, paths[2][2]))[-1].crc
    assert reopened(disk, segment_size=2000).entries == [entry(index) for index in range(1, 101)]
    start = paths[4][1]
    wal.save_mark(LogMark(start, 1, CONF))
    assert reopened(disk, LogMark(start, 1), 2000).entries[0] == entry(start + 1)


def test_old_segments_go_and_enough_stay() -> None:
    disk = MemoryDisk(lazy=False)
    wal = fresh(disk, 2000)
    for index in range(1, 201):
        wal.save(HardState(1, 1, index - 1), (entry(index),))
    count = len(segments(disk, "wal"))
    wal.save_mark(LogMark(150, 1, CONF))
    gone = wal.purge(150, keep=3)
    left = segments(disk, "wal")
    assert len(gone) + len(left) == count and gone[0] == segment_name(0, 0)
    assert left[0][1] < 150 <= left[1][1]
    assert reopened(disk, LogMark(150, 1), 2000).entries[-1] == entry(200)
    with pytest.raises(WalError, match="wal: file not found which matches the snapshot index '0'"):
        reopened(disk, LogMark(), 2000)
    assert wal.purge(200, keep=20) == []


def test_nothing_is_written_that_nobody_will_need() -> None:
    disk = MemoryDisk()
    wal = fresh(disk)
    for index in range(1, 101):
        wal.save(HardState(1, 1, index - 1), (entry(index),))
        if index % 30 == 0:
            wal.save_mark(LogMark(index - 5, 1, CONF))
            wal.purge(index - 5)
    found = reopened(disk, LogMark(85, 1))
    assert found == (IDENTITY, HardState(1, 1, 99), [entry(index) for index in range(86, 101)])
    assert disk.list("wal") == [segment_name(1, 85)]
    wal, _ = WAL.open(disk, "wal", LogMark(85, 1), 1 << 16)
    wal.save(None, [entry(101)])
    assert reopened(disk, LogMark(85, 1)).entries[-1] == entry(101)


def test_only_what_matters_is_synced() -> None:
    disk = MemoryDisk(lazy=False)
    wal = fresh(disk)
    for hard_state, entries, must_sync, synced in [
        (HardState(1, 0, 0), [], True, 1),
        (HardState(1, 2, 0), [], True, 1),
        (HardState(1, 2, 0), [entry(1)], True, 1),
        (HardState(1, 2, 1), [], True, 0),
        (None, [entry(2)], False, 0),
        (None, [], True, 0),
    ]:
        before = disk.syncs
        wal.save(hard_state, entries, must_sync)
        assert disk.syncs - before == synced, (hard_state, entries)


def test_a_log_is_begun_whole_or_not_at_all() -> None:
    disk = MemoryDisk(lazy=False)
    disk.mkdir("wal.tmp")
    disk.write("wal.tmp/rest", b"of a try that failed")
    fresh(disk)
    disk.crash()
    assert disk.list("") == ["wal"] and disk.list("wal") == [segment_name(0, 0)]
    assert disk.size(FIRST) == 1 << 16
    with pytest.raises(WalError, match="file already exists"):
        fresh(disk)


def test_refusals() -> None:
    disk = MemoryDisk()
    with pytest.raises(WalError, match=r"^wal: file not found$"):
        reopened(disk)
    wal = fresh(disk)
    wal.save(HardState(1, 1, 3), [entry(1), entry(2), entry(3)])
    wal.save_mark(LogMark(2, 1, CONF))
    with pytest.raises(WalError, match=r"^wal: snapshot mismatch$"):
        reopened(disk, LogMark(2, 9))
    with pytest.raises(WalError, match=r"^wal: snapshot not found$"):
        reopened(disk, LogMark(3, 1))
    wal.save(None, [entry(9)])
    text = (
        "wal: slice bounds out of range, snapshot[Index: 0, Term: 0], "
        "current entry[Index: 9, Term: 1], len(ents): 3"
    )
    with pytest.raises(WalError) as refusal:
        reopened(disk)
    assert str(refusal.value) == text


def test_a_segment_that_is_missing_is_noticed() -> None:
    disk = MemoryDisk()
    wal = fresh(disk, 2000)
    for index in range(1, 101):
        wal.save(None, (entry(index),))
    paths = segments(disk, "wal")
    disk.remove(paths[2][2])
    with pytest.raises(WalError, match=r"wal: file sequence numbers \(starting from 1\)"):
        reopened(disk, LogMark(paths[1][1], 1), 2000)


def test_a_torn_end_is_cut_off_and_kept_beside() -> None:
    disk = MemoryDisk()
    wal = fresh(disk)
    wal.save(None, [entry(1), entry(2, size=3000)])
    end = used(disk)
    # The last record's third sector never reached the disk.
    start = (end - 1500) // 512 * 512
    disk.write(FIRST, bytes(512), start)
    with pytest.raises(TornRecord, match="unexpected EOF: in file"):
        list(wal_records(disk, FIRST))
    assert reopened(disk).entries == [entry(1)]
    assert disk.exists(f"{FIRST}.broken") and disk.size(FIRST) == 1 << 16
    wal, _ = WAL.open(disk, "wal", LogMark(), 1 << 16)
    wal.save(None, [entry(2)])
    assert reopened(disk).entries == [entry(1), entry(2)]


def test_a_torn_record_before_the_last_segment_is_damage() -> None:
    disk = MemoryDisk()
    wal = fresh(disk, 4000)
    for index in range(1, 5):
        wal.save(None, [entry(index, size=3000)])
    first, second = (path for _, _, path in segments(disk, "wal")[:2])
    disk.write(first, bytes(512), 1024)
    with pytest.raises(
        CrcMismatch, match=r"walpb: crc mismatch: expected: [0-9a-f]+ computed: [0-9a-f]+: in"
    ):
        reopened(disk, segment_size=4000)
    assert second


def test_a_record_whose_first_sector_is_missing_is_torn() -> None:
    """A frame at the very end of a sector: of the record itself nothing is there, not even its type."""
    disk = MemoryDisk()
    wal = fresh(disk)
    index = 1
    while True:
        place = used(disk) % 512
        if place == 504:
            break
        # Up to the next frame that can end a sector: all records are multiples of eight bytes.
        wal.save(None, [entry(index, size=0)])
        index += 1
        assert index < 5000
    wal.save(None, [entry(index, size=900)])
    last = list(wal_records(disk, FIRST))[-1]
    assert last.offset % 512 == 504
    disk.write(FIRST, bytes(512), last.offset + 8)
    assert [one.index for one in reopened(disk).entries] == list(range(1, index))


def test_what_follows_a_zero_is_wiped_out() -> None:
    """Two records were being written, and only the second reached the disk. What is written later in place of
    the first must not run into it: its checksum would be wrong."""
    disk = MemoryDisk()
    wal = fresh(disk)
    wal.save(None, [entry(1)])
    end = used(disk)
    # Padding makes the records of the two terms equally long.
    wal.save(None, [entry(2, 7, 43), entry(3, 7, 43)])
    lost = list(wal_records(disk, FIRST))[-2]
    disk.write(FIRST, bytes(lost.size), lost.offset)
    assert lost.offset == end
    wal, found = WAL.open(disk, "wal", LogMark(), 1 << 16)
    assert found.entries == [entry(1)]
    wal.save(None, [entry(2, 1, 43)])
    assert used(disk) == lost.offset + lost.size
    assert reopened(disk).entries == [entry(1), entry(2, 1, 43)]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_flipped_bit_is_never_taken_for_an_entry(chance: st.DataObject) -> None:
    disk = MemoryDisk()
    wal = fresh(disk)
    entries = [entry(index, size=index * 11 % 700) for index in range(1, 20)]
    for one in entries:
        wal.save(HardState(1, 1, one.index - 1), (one,))
    records = list(wal_records(disk, FIRST))
    hit = chance.draw(st.sampled_from(records[1:]))
    bit = chance.draw(st.integers(hit.offset * 8, (hit.offset + hit.size) * 8 - 1))
    # The type of a record is not under its checksum, in etcd either.
    assume(bit // 8 != hit.offset + 9)
    disk.flip(FIRST, bit)
    try:
        found = reopened(disk)
    except WalError as error:
        assert str(error), bit
        return
    # A length that grew beyond the file looks torn, and padding means nothing; what is left is right.
    assert found.entries == entries[: len(found.entries)]
    if bit // 8 >= hit.offset + 8 and len(found.entries) < len(entries):
        raise AssertionError(f"bit {bit} of {hit.name} was lost without a word")


def test_a_flipped_bit_in_the_middle_is_said_where() -> None:
    disk = MemoryDisk()
    wal = fresh(disk)
    for index in range(1, 20):
        wal.save(None, (entry(index),))
    record = list(wal_records(disk, FIRST))[8]
    disk.flip(FIRST, (record.offset + 40) * 8)
    with pytest.raises(CrcMismatch) as refusal:
        reopened(disk)
    assert str(refusal.value).startswith("walpb: crc mismatch: expected: ")
    assert str(refusal.value).endswith(f"in file '{segment_name(0, 0)}' at position: {record.offset}")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, mark: bool) -> None:
    disk = MemoryDisk()
    disk.mkdir("wal")
    head = b""
    if mark:
        wal = fresh(disk)
        head = disk.read(FIRST, 0, used(disk))
        assert wal.hard_state == HardState()
    disk.write(FIRST, head + data)
    try:
        reopened(disk)
    except WalError as error:
        assert str(error)


def test_huge_lengths_cost_nothing() -> None:
    disk = MemoryDisk()
    disk.mkdir("wal")
    for length in (1 << 40, (1 << 56) - 1, (1 << 64) - 1):
        disk.write(FIRST, length.to_bytes(8, "little") + b"x" * 100)
        with pytest.raises(TornRecord, match="max entry size limit exceeded"):
            RecordReader(disk, [FIRST]).next()


def test_what_mending_cut_off_does_not_come_back_among_what_is_written_later() -> None:
    """The first power cut keeps the end of a long record and not its beginning. A second one comes while new
    records are being written over the place."""
    long, short = (100, 3000), (7, 1400)
    for seed in range(80):
        disk = MemoryDisk(lazy=False)
        wal = fresh(disk)
        wal.save(HardState(1, 1, 0), [entry(1)])
        kept = wal._offset
        for index, size in (long, short):
            disk.write(FIRST, bytes([index]) * size, kept)
            disk.crash(Rng(seed * 2 + (index == 7)))
            # What was never synced is a zero, or it is torn; here, its first sector never arrives.
            disk.write(FIRST, bytes(SECTOR), kept)
            disk.fsync(FIRST)
            wal, found = WAL.open(disk, "wal", LogMark(), 1 << 16)
            assert found.entries == [entry(1)]
            assert not any(disk.read(FIRST, wal._offset))
            disk.crash()
            assert not any(disk.read(FIRST, wal._offset)), "a power cut brought back what had been cut off"
