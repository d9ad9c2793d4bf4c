"""The four roles, and what is forgotten on the way from one to another.

    follower --timeout--> pre-candidate --would win--> candidate --majority--> leader
        ^---------------------- a leader, or a higher term, is seen ----------------'

Only these functions change `role`. A term, once left, is never entered again; a vote belongs to its term.

Source: go.etcd.io/raft v3.6, raft.go (becomeFollower and its siblings, reset).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kubekit.raft.read_only import ReadQueue

if TYPE_CHECKING:
    from kubekit.raft.state_machine import Raft

FOLLOWER: Final = "follower"
PRE_CANDIDATE: Final = "pre-candidate"
CANDIDATE: Final = "candidate"
LEADER: Final = "leader"


def reset(raft: Raft, term: int) -> None:
    """Begin afresh in `term`: no leader, no votes, nothing known about the others."""
    if raft.term != term:
        raft.term = term
        raft.vote = 0
    raft.lead = 0
    raft.election_elapsed = 0
    raft.heartbeat_elapsed = 0
    draw_timeout(raft)
    raft.transferee = 0
    raft.votes = {}
    last = raft.log.last_index
    for node, progress in raft.progress.items():
        progress.restart(last + 1, last if node == raft.id else 0)
    raft.pending_conf_index = 0
    raft.append_due = False
    raft.reads = ReadQueue()


def draw_timeout(raft: Raft) -> None:
    """Chance keeps members from campaigning all at once: one to two election timeouts."""
    ticks = raft.config.election_tick
    raft.election_timeout = raft.rng.randint(ticks, 2 * ticks - 1)


def become_follower(raft: Raft, term: int, lead: int) -> None:
    """Follow `lead` in `term`; 0 if the leader is not known."""
    reset(raft, term)
    raft.lead = lead
    raft.role = FOLLOWER


def become_pre_candidate(raft: Raft) -> None:
    """Ask whether an election could be won. Neither term nor vote change."""
    raft.votes = {}
    raft.lead = 0
    raft.role = PRE_CANDIDATE


def become_candidate(raft: Raft) -> None:
    """Open a new term and vote for oneself in it."""
    reset(raft, raft.term + 1)
    raft.vote = raft.id
    raft.role = CANDIDATE


def become_leader(raft: Raft) -> None:
    """Lead the term one was elected in."""
    reset(raft, raft.term)
    raft.lead = raft.id
    raft.role = LEADER
    mine = raft.progress[raft.id]
    mine.become_replicate()
    mine.recent_active = True
    # There may be a membership change among what is not committed yet. Looking for it could take long;
    # waiting with the next change until all of it is applied is always right.
    raft.pending_conf_index = raft.log.last_index
