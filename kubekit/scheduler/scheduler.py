"""The scheduler as a component: it watches for pods without a node and gives them one.

Everything it knows comes from informers and is rebuilt at each start; everything it decides goes to the API
server as a Binding, a status patch or an event. One pod is one turn of the loop. It also is the `Handle` that
plugins get. What a notebook may do to it stands in `workbench`.

Source: pkg/scheduler/scheduler.go.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Any

from kubekit.client import Client, EventRecorder, Informer, InformerFactory, LeaderElection
from kubekit.scheduler.algorithm import Algorithm
from kubekit.scheduler.attempt import Attempt
from kubekit.scheduler.binding import BindingCycle
from kubekit.scheduler.cache import Cache
from kubekit.scheduler.config import SchedulerConfig
from kubekit.scheduler.event_handlers import POD_FIELDS, EventHandlers
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.runtime import Framework
from kubekit.scheduler.preemption_executor import carry_out
from kubekit.scheduler.schedule_one import schedule_one
from kubekit.scheduler.scheduling_queue import SchedulingQueue
from kubekit.scheduler.snapshot import Snapshot
from kubekit.scheduler.workbench import Workbench
from kubekit.sim import Component, Handle, Loop, Record

Obj = dict[str, Any]

DETAILED_ATTEMPTS = 1000
"""So many attempts keep every score at most; older ones are trimmed."""
DETAILED_NODES = 250_000
"""And so many nodes may they have looked at together: some tens of MiB."""
SYNC_POLL = 0.1
ESSENTIAL = frozenset(("pods", "nodes"))
PATIENT_ERRORS = 3
"""After so many errors in a row nobody is expected to wait for a pod's next attempt."""


