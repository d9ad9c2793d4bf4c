"""Validation of a pod's status, and the quality of service class that follows from its spec.

Called by `pod` for the subresource `status`; `qos_class` also by the pod's registry strategy.
Source: pkg/apis/core/validation (ValidatePodStatusUpdate), pkg/apis/core/helper/qos.
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, duplicate, forbidden, invalid
from kubekit.api.meta import Obj
from kubekit.api.quantity import parse
from kubekit.apiserver.validation.numbers import qualified_name
from kubekit.apiserver.validation.object_meta import METADATA, immutable, validate_object_meta_update
from kubekit.apiserver.validation.paths import legacy_ip, parse_sloppy
from kubekit.apiserver.validation.pod_annotations import validate_annotation_changes, validate_pod_annotations

STATUS = Path("status")
_COMPUTE = ("cpu", "memory")
_NOT_NEGATIVE = "must be a non-negative integer"
_BACK = "may not be transitioned to non-terminated state"
_FAMILIES = "may specify no more than one IP for each IP family"


def _amounts(resources: Obj, which: str) -> dict[str, int]:
    found = {}
    for name, text in (resources.get(which) or {}).items():
        if name in _COMPUTE and (amount := parse(text)).nanos > 0:
            found[name] = amount.nanos
    return found


def qos_class(pod: Obj) -> str:
    """`Guaranteed`, `Burstable` or `BestEffort`."""
    spec = pod.get("spec") or {}
    level = spec.get("resources")
    if level is not None and (level.get("requests") or level.get("limits")):
        holders = [level]
    else:
        groups = ("initContainers", "containers")
        holders = [one.get("resources") or {} for group in groups for one in spec.get(group) or ()]
    any_amount = False
    guaranteed = True
    requests: dict[str, int] = {}
    limits: dict[str, int] = {}
    for resources in holders:
        own, limit = _amounts(resources, "requests"), _amounts(resources, "limits")
        any_amount = any_amount or bool(own or limit)
        for total, found in ((requests, own), (limits, limit)):
            for name, amount in found.items():
                total[name] = total.get(name, 0) + amount
        guaranteed = guaranteed and len(limit) == len(_COMPUTE)
    if not any_amount:
        return "BestEffort"
    same = all(limits.get(name) == amount for name, amount in requests.items())
    return "Guaranteed" if guaranteed and same and len(requests) == len(limits) else "Burstable"


def _transitions(
    new: list[Obj], old: list[Obj], containers: list[Obj], spec: Obj, path: Path
) -> list[FieldError]:
    """A terminated container may run again only where it would be restarted."""
    errors: list[FieldError] = []
    for position, was in enumerate(old):
        if position == 0 and _all_may_restart(spec):
            return errors
        ended = (was.get("state") or {}).get("terminated")
        now = next((one for one in new if one.get("name") == was.get("name")), None)
        if ended is None or now is None or (now.get("state") or {}).get("terminated") is not None:
            continue
        container = next((one for one in containers if one.get("name") == was.get("name")), {})
        if not _restarts(container, spec, ended.get("exitCode", 0)):
            errors.append(forbidden(path.index(position).child("state"), _BACK))
    return errors


def _ephemeral_transitions(new: list[Obj], old: list[Obj]) -> list[FieldError]:
    """An ephemeral container never runs again."""
    after = {one.get("name"): one.get("state") or {} for one in new}
    return [
        forbidden(STATUS.child("ephemeralContainerStatuses").index(position).child("state"), _BACK)
        for position, was in enumerate(old)
        if (was.get("state") or {}).get("terminated") is not None
        and was.get("name") in after
        and after[was.get("name")].get("terminated") is None
    ]


def _all_may_restart(spec: Obj) -> bool:
    """Whether a container's end may make all containers start anew."""
    return any(
        rule.get("action") == "RestartAllContainers"
        for group in ("initContainers", "containers")
        for container in spec.get(group) or ()
        for rule in container.get("restartPolicyRules") or ()
    )


