"""What the containers of a pod ask for together, init containers and sidecars counted as the kubelet runs
them.

Regular containers and sidecars (init containers that restart always) add up; an ordinary init container
needs its own amount beside the sidecars started before it; the pod needs the larger of both. Pod-level
amounts, where given, replace the sums. Called by defaulting, quota, QoS and the scheduler. Source:
component-helpers/resource (AggregateContainerRequests, PodRequests).
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.api.quantity import Quantity, parse

Amounts = dict[str, Quantity]


def amounts(listed: dict[str, str] | None) -> Amounts:
    """A resource list as quantities."""
    return {name: parse(value) for name, value in (listed or {}).items()}


def _add(total: Amounts, more: Amounts) -> None:
    for name, value in more.items():
        total[name] = total[name] + value if name in total else value


def _raise(total: Amounts, other: Amounts) -> None:
    for name, value in other.items():
        if name not in total or value > total[name]:
            total[name] = value


def aggregate(spec: Obj, which: str) -> Amounts:
    """The sum over the containers; `which` is `requests` or `limits`."""
    total: Amounts = {}
    for container in spec.get("containers") or ():
        _add(total, amounts((container.get("resources") or {}).get(which)))
    sidecars: Amounts = {}
    init: Amounts = {}
    for container in spec.get("initContainers") or ():
        own = amounts((container.get("resources") or {}).get(which))
        if container.get("restartPolicy") == "Always":
            _add(total, own)
            _add(sidecars, own)
            own = dict(sidecars)
        else:
            _add(own, sidecars)
        _raise(init, own)
    _raise(total, init)
    return total


def pod_level_resource(name: str) -> bool:
    """Whether a resource may be given for the pod as a whole."""
    return name in ("cpu", "memory") or name.startswith("hugepages-")


def pod_requests(pod: Obj) -> Amounts:
    """What scheduling and quota count: pod-level requests first, then the containers' sum, and the
    overhead."""
    spec = pod.get("spec") or {}
    total = aggregate(spec, "requests")
    for name, value in amounts((spec.get("resources") or {}).get("requests")).items():
        if pod_level_resource(name):
            total[name] = value
    _add(total, amounts(spec.get("overhead")))
    return total


def pod_limits(pod: Obj) -> Amounts:
    """As `pod_requests`, for limits; the overhead counts only where there is a limit."""
    spec = pod.get("spec") or {}
    total = aggregate(spec, "limits")
    for name, value in amounts((spec.get("resources") or {}).get("limits")).items():
        if pod_level_resource(name):
            total[name] = value
    for name, value in amounts(spec.get("overhead")).items():
        if name in total:
            total[name] = total[name] + value
    return total
