"""LimitRanger: fills in the requests and limits that a namespace's LimitRanges say, and holds pods and
claims to them.

Upstream: plugin/pkg/admission/limitranger/admission.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.pod_resources import aggregate, amounts
from kubekit.api.quantity import ZERO, Quantity, parse
from kubekit.apiserver.admission.plugin import CREATE, UPDATE, AdmissionPlugin, Attributes

Obj = dict[str, Any]
Amounts = dict[str, Quantity]

ANNOTATION = "kubernetes.io/limit-ranger"
_MAX_MILLI = (2**63 - 1) // 1000


class LimitRanger(AdmissionPlugin):
    """See the module."""

    name = "LimitRanger"
    operations = frozenset({CREATE, UPDATE})
    resources = frozenset({("", "pods"), ("", "pods/resize"), ("", "persistentvolumeclaims")})
    acts_on = ("", "limitranges")

    def admit(self, a: Attributes) -> None:
        """Fill in defaults; what is out of bounds is refused here already."""
        if not self._concerns(a):
            return
        assert a.obj is not None
        for limit_range in self._ranges(a):
            if a.resource.plural == "pods":
                _fill(a, a.obj, limit_range)

    def validate(self, a: Attributes) -> None:
        """Refuse what is out of bounds."""
        if not self._concerns(a):
            return
        assert a.obj is not None
        check = _pod_problems if a.resource.plural == "pods" else _claim_problems
        for limit_range in self._ranges(a):
            problems = list(dict.fromkeys(check(a.obj, limit_range)))
            if problems:
                raise a.forbidden(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")

    @staticmethod
    def _concerns(a: Attributes) -> bool:
        if a.obj is None or (a.old is not None and (a.old.get("metadata") or {}).get("deletionTimestamp")):
            return False
        if a.subresource:
            return a.operation == UPDATE
        return not (a.resource.plural == "pods" and a.operation == UPDATE)

    @staticmethod
    def _ranges(a: Attributes) -> list[Obj]:
        return a.ctx.server.store("", "limitranges").cache.span(a.namespace)


def _limits(limit_range: Obj) -> list[Obj]:
    return (limit_range.get("spec") or {}).get("limits") or []


def _fill(a: Attributes, pod: Obj, limit_range: Obj) -> None:
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    for item in _limits(limit_range):
        if item.get("type") == "Container":
            requests.update(item.get("defaultRequest") or {})
            limits.update(item.get("default") or {})
    notes: list[str] = []
    spec = pod.get("spec") or {}
    for field, word in (("containers", "container"), ("initContainers", "init container")):
        for place, container in enumerate(spec.get(field) or ()):
            resources: Obj = dict(container.get("resources") or {})
            for kind, defaults in (("requests", requests), ("limits", limits)):
                given = dict(resources.get(kind) or {})
                added = sorted(name for name in defaults if name not in given)
                for name in added:
                    given[name] = defaults[name]
                if added:
                    resources[kind] = given
                    notes.append(f"{', '.join(added)} {kind[:-1]} for {word} {container.get('name', '')}")
            if resources:
                a.change(f"/spec/{field}/{place}", container, "resources", resources)
    if notes:
        metadata = pod["metadata"]
        text = f"LimitRanger plugin set: {'; '.join(notes)}"
        annotations = {**(metadata.get("annotations") or {}), ANNOTATION: text}
        a.change("/metadata", metadata, "annotations", annotations)


def _numbers(*quantities: Quantity) -> list[int]:
    if all(q.value() <= _MAX_MILLI for q in quantities):
        return [q.milli_value() for q in quantities]
    return [q.value() for q in quantities]


def _min(kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> str:
    request, limit, enforced = _numbers(requests.get(name, ZERO), limits.get(name, ZERO), bound)
    if name not in requests:
        return f"minimum {name} usage per {kind} is {bound}.  No request is specified"
    if request < enforced:
        return f"minimum {name} usage per {kind} is {bound}, but request is {requests[name]}"
    if name in limits and limit < enforced:
        return f"minimum {name} usage per {kind} is {bound}, but limit is {limits[name]}"
    return ""


def _max(kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> str:
    request, limit, enforced = _numbers(requests.get(name, ZERO), limits.get(name, ZERO), bound)
    if name not in limits:
        return f"maximum {name} usage per {kind} is {bound}.  No limit is specified"
    if limit > enforced:
        return f"maximum {name} usage per {kind} is {bound}, but limit is {limits[name]}"
    if name in requests and request > enforced:
        return f"maximum {name} usage per {kind} is {bound}, but request is {requests[name]}"
    return ""


def _max_request(kind: str, name: str, bound: Quantity, requests: Amounts) -> str:
    request, enforced = _numbers(requests.get(name, ZERO), bound)
    if name not in requests:
        return f"maximum {name} usage per {kind} is {bound}.  No request is specified"
    if request > enforced:
        return f"maximum {name} usage per {kind} is {bound}, but request is {requests[name]}"
    return ""


def _ratio(kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> str:
    request, limit, _ = _numbers(requests.get(name, ZERO), limits.get(name, ZERO), bound)
    head = f"{name} max limit to request ratio per {kind} is {bound}, but"
    if not request:
        return f"{head} no request is specified or request is 0"
    if not limit:
        return f"{head} no limit is specified or limit is 0"
    if limit / request * 1000 > bound.milli_value():
        return f"{head} provided ratio is {limit / request:f}"
    return ""


def _bounds(kind: str, item: Obj, requests: Amounts, limits: Amounts) -> list[str]:
    found: list[str] = []
    for name in sorted(item.get("min") or {}):
        found.append(_min(kind, name, parse(item["min"][name]), requests, limits))
    for name in sorted(item.get("max") or {}):
        found.append(_max(kind, name, parse(item["max"][name]), requests, limits))
    for name in sorted(item.get("maxLimitRequestRatio") or {}):
        found.append(_ratio(kind, name, parse(item["maxLimitRequestRatio"][name]), requests, limits))
    return [text for text in found if text]


def _pod_problems(pod: Obj, limit_range: Obj) -> list[str]:
    found: list[str] = []
    spec = pod.get("spec") or {}
    for item in _limits(limit_range):
        if item.get("type") == "Container":
            for field in ("containers", "initContainers"):
                for container in spec.get(field) or ():
                    resources = container.get("resources") or {}
                    requests, limits = amounts(resources.get("requests")), amounts(resources.get("limits"))
                    found += _bounds("Container", item, requests, limits)
        elif item.get("type") == "Pod":
            found += _bounds("Pod", item, _of_pod(spec, "requests"), _of_pod(spec, "limits"))
    return found


def _of_pod(spec: Obj, kind: str) -> Amounts:
    total = aggregate(spec, kind)
    for name, value in amounts((spec.get("resources") or {}).get(kind)).items():
        if name in ("cpu", "memory"):
            total[name] = value
    return total


def _claim_problems(claim: Obj, limit_range: Obj) -> list[str]:
    found: list[str] = []
    requests = amounts(((claim.get("spec") or {}).get("resources") or {}).get("requests"))
    for item in _limits(limit_range):
        kind = "PersistentVolumeClaim"
        if item.get("type") == kind:
            for name in sorted(item.get("min") or {}):
                found.append(_min(kind, name, parse(item["min"][name]), requests, {}))
            for name in sorted(item.get("max") or {}):
                found.append(_max_request(kind, name, parse(item["max"][name]), requests))
    return [text for text in found if text]
