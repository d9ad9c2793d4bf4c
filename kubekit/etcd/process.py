"""Process: how a member comes and goes - starting, joining, publishing itself, stopping, crashing.

A start reads the disk. With a log on it the member goes on where it was; without, it begins a new cluster or
joins one, or does not start at all (`bootstrap`). A member that joins opens its port, asks a peer, and only
then takes part; messages that came meanwhile wait at the port. Then it *publishes* its name and addresses
through the log, and serves clients when that has been agreed on: so without a quorum nobody comes up.

A sole member elects itself at once. An orderly stop hands leadership over first; a crash does nothing first.
Source: server/embed/etcd.go (StartEtcd), server/etcdserver/server.go (Start, publishV3, Stop).
"""

from __future__ import annotations

from typing import Any

from kubekit.etcd import corruption, reconfiguration
from kubekit.etcd.answer import Answer
from kubekit.etcd.bootstrap import Beginning, begin_joining, begin_new, listeners, verify
from kubekit.etcd.cluster_errors import BootstrapError, ConnectionBroken, RequestTimedOut, ServerStopped
from kubekit.etcd.datadir import StorageError
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.replica import Replica
from kubekit.raft import Message

PIPELINE = 68
"""Messages that wait for a member which has opened its port but is still finding out what it joins."""


