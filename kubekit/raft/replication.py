"""The leader's part: spread the log, count who has it, commit.

A MsgApp names the entry before those it carries. A follower that holds that one takes them and answers
with how far it now agrees; another refuses with a hint where to try next. An entry of the leader's own
term that a majority of the voters has is committed, and with it all before it. An entry of an earlier term
is never committed by counting alone: another leader could still replace it (figure 8 of the Raft paper).

Sends after proposals and commits wait until `ready` is called (`append_due`), so that what happens
together travels together.

Source: go.etcd.io/raft v3.6, raft.go (maybeSendAppend, maybeCommit, stepLeader).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kubekit.raft.messages import (
    Entry,
    Message,
    MsgApp,
    MsgAppResp,
    MsgHeartbeat,
    MsgSnap,
)
from kubekit.raft.progress import PROBE, REPLICATE, SNAPSHOT, Progress
from kubekit.raft.quorum import committed_index
from kubekit.raft.read_only import answer, release_postponed
from kubekit.raft.transfer import hand_over

if TYPE_CHECKING:
    from kubekit.raft.state_machine import Raft


def append_entries(raft: Raft, proposed: Sequence[Entry]) -> bool:
    """Put proposals at the end of the leader's log. False if too much waits to be committed already."""
    log = raft.log
    waiting = log.last_index - log.committed
    limit = raft.config.max_uncommitted
    # The empty entry that opens a term is never refused, nor is anything while nothing waits.
    if limit and waiting and waiting + len(proposed) > limit and any(e.data is not None for e in proposed):
        return False
    term, last = raft.term, log.last_index
    log.append([Entry(term, last + n, entry.type, entry.data) for n, entry in enumerate(proposed, 1)])
    acknowledge_own(raft)
    return True


def acknowledge_own(raft: Raft) -> None:
    """The leader counts for its own entries too, but only once its disk has them: see `Raft.advance`."""
    last = raft.log.last_index
    mine = raft.to_self
    if mine and mine[-1].type == MsgAppResp and mine[-1].term == raft.term:
        mine[-1].index = last
    else:
        mine.append(Message(MsgAppResp, raft.id, raft.id, raft.term, index=last))


def maybe_send_append(raft: Raft, to: int, *, even_if_empty: bool) -> bool:
    """Send `to` what it lacks, if that is allowed now. Whether anything was sent."""
    progress = raft.progress[to]
    if progress.paused or progress.state == SNAPSHOT:
        return False
    log = raft.log
    index = progress.next - 1
    if index < log.offset:
        return maybe_send_snapshot(raft, to, progress)
    entries: list[Entry] = []
    # With a full window an empty message still goes: if all the window's messages were lost, its answer
    # is what opens the window again.
    if index < log.last_index and not (progress.state == REPLICATE and progress.inflights.full):
        entries = log.entries(index + 1, log.last_index + 1, raft.config.max_entries_per_message)
    if not entries and not even_if_empty:
        return False
    raft.outbox.append(
        Message(MsgApp, to, raft.id, raft.term, log.term(index), index, entries, log.committed)
    )
    progress.sent_entries(len(entries))
    progress.sent_commit = log.committed
    return True


def maybe_send_snapshot(raft: Raft, to: int, progress: Progress) -> bool:
    """Send the snapshot in place of entries that are compacted away; only to a member that answers."""
    snapshot = raft.log.snapshot
    if not progress.recent_active or not snapshot.index:
        return False
    progress.become_snapshot(snapshot.index)
    raft.outbox.append(Message(MsgSnap, to, raft.id, raft.term, snapshot=snapshot))
    return True


def broadcast_append(raft: Raft) -> None:
    """Have something sent to everybody when `ready` is called next, be it only the commit index."""
    raft.append_due = True


def send_due(raft: Raft) -> None:
    """Send what `broadcast_append` put off."""
    raft.append_due = False
    committed = raft.log.committed
    for to in raft.others:
        progress = raft.progress[to]
        news = progress.state != REPLICATE or progress.sent_commit < committed
        if maybe_send_append(raft, to, even_if_empty=news):
            while maybe_send_append(raft, to, even_if_empty=False):
                pass


