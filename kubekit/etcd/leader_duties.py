"""LeaderDuties: what a member does only while it leads - keep the leases' time, and see to the version.

* Leases that run out are revoked through the log, so that every member deletes their keys at the same index.
  Only the leader's lessor keeps time; after a change of leader every lease begins anew.
* Renewing a lease, and asking how long it has left, happens here, for all members (`forwarding`).
* Once members have told their versions, the leader sets the cluster's version through the log; during a
  downgrade it lowers it.
* Automatic compaction, if it was asked for: every member notes revisions, the leader compacts.
* Comparing the members, if that was asked for (`corruption`).

Source: server/etcdserver/server.go (revokeExpiredLeases, monitorClusterVersions), v3_server.go (LeaseRenew,
leaseTimeToLive), version/monitor.go, server/etcdserver/api/v3compactor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.etcd import corruption
from kubekit.etcd.answer import Answer
from kubekit.etcd.auth import ROOT, Identity
from kubekit.etcd.auto_compaction import AutoCompaction, retention
from kubekit.etcd.errors import Compacted, EtcdError, LeaseNotFound, LeaseOverdue, NotPrimary
from kubekit.etcd.expiry import LeaseExpiry
from kubekit.etcd.forwarding import ask_leader
from kubekit.etcd.lease_calls import permit_renewal
from kubekit.etcd.node import VERSION, lease_times
from kubekit.sim import Handle

if TYPE_CHECKING:
    from kubekit.etcd.member import Member

VERSION_INTERVAL = 4.0
"""Seconds between two looks at the members' versions, while the cluster's is not what it should be."""

LOWEST_VERSION = "3.0.0"
"""The cluster version when not all members have told theirs."""


class LeaderDuties:
    """One member's duties; they rest while it does not lead."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._expiry: LeaseExpiry | None = None
        self._compaction: AutoCompaction | None = None
        self._timers: dict[str, Handle] = {}
        self._overdue: dict[int, list[Answer]] = {}
        self._compared = 0
        """The revision up to which compacted histories have been compared."""
        member.revoked.append(self._revoked)
        member.after_change.append(self._leadership_changed)

    def start(self) -> None:
        """Begin with the member."""
        member = self._member
        self._expiry = LeaseExpiry(member.loop, member.store, member.name, self._look_at_leases)
        mode = member.options.auto_compaction_mode
        kept = retention(mode, member.options.auto_compaction_retention)
        if kept > 0:
            self._compaction = AutoCompaction(mode, kept, member.loop.clock.now(), member.store.revision)
            self._compaction.paused = True
            self._later("compaction", self._compaction.interval, self._compact)
        self._compare(first=True)
        self._compare_compacted(first=True)

    def stop(self) -> None:
        """End with the member."""
        if self._expiry is not None:
            self._expiry.stop()
            self._expiry = None
        self._compaction = None
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._overdue.clear()

    def _leadership_changed(self) -> None:
        """Leases that wait to be revoked are the next leader's matter."""
        member = self._member
        leads = member.raft.lead == member.id
        if self._compaction is not None:
            self._compaction.paused = not leads
        if not leads:
            overdue, self._overdue = self._overdue, {}
            for answers in overdue.values():
                for answer in answers:
                    answer(NotPrimary())

    def first_commit(self) -> None:
        """The leader can lead now."""
        if self._member.raft.lead == self._member.id:
            self._see_to_version()

    def _later(self, name: str, delay: float, act: Callable[[], None]) -> None:
        member = self._member
        earlier = self._timers.get(name)
        if earlier is not None and not earlier.done:
            earlier.cancel()
        self._timers[name] = member.loop.call_later(delay, member.name, act, what=name, background=True)

    # -- leases -----------------------------------------------------------------------------------------

    def _look_at_leases(self) -> None:
        member = self._member
        leases = member.store.leases
        if not leases.primary or member.raft.lead != member.id:
            return
        root = Identity(ROOT, member.auth.revision) if member.auth.enabled else None
        for id in leases.expired():
            member.propose("lease_revoke", {"ID": id}, root, Answer(lambda _: None))
        if due := leases.due_checkpoints():
            checkpoints = [{"ID": id, "remaining_TTL": remaining} for id, remaining in due]
            member.propose("lease_checkpoint", {"checkpoints": checkpoints}, None, Answer(lambda _: None))

    def renew(self, id: int, who: Identity | None, answer: Answer) -> None:
        """Renew a lease, wherever its time is kept. Raises what forbids it."""
        permit_renewal(self._member, id, who)
        ask_leader(self._member, lambda leader, reply: leader.duties.renew_here(id, reply), answer)

    def renew_here(self, id: int, answer: Answer) -> None:
        """Renew a lease whose time is kept here; NotPrimary when it is not."""
        leases = self._member.store.leases
        try:
            ttl = leases.renew(id)
        except LeaseOverdue:
            # It is going to be revoked; whoever keeps it alive hears of it when that is done.
            self._overdue.setdefault(id, []).append(answer)
            return
        except EtcdError as error:
            answer(error)
            return
        lease = leases.lookup(id)
        if lease is not None and lease.remaining_ttl > 0:
            body = {"checkpoints": [{"ID": id, "remaining_TTL": 0}]}
            self._member.propose("lease_checkpoint", body, None, Answer(lambda _: answer(ttl)))
        else:
            answer(ttl)

    def _revoked(self, id: int) -> None:
        for answer in self._overdue.pop(id, ()):
            answer(LeaseNotFound())

    def time_to_live(self, id: int, keys: bool, answer: Answer) -> None:
        """How long a lease has left, from where its time is kept."""

        def ask(leader: Any, reply: Answer) -> None:
            try:
                reply(lease_times(leader.store, id, keys) if leader.store.leases.primary else NotPrimary())
            except EtcdError as error:
                reply(error)

        ask_leader(self._member, ask, answer)

    # -- the cluster's version --------------------------------------------------------------------------

    def _see_to_version(self) -> None:
        member = self._member
        if member.raft.lead != member.id:
            return
        wanted = self._wanted_version()
        if wanted and wanted != member.membership.version:
            member.propose("cluster_version_set", {"ver": wanted}, None, Answer(lambda _: None))
        if wanted != self._final_version():
            self._later("cluster version", VERSION_INTERVAL, self._see_to_version)

    def noticed(self) -> None:
        """A downgrade may have been begun or ended: the next look at the versions is due."""
        member = self._member
        version = member.membership.version
        if version and member.raft.lead == member.id and version != self._final_version():
            self._later("cluster version", VERSION_INTERVAL, self._see_to_version)

    def _final_version(self) -> str:
        target = self._member.membership.downgrade_target
        return target or f"{VERSION.rpartition('.')[0]}.0"

    def _wanted_version(self) -> str:
        """The version to set now; what there is, or nothing, when not all members can be asked."""
        membership = self._member.membership
        told = all(
            id == self._member.id or self._member.connected_since(id) is not None for id in membership.by_id
        )
        if told:
            return self._final_version()
        return membership.version or LOWEST_VERSION

    # -- corruption -------------------------------------------------------------------------------------

    def _compare(self, first: bool = False) -> None:
        member = self._member
        if not first and member.raft.lead == member.id:
            corruption.periodic_check(member)
        if seconds := member.options.corrupt_check_time:
            self._later("corrupt check", seconds, self._compare)

    def _compare_compacted(self, first: bool = False) -> None:
        member = self._member
        if first:
            self._compared = 0
        elif member.raft.lead == member.id:
            self._compared = corruption.compact_hash_check(member, self._compared)
        if seconds := member.options.compact_hash_check_time:
            self._later("compact hash check", seconds, self._compare_compacted)

    # -- automatic compaction ---------------------------------------------------------------------------

    def _compact(self) -> None:
        member, compaction = self._member, self._compaction
        if compaction is None:
            return
        now = member.loop.clock.now()
        target = compaction.look(now, member.store.revision)
        self._later("compaction", max(0.0, compaction.due - now), self._compact)
        if target is None:
            return

        def done(result: Any) -> None:
            success = not isinstance(result, EtcdError) or isinstance(result, Compacted)
            compaction.done(member.loop.clock.now(), target, success=success)

        member.propose("compaction", {"revision": target}, None, Answer(done))
