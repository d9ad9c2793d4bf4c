"""Resources: what a pod asks for and what a node has, in whole numbers.

CPU is counted in millicores, everything else in units (bytes for memory), rounded up where a quantity is
finer than that. `pod_requests` is the arithmetic of the API itself: containers run together, ordinary init
containers one after another before them, restartable ones (sidecars) beside everything that follows.

>>> pod = {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "200m"}}}],
...                 "initContainers": [{"name": "i", "resources": {"requests": {"cpu": "1"}}}]}}
>>> Resource.from_amounts(pod_requests(pod)).milli_cpu
1000

Source: component-helpers/resource/helpers.go; pkg/scheduler/framework/types.go (Resource).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from kubekit.api.quantity import parse

Obj = dict[str, Any]
Amounts = dict[str, int]
"""Resource names to exact amounts in billionths, as quantities can be that fine."""

NANO = 1_000_000_000
DEFAULT_MILLI_CPU = 100
DEFAULT_MEMORY = 200 * 1024 * 1024
"""What scoring assumes for a container that names no request."""

DEFAULTS: Amounts = {"cpu": DEFAULT_MILLI_CPU * 1_000_000, "memory": DEFAULT_MEMORY * NANO}


@lru_cache(maxsize=8192)
def _exact(quantity: str | int | float) -> int:
    return parse(quantity).nanos


def amounts_of(resource_list: Obj | None) -> Amounts:
    """A ResourceList of the API as exact amounts."""
    return {name: _exact(quantity) for name, quantity in resource_list.items()} if resource_list else {}


def to_milli(amount: int) -> int:
    """Thousandths, rounded up."""
    return -(-amount // 1_000_000)


def to_units(amount: int) -> int:
    """Whole units, rounded up."""
    return -(-amount // NANO)


def is_extended(name: str) -> bool:
    """Whether this is an extended resource (``example.com/gpu``)."""
    return "/" in name and "kubernetes.io/" not in name and not name.startswith("requests.")


@lru_cache(maxsize=1024)
def is_scalar(name: str) -> bool:
    """Whether the scheduler counts this resource beside CPU, memory and ephemeral storage."""
    return (
        is_extended(name)
        or name.startswith(("hugepages-", "attachable-volumes-"))
        or "kubernetes.io/" in name
    )


class Resource:
    """Amounts of resources as the scheduler compares them."""

    __slots__ = ("allowed_pods", "ephemeral_storage", "memory", "milli_cpu", "scalar")

    def __init__(self) -> None:
        self.milli_cpu = 0
        self.memory = 0
        self.ephemeral_storage = 0
        self.allowed_pods = 0
        self.scalar: dict[str, int] = {}

    @staticmethod
    def from_amounts(amounts: Amounts) -> Resource:
        """Round exact amounts to what the scheduler counts; names it does not know are left out."""
        result = Resource()
        for name, amount in amounts.items():
            if name == "cpu":
                result.milli_cpu = to_milli(amount)
            elif name == "memory":
                result.memory = to_units(amount)
            elif name == "ephemeral-storage":
                result.ephemeral_storage = to_units(amount)
            elif name == "pods":
                result.allowed_pods = to_units(amount)
            elif is_scalar(name):
                result.scalar[name] = to_units(amount)
        return result

    def clone(self) -> Resource:
        """A copy that may be changed."""
        copy = Resource()
        copy.milli_cpu = self.milli_cpu
        copy.memory = self.memory
        copy.ephemeral_storage = self.ephemeral_storage
        copy.allowed_pods = self.allowed_pods
        copy.scalar = dict(self.scalar) if self.scalar else {}
        return copy

    def add(self, other: Resource, sign: int = 1) -> None:
        """Add (or with sign -1 take away) what a pod requests."""
        self.milli_cpu += sign * other.milli_cpu
        self.memory += sign * other.memory
        self.ephemeral_storage += sign * other.ephemeral_storage
        if other.scalar:
            for name, amount in other.scalar.items():
                self.scalar[name] = self.scalar.get(name, 0) + sign * amount

    def get(self, name: str) -> int:
        """The amount of one resource (CPU in thousandths)."""
        if name == "cpu":
            return self.milli_cpu
        if name == "memory":
            return self.memory
        if name == "ephemeral-storage":
            return self.ephemeral_storage
        return self.scalar.get(name, 0)

    def to_json(self) -> dict[str, int]:
        """The amounts that are not zero: for records."""
        named = {
            "cpu (m)": self.milli_cpu,
            "memory": self.memory,
            "ephemeral-storage": self.ephemeral_storage,
            "pods": self.allowed_pods,
            **self.scalar,
        }
        return {name: amount for name, amount in named.items() if amount}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Resource) and self._key() == other._key()

    def fixed(self) -> tuple[int, int, int, int]:
        """The amounts of the resources that every node has."""
        return (self.milli_cpu, self.memory, self.ephemeral_storage, self.allowed_pods)

    def _key(self) -> tuple[int, int, int, int, dict[str, int]]:
        return (*self.fixed(), {name: amount for name, amount in self.scalar.items() if amount})

    __hash__ = None  # type: ignore[assignment]  # it changes, so it is no key; Python's own way to say so


def _add(total: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def _raise_to(total: Amounts, floor: Amounts) -> None:
    for name, amount in floor.items():
        if name not in total or amount > total[name]:
            total[name] = amount


def _is_restartable(container: Obj) -> bool:
    return container.get("restartPolicy") == "Always"


def _effective(container: Obj, pod: Obj, status: Obj | None) -> Amounts:
    """The container's requests; during an in-place resize the largest of wanted, allocated and actual."""
    wanted = amounts_of((container.get("resources") or {}).get("requests"))
    if status is None or status.get("resources") is None:
        return wanted
    actual = amounts_of((status.get("resources") or {}).get("requests"))
    allocated = amounts_of(status.get("allocatedResources"))
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodResizePending" and condition.get("reason") == "Infeasible":
            wanted = {}
    result = dict(wanted)
    _raise_to(result, actual)
    _raise_to(result, allocated)
    return result


