"""Eviction: a node that runs short of something sheds pods to save itself.

What is left of a resource is pretended (`pretend(memory="50Mi")`), since no process uses any. Below its hard
threshold the node gets a pressure condition, and every ten seconds one pod is failed, the least important
first, until the pretence ends; the condition stays for five more minutes. Meanwhile the kubelet admits no pod
that would make it worse. Source: `pkg/kubelet/eviction/eviction_manager.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubekit.api.meta import Obj
from kubekit.api.quantity import Quantity, parse
from kubekit.kubelet import conditions
from kubekit.kubelet.admission import Rejection, tolerated
from kubekit.kubelet.pod_worker import PodWorker
from kubekit.kubelet.resources import qos_class
from kubekit.sim import Handle, Loop

REASON = "Evicted"
MONITOR_SECONDS = 10.0
TRANSITION_SECONDS = 300.0

SIGNALS = {
    "memory": ("MemoryPressure", "memory", "100Mi"),
    "disk": ("DiskPressure", "ephemeral-storage", "10Gi"),
    "pids": ("PIDPressure", "pids", "1000"),
}
"""What may run short: the node's condition, the resource's name in messages, and the hard threshold."""

RANKS = {"BestEffort": 0, "Burstable": 1, "Guaranteed": 2}


class Eviction:
    """The eviction manager of one kubelet.

    `pressure` is the set of conditions that the node's status reports; `report` makes it do so; `workers` are
    the pods' workers; `warn` records an event about a pod.
    """

    def __init__(
        self,
        loop: Loop,
        owner: str,
        pressure: set[str],
        report: Callable[[], None],
        workers: Callable[[], Iterable[PodWorker]],
        warn: Callable[[Obj, str], None],
    ) -> None:
        self._loop = loop
        self._owner = owner
        self._pressure = pressure
        self._report = report
        self._workers = workers
        self._warn = warn
        self._available: dict[str, Quantity] = {}
        self._timers: dict[str, Handle] = {}

    def pretend(self, **available: str | None) -> None:
        """So much is left from now on, e.g. ``pretend(memory="50Mi")``; None: as much as ever.

        Raises ValueError for something that cannot run short here.
        """
        for name, amount in available.items():
            if name not in SIGNALS:
                raise ValueError(f"a node cannot run short of {name!r}: there are {', '.join(SIGNALS)}")
            timer = self._timers.pop(name, None)
            if timer is not None:
                timer.cancel()
            if amount is None:
                self._available.pop(name, None)
                self._later(name, TRANSITION_SECONDS, self._relieved, background=True)
            else:
                self._available[name] = parse(amount)
                self._monitor(name)

    def admission(self, pod: Obj) -> Rejection | None:
        """Why a new pod would make things worse, or None."""
        if not self._pressure or _critical(pod):
            return None
        if self._pressure == {"MemoryPressure"}:
            if qos_class(pod) != "BestEffort":
                return None
            if tolerated({"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}, pod):
                return None
        return Rejection(REASON, f"The node had condition: [{' '.join(sorted(self._pressure))}]. ")

    def _monitor(self, name: str) -> None:
        condition, resource, threshold = SIGNALS[name]
        available = self._available[name]
        if available >= parse(threshold):
            self._later(name, TRANSITION_SECONDS, self._relieved, background=True)
            return
        if condition not in self._pressure:
            self._pressure.add(condition)
            self._report()
        victim = self._victim()
        if victim is not None:
            message = f"The node was low on resource: {resource}. "
            message += f"Threshold quantity: {threshold}, available: {available}. "
            self._warn(victim.pod, message)
            disruption = conditions.condition(
                victim.pod, conditions.SHARED, True, "TerminationByKubelet", message
            )
            victim.evict(REASON, message, disruption)
        self._later(name, MONITOR_SECONDS, self._monitor, background=victim is None)

    def _victim(self) -> PodWorker | None:
        """The pod to shed next: by quality of service, then by priority, then the youngest."""
        running = [w for w in self._workers() if not w.terminating and not _critical(w.pod)]
        if not running:
            return None
        youngest_first = sorted(running, key=lambda w: str(w.pod["metadata"].get("creationTimestamp")))[::-1]
        return min(
            youngest_first,
            key=lambda w: (RANKS[qos_class(w.pod)], w.pod["spec"].get("priority") or 0),
        )

    def _relieved(self, name: str) -> None:
        condition = SIGNALS[name][0]
        if condition in self._pressure:
            self._pressure.discard(condition)
            self._report()

    def _later(self, name: str, seconds: float, then: Callable[[str], None], *, background: bool) -> None:
        what = f"the next look at what is left of {name}"
        self._timers[name] = self._loop.call_later(
            seconds, self._owner, then, name, what=what, background=background
        )


def _critical(pod: Obj) -> bool:
    return bool((pod["spec"].get("priority") or 0) >= 2_000_000_000)
