"""The log: matching, growing, truncating, what is stored and applied, snapshots."""

from __future__ import annotations

import pytest

from kubekit.raft import (
    Compacted,
    ConfState,
    Entry,
    HardState,
    Log,
    LogConflict,
    LogLost,
    RaftError,
    Snapshot,
    SnapshotOutOfDate,
)

CONF = ConfState((1, 2, 3))


def log_of(*terms: int, offset: int = 0, offset_term: int = 0, commit: int = 0) -> Log:
    """A stored log with one entry for each of these terms, after a snapshot at `offset`."""
    snapshot = Snapshot(offset, offset_term, CONF) if offset else None
    entries = [Entry(term, offset + n) for n, term in enumerate(terms, 1)]
    return Log.restore(snapshot, HardState(9, 0, commit), entries)


def names(log: Log) -> str:
    return " ".join(f"{e.term}/{e.index}" for e in log.entries(log.first_index, log.last_index + 1))


@pytest.mark.parametrize(
    ("mine", "sent_after", "sent", "agreed", "then"),
    [
        ("1 2 3", (3, 3), [], 3, "1/1 2/2 3/3"),
        ("1 2 3", (3, 3), [4], 4, "1/1 2/2 3/3 4/4"),
        ("1 2 3", (3, 2), [4], None, "1/1 2/2 3/3"),  # another term there
        ("1 2 3", (4, 4), [4], None, "1/1 2/2 3/3"),  # a gap
        ("1 2 3", (0, 0), [1], 1, "1/1 2/2 3/3"),  # old news: what follows stays
        ("1 2 3", (1, 1), [2, 3], 3, "1/1 2/2 3/3"),
        ("1 2 3", (1, 1), [2, 3, 3], 4, "1/1 2/2 3/3 3/4"),
        ("1 2 3", (1, 1), [2, 4, 4], 4, "1/1 2/2 4/3 4/4"),  # a conflict in the middle
        ("1 2 3", (1, 1), [4], 2, "1/1 4/2"),  # the tail goes with the conflict
        ("", (0, 0), [1, 1], 2, "1/1 1/2"),
    ],
)
def test_a_follower_takes_what_follows_an_entry_it_holds(
    mine: str, sent_after: tuple[int, int], sent: list[int], agreed: int | None, then: str
) -> None:
    log = log_of(*map(int, mine.split()))
    index, term = sent_after
    entries = [Entry(t, index + n) for n, t in enumerate(sent, 1)]
    assert log.maybe_append(index, term, 0, entries) == agreed
    assert names(log) == then


@pytest.mark.parametrize(
    ("leaders_commit", "sent", "commit"), [(0, 1, 1), (1, 1, 1), (4, 0, 3), (4, 1, 4), (9, 1, 4), (2, 1, 2)]
)
def test_a_follower_commits_only_what_is_known_to_agree(leaders_commit: int, sent: int, commit: int) -> None:
    log = log_of(1, 2, 3, commit=1)
    log.maybe_append(3, 3, leaders_commit, [Entry(4, 4)][:sent])
    assert log.committed == commit


def test_what_is_committed_is_never_replaced() -> None:
    log = log_of(1, 2, 3, commit=2)
    with pytest.raises(LogConflict, match=r"entry 2 conflict with committed entry \[committed\(2\)\]"):
        log.maybe_append(1, 1, 0, [Entry(4, 2)])
    with pytest.raises(LogConflict):
        log.append([Entry(4, 2)])
    assert names(log) == "1/1 2/2 3/3"


def test_a_commit_index_beyond_the_end_means_a_lost_log() -> None:
    log = log_of(1, 1)
    with pytest.raises(LogLost) as raised:
        log.commit_to(3)
    assert str(raised.value) == (
        "tocommit(3) is out of range [lastIndex(2)]. Was the raft log corrupted, truncated, or lost?"
    )
    log.commit_to(2)
    log.commit_to(1)
    assert log.committed == 2


@pytest.mark.parametrize(
    ("index", "term", "better"),
    [(3, 3, True), (4, 3, True), (2, 3, False), (1, 4, True), (9, 2, False), (0, 0, False)],
)
def test_who_may_get_a_vote(index: int, term: int, better: bool) -> None:
    assert log_of(1, 2, 3).is_up_to_date(index, term) is better


@pytest.mark.parametrize(
    ("terms", "index", "term", "found"),
    [
        ("1 1 1 1 2 2", 6, 5, (6, 2)),
        ("1 3 3 3 5 5", 6, 2, (1, 1)),  # a whole term is skipped
        ("1 3 3 3 5 5", 4, 3, (4, 3)),
        ("2 2 2", 3, 1, (0, 0)),
        ("1 1", 5, 1, (5, 0)),  # beyond the end nothing can be said
        ("", 0, 4, (0, 0)),
    ],
)
def test_where_to_try_next(terms: str, index: int, term: int, found: tuple[int, int]) -> None:
    assert log_of(*map(int, terms.split())).find_conflict_by_term(index, term) == found


def test_the_search_ends_where_the_log_is_compacted() -> None:
    assert log_of(5, 5, offset=10, offset_term=4).find_conflict_by_term(12, 2) == (9, 0)
    assert log_of(5, 5, offset=10, offset_term=4).find_conflict_by_term(12, 4) == (10, 4)


@pytest.mark.parametrize(
    ("index", "term"), [(9, 0), (10, 4), (11, 5), (12, 6), (13, 0)], ids=lambda value: str(value)
)
def test_terms_are_known_from_the_snapshot_to_the_end(index: int, term: int) -> None:
    log = log_of(5, 6, offset=10, offset_term=4)
    assert log.term(index) == term
    assert log.matches(index, term) is (10 <= index <= 12)
    assert not log.matches(index, 7)
    assert log.last_term == 6 and log.first_index == 11