def _claims(statuses: list[Obj], spec: Obj) -> list[FieldError]:
    """What is told of resource claims must be about those of the pod."""
    known = {one.get("name", "") for one in spec.get("resourceClaims") or ()}
    seen: set[str] = set()
    errors: list[FieldError] = []
    for position, status in enumerate(statuses):
        at, name = STATUS.child("resourceClaimStatuses").index(position), status.get("name", "")
        if name not in known:
            text = "must match the name of an entry in `spec.resourceClaims`"
            errors.append(invalid(at.child("name"), name, text))
        if name in seen:
            errors.append(duplicate(at.child("name"), name))
        seen.add(name)
        if (claim := status.get("resourceClaimName")) is not None:
            place = at.child("resourceClaimName")
            errors += [invalid(place, claim, text) for text in formats.dns1123_subdomain(claim)]
    return errors


def _restarts(container: Obj, spec: Obj, code: int) -> bool:
    for rule in container.get("restartPolicyRules") or ():
        codes = rule.get("exitCodes") or {}
        inside = code in (codes.get("values") or ())
        if inside == (codes.get("operator") == "In"):
            return True
    policy = container.get("restartPolicy") or spec.get("restartPolicy", "Always")
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def _addresses(status: Obj, field: str, path: Path) -> list[FieldError]:
    listed = [one.get("ip", "") for one in status.get(field) or ()]
    errors = [error for position, ip in enumerate(listed) for error in legacy_ip(ip, path.index(position))]
    if len(listed) > 1:
        families = [address.version for ip in listed if (address := parse_sloppy(ip)) is not None]
        if len(listed) > 2 or len(set(families)) < 2:
            errors.append(invalid(path, [{"IP": ip} for ip in listed], _FAMILIES))
    return errors


def validate_status(obj: Obj, old: Obj) -> list[FieldError]:
    """Every error of a status change."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    new, before = (one["metadata"].get("annotations") or {} for one in (obj, old))
    at = METADATA.child("annotations")
    errors += validate_annotation_changes(new, before, at)
    errors += validate_pod_annotations(new, obj.get("spec") or {}, at)
    status, was = obj.get("status") or {}, old.get("status") or {}
    spec = old.get("spec") or {}
    for position, condition in enumerate(status.get("conditions") or ()):
        kind, seen = condition.get("type", ""), condition.get("observedGeneration", 0)
        if seen < 0:
            place = STATUS.child("conditions").index(position).child("observedGeneration")
            errors.append(invalid(place, seen, _NOT_NEGATIVE))
        if kind not in ("PodScheduled", "Ready", "Initialized") and formats.label_key(kind):
            errors += qualified_name(kind, STATUS.child("conditions").index(position).child("Type"))
    nominated = status.get("nominatedNodeName")
    if nominated and nominated != was.get("nominatedNodeName"):
        place = STATUS.child("nominatedNodeName")
        errors += [invalid(place, nominated, text) for text in formats.dns1123_subdomain(nominated)]
        if spec.get("nodeName"):
            errors.append(forbidden(place, "may not be set on pods that are already bound to a node"))
    observed = status.get("observedGeneration", 0)
    if observed < 0:
        errors.append(invalid(STATUS.child("observedGeneration"), observed, _NOT_NEGATIVE))
    errors += immutable(status.get("qosClass", ""), was.get("qosClass", ""), STATUS.child("qosClass"))
    for field, group in (("containerStatuses", "containers"), ("initContainerStatuses", "initContainers")):
        containers = spec.get(group) or []
        new_list, old_list = status.get(field) or [], was.get(field) or []
        errors += _transitions(new_list, old_list, containers, spec, STATUS.child(field))
    if before_list := was.get("ephemeralContainerStatuses"):
        errors += _ephemeral_transitions(status.get("ephemeralContainerStatuses") or [], before_list)
    if claims := status.get("resourceClaimStatuses"):
        errors += _claims(claims, spec)
    errors += _addresses(status, "podIPs", STATUS.child("podIPs"))
    hosts = status.get("hostIPs") or []
    if hosts and status.get("hostIP", "") != hosts[0].get("ip", ""):
        place = STATUS.child("hostIPs").index(0).child("ip")
        errors.append(invalid(place, hosts[0].get("ip", ""), "must be equal to `hostIP`"))
    return errors + _addresses(status, "hostIPs", STATUS.child("hostIPs"))
