"""The prober: readiness, liveness and startup probes of the pods of one node.

One worker for each probe of each container, with its own period; thresholds turn outcomes into results, and
results make containers ready, restart them or let them start. A probe whose answer cannot change by itself
stops asking until something happens to its container, so healthy pods cost nothing while time passes. A
learner waits for the first success of a probe, not for its later turns: those are background timers.
Source: `pkg/kubelet/prober/worker.go`, `prober_manager.go`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from kubekit.api.meta import Obj
from kubekit.kubelet.cri import RuntimeService
from kubekit.kubelet.events import CONTAINERS, INIT, ContainerEvents
from kubekit.kubelet.probe import carry_out
from kubekit.kubelet.restart_policy import is_sidecar, policy_restarts
from kubekit.kubelet.status_manager import StatusManager
from kubekit.sim import Handle, Loop

READINESS, LIVENESS, STARTUP = "Readiness", "Liveness", "Startup"
PATIENCE_SECONDS = 10.0
"""How long a learner waits for a probe to succeed for the first time; later turns are background timers."""

FIELDS = {READINESS: "readinessProbe", LIVENESS: "livenessProbe", STARTUP: "startupProbe"}


class ProbeWorker:
    """One probe of one container of one pod."""

    def __init__(self, prober: Prober, pod: Obj, container: Obj, kind: str, type: str) -> None:
        self.prober = prober
        self.pod = pod
        self.container = container
        self.kind = kind
        self.type = type
        self.spec: Obj = container[FIELDS[type]]
        self.period = float(self.spec.get("periodSeconds") or 10)
        self.container_id = ""
        self.on_hold = False
        self.decided = False
        self.last: bool | None = None
        self.runs = 0
        self.stopped = False
        self.timer: Handle | None = None
        self.next_at = 0.0

    def tick(self) -> None:
        """Probe once and arrange the next turn."""
        self.timer = None
        until = self._probe()
        if self.stopped:
            return
        self.next_at += self.period
        if until == math.inf:
            return  # nothing will change by itself: `wake` starts it again
        while until is not None and self.next_at < until - 1e-6:
            self.next_at += self.period
        self._arm(self.next_at)

    def wake(self, *, now: bool = False) -> None:
        """Take up the turns again if they rest; with `now`, probe in the next turn of the loop."""
        clock = self.prober.loop.clock.now()
        if now:
            if self.timer is not None:
                self.timer.cancel()
            self.next_at = clock
            self._arm(clock)
        elif self.timer is None and not self.stopped:
            behind = max(0.0, clock - self.next_at)
            self.next_at += math.ceil(behind / self.period - 1e-9) * self.period
            self._arm(self.next_at)

    def stop(self) -> None:
        """Probe no more."""
        self.stopped = True
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _arm(self, at: float) -> None:
        loop = self.prober.loop
        name = self.container["name"]
        self.timer = loop.call_later(
            at - loop.clock.now(),
            self.prober.owner,
            self.tick,
            what=f"{self.type.lower()} probe of container {name}",
            background=self.decided or self.period > 60,
        )

    def _probe(self) -> float | None:
        """Carry the probe out. Returns until when nothing can change (inf: for ever), None if unknown."""
        prober = self.prober
        status = prober.statuses.known(self.pod["metadata"]["uid"])
        if status is None:
            return None
        if status.get("phase") in ("Succeeded", "Failed"):
            self.stop()
            return None
        entry = _entry(status, self.container["name"])
        if entry is None or not entry.get("containerID"):
            return None
        results = prober.results[self.type]
        if entry["containerID"] != self.container_id:
            results.pop(self.container_id, None)
            self.container_id = entry["containerID"]
            self.on_hold = self.decided = False
            self.last, self.runs = None, 0
            if self.type != STARTUP:
                results[self.container_id] = self.type == LIVENESS
        if self.on_hold:
            return math.inf
        if "running" not in entry["state"]:
            prober.set_result(self, False)
            ended = entry["state"].get("terminated")
            restartable = is_sidecar(self.container) and self.kind == INIT
            spec = self.pod["spec"]
            if ended and not restartable and not policy_restarts(self.container, spec, ended["exitCode"]):
                self.stop()
            return math.inf
        container = prober.cri.container(self.container_id.removeprefix("containerd://"))
        if container is None or not container.running:
            return None
        now = prober.loop.clock.now()
        age = container.age(now)
        delay = self.spec.get("initialDelaySeconds") or 0
        if age < delay:
            return None
        if age > delay + PATIENCE_SECONDS:
            self.decided = True
        if bool(entry.get("started")) == (self.type == STARTUP):
            return math.inf if self.type == STARTUP else None
        ip = status.get("podIP", "")
        outcome = carry_out(self.spec, self.container, container, ip, now)
        if outcome.errored:
            text = f"{self.type} probe errored and resulted in unknown state: {outcome.output}"
            prober.events.warning(self.pod, self.container, self.kind, "Unhealthy", text)
            return None
        if not outcome.success:
            text = f"{self.type} probe failed: {outcome.output}"
            prober.events.warning(self.pod, self.container, self.kind, "Unhealthy", text)
        self.runs = self.runs + 1 if self.last == outcome.success else 1
        self.last = outcome.success
        threshold = "successThreshold" if outcome.success else "failureThreshold"
        if self.runs < (self.spec.get(threshold) or (1 if outcome.success else 3)):
            return None
        self.decided = self.decided or outcome.success
        if self.type == STARTUP or (self.type == LIVENESS and not outcome.success):
            self.on_hold = True
            self.runs = 0
        prober.set_result(self, outcome.success)
        if self.on_hold:
            return math.inf
        if not outcome.success:
            return None  # each failure is an event
        return outcome.until if outcome.until is not None else math.inf


class Prober:
    """All probe workers of one kubelet, and the results by container id."""

    def __init__(
        self,
        loop: Loop,
        owner: str,
        cri: RuntimeService,
        statuses: StatusManager,
        events: ContainerEvents,
        sync: Callable[[str], None],
    ) -> None:
        self.loop = loop
        self.owner = owner
        self.cri = cri
        self.statuses = statuses
        self.events = events
        self.results: dict[str, dict[str, bool]] = {READINESS: {}, LIVENESS: {}, STARTUP: {}}
        self._sync = sync
        self._workers: dict[str, dict[tuple[str, str], ProbeWorker]] = {}

    def add_pod(self, pod: Obj) -> None:
        """Start workers for the probes that the pod's containers have and that have none yet."""
        spec = pod["spec"]
        for kind in (CONTAINERS, INIT):
            for container in spec.get(kind) or ():
                if kind == INIT and not is_sidecar(container):
                    continue
                for type, field in FIELDS.items():
                    if field in container:
                        self._add(pod, container, kind, type)

    def _add(self, pod: Obj, container: Obj, kind: str, type: str) -> None:
        workers = self._workers.setdefault(pod["metadata"]["uid"], {})
        if (container["name"], type) not in workers:
            worker = workers[container["name"], type] = ProbeWorker(self, pod, container, kind, type)
            worker.next_at = self.loop.clock.now()
            worker.tick()

    def stop_liveness_and_startup(self, pod: Obj) -> None:
        """The pod is being ended: it is not restarted any more, but may still be taken out of service."""
        for (_, type), worker in self._workers.get(pod["metadata"]["uid"], {}).items():
            if type != READINESS:
                worker.stop()

    def remove_pod(self, uid: str) -> None:
        """The pod's containers have ended."""
        for worker in self._workers.pop(uid, {}).values():
            worker.stop()
            self.results[worker.type].pop(worker.container_id, None)

    def wake(self, uid: str) -> None:
        """Something in the pod's containers was changed from outside: ask again."""
        for worker in self._workers.get(uid, {}).values():
            worker.wake()

    def set_result(self, worker: ProbeWorker, success: bool) -> None:
        """A verdict on a container; a new one is told to the status and to the pod's worker."""
        results = self.results[worker.type]
        if results.get(worker.container_id) == success:
            return
        results[worker.container_id] = success
        if worker.type == READINESS:
            self.statuses.set_container(worker.pod, worker.container_id, "ready", success)
        elif worker.type == STARTUP:
            self.statuses.set_container(worker.pod, worker.container_id, "started", success)
        self._sync(worker.pod["metadata"]["uid"])

    def set_readiness(self, pod: Obj, status: Obj) -> None:
        """Fill `started` and `ready` of each container into a status being made."""
        workers = self._workers.get(pod["metadata"]["uid"]) or {}
        for entry in status.get("containerStatuses") or ():
            self._fill(workers, entry)
        sidecars = {c["name"] for c in pod["spec"].get("initContainers") or () if is_sidecar(c)}
        for entry in status.get("initContainerStatuses") or ():
            if entry["name"] in sidecars:
                self._fill(workers, entry)
            else:
                entry["started"] = "running" in entry["state"]
                ended = entry["state"].get("terminated")
                entry["ready"] = bool(ended) and ended["exitCode"] == 0

    def _fill(self, workers: dict[tuple[str, str], ProbeWorker], entry: Obj) -> None:
        name, id = entry["name"], entry.get("containerID", "")
        running = "running" in entry["state"]
        started = running
        if running and (name, STARTUP) in workers:
            started = self.results[STARTUP].get(id, False)
        entry["started"] = started
        ready = started
        if started:
            worker = workers.get((name, READINESS))
            if worker is not None:
                ready = self.results[READINESS].get(id, False)
                if (not ready and worker.container_id != id) or (not worker.decided and worker.runs == 0):
                    worker.wake(now=True)
        entry["ready"] = ready
        for type in FIELDS:
            worker = workers.get((name, type))
            if worker is not None and worker.timer is None and worker.container_id != id:
                worker.wake()


def _entry(status: Obj, name: str) -> Obj | None:
    for field in ("containerStatuses", "initContainerStatuses"):
        for entry in status.get(field) or ():
            if entry["name"] == name:
                found: Obj = entry
                return found
    return None
