"""Validation of changes to pods: almost everything in a pod's spec is fixed once it is created.

Called by `pod`. What changed otherwise is shown as a difference of the internal form, as the original does.
Source: pkg/apis/core/validation (ValidatePodUpdate, ValidatePodEphemeralContainersUpdate).
"""

from __future__ import annotations

import difflib
import json
from typing import Any

from kubekit.api.field_path import FieldError, Path, forbidden, go_quote, invalid, required
from kubekit.api.meta import Obj, without
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.object_meta import METADATA, validate_object_meta_update
from kubekit.apiserver.validation.pod import SPEC, metadata_and_spec
from kubekit.apiserver.validation.pod_affinity import validate_tolerations
from kubekit.apiserver.validation.pod_annotations import (
    MIRROR,
    validate_annotation_changes,
    validate_pod_annotations,
)

_UPDATABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
    "(allow it to be set to 1 if it was previously negative)"
)
_TERMS = ("nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")


def difference(type_name: str, old: Any, new: Any) -> str:
    """What changed between two values of an internal type, as a unified diff of their JSON."""

    def lines(value: Any) -> list[str]:
        text = json.dumps(internal(type_name, value), indent=1, ensure_ascii=False)
        for char, shown in (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e")):
            text = text.replace(char, shown)
        return [line + "\n" for line in text.split("\n")]

    return "".join(list(difflib.unified_diff(lines(old), lines(new)))[2:])


def metadata_changes(obj: Obj, old: Obj) -> list[FieldError]:
    """Metadata, spec and annotations, as every change of a pod checks them."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    errors += metadata_and_spec(obj)
    new, before = (one["metadata"].get("annotations") or {} for one in (obj, old))
    path = METADATA.child("annotations")
    errors += validate_annotation_changes(new, before, path)
    return errors + validate_pod_annotations(new, obj.get("spec") or {}, path)


def _containers(spec: Obj, before: Obj, group: str) -> tuple[list[FieldError], bool]:
    new, path = spec.get(group) or [], SPEC.child(group)
    if len(new) != len(before.get(group) or []):
        return [forbidden(path, "pod updates may not add or remove containers")], True
    errors = []
    for position, container in enumerate(new):
        image = container.get("image", "")
        if not image:
            errors.append(required(path.index(position).child("image")))
        if image.strip() != image:
            text = "must not have leading or trailing whitespace"
            errors.append(invalid(path.index(position).child("image"), image, text))
    return errors, False


def _tolerations(new: list[Obj], old: list[Obj], path: Path) -> list[FieldError]:
    plain = [without(one, "tolerationSeconds") for one in new]
    if any(without(one, "tolerationSeconds") not in plain for one in old):
        return [forbidden(path, "existing toleration can not be modified except its tolerationSeconds")]
    return validate_tolerations(new, path)


def _scheduling_gates(new: list[Obj], old: list[Obj], path: Path) -> list[FieldError]:
    known = [one.get("name", "") for one in old]
    errors = []
    for position, gate in enumerate(new):
        if (name := gate.get("name", "")) not in known:
            text = f"only deletion is allowed, but found new scheduling gate '{name}'"
            errors.append(forbidden(path.index(position).child("name"), text))
    return errors


def _only_added(new: Obj, old: Obj) -> bool:
    fields = ("matchExpressions", "matchFields")
    if not any(old.get(field) for field in fields):
        return not any(new.get(field) for field in fields)
    return all(
        (new.get(field) or [])[: len(old.get(field) or [])] == (old.get(field) or []) for field in fields
    )


def _node_affinity(new: Obj | None, old: Obj | None, path: Path) -> list[FieldError]:
    if old is None or old.get(_TERMS[1]) is None:
        return []
    before = old[_TERMS[1]].get("nodeSelectorTerms") or []
    after = ((new or {}).get(_TERMS[1]) or {}).get("nodeSelectorTerms") or []
    at = path.child(*_TERMS)
    if before and len(before) != len(after):
        text = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        return [invalid(at, internal_terms(after), text)]
    text = "only additions are allowed (no mutations or deletions)"
    return [
        invalid(at.index(position), internal("core.NodeSelectorTerm", one), text)
        for position, one in enumerate(after)
        if position < len(before) and not _only_added(one, before[position])
    ]


def internal_terms(terms: list[Obj]) -> Any:
    """Node selector terms in internal form; none at all is null."""
    return [internal("core.NodeSelectorTerm", one) for one in terms] or None


def _gated(munged: Obj, before: Obj) -> list[FieldError]:
    """What may still change while scheduling gates hold the pod back; takes it out of the comparison."""
    errors: list[FieldError] = []
    new, old = munged.get("nodeSelector") or {}, before.get("nodeSelector") or {}
    if new != old:
        if any(new.get(key) != value for key, value in old.items()):
            text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
            errors.append(invalid(SPEC.child("nodeSelector"), new or None, text))
        _restore(munged, before, "nodeSelector")
    affinity, affinity_before = munged.get("affinity"), before.get("affinity")
    node, node_before = (affinity or {}).get("nodeAffinity"), (affinity_before or {}).get("nodeAffinity")
    if node != node_before:
        errors += _node_affinity(node, node_before, SPEC.child("affinity"))
        rest = without(affinity or {}, "nodeAffinity")
        if affinity_before is None and not rest:
            munged.pop("affinity", None)
        else:
            munged["affinity"] = rest if node_before is None else {**rest, "nodeAffinity": node_before}
    return errors


def _restore(munged: Obj, before: Obj, field: str) -> None:
    if field in before:
        munged[field] = before[field]
    else:
        munged.pop(field, None)


def validate_spec_update(obj: Obj, old: Obj) -> list[FieldError]:
    """A change of the pod itself."""
    errors = metadata_changes(obj, old)
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    for group in ("containers", "initContainers"):
        found, stop = _containers(spec, before, group)
        errors += found
        if stop:
            return errors
    deadline, deadline_before = spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    at = SPEC.child("activeDeadlineSeconds")
    if deadline is not None:
        if not 0 <= deadline < 2**31:
            return [*errors, invalid(at, deadline, "must be between 0 and 2147483647, inclusive")]
        if deadline_before is not None and deadline_before < deadline:
            return [*errors, invalid(at, deadline, "must be less than or equal to previous value")]
    elif deadline_before is not None:
        errors.append(invalid(at, None, "must not update from a positive integer to nil value"))
    tolerations = spec.get("tolerations") or []
    errors += _tolerations(tolerations, before.get("tolerations") or [], SPEC.child("tolerations"))
    gates_before = before.get("schedulingGates") or []
    errors += _scheduling_gates(
        spec.get("schedulingGates") or [], gates_before, SPEC.child("schedulingGates")
    )
    if spec == before:
        return errors
    munged = dict(spec)
    for group in ("containers", "initContainers"):
        if group in munged:
            pairs = zip(munged[group], before.get(group) or ())
            munged[group] = [{**one, "image": was.get("image", "")} for one, was in pairs]
    for field in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        _restore(munged, before, field)
    grace_before = before.get("terminationGracePeriodSeconds")
    if grace_before is not None and grace_before < 0 and munged.get("terminationGracePeriodSeconds") == 1:
        munged["terminationGracePeriodSeconds"] = grace_before
    if gates_before:
        errors += _gated(munged, before)
    # Both names of the service account say the same; only one of them exists in the internal form.
    if without(munged, "serviceAccount") != without(before, "serviceAccount"):
        shown = difference("core.PodSpec", before, munged)
        if shown:
            text = f"pod updates may not change fields other than {_UPDATABLE}\n{shown}"
            errors.append(forbidden(SPEC, text))
    return errors


def validate_ephemeral(obj: Obj, old: Obj) -> list[FieldError]:
    """A change through pods/ephemeralcontainers: containers may be added only."""
    errors = metadata_changes(obj, old)
    if MIRROR in (old["metadata"].get("annotations") or {}):
        return [forbidden("", "static pods do not support ephemeral containers")]
    path = SPEC.child("ephemeralContainers")
    new = {one.get("name", ""): one for one in (obj.get("spec") or {}).get("ephemeralContainers") or ()}
    for one in (old.get("spec") or {}).get("ephemeralContainers") or ():
        name = one.get("name", "")
        if name not in new:
            errors.append(
                forbidden(path, f"existing ephemeral containers {go_quote(name)} may not be removed\n")
            )
        elif new[name] != one:
            shown = difference("core.EphemeralContainer", one, new[name])
            text = f"existing ephemeral containers {go_quote(name)} may not be changed\n{shown}"
            errors.append(forbidden(path, text))
    return errors
