"""Resizing pods in place: what a pod was given, what it wants now, and whether the node can give it.

A pod's containers keep what they were admitted with until a new wish fits on the node beside the others; a
wish that does not fit is deferred and tried again whenever a pod goes. Source: pkg/kubelet/allocation and
events/resize.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubekit.api.meta import Obj
from kubekit.kubelet.admission import Rejection, requests_of
from kubekit.kubelet.events import ContainerEvents
from kubekit.kubelet.pod_worker import PodWorker
from kubekit.kubelet.resource_wishes import LISTS, resources_of, summary
from kubekit.kubelet.resources import Amounts
from kubekit.sim import Clock, rfc3339


def with_resources(pod: Obj, allocated: dict[str, Obj]) -> Obj:
    """The pod with the resources that its containers were given."""
    spec = dict(pod["spec"])
    for field in LISTS:
        if spec.get(field):
            spec[field] = [
                {**container, "resources": allocated[container["name"]]}
                if container["name"] in allocated
                else container
                for container in spec[field]
            ]
    return {**pod, "spec": spec}


class Resizes:
    """Decides about the wishes of one node's pods."""

    def __init__(
        self,
        events: ContainerEvents,
        clock: Clock,
        workers: Mapping[str, PodWorker],
        requests: dict[str, Amounts],
        admit: Callable[[Obj], Rejection | None],
    ) -> None:
        self._events = events
        self._clock = clock
        self._workers = workers
        self._requests = requests
        self._admit = admit

    def take(self, worker: PodWorker, pod: Obj) -> Obj:
        """The pod as its worker should see it: with what was given to it."""
        generation = pod["metadata"].get("generation", 0)
        if generation == worker.generation:
            return pod if worker.deferred is None else with_resources(pod, worker.allocated)
        worker.generation = generation
        return self._decide(worker, pod)

    def granted(self, worker: PodWorker, pod: Obj) -> None:
        """Let a worker go on with what its pod has now."""
        self._requests[worker.uid] = requests_of(pod)
        worker.update(pod)

    def retry(self) -> None:
        """Room may have been made: look again at what was deferred."""
        for worker in [
            one for one in self._workers.values() if one.deferred is not None and not one.terminating
        ]:
            pod = self._decide(worker, {**worker.pod, "spec": worker.desired})
            if worker.deferred is None:
                self.granted(worker, pod)

    def _decide(self, worker: PodWorker, pod: Obj) -> Obj:
        wanted = resources_of(pod)
        if wanted == worker.allocated:
            worker.deferred = None
            return pod
        generation = worker.generation
        refused = self._admit(pod)
        if refused is None:
            worker.allocated, worker.deferred = wanted, None
            worker.resizing, worker.actuated = self._condition("PodResizeInProgress", generation), False
            text = f"Pod resize started: {summary(pod, generation)}"
            self._events.pod(pod, "Normal", "ResizeStarted", text)
            return pod
        before = worker.deferred
        worker.desired = pod["spec"]
        worker.deferred = {
            **self._condition("PodResizePending", generation),
            "reason": "Deferred",
            "message": refused.message,
        }
        if before is None or before["observedGeneration"] != generation:
            text = f"Pod resize {refused.reason}: {summary(pod, generation, refused.message)}"
            self._events.pod(pod, "Warning", "ResizeDeferred", text)
        return with_resources(pod, worker.allocated)

    def _condition(self, kind: str, generation: int) -> Obj:
        at = rfc3339(self._clock.now())
        return {"type": kind, "observedGeneration": generation, "status": "True", "lastProbeTime": at}