class Process(Replica):
    """A replica that can be started and ended."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.alone = False
        """Whether it is all there is of the cluster, and well: then a write needs nobody (see `client`)."""
        self._initialized = False
        """Whether it has been here before, so that it has something to compare with the others."""
        self._joining = False
        self._early: list[Message] = []
        self._peers: list[Replica] = []
        """Whom to ask before it joins."""

    def take_up_duties(self) -> None:
        """Begin what goes on while it runs."""

    def published(self) -> None:
        """It serves clients from now on."""

    def let_go(self, error: EtcdError) -> None:
        """It serves nobody any more; whoever waits is told why."""

    def start(self) -> None:
        """Start it. Raises BootstrapError, or StorageError for a disk that cannot be trusted, with etcd's
        words, when it cannot come up; then it has crashed."""
        if self.state in ("running", "paused"):
            super().start()
            return
        self.exit_error = ""
        others = [other for other in self.links.members.values() if other is not self]
        beginning: Beginning | None = None
        self._peers = []
        self._initialized = self.disk.exists
        try:
            listeners(self.plan, others)
            if not self.disk.exists:
                verify(self.plan)
                if self.plan.existing:
                    beginning, self._peers = begin_joining(self.plan, self.token, others)
                else:
                    beginning = begin_new(self.plan, self.token, others)
        except BootstrapError as error:
            self._refuse_to_start(error)
            raise
        if beginning is not None:
            self.disk.create(beginning.id, beginning.cluster_id, beginning.members)
        self.links.rest.wake()
        self.started_at = self.loop.clock.now()
        try:
            super().start()
        except (StorageError, BootstrapError) as error:
            self._refuse_to_start(error)
            raise

    def _refuse_to_start(self, error: Exception) -> None:
        self.exit_error = str(error)
        self.records.refused_start(self.exit_error)
        self._enter("crashed", "does not start")

    def on_start(self) -> None:
        """Take up what is on the disk, if only the beginning; then find out what it joins, or take part."""
        self.recover()
        if self._initialized and self.options.initial_corrupt_check:
            # What the database of the original holds at a start is here in the log: do what was agreed on.
            self.drive()
            corruption.initial_check(self)
        self.links.enter(self)
        self._joining = bool(self._peers)
        if self._joining:
            self._ask_before_joining(self._peers)
        else:
            self._serve_peers()

    def _ask_before_joining(self, peers: list[Replica]) -> None:
        """Ask a peer whether a downgrade is under way. That is a linearizable read, so a cluster without a
        quorum keeps the newcomer waiting for the request timeout."""
        peer, *others = peers
        settled = False

        def go_on(result: Any) -> None:
            nonlocal settled
            if settled or not self._joining:
                return
            settled = True
            timer.cancel()
            if isinstance(result, EtcdError) and others:
                self._ask_before_joining(others)
            else:
                self._joining = False
                self._serve_peers()

        timer = self.loop.call_later(
            self.options.request_timeout,
            self.name,
            lambda: go_on(RequestTimedOut()),
            what="a peer says nothing of downgrades",
            background=True,
        )
        if self.links.open_between(self, peer):
            peer.reads.wait(Answer(go_on))

    def _serve_peers(self) -> None:
        early, self._early = self._early, []
        self.ticking.start()
        self.take_up_duties()
        self.drive()
        self.records.came_or_went("start")
        for message in early:
            self.receive(message)
        if self.raft.voters == (self.id,) and not self.raft.others:
            # Nobody else could be elected, and nobody has to be waited for.
            self.raft.campaign()
            self.drive()
        self._publish()
        if self.raft.role == "leader":
            self.ticking.rest_if_possible()

    def _publish(self) -> None:
        """Say its name and where clients reach it, through the log; then serve them."""
        attributes = {"name": self.plan.name, "client_urls": list(self.plan.client_urls)}
        body = {"member_ID": self.id, "member_attributes": attributes}

        def agreed(result: Any) -> None:
            if isinstance(result, ServerStopped | ConnectionBroken):
                return
            if isinstance(result, EtcdError):
                self._publish()
                return
            self.serving = True
            self.notice()
            self.published()

        self.proposals.propose("cluster_member_attr_set", body, None, Answer(agreed))

    def stop(self) -> None:
        """Stop it in order: a leader hands over first."""
        if self.state == "running":
            self.links.rest.wake()
            reconfiguration.hand_over(self)
        if self.state in ("running", "paused"):
            super().stop()
            self.records.came_or_went("stop")

    def on_stop(self) -> None:
        """Say goodbye to everybody who waits, and leave the disk in order."""
        self._end(ServerStopped())
        self.disk.save_database(self.capture())

    def crash(self, lose_disk: bool = False) -> None:
        """End it at once; with `lose_disk` its machine is gone as well."""
        if self.state in ("running", "paused"):
            self.links.rest.wake()
            self.links.forget(self)
            super().crash()
            self.disk.crash()
            self.records.came_or_went("crash")
        if lose_disk:
            self.disk.wipe()
            self.records.disk_lost()

    def on_crash(self) -> None:
        """Connections break."""
        self._end(ConnectionBroken())

    def _end(self, error: EtcdError) -> None:
        self.links.rest.wake()
        self.links.forget(self)
        self.ticking.stop()
        self.alone = self.serving = self._joining = False
        self._early.clear()
        self.let_go(error)
        self.proposals.fail_all(error)
        self.reads.fail_all(error)

    def pause(self) -> None:
        """Freeze it: what it hears queues up."""
        self.links.rest.wake()
        if self.state == "running":
            super().pause()
            self.notice()
            self.records.came_or_went("pause")

    def resume(self) -> None:
        """Let it go on."""
        if self.state != "paused":
            return
        super().resume()
        self.notice()
        self.records.came_or_went("resume")
        if self.serving:
            self.published()

    def receive(self, message: Message) -> None:
        """Take a message from a peer; while it joins they wait at its port."""
        if not self._joining:
            super().receive(message)
        elif len(self._early) < PIPELINE:
            self._early.append(message)

    def _leadership_changed(self) -> None:
        super()._leadership_changed()
        self.notice()

    def notice(self) -> None:
        """See whether it is alone and well."""
        raft = self.raft
        self.alone = (
            self.state == "running"
            and self.serving
            and raft.role == "leader"
            and raft.voters == (self.id,)
            and not raft.others
            and not self.auth.enabled
            and not self.alarms.get()
        )
