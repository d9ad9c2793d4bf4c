"""The pod worker: one pod's life on its node, one sync after the other.

A worker syncs the pod while it should run, ends it once it should not, and finishes when nothing runs any
more; it never goes back. It is level-triggered: `update` only says that something may be different, and
updates that arrive during a sync make one more sync. Status is set from what the runtime showed before the
sync, as the real kubelet does it. Source: `pkg/kubelet/pod_workers.go`, `SyncPod` in `kubelet.go`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kubekit.api.meta import Obj
from kubekit.kubelet.conditions import by_kubelet
from kubekit.kubelet.cri import RuntimeService
from kubekit.kubelet.events import ContainerEvents
from kubekit.kubelet.phase import is_static
from kubekit.kubelet.pleg import Pleg
from kubekit.kubelet.pod_status import TERMINAL, generate
from kubekit.kubelet.pod_sync import PodSync, Result
from kubekit.kubelet.prober import Prober
from kubekit.kubelet.resource_wishes import resources_of, summary
from kubekit.kubelet.runtime import PodStatus
from kubekit.kubelet.status_manager import StatusManager
from kubekit.kubelet.task import FOREGROUND_SECONDS, Steps, Task, run
from kubekit.kubelet.volumes import MountTimeout, Volumes
from kubekit.sim import Handle, Loop, Rng, parse_rfc3339

BACKOFF_SECONDS = 10.0
JITTER = 0.5

PAST_DEADLINE = "Pod was active on the node longer than the specified deadline"


@dataclass(slots=True)
class Services:
    """What all workers of one kubelet share."""

    loop: Loop
    owner: str
    rng: Rng
    host_ip: str
    sync_frequency: float
    statuses: StatusManager
    pleg: Pleg
    cri: RuntimeService
    prober: Prober
    pods: PodSync
    volumes: Volumes
    events: ContainerEvents
    reasons: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    """Why containers do not run, by pod uid and container name."""


@dataclass(slots=True)
class Outcome:
    """How a turn of the worker ended."""

    terminal: bool = False
    failed: bool = False
    retry_at: float | None = None


class PodWorker:
    """The worker of one pod; `gone(worker)` is called when it has nothing more to do."""

    def __init__(self, services: Services, pod: Obj, gone: Callable[[PodWorker], None]) -> None:
        self.services = services
        self.pod = pod
        self.uid: str = pod["metadata"]["uid"]
        self.terminating = False
        self.terminated = False
        self.finished = False
        self.removed = False
        """The pod is gone from its source: nothing of it needs to be kept once it has ended."""
        self.verdict: tuple[str, str] | None = None
        """(reason, message) with which the kubelet itself failed the pod."""
        self.disruption: Obj | None = None
        """The DisruptionTarget condition that goes with it."""
        self.grace: float | None = None
        self.generation: int = pod["metadata"].get("generation", 0)
        """Of the spec whose wish for resources was decided about last."""
        self.allocated = resources_of(pod)
        """What the containers were given, by name."""
        self.deferred: Obj | None = None
        """The PodResizePending condition while a wish waits; `desired` is the spec with the wish."""
        self.desired: Obj = {}
        self.resizing: Obj | None = None
        """The PodResizeInProgress condition until a sync has seen that all is `actuated`."""
        self.actuated = False
        self._gone = gone
        self._working = False
        self._pending = False
        self._mounting = False
        self._last_sync = 0.0
        self._task: Task | None = None
        self._timer: Handle | None = None
        self._deadline: Handle | None = None

    # -- from outside -----------------------------------------------------------------------------------

    def update(self, pod: Obj | None = None, *, kill: bool = False, grace: float | None = None) -> None:
        """Something may be different: the pod's object, its containers, a probe's verdict.

        `kill` ends the pod whatever its spec says, with `grace` seconds if given.
        """
        if pod is not None:
            self.pod = pod
        if self.finished:
            return
        meta = self.pod["metadata"]
        deleting = meta.get("deletionTimestamp") is not None
        if not self.terminating and (
            kill or deleting or (self.pod.get("status") or {}).get("phase") in TERMINAL
        ):
            self.terminating = True
        if self.terminating and not self.terminated:
            wanted = grace
            if wanted is None and deleting and meta.get("deletionGracePeriodSeconds") is not None:
                wanted = float(meta["deletionGracePeriodSeconds"])
            if wanted is None and kill:
                wanted = float(self.pod["spec"].get("terminationGracePeriodSeconds") or 30)
            if wanted is not None:
                wanted = max(1.0, wanted)
                self.grace = wanted if self.grace is None else min(self.grace, wanted)
        if self._mounting and self.terminating and self._task is not None:
            self._mounting = False
            self._task.cancel()
            self._done(Outcome(terminal=True))
            return
        self.wake()

    def wake(self) -> None:
        """Take a turn soon, or one more when a turn is under way."""
        if self.finished:
            return
        if self._working:
            self._pending = True
            return
        self._working = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        meta = self.pod["metadata"]
        what = f"sync of {meta['namespace']}/{meta['name']}"
        self.services.loop.call_soon(self.services.owner, self._turn, what=what)

    def evict(self, reason: str, message: str, disruption: Obj) -> None:
        """Fail the pod from the node's side, at once; `disruption` is the condition that says so."""
        self.verdict = (reason, message)
        self.disruption = disruption
        self.update(kill=True, grace=0.0)

    # -- a turn -----------------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._pending = False
        services = self.services
        steps = (
            self._terminated() if self.terminated else self._ending() if self.terminating else self._sync()
        )
        self._task = None
        task = run(services.loop, services.owner, steps, self._done)
        self._task = task if self._working else None

    def _done(self, outcome: Outcome) -> None:
        services = self.services
        now = services.loop.clock.now()
        self._last_sync = now
        self._working = False
        if self.finished:
            self._gone(self)
            return
        if outcome.terminal:
            self._pending = True
        if self._pending:
            self.wake()
        elif outcome.failed:
            wait = BACKOFF_SECONDS if outcome.retry_at is None else outcome.retry_at - now
            wait = min(max(wait, 0.0), services.sync_frequency)
            wait *= 1 + JITTER * services.rng.random()
            meta = self.pod["metadata"]
            self._timer = services.loop.call_later(
                wait,
                services.owner,
                self._retry,
                what=f"another sync of {meta['namespace']}/{meta['name']}",
                background=True,
            )

    def _retry(self) -> None:
        self._timer = None
        self.wake()

    def _sync(self) -> Steps[Outcome]:
        services, pod = self.services, self.pod
        if self.resizing is not None and self.actuated:
            text = f"Pod resize completed: {summary(pod, self.resizing['observedGeneration'])}"
            self.resizing = None
            services.events.pod(pod, "Normal", "ResizeCompleted", text)
        runtime = self._runtime_status()
        status = self._generate(runtime)
        services.statuses.set(pod, status)
        if status["phase"] in TERMINAL:
            self.terminating = True
            return Outcome(terminal=True)
        self._watch_deadline()
        self._mounting = True
        try:
            yield from services.volumes.wait_until_mounted(pod)
        except MountTimeout:
            return Outcome(failed=True)
        finally:
            self._mounting = False
        services.prober.add_pod(pod)
        result: Result = yield from services.pods.sync(pod, runtime)
        reasons = services.reasons.setdefault(self.uid, {})
        for name, reason in result.reasons.items():
            if reason is None:
                reasons.pop(name, None)
            else:
                reasons[name] = reason
        if self.resizing is not None and not self.actuated:
            self.actuated = self._pending = True
        if result.changed and not result.failed:
            services.pleg.request_relist(self.uid)
        return Outcome(failed=result.failed, retry_at=result.retry_at)

    def _ending(self) -> Steps[Outcome]:
        services = self.services
        runtime = self._runtime_status()
        services.statuses.set(self.pod, self._generate(runtime))
        services.prober.stop_liveness_and_startup(self.pod)
        yield from services.pods.kill_pod(self.pod, self.grace)
        services.prober.remove_pod(self.uid)
        stopped = services.cri.pod_status(self.uid)._replace(ips=runtime.ips)
        services.statuses.set(self.pod, self._generate(stopped, ended=True))
        self.terminated = True
        return Outcome(terminal=True)

    def _terminated(self) -> Steps[Outcome]:
        services = self.services
        services.statuses.set(self.pod, self._generate(self._runtime_status(), ended=True))
        services.volumes.unmount(self.uid)
        services.statuses.terminate(self.pod)
        if self._deadline is not None:
            self._deadline.cancel()
        self.finished = True
        return Outcome()
        yield  # this step takes no time; the line makes it a step all the same

    # -- inside -----------------------------------------------------------------------------------------

    def _runtime_status(self) -> PodStatus:
        """What the runtime showed at the last look, which must be younger than the last sync."""
        status = self.services.pleg.status(self.uid)
        if status.at <= self._last_sync or not status.sandboxes:
            return self.services.pleg.refresh(self.uid)
        return status

    def _generate(self, runtime: PodStatus, *, ended: bool = False) -> Obj:
        services = self.services
        verdict = self.verdict
        if verdict is None and self._past_deadline():
            verdict = ("DeadlineExceeded", PAST_DEADLINE)
            services.events.pod(self.pod, "Normal", *verdict)
        status = generate(
            self.pod,
            runtime,
            services.statuses.get(self.pod),
            services.reasons.get(self.uid, {}),
            services.prober.set_readiness,
            services.host_ip,
            ended=ended,
            verdict=verdict,
        )
        resize = [one for one in (self.deferred, self.resizing) if one is not None]
        if resize and status["phase"] not in TERMINAL:
            conditions = status["conditions"]
            first = next((i for i, one in enumerate(conditions) if by_kubelet(one["type"])), len(conditions))
            conditions[first:first] = resize
        if self.disruption is not None:
            others = [c for c in status["conditions"] if c["type"] != self.disruption["type"]]
            status["conditions"] = [self.disruption, *others]
        return status

    def _seconds_left(self) -> float | None:
        limit = self.pod["spec"].get("activeDeadlineSeconds")
        started = self.services.statuses.get(self.pod).get("startTime")
        if limit is None or not started:
            return None
        return float(parse_rfc3339(started) + limit - self.services.loop.clock.now())

    def _past_deadline(self) -> bool:
        left = self._seconds_left()
        return left is not None and left <= 0

    def _watch_deadline(self) -> None:
        left = self._seconds_left()
        if left is None or self._deadline is not None:
            return
        meta = self.pod["metadata"]
        self._deadline = self.services.loop.call_later(
            left,
            self.services.owner,
            self.wake,
            what=f"the deadline of {meta['namespace']}/{meta['name']}",
            background=left > FOREGROUND_SECONDS,
        )

    @property
    def is_static(self) -> bool:
        """Whether the pod comes from the node's manifest directory."""
        return is_static(self.pod)
