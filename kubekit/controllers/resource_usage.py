"""What objects use of a quota: counts, requests, limits, storage.

Pure functions over one object; the resource quota controller adds them up. Sources:
pkg/quota/v1/evaluator/core and apiserver/pkg/quota/v1.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubekit.api import quantity
from kubekit.api.meta import Obj
from kubekit.api.quantity import Quantity
from kubekit.controllers.pods import is_deleting, is_terminal

COMPUTE = ("cpu", "memory", "ephemeral-storage")
SHORT_NAMES = {
    "configmaps": "configmaps",
    "secrets": "secrets",
    "services": "services",
    "replicationcontrollers": "replicationcontrollers",
    "resourcequotas": "resourcequotas",
    "persistentvolumeclaims": "persistentvolumeclaims",
    "pods": "pods",
}
CLASS_SUFFIX = ".storageclass.storage.k8s.io/"


def resource_behind(name: str) -> str | None:
    """The resource (`pods`, `deployments.apps`) whose objects a quota's entry counts."""
    if name.startswith("count/"):
        return name.removeprefix("count/")
    if name in SHORT_NAMES:
        return SHORT_NAMES[name]
    if name.startswith("services."):
        return "services"
    if CLASS_SUFFIX in name or name == "requests.storage":
        return "persistentvolumeclaims"
    if name.startswith(("requests.", "limits.", "hugepages-")) or name in COMPUTE:
        return "pods"
    return None


def usage_of(resource: str, obj: Obj) -> dict[str, Quantity]:
    """What one object of a resource uses."""
    one = quantity.of(1)
    used = {f"count/{resource}": one}
    if resource in SHORT_NAMES and resource != "pods":
        used[resource] = one
    if resource == "services":
        used.update(_service(obj))
    elif resource == "persistentvolumeclaims":
        used.update(_claim(obj))
    elif resource == "pods" and not _is_done(obj):
        used["pods"] = one
        used.update(_pod(obj))
    return used


def _is_done(pod: Obj) -> bool:
    """Finished, or stuck in its deletion: neither needs anything any more."""
    return is_terminal(pod)


def _service(service: Obj) -> dict[str, Quantity]:
    spec = service["spec"]
    ports = len(spec.get("ports") or ())
    if spec.get("type") == "NodePort":
        return {"services.nodeports": quantity.of(ports)}
    if spec.get("type") == "LoadBalancer":
        used = {"services.loadbalancers": quantity.of(1)}
        if spec.get("allocateLoadBalancerNodePorts", True):
            used["services.nodeports"] = quantity.of(ports)
        return used
    return {}


def _claim(claim: Obj) -> dict[str, Quantity]:
    spec = claim["spec"]
    size = quantity.parse(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0"))
    used = {"requests.storage": size}
    if spec.get("storageClassName"):
        used[f"{spec['storageClassName']}{CLASS_SUFFIX}requests.storage"] = size
        used[f"{spec['storageClassName']}{CLASS_SUFFIX}persistentvolumeclaims"] = quantity.of(1)
    return used


def _pod(pod: Obj) -> dict[str, Quantity]:
    used: dict[str, Quantity] = {}
    for kind in ("requests", "limits"):
        for name, amount in pod_total(pod, kind).items():
            used[f"{kind}.{name}"] = amount
            if kind == "requests" and (name in COMPUTE or name.startswith("hugepages-")):
                used[name] = amount
    return used


def pod_total(pod: Obj, kind: str) -> dict[str, Quantity]:
    """The pod's requests or limits: containers and sidecars together, or the largest init container."""
    spec = pod["spec"]

    def amounts(container: Obj) -> dict[str, Quantity]:
        given = (container.get("resources") or {}).get(kind) or {}
        return {name: quantity.parse(value) for name, value in given.items()}

    total: dict[str, Quantity] = {}
    for container in spec.get("containers") or ():
        _add(total, amounts(container))
    sidecars: dict[str, Quantity] = {}
    peak: dict[str, Quantity] = {}
    for container in spec.get("initContainers") or ():
        own = amounts(container)
        if container.get("restartPolicy") == "Always":
            _add(total, own)
            _add(sidecars, own)
            own = dict(sidecars)
        else:
            _add(own, sidecars)
        for name, amount in own.items():
            peak[name] = max(peak[name], amount) if name in peak else amount
    for name, amount in peak.items():
        total[name] = max(total[name], amount) if name in total else amount
    _add(total, {name: quantity.parse(value) for name, value in (spec.get("overhead") or {}).items()})
    return total


def _add(total: dict[str, Quantity], more: dict[str, Quantity]) -> None:
    for name, amount in more.items():
        total[name] = total[name] + amount if name in total else amount


def add_up(usages: Iterable[dict[str, Quantity]], names: Iterable[str]) -> dict[str, str]:
    """The sums for the entries that a quota limits, as texts."""
    total: dict[str, Quantity] = {name: quantity.of(0) for name in names}
    for usage in usages:
        for name in total:
            if name in usage:
                total[name] = total[name] + usage[name]
    return {name: str(amount) for name, amount in total.items()}


def in_scope(pod: Obj, quota: Obj) -> bool:
    """Whether a pod is one of those that the quota's scopes select."""
    spec = quota["spec"]
    for scope in spec.get("scopes") or ():
        if not _has_scope(pod, scope, "Exists", []):
            return False
    for need in (spec.get("scopeSelector") or {}).get("matchExpressions") or ():
        if not _has_scope(pod, need["scopeName"], need["operator"], need.get("values") or []):
            return False
    return True


def _has_scope(pod: Obj, scope: str, operator: str, values: list[str]) -> bool:
    spec = pod["spec"]
    if scope in ("Terminating", "NotTerminating"):
        return (spec.get("activeDeadlineSeconds") is not None) is (scope == "Terminating")
    if scope in ("BestEffort", "NotBestEffort"):
        effort = (pod.get("status") or {}).get("qosClass") or _quality(pod)
        return (effort == "BestEffort") is (scope == "BestEffort")
    if scope == "PriorityClass":
        name = spec.get("priorityClassName") or ""
        found = {
            "Exists": bool(name),
            "DoesNotExist": not name,
            "In": name in values,
            "NotIn": name not in values,
        }
        return found.get(operator, False)
    if scope == "CrossNamespacePodAffinity":
        affinity = spec.get("affinity") or {}
        terms: list[Obj] = []
        for kind in ("podAffinity", "podAntiAffinity"):
            rules = affinity.get(kind) or {}
            terms += rules.get("requiredDuringSchedulingIgnoredDuringExecution") or []
            terms += [
                t["podAffinityTerm"]
                for t in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
            ]
        return any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms)
    return False


def _quality(pod: Obj) -> str:
    return "Burstable" if pod_total(pod, "requests") or pod_total(pod, "limits") else "BestEffort"


def replenishes(old: Obj, new: Obj) -> bool:
    """Whether a change of a pod frees something."""
    return (not _is_done(old) and _is_done(new)) or (
        not is_deleting(old) and is_deleting(new) and _is_done(new)
    )
