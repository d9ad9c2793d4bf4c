"""The settings of one member, and what they are in etcd.

Times are counted in ticks; how long a tick lasts is for the program above (etcd: its heartbeat interval,
0.1 s). Sizes are counted in entries, because this room does not know how large one is.

Source: go.etcd.io/raft v3.6, raft.go (Config); etcd 3.6, server/etcdserver/raft.go (raftConfig).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Config:
    """How a member behaves. Raises ValueError for settings that could not work."""

    election_tick: int = 10
    """Without a leader's sign for this many ticks (up to twice as many, by chance) a member campaigns."""
    heartbeat_tick: int = 1
    """A leader gives a sign every so many ticks."""
    pre_vote: bool = True
    """Ask whether an election could be won before starting it: who returns does not disturb the others."""
    check_quorum: bool = True
    """A leader that has not heard of a majority for an election timeout steps down; votes are refused
    while a leader was heard."""
    max_inflight: int = 512
    """How many MsgApp may be under way to one follower."""
    max_entries_per_message: int = 1024
    """How many entries one MsgApp may carry."""
    max_uncommitted: int = 0
    """How many entries a leader takes without one being committed before it drops proposals; 0: no limit."""
    step_down_on_removal: bool = False
    """A leader that applies its own removal, or its demotion to a learner, becomes a follower at once.
    etcd leaves this off: the removed leader takes no proposals any more but keeps telling the others how
    far the log is committed, until its server stops itself a second later. If it fell silent at once and
    the last message were lost, of two members the other could wait for its vote for ever."""
    forward_proposals: bool = True
    """A follower passes proposals on to its leader."""

    def __post_init__(self) -> None:
        if self.heartbeat_tick <= 0:
            raise ValueError("heartbeat tick must be greater than 0")
        if self.election_tick <= self.heartbeat_tick:
            raise ValueError("election tick must be greater than heartbeat tick")
        if self.max_inflight <= 0:
            raise ValueError("max inflight messages must be greater than 0")
        if self.max_entries_per_message <= 0:
            raise ValueError("max entries per message must be greater than 0")
