"""Replica: a member among its peers. It takes messages and ticks, keeps the log, and applies what is agreed.

Everything that Raft wants done is done in `drive`, in this order: what must survive a crash is saved, what is
committed is applied, messages are sent. An entry is applied once: `applied` says how far the state machine
has come, and only entries above it are touched. `Member` adds the clients' side; nothing else calls `raft`.

A replica that starts with something on its disk loads the snapshot and applies the entries after it again;
one that has fallen behind what the leader still has in its log gets the leader's whole state instead.
Source: server/etcdserver/raft.go, server/etcdserver/server.go (applyAll, applyEntries, snapshot).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from kubekit.etcd.alarms import ACTIVATE, NOSPACE, AlarmStore
from kubekit.etcd.answer import Answer
from kubekit.etcd.apply import Applier, without_reads
from kubekit.etcd.auth import AuthStore
from kubekit.etcd.backend import BackendState
from kubekit.etcd.errors import EtcdError, NoSpace
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.links import Links
from kubekit.etcd.membership import Membership
from kubekit.etcd.options import MemberPlan, Options
from kubekit.etcd.proposals import Proposals
from kubekit.etcd.quota import Quota
from kubekit.etcd.raft_records import RaftRecords
from kubekit.etcd.raft_request import NO_SIDE_EFFECT, RaftRequest
from kubekit.etcd.reads import Reads
from kubekit.etcd.storage import MemberStorage, MemoryStorage, conf_state_of
from kubekit.etcd.store_loading import load_auth, load_store, state_of
from kubekit.etcd.ticking import Ticking
from kubekit.raft import (
    CONF_CHANGE,
    REMOVE_NODE,
    Compacted,
    ConfChange,
    Config,
    Entry,
    HardState,
    Log,
    Message,
    Raft,
    Snapshot,
)
from kubekit.raft.messages import MsgSnap
from kubekit.raft.ready import Ready
from kubekit.sim import Component, Loop

MEMORY_SNAPSHOT = 100
"""Entries after which a member notes that its state machine stands for the older part of the log."""

SNAPSHOT_GRACE = 30.0
"""Seconds for which the log is kept after a snapshot was sent: the receiver needs what follows it."""

REMOVED_AFTER = 1.0
"""Seconds after which a member that was removed stops."""


_NOTICED = frozenset({"alarm", "auth_enable", "auth_disable", "downgrade_info_set"})
"""Kinds of requests after which something about this member may be different for its clients."""


class Replica(Component):
    """One member's log and state machine."""

    def __init__(
        self,
        loop: Loop,
        plan: MemberPlan,
        links: Links,
        options: Options,
        token: str,
        disk: MemberStorage | None = None,
        id: int = 1,
    ) -> None:
        super().__init__(loop, plan.component or plan.name)
        self.plan = plan
        self.links = links
        self.options = options
        self.token = token
        self.disk: MemberStorage = disk if disk is not None else MemoryStorage()
        self.started_at = 0.0
        """Unix seconds of the last start."""
        self.leader_since = -math.inf
        """Unix seconds at which this member last became leader."""
        self.exit_error = ""
        """Why the member ended by itself, if it did."""
        self.records = RaftRecords(self)
        self.ticking = Ticking(self)
        self.after_change: list[Callable[[], None]] = []
        """Called when who leads, as this member knows it, may have changed."""
        self.revoked: list[Callable[[int], None]] = []
        """Called with the id of a lease that was revoked."""
        self._driving = False
        self._soft = (0, "", 0)
        self._settled: list[tuple[int, EtcdError | None]] = []
        self._snapshots_under_way = 0
        self._memory_snapshot = self._disk_snapshot = 0
        self._forget(id, 0)

    def _forget(self, id: int, cluster_id: int) -> None:
        """What a process knows when it begins: nothing."""
        self.id = id
        self.cluster_id = cluster_id
        self.store = KVStore(self.loop.clock, id)
        self.store.leases.demote()
        self.store.leases.checkpoint_interval = self.options.lease_checkpoint_interval
        self.auth = AuthStore(self.loop.clock)
        self.membership = Membership()
        self.quota = Quota(self.options.quota_bytes, self.store.size)
        self._set_alarms(AlarmStore())
        self.applied = 0
        """The index up to which the log has been applied."""
        self.applied_term = 0
        self.replayed_to = 0
        """What was committed when it started: these entries are no news."""
        self.raft = self._new_raft(Log())
        self.proposals = Proposals(self)
        self.reads = Reads(self)
        self.serving = False
        """Whether it has published itself and answers clients."""
        self._soft = (0, "follower", 0)
        self._settled = []
        self._snapshots_under_way = 0
        self._memory_snapshot = self._disk_snapshot = 0

    def _set_alarms(self, alarms: AlarmStore) -> None:
        self.alarms = alarms
        self.applier = Applier(self.store, self.auth, alarms, self.membership, self.quota)

    def _new_raft(self, log: Log) -> Raft:
        config = Config(election_tick=self.options.election_ticks, pre_vote=self.options.pre_vote)
        rng = self.loop.rng.child(f"etcd/{self.plan.name}/{self.started_at}")
        return Raft(self.id, log, config, rng)

    # -- coming up --------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Be the member whose disk this is."""
        stored = self.disk.load()
        self._forget(stored.member_id, stored.cluster_id)
        snapshot, applied = stored.snapshot, stored.applied
        if stored.state is not None:
            # The state may be ahead of the snapshot: the membership is that of the state.
            conf_state = conf_state_of(stored)
            snapshot = (snapshot or Snapshot(0, 0, conf_state))._replace(conf_state=conf_state)
        log = Log.restore(snapshot, stored.hard_state, stored.entries, applied=applied)
        self.raft = self._new_raft(log)
        if stored.state is not None:
            self._become(applied, log.term(applied), stored.state, stored.members)
        self.replayed_to = log.committed
        if log.hard_state.term > 1 or applied:
            self.records.restored(applied, len(stored.entries))

    def _become(self, index: int, term: int, state: BackendState, members: Membership) -> None:
        """Take over a whole state machine, as of an entry."""
        load_store(state, self.store)
        self.store.leases.checkpoint_interval = self.options.lease_checkpoint_interval
        load_auth(state.auth, self.auth)
        self.membership.restore(
            members.by_id.values(),
            members.removed,
            state.cluster_version or members.version,
            state.downgrade.get("target-version", ""),
        )
        # The new state has a file of its own, whose size counts from now on.
        self.quota = Quota(self.options.quota_bytes, self.store.size)
        self._set_alarms(AlarmStore(state.alarms))
        self.applied, self.applied_term = index, term
        self._memory_snapshot = self._disk_snapshot = index

    def capture(self) -> BackendState:
        """The state machine as it is now, in the form of a member's file."""
        target = self.membership.downgrade_target
        return state_of(
            self.store,
            self.auth,
            self.alarms.get(),
            consistent_index=self.applied,
            term=self.applied_term,
            conf_state=self.raft.conf_state,
            members=self.membership.members(),
            removed=sorted(self.membership.removed),
            cluster_version=self.membership.version,
            downgrade={"target-version": target, "enabled": True} if target else {},
        )

    # -- Raft's wishes ----------------------------------------------------------------------------------

    def receive(self, message: Message) -> None:
        """Take a message from a peer. Who has gone never comes here."""
        self.raft.step(message)
        self.drive()

    def drive(self) -> None:
        """Do what Raft wants done until it wants nothing more."""
        if self._driving:
            return
        raft = self.raft
        self._driving = True
        try:
            while True:
                if (raft.lead, raft.role, raft.term) != self._soft:
                    self._leadership_changed()
                if self.raft is not raft or not raft.has_ready():
                    break
                self._do(raft, raft.ready())
        finally:
            self._driving = False

    def _do(self, raft: Raft, ready: Ready) -> None:
        if ready.snapshot is not None:
            self._take(ready.snapshot, ready.hard_state)
        if ready.entries or ready.hard_state is not None:
            self.disk.save(ready.hard_state, ready.entries, ready.must_sync)
        failure: Exception | None = None
        for entry in ready.committed:
            try:
                self._apply(entry)
            except Exception as error:  # a receiver's own fault must not make entries be applied twice
                failure = failure or error
        self._send(ready)
        raft.advance(ready)
        for index, context in ready.read_states:
            self.reads.confirmed(index, context)
        if ready.committed or ready.snapshot is not None:
            self.reads.applied(self.applied)
            settled, self._settled = self._settled, []
            for id, result in settled:
                self.proposals.settle(id, result)
            if self.applied > self._memory_snapshot + MEMORY_SNAPSHOT:
                self._compact_log()
        if failure is not None:
            raise failure

    def _take(self, snapshot: Snapshot, hard_state: HardState | None) -> None:
        """Put the leader's state in the place of one's own, which is too far behind."""
        state: BackendState = snapshot.data
        bare = snapshot._replace(data=None)
        self.disk.save_snapshot(bare, state, hard_state)
        members = Membership(state.members, state.removed, state.cluster_version)
        self._become(snapshot.index, snapshot.term, state, members)
        self.records.installed(bare)

    def _leadership_changed(self) -> None:
        raft = self.raft
        before, self._soft = self._soft, (raft.lead, raft.role, raft.term)
        new_leader = raft.lead != 0 and raft.lead != before[0]
        if raft.lead != self.id:
            self.store.leases.demote()
        elif new_leader:
            self.leader_since = self.loop.clock.now()
        self.records.role_changed(before)
        if new_leader:
            self.reads.leader_changed()
            self.proposals.leader_known()
        for notify in list(self.after_change):
            notify()

    # -- applying ---------------------------------------------------------------------------------------

    def _apply(self, entry: Entry) -> None:
        if entry.index <= self.applied:
            return
        self.applied, self.applied_term = entry.index, entry.term
        request = entry.data
        if entry.type == CONF_CHANGE:
            self._settled.append((request.id, self._apply_change(request)))
        elif request is None:
            self.first_commit()
        else:
            self._apply_request(request, entry.index)

    def _apply_request(self, request: RaftRequest, index: int) -> None:
        waited_for = self.proposals.waits_for(request.id)
        if not waited_for:
            if request.kind in NO_SIDE_EFFECT:
                return
            if request.kind == "txn":
                request = without_reads(request)
        result = self.applier.apply(request, index)
        if request.kind == "lease_revoke":
            for notify in list(self.revoked):
                notify(request.body.get("ID", 0))
        elif request.kind == "alarm":
            self.records.alarm(request.body)
        if request.kind in _NOTICED:
            self.notice()
        if isinstance(result, NoSpace) and not self.applier.full:
            self._raise_alarm(request.id, result)
        elif waited_for:
            self.proposals.settle(request.id, result)

    def _raise_alarm(self, id: int, result: EtcdError) -> None:
        """The quota is exceeded: say so to the cluster, then answer."""
        alarm = {"action": ACTIVATE, "memberID": self.id, "alarm": NOSPACE}
        self.proposals.propose("alarm", alarm, None, Answer(lambda _: self.proposals.settle(id, result)))

    def notice(self) -> None:
        """Something has changed that the clients' side may have to know."""

    def first_commit(self) -> None:
        """A leader's empty entry was committed: everything before its term is applied."""
        self.reads.first_commit()
        if self.raft.lead == self.id:
            self.store.leases.promote(self.options.election)

    def _apply_change(self, change: ConfChange) -> EtcdError | None:
        try:
            self.membership.validate(change)
        except EtcdError as error:
            self.raft.apply_conf_change(change._replace(node_id=0))
            return error
        self.raft.apply_conf_change(change)
        self.membership.apply(change)
        self.notice()
        self.records.conf_changed(change)
        self.ticking.wake()
        if change.type == REMOVE_NODE and change.node_id == self.id:
            self.was_removed(after=REMOVED_AFTER)
        return None

    def was_removed(self, after: float = 0.0) -> None:
        """This member does not belong to the cluster any more: it ends itself."""
        if not self.exit_error:
            self.exit_error = "the member has been permanently removed from the cluster"
            self.loop.call_later(after, self.name, self.stop, what="the member was removed")

    def applied_alone(self, index: int) -> None:
        """An entry was logged and applied past Raft's own ways (see `alone`)."""
        self.applied = index
        if index > self._memory_snapshot + MEMORY_SNAPSHOT:
            self._compact_log()

    # -- the log's length -------------------------------------------------------------------------------

    def _compact_log(self) -> None:
        """Let the state machine stand for the older part of the log, and write it to disk now and then."""
        log, conf_state = self.raft.log, self.raft.conf_state
        log.create_snapshot(self.applied, conf_state, None)
        self._memory_snapshot = self.applied
        if self.applied - self._disk_snapshot > self.options.snapshot_count:
            self._disk_snapshot = self.applied
            snapshot = Snapshot(self.applied, self.applied_term, conf_state)
            self.disk.save_snapshot(snapshot, self.capture())
            self.records.saved_snapshot(snapshot)
        if not self._snapshots_under_way:
            try:
                log.compact(max(1, self.applied - self.options.snapshot_catchup_entries))
            except Compacted:
                return

    def _send(self, ready: Ready) -> None:
        sent = ready.messages
        if any(message.type == MsgSnap for message in sent):
            sent = [self._with_state(message) if message.type == MsgSnap else message for message in sent]
        lost = self.links.send(self, sent) if sent else []
        self.records.done(ready, sent, lost)
        for message, _ in lost:
            if message.type == MsgSnap:
                self.snapshot_sent(message.to, failed=True)
            elif not self.links.cut_between(self, message.to):
                self.raft.report_unreachable(message.to)

    def _with_state(self, message: Message) -> Message:
        """A snapshot's message with the state machine as it is now."""
        self._snapshots_under_way += 1
        snapshot = Snapshot(self.applied, self.applied_term, self.raft.conf_state, self.capture())
        return Message(MsgSnap, message.to, message.frm, message.term, snapshot=snapshot)

    def snapshot_sent(self, to: int, *, failed: bool) -> None:
        """A snapshot has been handed over, or was lost on the way."""
        if failed:
            self._snapshot_released()
        else:
            self.loop.call_later(
                SNAPSHOT_GRACE, self.name, self._snapshot_released, what="the log may be cut", background=True
            )
        self.raft.report_snapshot(to, failed=failed)
        self.drive()

    def _snapshot_released(self) -> None:
        self._snapshots_under_way = max(0, self._snapshots_under_way - 1)

    # -- who is connected -------------------------------------------------------------------------------

    def connected_since(self, id: int) -> float | None:
        """Since when (Unix seconds) this member is connected to another one; None when it is not."""
        other = self.links.members.get(id)
        return self.links.connected_since(self, other) if other is not None else None