class Scheduler(Workbench, Component):
    """kube-scheduler.

    `client` talks to the API server, `config` is a KubeSchedulerConfiguration (None: the defaults). `arrays`
    forces the search over all nodes at once (True) or one by one (False); None takes what is faster. With
    `leader_elect`, of several copies (told apart by `identity`) only the one that holds the Lease works.
    Read `queue`, `cache`, `attempts` and `frameworks`; do not change them.
    """

    def __init__(
        self,
        loop: Loop,
        client: Client,
        config: Obj | str | None = None,
        name: str = "kube-scheduler",
        *,
        leader_elect: bool = False,
        identity: str = "",
        arrays: bool | None = None,
    ) -> None:
        super().__init__(loop, name)
        self.leader_elect = leader_elect
        self.identity = identity or name
        self.election: LeaderElection | None = None
        self.client = client
        self.arrays = arrays
        self.config = SchedulerConfig(config)
        self.local_extenders: dict[str, Callable[[str, Obj], Any]] = {}
        self.attempts: deque[Attempt] = deque(maxlen=DETAILED_ATTEMPTS)
        self._detailed: deque[tuple[Attempt, int]] = deque()
        self._detail = 0
        self.waiting_pods: dict[str, BindingCycle] = {}
        self.pods_in_pre_bind: dict[str, BindingCycle] = {}
        self._added: dict[str, tuple[type[Plugin], int, Obj]] = {}
        self._recorders: dict[str, EventRecorder] = {}
        self._turn: Handle | None = None
        self._timers: dict[str, Handle] = {}
        self._preempting: set[str] = set()
        self._synced = False
        self._forget_everything()

    # -- a component's life ------------------------------------------------------------------------

    def _forget_everything(self) -> None:
        """As after a fresh start of the process: empty cache, empty queue, new informers."""
        self.factory = InformerFactory(self.client, self.loop, self.name)
        self._listers: dict[str, Informer] = {}
        self.cache = Cache()
        self.snapshot = Snapshot()
        self.algorithm = Algorithm(
            self.snapshot, self.loop.rng, self.config.percentage_of_nodes_to_score, self.arrays
        )
        self.frameworks: dict[str, Framework] = self.config.build(self)
        for extender in self.config.extenders:
            extender.local = self.local_extenders
        for plugin, weight, args in self._added.values():
            self._join(plugin, weight, args)
        self.queue = SchedulingQueue(
            self.frameworks,
            self.now,
            initial_backoff=self.config.initial_backoff,
            max_backoff=self.config.max_backoff,
            find_pod=self.find_pod,
            cause=lambda: self.loop.trace.cause,
            wake=self.wake,
            wait_until=self.arm_timers,
        )
        self.waiting_pods.clear()
        self.pods_in_pre_bind.clear()
        self._recorders.clear()
        self._preempting.clear()
        self._timers.clear()
        self._turn = None
        self._synced = False

    def on_start(self) -> None:
        """Begin to watch; scheduling begins when everything was listed once."""
        self._forget_everything()
        EventHandlers(self, self.factory)
        for informer in self.factory.informers:
            informer.add_index("namespace", _namespace)
            informer.when_synced(self.wake)
        self.factory.start()
        if self.leader_elect:
            self.election = LeaderElection(
                self.client,
                self.loop,
                self.name,
                "kube-scheduler",
                self.identity,
                on_started=self.wake,
                on_stopped=lambda: None,
                recorder=EventRecorder(self.client, self.loop, "default-scheduler", owner=self.name),
            )
            self.election.start()

    def on_stop(self) -> None:
        """Stop watching, and let another copy lead."""
        self._end(release=True)

    def on_crash(self) -> None:
        """The connections break; what was in memory is lost."""
        self._end(release=False)

    def _end(self, release: bool) -> None:
        self.factory.stop()
        if self.election is not None:
            self.election.stop(release=release)
            self.election = None

    @property
    def is_leader(self) -> bool:
        """Whether this copy is the one that schedules."""
        return self.running and (self.election is None or self.election.is_leader)

    # -- turns -------------------------------------------------------------------------------------

    def wake(self) -> None:
        """See to it that a waiting pod gets its turn."""
        if self._turn is None and self.queue.ready() and self._ready():
            self._turn = self.loop.call_soon(self.name, self._schedule_next, what="schedule the next pod")

    def _schedule_next(self) -> None:
        self._turn = None
        schedule_one(self)
        self.wake()

    def _ready(self) -> bool:
        """Whether it leads, and every informer has listed.

        An informer that the server refuses does not keep pods waiting, unless it is an essential one.
        """
        if self.election is not None and not self.election.is_leader:
            return False
        if not self._synced:
            missing = [informer for informer in self.factory.informers if not informer.has_synced]
            self._synced = all(
                informer.reflector.last_error and informer.resource.plural not in ESSENTIAL
                for informer in missing
            )
            if not self._synced and "sync" not in self._timers:
                self._timers["sync"] = self.loop.call_later(
                    SYNC_POLL, self.name, self._look_again, what="wait for the informers", background=True
                )
        return self._synced

    def _look_again(self) -> None:
        self._timers.pop("sync", None)
        self.wake()

    def arm_timers(self) -> None:
        """Set the timers that flush the queue, for the moment when there will be something to flush."""
        backoff = self.queue.backoff
        if len(backoff):
            hurried = len(self.cache.nodes) > 0 and any(
                queued.consecutive_errors <= PATIENT_ERRORS for queued in backoff.errors
            )
            self._arm("backoff", backoff.next_flush(), self._flush_backoff, "end a back-off", not hurried)
        if "pool" not in self._timers:  # who is in the pool already leaves it first
            moment = self.queue.next_flush_unschedulable()
            self._arm("pool", moment, self._flush_pool, "look into the unschedulable pool", True)

    def _arm(
        self, which: str, when: float | None, flush: Callable[[], None], what: str, background: bool
    ) -> None:
        old = self._timers.get(which)
        if old is not None:
            if old.when == when and old.background == background:
                return
            old.cancel()
            del self._timers[which]
        if when is not None:
            delay = when - self.now()
            self._timers[which] = self.loop.call_later(
                delay, self.name, flush, what=what, background=background
            )

    def _flush_backoff(self) -> None:
        self._timers.pop("backoff", None)
        self.queue.flush_backoff()
        self.arm_timers()

    def _flush_pool(self) -> None:
        self._timers.pop("pool", None)
        self.queue.flush_unschedulable()
        self.arm_timers()

    # -- what plugins may ask (framework/plugin.py: Handle) ----------------------------------------

    def lister(self, resource: str) -> Informer:
        """The objects of a resource."""
        found = self._listers.get(resource)
        if found is None:
            found = self.factory.informer(resource, field_selector=POD_FIELDS if resource == "pods" else "")
            found.add_index("namespace", _namespace)
            self._listers[resource] = found
        return found

    def listers(self) -> Mapping[str, Informer]:
        """Everything that plugins may read, by resource as they name it."""
        found = {}
        for informer in self.factory.informers:
            resource = informer.resource
            found[f"{resource.plural}.{resource.group}" if resource.group else resource.plural] = informer
        return found

    def now(self) -> float:
        """Unix seconds."""
        return self.loop.clock.now()

    def choose(self, items: list[str]) -> str:
        """One of several equals."""
        return items[0] if len(items) == 1 else self.loop.rng.choice(items)

    def nominated_pods(self, node: str) -> list[PodInfo]:
        """Pods that were promised the node."""
        return self.queue.nominator.on_node(node)

    def nominated_nodes(self) -> Collection[str]:
        """The nodes that pods were promised."""
        return self.queue.nominator.nodes

    def preempt(self, pod: PodInfo, node: str, victims: list[PodInfo], framework: Framework) -> None:
        """Have the victims deleted once this cycle is over; until then the pod stays out of the queue."""
        self._preempting.add(pod.uid)
        self.loop.call_soon(self.name, self._preempt, pod, node, victims, what=f"preempt for {pod.key}")

    def _preempt(self, pod: PodInfo, node: str, victims: list[PodInfo]) -> None:
        try:
            succeeded = carry_out(self, pod, node, victims)
        finally:
            self._preempting.discard(pod.uid)
        if not succeeded:
            self.queue.activate([pod])

    def preempting(self, pod: PodInfo) -> bool:
        """Whether victims are still to be deleted for the pod."""
        return pod.uid in self._preempting

    # -- for the cycle -----------------------------------------------------------------------------

    def find_pod(self, key: str) -> Obj | None:
        """The pod as last seen."""
        return self.lister("pods").get(key)

    def recorder(self, pod: PodInfo) -> EventRecorder:
        """Who signs events about this pod: its profile."""
        name = pod.scheduler_name
        found = self._recorders.get(name)
        if found is None:
            found = self._recorders[name] = EventRecorder(self.client, self.loop, name, owner=self.name)
        return found

    def emit(self, attempt: Attempt, record: int) -> None:
        """Add the attempt's record to the trace, under the id that its effects already point at."""
        self.attempts.append(attempt)
        self._detailed.append((attempt, len(attempt.nodes)))
        self._detail += len(attempt.nodes)
        while (self._detail > DETAILED_NODES and len(self._detailed) > 1) or len(
            self._detailed
        ) > DETAILED_ATTEMPTS:
            old, size = self._detailed.popleft()
            self._detail -= size
            old.trim()
        self.loop.trace.add(
            Record(
                record,
                self.loop.clock.elapsed(),
                "schedule",
                self.name,
                f"pod/{attempt.pod.namespace}/{attempt.pod.name}",
                attempt.sentence,
                attempt.came_in,
                attempt.steps,
                attempt.came_out,
                attempt.cause,
            )
        )

    def attempts_of(self, pod: str) -> list[Attempt]:
        """The attempts for ``namespace/name`` that are still remembered, oldest first."""
        return [attempt for attempt in self.attempts if attempt.pod.key == pod]


def _namespace(obj: Obj) -> list[str]:
    return [obj["metadata"].get("namespace", "")]
