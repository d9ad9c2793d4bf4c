"""`cluster.view`: every picture of a cluster by name.

    cluster.view.map()                                    the cluster map
    cluster.view.life_of("pod/shop/web")                  the life of a pod
    cluster.view.control_loop("replicaset/shop/web-1")    a controller's rounds
    cluster.view.scheduling("pod/shop/web")               an attempt to schedule a pod
    cluster.view.queue()                                  pods in the scheduler's queue over time
    cluster.view.preemption("pod/shop/web")               who had to go so that a pod fits
    cluster.view.what_if("pod/shop/web")                  where it would go if things were different
    cluster.view.request(-1)                              a request through the API server's filters
    cluster.view.rights(user="jane", namespace="prod")    who may do what
    cluster.view.race("configmap/shop/x")                 who wrote from an old version
    cluster.view.packet(record)                           a packet's walk
    cluster.view.owners("deployment/shop/web")            who owns whom
    cluster.view.revisions("/registry/pods")              etcd's keys by revision
    cluster.view.raft()                                   etcd's members, their messages and logs
    cluster.view.file("backup.db")                        the pages of a snapshot

A name without a namespace means `default`; a kind may be written as kubectl takes it. What does not exist is
answered with a sentence that names what there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubekit.api.exchange import Request
from kubekit.apiserver.stopwatch import Stopwatch, timed
from kubekit.cluster.errors import KubekitError
from kubekit.sim import Record
from kubekit.views.cluster_map import ClusterMap
from kubekit.views.control_loop import ControlLoop
from kubekit.views.inside_the_file import InsideTheFile
from kubekit.views.life_of_a_pod import LifeOfAPod
from kubekit.views.owners import owners_of
from kubekit.views.packet_walk import PacketWalk
from kubekit.views.preemption import Preemption
from kubekit.views.queue_over_time import QueueOverTime
from kubekit.views.race import Race
from kubekit.views.raft_theatre import RaftTheatre
from kubekit.views.request_walk import RequestWalk
from kubekit.views.revision_explorer import RevisionExplorer
from kubekit.views.rights import Rights
from kubekit.views.scheduling_funnel import SchedulingFunnel
from kubekit.views.what_if import WhatIf


class Views:
    """The pictures of one cluster. Each call draws what is so now."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster

    def map(self) -> ClusterMap:
        """Every component in its place, and the pods on their nodes."""
        return ClusterMap(self._cluster)

    def life_of(self, subject: str) -> LifeOfAPod:
        """Everything the records hold about one pod, as a sequence."""
        subject = self._subject(subject)
        return LifeOfAPod(subject, self._cluster.records.of(subject), self._meta(pod=subject), self._id)

    def control_loop(self, subject: str) -> ControlLoop:
        """A controller's rounds about one object, side by side."""
        subject = self._subject(subject)
        kind = self._cluster.resource(subject.partition("/")[0]).kind
        return ControlLoop(subject, self._cluster.records.of(subject), self._meta(), self._id, kind)

    def scheduling(self, subject: str, attempt: int = -1) -> SchedulingFunnel:
        """An attempt to schedule a pod: the last one, or the one of this index."""
        subject = self._subject(subject)
        tried = [one for one in self._cluster.records.of(subject) if one.kind == "schedule"]
        try:
            record = tried[attempt] if tried else None
        except IndexError:
            raise KubekitError(
                f"{subject} was tried {len(tried)} time(s): there is no attempt {attempt}"
            ) from None
        return SchedulingFunnel(subject, record, self._meta(pod=subject), self._id)

    def queue(self) -> QueueOverTime:
        """The pods in the scheduler's queue over time, and what moved them."""
        clock, history = self._cluster.loop.clock, self._cluster.scheduler.queue.history
        origin = clock.now() - clock.elapsed()
        return QueueOverTime(history, self._cluster.records, origin, self._meta(), self._id)

    def preemption(self, subject: str) -> Preemption:
        """Who had to go so that a pod fits: the candidates, the rules, the victims' leaving."""
        subject = self._subject(subject)
        return Preemption(subject, self._cluster.records.of, self._meta(pod=subject), self._id)

    def what_if(self, subject: str | dict[str, Any]) -> WhatIf:
        """Where a pod would go if things were different; also a pod's object that does not exist yet."""
        pod = subject if isinstance(subject, dict) else self._subject(subject).partition("/")[2]
        return WhatIf(self._cluster.scheduler, pod, self._meta(), self._id)

    def request(self, which: int | str | Record = -1) -> RequestWalk:
        """A request's walk: a record, the last one about a subject, or an index among those of people.

        Components ask all the time; what they asked is found by its record or subject.
        """
        cluster = self._cluster
        record: Record | None = None
        empty = "Make one: `%kubectl get pods`"
        if isinstance(which, Record):
            record = which
        elif isinstance(which, str):
            about = [one for one in cluster.records.of(self._subject(which)) if one.kind == "request"]
            record = about[-1] if about else None
            empty = f"No request about {self._subject(which)} was recorded. {empty}"
        else:
            asked = [
                one
                for one in cluster.records.kind("request")
                if not one.came_in["user"].startswith("system:")
            ]
            if -len(asked) <= which < len(asked):
                record = asked[which]
            empty = f"People made {len(asked)} requests; there is none with the index {which}. {empty}"
        address = cluster.apiserver.address
        return RequestWalk(record, self._meta(), send=self._send, address=address, empty=empty)

    def race(self, subject: str) -> Race:
        """Who read and wrote an object, from which version, and whose write came too late."""
        subject = self._subject(subject)
        return Race(subject, self._cluster.records.of(subject), self._meta(), self._id)

    def rights(
        self,
        user: str = "",
        *,
        group: str = "",
        service_account: str = "",
        groups: Sequence[str] = (),
        namespace: str = "default",
    ) -> Rights:
        """What a user, group or service account (``namespace/name``) may do; namespace "" is the cluster.

        A user's groups are those given, else those of their last request.
        """
        subjects = {"user": user, "group": group, "service account": service_account}
        given = {kind: name for kind, name in subjects.items() if name}
        if len(given) > 1:
            raise KubekitError(f"one subject at a time, not {' and '.join(given)}")
        kind, name = next(iter(given.items()), ("user", "kubernetes-admin"))
        if kind == "service account" and "/" not in name:
            name = f"{namespace or 'default'}/{name}"
        return Rights(
            self._cluster.apiserver,
            self._meta(),
            kind=kind,
            subject=name,
            groups=groups,
            namespace=namespace,
            seen_groups=self._groups_of,
        )

    def _groups_of(self, user: str) -> tuple[str, ...]:
        """The groups with which a user last came."""
        for record in reversed(self._cluster.records.kind("request")):
            if record.came_in["user"] == user:
                return tuple(record.came_in["groups"])
        return ()

    def _send(self, request: Request) -> tuple[Record, Stopwatch]:
        """Let the API server answer once more; the record of that, and how long each step took."""
        cluster = self._cluster
        try:
            _, watch = timed(cluster.apiserver, request)
        except OSError as error:
            raise KubekitError(f"kube-apiserver does not answer: {error}") from None
        found: Record = cluster.records.kind("request")[-1]
        return found, watch

    def packet(self, record: Record | None = None) -> PacketWalk | str:
        """A packet's walk: of the record that `cluster.send` gave, or of the last packet that no component
        sent."""
        if record is None:
            packets = [one for one in self._cluster.records.kind("packet") if one.component == "network"]
            if not packets:
                return "No packet has been sent yet: cluster.send('default/client', 'web:80')"
            record = packets[-1]
        return PacketWalk(record, self._meta(), self._id)

    def owners(self, subject: str) -> Any:
        """An object and everything that it owns, as a graph."""
        return owners_of(self._cluster, self._subject(subject), self._meta())

    def revisions(
        self, prefix: str | bytes = "/registry/pods", *, at: int = 0, compare: int = 0, key: str = ""
    ) -> RevisionExplorer:
        """The keys under a prefix at every revision; `compare` sets a second one, `key` looks at one key."""
        cluster = self._cluster
        return RevisionExplorer(
            cluster.etcd.store,
            prefix,
            self._meta(),
            cluster.records,
            self._id,
            at=at,
            compare=compare,
            key=key,
        )

    def raft(self) -> RaftTheatre:
        """etcd's members, what they say to each other, and their logs."""
        cluster = self._cluster
        return RaftTheatre(
            cluster.etcd,
            lambda: cluster.records.kind("raft"),
            self._meta()[1:],
            self._id,
            clock=cluster.loop.clock.elapsed,
            advance=cluster.advance,
        )

    def file(self, source: Any, *, revision: int = 0) -> InsideTheFile:
        """The pages of a snapshot or database: a path, the bytes, or a member (what it would send now)."""
        return InsideTheFile(source, revision=revision)

    def _subject(self, text: str) -> str:
        parts = str(text).split("/")
        if len(parts) == 1:
            parts = ["pod", *parts]
        resource = self._cluster.resource(parts[0])
        singular = resource.singular or resource.kind.lower()
        if resource.namespaced and len(parts) == 2:
            return f"{singular}/default/{parts[1]}"
        return "/".join([singular, *parts[1:]])

    def _meta(self, pod: str = "") -> list[list[str]]:
        cluster = self._cluster
        first = ["pod", pod.partition("/")[2]] if pod else ["cluster", cluster.name]
        return [first, ["seed", str(cluster.settings.seed)]]

    @property
    def _id(self) -> str:
        return f"{self._cluster.name}/{self._cluster.settings.seed}"

    def __repr__(self) -> str:
        return (
            "Views: map(), life_of(pod), control_loop(object), packet(record), request(-1), rights(user), "
            "race(object), scheduling(pod), queue(), preemption(pod), what_if(pod), owners(object), "
            "revisions(prefix), raft(), file(path or member)"
        )
