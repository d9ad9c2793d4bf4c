"""What an object counts for in ResourceQuotas: its usage, and which quotas concern it.

Shared by quota admission (which asks before a write) and the quota controller (which counts what there
is). An `Evaluator` belongs to a resource; resources without one of their own are counted as objects, under
`count/<resource>.<group>` and, for a few, an older name. Amounts are `Quantity` values by name; nothing is
changed. Source: pkg/quota/v1/evaluator/core, k8s.io/apiserver/pkg/quota/v1/generic.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from kubekit.api.meta import Obj
from kubekit.api.pod_resources import Amounts, pod_limits, pod_requests
from kubekit.api.quantity import ZERO, Quantity, of, parse
from kubekit.api.selectors import SelectorError, from_object

ONE = of(1)

_ALIASES = {
    "configmaps": "configmaps",
    "replicationcontrollers": "replicationcontrollers",
    "resourcequotas": "resourcequotas",
    "secrets": "secrets",
    "services": "services",
}
_POD_NAMES = frozenset(
    {
        "count/pods", "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory",
        "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods",
    }
)  # fmt: skip
_CONSTRAINED = frozenset({"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"})
_CLASS_SUFFIX = ".storageclass.storage.k8s.io/"
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


def count_name(plural: str, group: str) -> str:
    """The name under which objects of a resource are counted: `count/deployments.apps`."""
    return f"count/{plural}.{group}" if group else f"count/{plural}"


class Evaluator:
    """Counts objects of one resource; the base counts each as one."""

    updates = False
    """Whether a change of an object can change its usage."""

    def __init__(self, plural: str, group: str) -> None:
        self.plural = plural
        self.names = frozenset(
            {count_name(plural, group), *([_ALIASES[plural]] if not group and plural in _ALIASES else [])}
        )

    def concerned(self, names: Iterable[str]) -> list[str]:
        """Those names of a quota that objects of this resource count for."""
        return [name for name in names if name in self.names]

    def usage(self, obj: Obj, now: float) -> Amounts:
        """What one object uses."""
        return dict.fromkeys(self.names, ONE)

    def in_scope(self, scope: Obj, obj: Obj) -> bool:
        """Whether an object lies in a scope (a ScopedResourceSelectorRequirement)."""
        return False

    def missing(self, names: Iterable[str], obj: Obj) -> str:
        """Why a quota on these names refuses the object whatever is left ("must specify ..."), or ""."""
        return ""


class PodEvaluator(Evaluator):
    """Pods: requests and limits, and the scopes of their life."""

    def concerned(self, names: Iterable[str]) -> list[str]:
        """Compute resources, hugepages and extended resources."""
        return [
            name
            for name in names
            if name in _POD_NAMES or name.startswith(("hugepages-", "requests.hugepages-")) or _extended(name)
        ]

    def usage(self, obj: Obj, now: float) -> Amounts:
        """A finished pod counts only as an object."""
        found: Amounts = {"count/pods": ONE}
        if not _alive(obj, now):
            return found
        found.update(_compute(pod_requests(obj), pod_limits(obj)))
        return found

    def in_scope(self, scope: Obj, obj: Obj) -> bool:
        """Terminating, BestEffort, PriorityClass and their like."""
        name, spec = scope.get("scopeName"), obj.get("spec") or {}
        if name in ("Terminating", "NotTerminating"):
            terminating = (spec.get("activeDeadlineSeconds") or -1) >= 0
            return bool(terminating == (name == "Terminating"))
        if name in ("BestEffort", "NotBestEffort"):
            return bool(_best_effort(obj) == (name == "BestEffort"))
        if name == "PriorityClass":
            given = spec.get("priorityClassName") or ""
            if scope.get("operator") == "Exists":
                return bool(given)
            return _selected(scope, given)
        if name == "CrossNamespacePodAffinity":
            return _crosses_namespaces(spec)
        return False

    def missing(self, names: Iterable[str], obj: Obj) -> str:
        """Every container must say what the quota counts."""
        spec = obj.get("spec") or {}
        if any((spec.get("resources") or {}).get(field) for field in ("requests", "limits")):
            return ""
        wanted = _CONSTRAINED.intersection(names)
        lacking: dict[str, set[str]] = {}
        for field in ("containers", "initContainers"):
            for container in spec.get(field) or ():
                resources = container.get("resources") or {}
                has = _compute(
                    {k: parse(v) for k, v in (resources.get("requests") or {}).items()},
                    {k: parse(v) for k, v in (resources.get("limits") or {}).items()},
                )
                for name in wanted - has.keys():
                    lacking.setdefault(name, set()).add(container.get("name", ""))
        if not lacking:
            return ""
        texts = [f"{name} for: {','.join(sorted(lacking[name]))}" for name in sorted(lacking)]
        return f"must specify {'; '.join(texts)}"


class ServiceEvaluator(Evaluator):
    """Services: load balancers and node ports count beside the objects."""

    updates = True

    def __init__(self, plural: str, group: str) -> None:
        super().__init__(plural, group)
        self.names = frozenset({"count/services", "services", "services.nodeports", "services.loadbalancers"})

    def usage(self, obj: Obj, now: float) -> Amounts:
        """Ports of a NodePort or LoadBalancer Service."""
        spec = obj.get("spec") or {}
        ports = spec.get("ports") or ()
        found = {
            "count/services": ONE,
            "services": ONE,
            "services.loadbalancers": ZERO,
            "services.nodeports": ZERO,
        }
        if spec.get("type") == "NodePort":
            found["services.nodeports"] = of(len(ports))
        elif spec.get("type") == "LoadBalancer":
            found["services.loadbalancers"] = ONE
            if spec.get("allocateLoadBalancerNodePorts") is False:
                ports = [port for port in ports if port.get("nodePort")]
            found["services.nodeports"] = of(len(ports))
        return found


class ClaimEvaluator(Evaluator):
    """PersistentVolumeClaims: storage, also by storage class."""

    updates = True
    _OWN = frozenset({"persistentvolumeclaims", "requests.storage"})

    def concerned(self, names: Iterable[str]) -> list[str]:
        """Also the names of a storage class."""
        return [
            name
            for name in names
            if name == "count/persistentvolumeclaims"
            or name in self._OWN
            or any(name.endswith(_CLASS_SUFFIX + own) for own in self._OWN)
        ]

    def usage(self, obj: Obj, now: float) -> Amounts:
        """One claim and its storage."""
        spec = obj.get("spec") or {}
        found: Amounts = {"persistentvolumeclaims": ONE, "count/persistentvolumeclaims": ONE}
        annotations = (obj.get("metadata") or {}).get("annotations") or {}
        storage_class = annotations.get(_CLASS_ANNOTATION, spec.get("storageClassName") or "")
        if storage_class:
            found[f"{storage_class}{_CLASS_SUFFIX}persistentvolumeclaims"] = ONE
        requested = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
        if requested is not None:
            amount = parse(requested)
            allocated = ((obj.get("status") or {}).get("allocatedResources") or {}).get("storage")
            if allocated is not None and parse(allocated) > amount:
                amount = parse(allocated)
            found["requests.storage"] = amount
            if storage_class:
                found[f"{storage_class}{_CLASS_SUFFIX}requests.storage"] = amount
        return found

    def in_scope(self, scope: Obj, obj: Obj) -> bool:
        """By volume attributes class."""
        if scope.get("scopeName") != "VolumeAttributesClass":
            return False
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        names = {
            spec.get("volumeAttributesClassName") or "",
            status.get("currentVolumeAttributesClassName") or "",
            (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName") or "",
        } - {""}
        if scope.get("operator") == "Exists":
            return bool(names)
        return any(_selected(scope, name) for name in sorted(names)) or (not names and _selected(scope, ""))


_SPECIAL: dict[tuple[str, str], type[Evaluator]] = {
    ("", "pods"): PodEvaluator,
    ("", "services"): ServiceEvaluator,
    ("", "persistentvolumeclaims"): ClaimEvaluator,
}
_evaluators: dict[tuple[str, str], Evaluator] = {}


def evaluator_of(group: str, plural: str) -> Evaluator:
    """The evaluator of a resource."""
    found = _evaluators.get((group, plural))
    if found is None:
        found = _evaluators[group, plural] = _SPECIAL.get((group, plural), Evaluator)(plural, group)
    return found


def scopes_of(quota: Obj) -> list[Obj]:
    """The scopes of a ResourceQuota, old and new style."""
    spec = quota.get("spec") or {}
    found: list[Obj] = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    return found + list((spec.get("scopeSelector") or {}).get("matchExpressions") or ())


def covers(quota: Obj, evaluator: Evaluator, obj: Obj) -> bool:
    """Whether the object lies in every scope of the quota."""
    return all(evaluator.in_scope(scope, obj) for scope in scopes_of(quota))


def add(left: Amounts, right: Amounts) -> Amounts:
    """The sum by name."""
    total = dict(left)
    for name, value in right.items():
        total[name] = total[name] + value if name in total else value
    return total


def increase(new: Amounts, old: Amounts) -> Amounts:
    """By how much usage grows; what shrinks counts as zero (SubtractWithNonNegativeResult)."""
    found: Amounts = {}
    for name, value in new.items():
        difference = value - old[name] if name in old else value
        found[name] = difference if difference.sign() > 0 else Quantity(0, value.format)
    for name in old:
        found.setdefault(name, ZERO)
    return found


def _compute(requests: Amounts, limits: Amounts) -> Amounts:
    found: Amounts = {"pods": ONE}
    for name in ("cpu", "memory", "ephemeral-storage"):
        if name in requests:
            found[name] = found[f"requests.{name}"] = requests[name]
        if name in limits:
            found[f"limits.{name}"] = limits[name]
    for name, value in requests.items():
        if name.startswith("hugepages-"):
            found[name] = found[f"requests.{name}"] = value
        elif "/" in name and not name.partition("/")[0].endswith("kubernetes.io"):
            found[f"requests.{name}"] = value
    return found


def _extended(name: str) -> bool:
    rest = name.removeprefix("requests.")
    return rest != name and "/" in rest and not rest.partition("/")[0].endswith("kubernetes.io")


def _alive(pod: Obj, now: float) -> bool:
    if (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
        return False
    metadata = pod.get("metadata") or {}
    deleted, grace = metadata.get("deletionTimestamp"), metadata.get("deletionGracePeriodSeconds")
    if not deleted or grace is None:
        return True
    return bool(now <= datetime.fromisoformat(deleted.replace("Z", "+00:00")).timestamp() + grace)


def _best_effort(pod: Obj) -> bool:
    spec = pod.get("spec") or {}
    for field in ("containers", "initContainers"):
        for container in spec.get(field) or ():
            resources = container.get("resources") or {}
            for kind in ("requests", "limits"):
                for name, value in (resources.get(kind) or {}).items():
                    if name in ("cpu", "memory") and parse(value).sign() > 0:
                        return False
    return True


def _selected(scope: Obj, name: str) -> bool:
    key = scope.get("scopeName", "")
    requirement = {"key": key, "operator": scope.get("operator", ""), "values": scope.get("values") or []}
    try:
        selector = from_object({"matchExpressions": [requirement]})
    except SelectorError:
        return False
    return selector.matches({key: name} if name else {})


def _crosses_namespaces(spec: Obj) -> bool:
    affinity = spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        terms = list(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        weighted = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [one.get("podAffinityTerm") or {} for one in weighted]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False
