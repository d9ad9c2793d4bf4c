"""Validation of a resize: amounts of CPU and memory of a running pod may change, and nothing else.

Called by `pod` for the subresource `resize`.
Source: pkg/apis/core/validation (ValidatePodResize).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, forbidden, invalid
from kubekit.api.meta import Obj, without
from kubekit.apiserver.validation.object_meta import validate_object_meta_update
from kubekit.apiserver.validation.pod import SPEC, metadata_and_spec
from kubekit.apiserver.validation.pod_annotations import MIRROR
from kubekit.apiserver.validation.pod_status import qos_class

_NAMES = ("cpu", "memory")
_ONLY = "only cpu and memory resources are mutable"


def _old_amounts(resources: Obj, was: Obj) -> Obj:
    """Requests and limits, with the CPU and memory amounts of before."""
    kept: Obj = {}
    for listed in ("requests", "limits"):
        merged = without(resources.get(listed) or {}, *_NAMES)
        merged.update({key: value for key, value in (was.get(listed) or {}).items() if key in _NAMES})
        if merged:
            kept[listed] = merged
    return kept


def _with_old_amounts(container: Obj, before: Obj) -> Obj:
    """The container with the CPU and memory amounts it had before."""
    kept = _old_amounts(container.get("resources") or {}, before.get("resources") or {})
    return {**container, "resources": kept}


def _removed(new: Obj, old: Obj, path: Path, word: str = "resource") -> list[FieldError]:
    return [
        forbidden(path.child(listed), f"{word} {listed} cannot be removed")
        for listed in ("requests", "limits")
        if any(name not in (new.get(listed) or {}) for name in (old.get(listed) or {}))
    ]


def _order(spec: Obj, before: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    for group in ("containers", "initContainers"):
        new, old = spec.get(group) or [], before.get(group) or []
        if len(new) != len(old):
            errors.append(forbidden(SPEC.child(group), f"{group} may not be added or removed on resize"))
            continue
        for position, (one, was) in enumerate(zip(new, old)):
            if one.get("name") != was.get("name"):
                at = SPEC.child(group).index(position).child("name")
                errors.append(forbidden(at, f"{group} may not be renamed or reordered on resize"))
    return errors


def _supported(pod: Obj) -> bool:
    """Whether the kubelet reports amounts of running containers."""
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if (status.get("state") or {}).get("running") is not None:
            return status.get("resources") is not None
    return True


def _init_containers(spec: Obj, before: Obj) -> tuple[list[FieldError], list[Obj]]:
    errors: list[FieldError] = []
    plain: list[Obj] = []
    for position, (one, was) in enumerate(
        zip(spec.get("initContainers") or (), before.get("initContainers") or ())
    ):
        at = SPEC.child("initContainers").index(position)
        kept = _with_old_amounts(one, was)
        if kept != {**was, "resources": was.get("resources") or {}}:
            text = "only cpu and memory resources for init or sidecar containers are mutable"
            errors.append(forbidden(at, text))
            plain.append(kept)
        else:
            plain.append(was)
        if one != was and one.get("restartPolicy") != "Always":
            text = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized"
            errors += [
                forbidden(at, text)
                for policy in one.get("resizePolicy") or ()
                if policy.get("restartPolicy") == "RestartContainer"
            ]
    return errors, plain


def _of_pod(spec: Obj, before: Obj) -> list[FieldError]:
    """The amounts of the pod as a whole; no errors where it has none."""
    new, old = spec.get("resources"), before.get("resources")
    if not any((one or {}).get(listed) for one in (new, old) for listed in ("requests", "limits")):
        return []
    at = SPEC.child("resources")
    if old is not None and new is None:
        return [forbidden(at, "pod-level resources cannot be removed")]
    errors = [] if old is None else _removed(new or {}, old, at, "pod-level resource")
    rest = without(new or {}, "requests", "limits")
    if {**rest, **_old_amounts(new or {}, old or {})} != (old or {}):
        errors.append(forbidden(SPEC, f"{_ONLY} at pod-level"))
    return errors


def validate_resize(obj: Obj, old: Obj) -> list[FieldError]:
    """A change through pods/resize."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"]) + metadata_and_spec(obj)
    if MIRROR in (old["metadata"].get("annotations") or {}):
        return [forbidden("", "static pods cannot be resized")]
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    if (before.get("os") or {}).get("name") == "windows":
        return [forbidden("", "windows pods cannot be resized")]
    shown = (obj.get("status") or {}).get("qosClass", "")
    if qos_class(obj) != ((old.get("status") or {}).get("qosClass") or qos_class(old)):
        errors.append(invalid(SPEC, shown, "Pod QOS Class may not change as a result of resizing"))
    if not _supported(old):
        errors.append(forbidden(SPEC, "Pod running on node without support for resize"))
    errors += _of_pod(spec, before)
    if order := _order(spec, before):
        return errors + order
    for group in ("initContainers", "containers"):
        for position, (one, was) in enumerate(zip(spec.get(group) or (), before.get(group) or ())):
            at = SPEC.child(group).index(position).child("resources")
            errors += _removed(one.get("resources") or {}, was.get("resources") or {}, at)
    munged = without(spec, "resources")
    plain = []
    for one, was in zip(spec.get("containers") or (), before.get("containers") or ()):
        kept = _with_old_amounts(one, was)
        same = kept == {**was, "resources": was.get("resources") or {}}
        if not same:
            errors.append(forbidden(SPEC, _ONLY))
        plain.append(was if same else kept)
    munged["containers"] = plain
    found, init = _init_containers(spec, before)
    errors += found
    if "initContainers" in munged:
        munged["initContainers"] = init
    if not errors and munged != without(before, "resources"):
        errors.append(forbidden(SPEC, _ONLY))
    return errors