def broadcast_heartbeat(raft: Raft) -> None:
    """A sign of life to everybody, with the reads that wait to be confirmed."""
    newest = raft.reads.newest
    committed = raft.log.committed
    for to in raft.others:
        # A follower's log may differ above what it has acknowledged, so it is not told of more.
        progress = raft.progress[to]
        commit = min(progress.match, committed)
        raft.outbox.append(Message(MsgHeartbeat, to, raft.id, raft.term, commit=commit, context=newest))
        progress.sent_commit = commit


def maybe_commit(raft: Raft) -> bool:
    """Commit what a majority has, if its last entry is of this term. Whether that was more than before."""
    progress = raft.progress
    log = raft.log
    index = committed_index([progress[voter].match for voter in raft.voters])
    if index > log.committed and log.term(index) == raft.term:
        log.committed = index
        return True
    return False


# What the leader does with messages.


def leader_append_response(raft: Raft, message: Message) -> None:
    """A follower has taken entries, or refused them."""
    progress = raft.progress.get(message.frm)
    if progress is None:
        return
    progress.recent_active = True
    if message.reject:
        hint = message.reject_hint
        if message.log_term > 0:
            hint, _ = raft.log.find_conflict_by_term(hint, message.log_term)
        if progress.maybe_decrease(message.index, hint):
            if progress.state == REPLICATE:
                progress.become_probe()
            maybe_send_append(raft, message.frm, even_if_empty=True)
        return
    if message.index > raft.log.last_index:
        return  # only if this leader lost part of its log: there is nothing to go on from
    probed = progress.match == message.index and progress.state == PROBE
    if not progress.maybe_update(message.index) and not probed:
        return
    if progress.state == REPLICATE:
        progress.inflights.free_to(message.index)
    elif progress.state == PROBE:
        progress.become_replicate()
    elif progress.match >= raft.log.offset:
        # However it came by its state, what it lacks is in the log again.
        progress.become_probe()
        progress.become_replicate()
    if maybe_commit(raft):
        release_postponed(raft)
        broadcast_append(raft)
    if message.frm != raft.id:
        if not raft.append_due:
            if progress.can_bump_commit(raft.log.committed):
                maybe_send_append(raft, message.frm, even_if_empty=True)
            while maybe_send_append(raft, message.frm, even_if_empty=False):
                pass
        if message.frm == raft.transferee:
            hand_over(raft)


def leader_heartbeat_response(raft: Raft, message: Message) -> None:
    """A follower has answered: it lives, may be sent to again, and confirms reads."""
    progress = raft.progress.get(message.frm)
    if progress is None:
        return
    progress.recent_active = True
    progress.paused = False
    if progress.match < raft.log.last_index or progress.state == PROBE:
        maybe_send_append(raft, message.frm, even_if_empty=True)
    if message.context is not None:
        raft.reads.acknowledge(message.frm, message.context)
        for read in raft.reads.confirmed(raft.voters):
            answer(raft, read)


def leader_snapshot_status(raft: Raft, message: Message) -> None:
    """The program above says whether a snapshot reached its member; either way, wait for a sign of it."""
    progress = raft.progress.get(message.frm)
    if progress is None or progress.state != SNAPSHOT:
        return
    if message.reject:
        progress.pending_snapshot = 0
    progress.become_probe()
    progress.paused = True


def leader_unreachable(raft: Raft, message: Message) -> None:
    """The program above could not send: what was under way is probably lost."""
    progress = raft.progress.get(message.frm)
    if progress is not None and progress.state == REPLICATE:
        progress.become_probe()


def leader_check_quorum(raft: Raft) -> bool:
    """Whether a majority was heard of since the last check; begins a new count."""
    heard = sum(raft.progress[voter].recent_active or voter == raft.id for voter in raft.voters)
    for to in raft.others:
        raft.progress[to].recent_active = False
    return heard > len(raft.voters) // 2
