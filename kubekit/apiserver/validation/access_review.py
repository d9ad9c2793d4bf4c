"""Validation of access reviews: what is asked about, and the selectors that narrow it.

Called by the endpoint of reviews. Source: pkg/apis/authorization/validation.
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, forbidden, invalid, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.numbers import qualified_name

_SPEC = Path("spec")
_ATTRIBUTES = Path("spec.resourceAttributes")


def _shown(other: Obj) -> Obj:
    return {"Path": other.get("path", ""), "Verb": other.get("verb", "")}


def _requirement(need: Obj, path: Path, labels: bool) -> list[FieldError]:
    """One requirement; operators that are not known are let through."""
    errors: list[FieldError] = []
    operator, values, key = need.get("operator", ""), need.get("values") or [], need.get("key", "")
    if operator in ("In", "NotIn") and not values:
        text = "must be specified when `operator` is 'In' or 'NotIn'"
        errors.append(required(path.child("values"), text))
    if operator in ("Exists", "DoesNotExist") and values:
        text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        errors.append(forbidden(path.child("values"), text))
    if not labels:
        return errors + ([] if key else [required(path.child("key"), "must be specified")])
    errors += qualified_name(key, path.child("key"))
    for number, value in enumerate(values):
        errors += [invalid(path.child("values").index(number), value, t) for t in formats.label_value(value)]
    return errors


def _selector(selector: Obj | None, path: Path, labels: bool) -> list[FieldError]:
    if selector is None:
        return []
    errors: list[FieldError] = []
    raw, needs = selector.get("rawSelector", ""), selector.get("requirements") or []
    if raw and needs:
        text = "may not specified at the same time as requirements"
        errors.append(invalid(path.child("rawSelector"), raw, text))
    if not raw and not needs:
        text = f"when {path} is specified, requirements or rawSelector is required"
        errors.append(required(path.child("requirements"), text))
    for position, need in enumerate(needs):
        errors += _requirement(need, path.child("requirements").index(position), labels)
    return errors


def validate_access_review(obj: Obj, whose: bool = True, local: bool = False) -> list[FieldError]:
    """Every error; `whose`: the review names a user, `local`: it is about its own namespace."""
    spec = obj.get("spec") or {}
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    errors: list[FieldError] = []
    if resource is not None and other is not None:
        text = "cannot be specified in combination with resourceAttributes"
        errors.append(invalid(_SPEC.child("nonResourceAttributes"), _shown(other), text))
    if resource is None and other is None:
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        errors.append(invalid(_SPEC.child("resourceAttributes"), None, text))
    if whose and not spec.get("user") and not spec.get("groups"):
        errors.append(invalid(_SPEC.child("user"), "", "at least one of user or group must be specified"))
    if resource is not None:
        errors += _selector(resource.get("fieldSelector"), _ATTRIBUTES.child("fieldSelector"), False)
        errors += _selector(resource.get("labelSelector"), _ATTRIBUTES.child("labelSelector"), True)
    metadata = obj["metadata"]
    apart = ("managedFields", "namespace") if local else ("managedFields",)
    if any(value for field, value in metadata.items() if field not in apart):
        text = "must be empty except for namespace" if local else "must be empty"
        errors.append(invalid("metadata", metadata, text))
    if not local:
        return errors
    if resource is not None and resource.get("namespace", "") != metadata.get("namespace", ""):
        at = _ATTRIBUTES.child("namespace")
        errors.append(invalid(at, resource.get("namespace", ""), "must match metadata.namespace"))
    if other is not None:
        text = "disallowed on this kind of request"
        errors.append(invalid(_SPEC.child("nonResourceAttributes"), _shown(other), text))
    return errors
