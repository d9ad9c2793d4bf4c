"""raft: how several members agree on one log, so that each applies the same entries in the same order.

Raft answers three questions: who leads (one in each term at most), what is in the log (what the leader of
the newest term says), and what is committed (what a majority has stored, and therefore never goes away).
This room is Raft without anything around it: no network, no disk, no clock. A member takes messages and
ticks and hands out messages, entries to store and entries to apply; `kubekit.etcd` brings the rest.

    log = Log(ConfState((1, 2, 3)))                     # or Log.restore(snapshot, hard_state, entries)
    raft = Raft(1, log, Config(), rng)                  # rng: a kubekit.sim.Rng
    raft.tick(); raft.step(message)                     # time passes; a message arrives
    raft.propose(data)                                  # ProposalDropped if nobody leads
    raft.propose_conf_change(ConfChange(ADD_LEARNER, 4))
    raft.read_index(context); raft.transfer_leader(2); raft.campaign()
    while raft.has_ready():
        ready = raft.ready()                            # .hard_state .entries .snapshot .committed
        ...                                             # .messages .read_states .must_sync
        raft.advance(ready)                             # stored, sent, applied
    raft.apply_conf_change(change) -> ConfState         # while applying an entry of type CONF_CHANGE
    raft.id .term .vote .lead .role .learner .commit .applied .voters .conf_state .votes
    raft.progress[2]                                    # on a leader: .match .next .state .recent_active
    raft.report_unreachable(2); raft.report_snapshot(2, failed=True); raft.bootstrap(changes)
    log.create_snapshot(index, conf_state, data); log.compact(index)

Reading order: `messages` (the words), `log` (what is agreed on), `quorum` (majorities), `roles` (who may
become what), `election`, `proposing`, `replication` and `progress` (the leader), `following` (the rest),
`read_only` (reading without writing), `membership` (who belongs), `transfer` (handing over), `state_machine`
and `ready` (the whole from outside).

Left out against go.etcd.io/raft v3.6: joint consensus (ConfChangeV2), which etcd itself does not use;
asynchronous storage writes; lease-based reads; forgetting a leader on request; limits in bytes (entries
are counted instead). A `Ready` does not repeat who leads: that is `raft.lead` and `raft.role`. A proposal or
a commit index is sent when `ready` is called, not when it arises, so that several travel in one message; and
reads are numbered for the heartbeats instead of named.
"""

from kubekit.raft.config import Config
from kubekit.raft.errors import (
    Compacted,
    LogConflict,
    LogLost,
    ProposalDropped,
    RaftError,
    SnapshotOutOfDate,
    WrongConfChange,
)
from kubekit.raft.log import Log
from kubekit.raft.messages import (
    ADD_LEARNER,
    ADD_NODE,
    CONF_CHANGE,
    NORMAL,
    REMOVE_NODE,
    UPDATE_NODE,
    ConfChange,
    ConfState,
    Entry,
    HardState,
    Message,
    Snapshot,
)
from kubekit.raft.progress import Progress
from kubekit.raft.ready import Ready
from kubekit.raft.state_machine import Raft

__all__ = [
    "ADD_LEARNER",
    "ADD_NODE",
    "CONF_CHANGE",
    "NORMAL",
    "REMOVE_NODE",
    "UPDATE_NODE",
    "Compacted",
    "ConfChange",
    "ConfState",
    "Config",
    "Entry",
    "HardState",
    "Log",
    "LogConflict",
    "LogLost",
    "Message",
    "Progress",
    "ProposalDropped",
    "Raft",
    "RaftError",
    "Ready",
    "Snapshot",
    "SnapshotOutOfDate",
    "WrongConfChange",
]