def pod_requests(
    pod: Obj,
    *,
    use_status: bool = False,
    pod_level: bool = True,
    defaults: Amounts | None = None,
) -> Amounts:
    """All that a pod requests, exactly.

    `use_status` looks at what the containers have been given (in-place resize), `pod_level` lets
    `spec.resources` override the sum over containers, `defaults` stand in where a container names no request.
    """
    spec = pod.get("spec") or {}
    statuses: dict[str, Obj] = {}
    if use_status:
        status = pod.get("status") or {}
        for entry in (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())):
            if entry.get("resources") is not None:
                statuses[entry["name"]] = entry

    def requests_of(container: Obj, with_status: bool = True) -> Amounts:
        found = _effective(container, pod, statuses.get(container.get("name", "")) if with_status else None)
        if defaults:
            found = {**defaults, **found}
        return found

    total: Amounts = {}
    for container in spec.get("containers") or ():
        _add(total, requests_of(container))
    sidecars: Amounts = {}
    at_start: Amounts = {}
    for container in spec.get("initContainers") or ():
        restartable = _is_restartable(container)
        mine = requests_of(container, with_status=restartable)
        if restartable:
            _add(total, mine)
            _add(sidecars, mine)
            _raise_to(at_start, sidecars)
        else:
            beside = dict(mine)
            _add(beside, sidecars)
            _raise_to(at_start, beside)
    _raise_to(total, at_start)
    if pod_level:
        for name, amount in amounts_of((spec.get("resources") or {}).get("requests")).items():
            if is_pod_level(name):
                total[name] = amount
    _add(total, amounts_of(spec.get("overhead")))
    return total


class Requested(NamedTuple):
    """What a pod requests, in the forms that scheduling asks for; shared by pods that request the same."""

    requests: Resource
    nonzero_cpu: int
    nonzero_memory: int
    fit: Resource
    """Without regard to what an in-place resize has given already."""
    scored: Amounts
    """With scoring defaults for containers that name no request, without pod-level requests."""
    key: tuple[Any, ...]
    """A hashable value: pods with equal keys request the same in all of these forms."""


def _requested(pod: Obj) -> Requested:
    exact = pod_requests(pod, use_status=True)
    defaults = missing_defaults(pod, exact)
    full = pod_requests(pod, use_status=True, defaults=defaults) if defaults else exact
    requests, fit = Resource.from_amounts(exact), Resource.from_amounts(pod_requests(pod))
    nonzero = to_milli(full.get("cpu", 0)), to_units(full.get("memory", 0))
    scored = pod_requests(pod, pod_level=False, defaults=DEFAULTS)
    # Scalars in their order: that is the order in which a refusal names them.
    forms = [(*one.fixed(), tuple(one.scalar.items())) for one in (requests, fit)]
    return Requested(requests, *nonzero, fit, scored, (*forms, nonzero, tuple(scored.items())))


_REQUESTED: dict[Any, Requested] = {}
MOST_REQUESTED = 4096


def requested_by(pod: Obj) -> Requested:
    """All that is computed about a pod's requests; pods made from one template share the answer."""
    key = _request_key(pod)
    known = _REQUESTED.get(key) if key is not None else None
    if known is None:
        known = _requested(pod)
        if key is not None:
            if len(_REQUESTED) >= MOST_REQUESTED:
                _REQUESTED.clear()
            _REQUESTED[key] = known
    return known


def _request_key(pod: Obj) -> Any:
    """A value that decides all of it: the requests of plain containers. None for unusual pods."""
    spec = pod.get("spec") or {}
    if spec.get("initContainers") or spec.get("overhead") or spec.get("resources"):
        return None
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if status.get("resources") is not None:
            return None
    parts = []
    for container in spec.get("containers") or ():
        requests = (container.get("resources") or {}).get("requests")
        parts.append(tuple(requests.items()) if requests else None)
    return tuple(parts)


def is_pod_level(name: str) -> bool:
    """Whether a resource may be requested for the pod as a whole."""
    return name in ("cpu", "memory") or name.startswith("hugepages-")


def missing_defaults(pod: Obj, requests: Amounts) -> Amounts:
    """Which scoring defaults apply: all of them, or those that pod-level requests leave open."""
    pod_level = ((pod.get("spec") or {}).get("resources") or {}).get("requests") or {}
    if not any(is_pod_level(name) for name in pod_level):
        return DEFAULTS
    return {name: amount for name, amount in DEFAULTS.items() if name not in requests}
