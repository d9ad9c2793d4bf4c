"""What a leader knows of a member: the window, and when it sends how."""

from __future__ import annotations

import pytest

from kubekit.raft.progress import PROBE, REPLICATE, SNAPSHOT, Inflights, Progress


def replicating(match: int, next: int, window: int = 8) -> Progress:
    progress = Progress(match + 1, window, match=match)
    progress.become_replicate()
    for _ in range(next - match - 1):
        progress.sent_entries(1)
    return progress


@pytest.mark.parametrize(
    ("freed", "left"), [(0, 3), (3, 3), (4, 2), (8, 2), (9, 1), (12, 0), (99, 0)], ids=str
)
def test_the_window_opens_up_to_what_is_acknowledged(freed: int, left: int) -> None:
    window = Inflights(3)
    for last in (4, 9, 12):
        window.add(last)
    assert window.full
    window.free_to(freed)
    assert len(window) == left and window.full is (left == 3)


def test_a_window_turns_over_many_times() -> None:
    window = Inflights(2)
    for index in range(1, 50):
        window.add(index)
        assert len(window) == min(index, 2)
        if window.full:
            window.free_to(index - 1)
    window.reset()
    assert len(window) == 0 and not window.full


def test_a_probed_member_gets_one_message_with_entries_until_it_answers() -> None:
    progress = Progress(5, 8)
    progress.sent_entries(0)
    assert not progress.throttled
    progress.sent_entries(3)
    assert progress.throttled and progress.next == 5
    assert progress.maybe_update(7) and not progress.throttled
    assert (progress.match, progress.next) == (7, 8)


def test_replication_goes_on_until_the_window_is_full() -> None:
    progress = replicating(match=4, next=5, window=2)
    progress.sent_entries(3)
    assert (progress.next, progress.throttled) == (8, False)
    progress.sent_entries(1)
    assert (progress.next, progress.throttled) == (9, True)
    assert progress.maybe_update(7)
    progress.inflights.free_to(7)
    progress.sent_entries(0)
    assert not progress.throttled and len(progress.inflights) == 1


def test_an_empty_message_over_a_full_window_closes_it_again() -> None:
    progress = replicating(match=0, next=2, window=1)
    progress.paused = False  # an answer to a heartbeat
    progress.sent_entries(0)
    assert progress.throttled


def test_a_member_that_waits_for_a_snapshot_gets_nothing() -> None:
    progress = Progress(5, 8, match=2)
    progress.become_snapshot(20)
    assert progress.throttled and progress.state == SNAPSHOT
    assert (progress.next, progress.pending_snapshot, progress.sent_commit) == (21, 20, 20)
    progress.become_probe()
    assert (progress.state, progress.next, progress.pending_snapshot) == (PROBE, 21, 0)


def test_probing_begins_after_what_is_acknowledged() -> None:
    progress = replicating(match=4, next=9)
    progress.sent_commit = 8
    progress.become_probe()
    assert (progress.next, progress.sent_commit, len(progress.inflights)) == (5, 4, 0)
    progress.become_replicate()
    assert (progress.state, progress.next) == (REPLICATE, 5)


@pytest.mark.parametrize(
    ("state", "match", "next", "rejected", "hint", "taken", "then"),
    [
        (REPLICATE, 5, 10, 5, 5, False, 10),  # acknowledged since
        (REPLICATE, 5, 10, 4, 4, False, 10),
        (REPLICATE, 5, 10, 9, 9, True, 6),
        (PROBE, 0, 10, 9, 8, True, 9),
        (PROBE, 0, 10, 9, 2, True, 3),
        (PROBE, 0, 10, 9, 50, True, 9),  # never forward
        (PROBE, 0, 10, 5, 5, False, 10),  # not the question that was asked last
        (PROBE, 0, 1, 0, 0, True, 1),
        (PROBE, 4, 10, 9, 1, True, 5),
    ],
)
def test_a_refusal_moves_next_back(
    state: str, match: int, next: int, rejected: int, hint: int, taken: bool, then: int
) -> None:
    progress = replicating(match, next) if state == REPLICATE else Progress(next, 8, match=match)
    assert progress.maybe_decrease(rejected, hint) is taken
    assert progress.next == then


@pytest.mark.parametrize(
    ("acknowledged", "news", "match", "next"),
    [(2, False, 3, 5), (3, False, 3, 5), (4, True, 4, 5), (7, True, 7, 8)],
)
def test_acknowledgements_only_go_forward(acknowledged: int, news: bool, match: int, next: int) -> None:
    progress = Progress(5, 8, match=3)
    assert progress.maybe_update(acknowledged) is news
    assert (progress.match, progress.next) == (match, next)


@pytest.mark.parametrize(
    ("sent", "commit", "worth"), [(0, 3, True), (3, 3, False), (3, 4, True), (4, 9, False), (9, 5, False)]
)
def test_a_commit_index_is_told_when_it_could_help(sent: int, commit: int, worth: bool) -> None:
    progress = Progress(5, 8)
    progress.sent_commit = sent
    assert progress.can_bump_commit(commit) is worth


def test_its_text_is_raft_s_own() -> None:
    progress = replicating(match=1, next=3, window=1)
    assert repr(progress) == "StateReplicate match=1 next=3 paused inactive inflight=1[full]"
    progress.become_snapshot(9)
    progress.learner = progress.recent_active = True
    assert repr(progress) == "StateSnapshot match=1 next=10 learner paused pendingSnap=9"
