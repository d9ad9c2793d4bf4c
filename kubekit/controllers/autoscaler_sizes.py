"""How many pods a metric asks for: the measured use of those that run, against what each should use.

Pods that are starting and pods that have not been measured damp the result: they never make a scaling bigger,
only smaller, and never turn it round. Sources: pkg/controller/podautoscaler/replica_calculator.go and
metrics/utilization.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kubekit.api import quantity
from kubekit.api.meta import Obj, is_deleting, name_of
from kubekit.api.pod_resources import pod_requests
from kubekit.controllers.autoscaler_metrics import Measured, MetricMissing
from kubekit.controllers.pods import phase_of
from kubekit.sim import parse_rfc3339

TOLERANCE = 0.1
CPU_INITIALIZATION = 300.0
"""Seconds after a pod's start in which its CPU is only believed when it was measured while it was ready."""
INITIAL_READINESS = 30.0
"""A pod that turned unready within so many seconds of its start has not been ready yet."""


@dataclass(frozen=True)
class Tolerance:
    """How far use may be from its target without anything being done, each way."""

    down: float = TOLERANCE
    up: float = TOLERANCE

    def holds(self, ratio: float) -> bool:
        """Whether a ratio of use to target is good enough."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


def tolerance_of(behavior: Obj | None) -> Tolerance:
    """What an autoscaler's behavior says of it."""
    given = {
        direction: quantity.parse(rules["tolerance"]).as_float()
        for direction, rules in (behavior or {}).items()
        if rules.get("tolerance") is not None
    }
    return Tolerance(given.get("scaleDown", TOLERANCE), given.get("scaleUp", TOLERANCE))


class Sizing:
    """One metric of one autoscaler: the pods, what they used, and how much of the use is as wanted."""

    def __init__(
        self, pods: Sequence[Obj], measured: dict[str, Measured], resource: str, current: int, now: float
    ) -> None:
        if not pods:
            raise MetricMissing("no pods returned by selector while calculating replica count")
        self.current = current
        self.ready = 0
        self.unready: list[str] = []
        self.missing: list[str] = []
        used = dict(measured)
        for pod in pods:
            name = name_of(pod)
            if is_deleting(pod) or phase_of(pod) == "Failed":
                used.pop(name, None)
            elif phase_of(pod) == "Pending":
                self.unready.append(name)
            elif name not in measured:
                self.missing.append(name)
            elif resource == "cpu" and _is_starting(pod, measured[name], now):
                self.unready.append(name)
            else:
                self.ready += 1
        for name in self.unready:
            used.pop(name, None)
        if not used:
            raise MetricMissing("did not receive metrics for targeted pods (pods might be unready)")
        self.used = {name: one.value for name, one in used.items()}

    def by_utilization(
        self, requests: dict[str, int], target: int, tolerance: Tolerance
    ) -> tuple[int, int, int]:
        """(size, percent of the requests, average use) for a target in percent of the requests."""

        def ratio(used: dict[str, int]) -> float:
            return _utilization(used, requests)[0] / target

        percent, average = _utilization(self.used, requests)
        fallback = {name: requests[name] * max(100, target) // 100 for name in self.missing}
        return self._size(ratio, fallback, tolerance), percent, average

    def by_usage(self, target: int, tolerance: Tolerance) -> tuple[int, int]:
        """(size, average use) for a target in thousandths for each pod."""

        def ratio(used: dict[str, int]) -> float:
            return sum(used.values()) // len(used) / target

        average = sum(self.used.values()) // len(self.used)
        return self._size(ratio, dict.fromkeys(self.missing, target), tolerance), average

    def _size(
        self, ratio: Callable[[dict[str, int]], float], fallback: dict[str, int], tolerance: Tolerance
    ) -> int:
        first = ratio(self.used)
        grows_while_starting = bool(self.unready) and first > 1.0
        if not grows_while_starting and not self.missing:
            return self.current if tolerance.holds(first) else math.ceil(first * self.ready)
        used = dict(self.used)
        if first < 1.0:
            used.update(fallback)
        elif first > 1.0:
            used.update(dict.fromkeys(self.missing, 0))
        if grows_while_starting:
            used.update(dict.fromkeys(self.unready, 0))
        second = ratio(used)
        turned = (first < 1.0 < second) or (second < 1.0 < first)
        if tolerance.holds(second) or turned:
            return self.current
        size = math.ceil(second * len(used))
        wrong_way = (second < 1.0 and size > self.current) or (second > 1.0 and size < self.current)
        return self.current if wrong_way else size


def requests_of(pods: Sequence[Obj], container: str, resource: str) -> dict[str, int]:
    """What each pod (or one container of it) asks for, in thousandths; raises MetricMissing."""
    return {name_of(pod): _request_of(pod, container, resource) for pod in pods}


def _request_of(pod: Obj, container: str, resource: str) -> int:
    spec, name = pod["spec"], name_of(pod)
    if not container and (spec.get("resources") or {}).get("requests"):
        amount = pod_requests(pod).get(resource)
        if amount is None:
            raise MetricMissing(f"missing pod-level request for {resource} in Pod {name}")
        return amount.milli_value()
    sidecars = [one for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"]
    total = 0
    for one in (*spec["containers"], *sidecars):
        if container not in ("", one["name"]):
            continue
        asked = ((one.get("resources") or {}).get("requests") or {}).get(resource)
        if asked is None:
            raise MetricMissing(f"missing request for {resource} in container {one['name']} of Pod {name}")
        total += quantity.parse(asked).milli_value()
        if container:
            return total
    if container:
        raise MetricMissing(f"container {container} not found in Pod {name}")
    return total


def _utilization(used: dict[str, int], requests: dict[str, int]) -> tuple[int, int]:
    """(percent of the requests that is used, average use)."""
    known = [name for name in used if name in requests]
    asked = sum(requests[name] for name in known)
    if not asked:
        raise MetricMissing("no metrics returned matched known pods")
    total = sum(used[name] for name in known)
    return total * 100 // asked, total // len(known)


def _is_starting(pod: Obj, measured: Measured, now: float) -> bool:
    """Whether the pod's CPU says nothing about its work yet."""
    status = pod.get("status") or {}
    ready = next((c for c in status.get("conditions") or () if c["type"] == "Ready"), None)
    if ready is None or not status.get("startTime") or not ready.get("lastTransitionTime"):
        return True
    started, changed = parse_rfc3339(status["startTime"]), parse_rfc3339(ready["lastTransitionTime"])
    unready = ready["status"] == "False"
    if started + CPU_INITIALIZATION > now:
        return unready or measured.at < changed + measured.window
    return unready and started + INITIAL_READINESS > changed
