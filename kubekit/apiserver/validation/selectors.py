"""Validation of selectors: label selectors, node selectors, topology terms, tolerations' neighbours.

Called by workloads, policies, pods and storage classes. Source: apimachinery/pkg/apis/meta/v1/validation,
pkg/apis/core/validation (ValidateNodeSelector and neighbours).
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, duplicate, forbidden, invalid, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.numbers import qualified_name
from kubekit.apiserver.validation.object_meta import validate_labels

_IN = "must be specified when `operator` is 'In' or 'NotIn'"
_EXISTS = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
_OPERATOR = "not a valid selector operator"


def label_selector(selector: Obj | None, path: Path) -> list[FieldError]:
    """A LabelSelector object; None is fine."""
    errors: list[FieldError] = []
    if not selector:
        return errors
    errors += validate_labels(selector.get("matchLabels"), path.child("matchLabels"))
    for position, need in enumerate(selector.get("matchExpressions") or ()):
        at = path.child("matchExpressions").index(position)
        operator, values = need.get("operator", ""), need.get("values") or []
        if operator in ("In", "NotIn"):
            if not values:
                errors.append(required(at.child("values"), _IN))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                errors.append(forbidden(at.child("values"), _EXISTS))
        else:
            errors.append(invalid(at.child("operator"), operator, _OPERATOR))
        errors += qualified_name(need.get("key", ""), at.child("key"))
        for number, value in enumerate(values):
            errors += [
                invalid(at.child("values").index(number), value, text) for text in formats.label_value(value)
            ]
    return errors


def _node_requirement(need: Obj, path: Path, check_values: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    operator, values = need.get("operator", ""), need.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            errors.append(required(path.child("values"), _IN))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            errors.append(forbidden(path.child("values"), _EXISTS))
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            text = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            errors.append(required(path.child("values"), text))
    else:
        errors.append(invalid(path.child("operator"), operator, _OPERATOR))
    errors += qualified_name(need.get("key", ""), path.child("key"))
    if check_values:
        for number, value in enumerate(values):
            errors += [
                invalid(path.child("values").index(number), value, text)
                for text in formats.label_value(value)
            ]
    return errors


def _node_field_requirement(need: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    operator, values = need.get("operator", ""), need.get("values") or []
    if operator in ("In", "NotIn"):
        if len(values) != 1:
            text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
            errors.append(required(path.child("values"), text))
    else:
        errors.append(invalid(path.child("operator"), operator, _OPERATOR))
    if need.get("key") != "metadata.name":
        errors.append(invalid(path.child("key"), need.get("key", ""), "not a valid field selector key"))
    else:
        for number, value in enumerate(values):
            at = path.child("values").index(number)
            errors += [invalid(at, value, text) for text in formats.dns1123_subdomain(value)]
    return errors


def node_selector_term(term: Obj, path: Path, check_values: bool = True) -> list[FieldError]:
    """One term of a node selector."""
    errors: list[FieldError] = []
    for position, need in enumerate(term.get("matchExpressions") or ()):
        errors += _node_requirement(need, path.child("matchExpressions").index(position), check_values)
    for position, need in enumerate(term.get("matchFields") or ()):
        errors += _node_field_requirement(need, path.child("matchFields").index(position))
    return errors


def node_selector(selector: Obj, path: Path) -> list[FieldError]:
    """A NodeSelector object: at least one term."""
    at = path.child("nodeSelectorTerms")
    terms = selector.get("nodeSelectorTerms") or []
    if not terms:
        return [required(at, "must have at least one node selector term")]
    return [
        error for position, term in enumerate(terms) for error in node_selector_term(term, at.index(position))
    ]


def topology_selector_terms(terms: list[Obj], path: Path) -> list[FieldError]:
    """The allowedTopologies of a storage class."""
    errors: list[FieldError] = []
    seen: list[dict[str, list[str]]] = []
    for position, term in enumerate(terms):
        at = path.index(position)
        keys: dict[str, list[str]] = {}
        for number, need in enumerate(term.get("matchLabelExpressions") or ()):
            place = at.child("matchLabelExpressions").index(number)
            values = need.get("values") or []
            if not values:
                errors.append(required(place.child("values")))
            for index, value in enumerate(values):
                if value in values[:index]:
                    errors.append(duplicate(place.child("values").index(index), value))
            key = need.get("key", "")
            errors += qualified_name(key, place.child("key"))
            if key in keys:
                errors.append(duplicate(place.child("key"), key))
            keys[key] = sorted(set(values))
        if keys in seen:
            errors.append(duplicate(at.child("matchLabelExpressions"), ""))
        seen.append(keys)
    return errors
