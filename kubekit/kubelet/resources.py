"""What a pod asks for: sums of requests and limits, its quality of service, what its status repeats.

Init containers count with their largest, restartable ones with everybody's sum; the pod's overhead is added.
Quantities stay texts; a pod without any costs nothing. Source: `component-helpers/resource/helpers.go`.
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.api.quantity import Quantity, parse
from kubekit.kubelet.restart_policy import is_sidecar

Amounts = dict[str, Quantity]


def totals(pod: Obj, field: str) -> Amounts:
    """The pod's effective `requests` or `limits`, by resource name."""
    spec = pod["spec"]
    total: Amounts = {}
    sidecars: Amounts = {}
    largest: Amounts = {}
    for container in spec.get("containers") or ():
        _add(total, _of(container, field))
    for container in spec.get("initContainers") or ():
        own = _of(container, field)
        if is_sidecar(container):
            _add(total, own)
            _add(sidecars, own)
            _raise(largest, sidecars)
        else:
            _add(own, sidecars)
            _raise(largest, own)
    _raise(total, largest)
    level = (spec.get("resources") or {}).get(field) or {}
    for name, text in level.items():
        total[name] = parse(text)
    for name, text in (spec.get("overhead") or {}).items():
        if field == "requests" or name in total:
            _add(total, {name: parse(text)})
    return total


def as_texts(amounts: Amounts) -> dict[str, str]:
    """The amounts as an API object holds them."""
    return {name: str(amounts[name]) for name in sorted(amounts)}


def has_any(pod: Obj) -> bool:
    """Whether any container (or the pod) asks for or is limited in anything."""
    spec = pod["spec"]
    if spec.get("overhead") or spec.get("resources"):
        return True
    containers = (spec.get("containers") or []) + (spec.get("initContainers") or [])
    return any(container.get("resources") for container in containers)


def status_of_running(resources: Obj) -> Obj:
    """What the status of a running container repeats of its resources.

    Memory is always named once there are requests (or limits), as the kubelet reads it back from the runtime.
    """
    out: Obj = {}
    for field in ("limits", "requests"):
        if resources.get(field):
            amounts = dict(resources[field])
            amounts.setdefault("memory", "0")
            out[field] = amounts
    if resources.get("claims"):
        out["claims"] = resources["claims"]
    return out


def qos_class(pod: Obj) -> str:
    """Guaranteed, Burstable or BestEffort."""
    known = (pod.get("status") or {}).get("qosClass")
    if known:
        return str(known)
    if not has_any(pod):
        return "BestEffort"
    spec = pod["spec"]
    some = False
    equal = True
    for container in (spec.get("containers") or []) + (spec.get("initContainers") or []):
        requests, limits = _of(container, "requests"), _of(container, "limits")
        some = some or bool({"cpu", "memory"} & (set(requests) | set(limits)))
        for name in ("cpu", "memory"):
            if name not in limits or requests.get(name, limits[name]) != limits[name]:
                equal = False
    if not some:
        return "BestEffort"
    return "Guaranteed" if equal else "Burstable"


def _of(container: Obj, field: str) -> Amounts:
    found = (container.get("resources") or {}).get(field)
    return {name: parse(text) for name, text in found.items()} if found else {}


def _add(into: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        into[name] = into[name] + amount if name in into else amount


def _raise(into: Amounts, other: Amounts) -> None:
    for name, amount in other.items():
        if name not in into or amount > into[name]:
            into[name] = amount