def test_a_fresh_log_stands_on_nothing() -> None:
    log = Log()
    assert (log.first_index, log.last_index, log.last_term, log.term(0), log.term(1)) == (1, 0, 0, 0, 0)
    assert log.matches(0, 0) and log.unstable() == [] and log.to_apply() == []


def test_entries_come_in_slices_of_a_limited_length() -> None:
    log = log_of(5, 6, 7, offset=10, offset_term=4)
    assert [e.index for e in log.entries(11, 14)] == [11, 12, 13]
    assert [e.index for e in log.entries(12, 14, 1)] == [12]
    assert log.entries(14, 14) == []
    with pytest.raises(Compacted, match="requested index is unavailable due to compaction"):
        log.entries(10, 12)


def test_what_the_disk_lacks_is_handed_out_until_it_is_stored() -> None:
    log = log_of(1, 1)
    assert log.unstable() == []
    log.append([Entry(2, 3), Entry(2, 4)])
    assert [e.index for e in log.unstable()] == [3, 4]
    log.stable_to(3, 2)
    assert [e.index for e in log.unstable()] == [4]
    log.stable_to(4, 1)  # that 4 was replaced meanwhile: what the disk has is not this one
    assert [e.index for e in log.unstable()] == [4]
    log.stable_to(4, 2)
    log.append([Entry(3, 2)])  # over the end of what is stored
    assert [e.term for e in log.unstable()] == [3] and log.stable == 1


def test_what_is_committed_is_handed_out_until_it_is_applied() -> None:
    log = log_of(1, 1, 1, commit=2)
    assert [e.index for e in log.to_apply()] == [1, 2]
    log.applied_to(1)
    assert [e.index for e in log.to_apply()] == [2]
    log.applied_to(2)
    assert log.to_apply() == []
    with pytest.raises(RaftError, match=r"applied\(3\) is out of range \[prevApplied\(2\), committed\(2\)\]"):
        log.applied_to(3)


def test_a_restart_skips_what_the_snapshot_covers() -> None:
    snapshot = Snapshot(4, 2, CONF, "state")
    entries = [Entry(2, n) for n in range(3, 8)]
    log = Log.restore(snapshot, HardState(3, 1, 6), entries)
    assert names(log) == "2/5 2/6 2/7"
    assert (log.applied, log.committed, log.stable, log.offset) == (4, 6, 7, 4)
    assert [e.index for e in log.to_apply()] == [5, 6]
    assert Log.restore(snapshot, HardState(3, 1, 6), entries, applied=5).applied == 5
    assert Log.restore(snapshot, HardState(3, 1, 6), entries, applied=9).applied == 6
    assert Log.restore(snapshot, HardState(3, 1, 2), []).committed == 4


def test_a_restart_refuses_a_log_with_a_hole_or_without_its_end() -> None:
    with pytest.raises(RaftError, match=r"missing log entry \[last: 1, append at: 3\]"):
        Log.restore(None, HardState(), [Entry(1, 1), Entry(1, 3)])
    with pytest.raises(RaftError, match=r"missing log entry \[last: 5, append at: 7\]"):
        Log.restore(Snapshot(5, 1, CONF), HardState(), [Entry(1, 7)])
    with pytest.raises(LogLost):
        Log.restore(None, HardState(1, 0, 2), [Entry(1, 1)])


def test_a_snapshot_allows_to_forget_entries() -> None:
    log = log_of(1, 1, 2, 2, commit=3)
    log.applied_to(3)
    with pytest.raises(RaftError, match=r"compact 2 is out of bound snapshot\(0\)"):
        log.compact(2)
    with pytest.raises(RaftError, match=r"snapshot 4 is out of bound applied\(3\)"):
        log.create_snapshot(4, CONF)
    assert log.create_snapshot(3, CONF, "state") == Snapshot(3, 2, CONF, "state")
    with pytest.raises(SnapshotOutOfDate):
        log.create_snapshot(3, CONF)
    log.compact(2)  # some are kept for followers that are only a little behind
    assert names(log) == "2/3 2/4" and log.term(2) == 1 and log.first_index == 3
    with pytest.raises(Compacted):
        log.compact(2)
    log.compact(3)
    assert names(log) == "2/4" and log.term(3) == 2
    log.append([Entry(3, 5)])
    assert [e.index for e in log.unstable()] == [5]


def test_a_leaders_snapshot_replaces_everything_and_holds_back_what_follows() -> None:
    log = log_of(1, 1, 1, commit=1)
    snapshot = Snapshot(7, 3, CONF, "state")
    log.accept_snapshot(snapshot)
    assert (log.first_index, log.last_index, log.committed, log.applied) == (8, 7, 7, 0)
    log.append([Entry(3, 8)])
    log.commit_to(8)
    assert log.to_apply() == []
    log.snapshot_stored(snapshot)
    log.applied_to(7)
    assert log.snapshot == snapshot and [e.index for e in log.to_apply()] == [8]


def test_an_older_snapshots_storing_does_not_end_the_wait_for_a_newer() -> None:
    log = log_of(1)
    older, newer = Snapshot(4, 1, CONF), Snapshot(6, 1, CONF)
    log.accept_snapshot(older)
    log.accept_snapshot(newer)
    log.snapshot_stored(older)
    assert log.pending_snapshot == newer


def test_a_sole_voters_entry_may_be_put_down_settled() -> None:
    log = log_of(1, 1, commit=2)
    log.applied_to(2)
    log.append_settled(Entry(2, 3))
    assert names(log) == "1/1 1/2 2/3"
    assert (log.last_index, log.stable, log.committed, log.applied) == (3, 3, 3, 3)
    assert log.unstable() == [] and log.to_apply() == []
