"""Validation of FlowSchemas: which requests they match, and the priority level they name.

Called through the registry. Source: pkg/apis/flowcontrol/validation (ValidateFlowSchema).
"""

from __future__ import annotations

from typing import Any

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, duplicate, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.object_meta import subdomain_name, validate_object_meta

SPEC = Path("spec")
_HIGHEST = 10_000
_METHODS = ("ByNamespace", "ByUser")
_KINDS = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_NAMESPACE = "each member of this list must be '*' or a DNS-1123 label; "
_EMPTY = "must contain at least one value"


def _account(account: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    name, space = account.get("name", ""), account.get("namespace", "")
    if not name:
        errors.append(required(path.child("name")))
    elif name != "*":
        errors += [invalid(path.child("name"), name, text) for text in subdomain_name(name)]
    if not space:
        errors.append(required(path.child("namespace"), "must specify namespace for service account"))
    else:
        errors += [invalid(path.child("namespace"), space, text) for text in formats.dns1123_label(space)]
    return errors


def _subject(subject: Obj, path: Path) -> list[FieldError]:
    kind = subject.get("kind", "")
    if kind not in _KINDS:
        return [not_supported(path.child("kind"), kind, tuple(_KINDS))]
    errors: list[FieldError] = []
    field = _KINDS[kind]
    at, found = path.child(field), subject.get(field)
    if found is None:
        errors.append(required(at, f"{field} is required when subject kind is '{kind}'"))
    elif kind == "ServiceAccount":
        errors += _account(found, at)
    elif not found.get("name"):
        errors.append(required(at.child("name")))
    for other in ("ServiceAccount", "User", "Group"):
        if other != kind and subject.get(_KINDS[other]) is not None:
            text = f"{_KINDS[other]} is forbidden when subject kind is not '{other}'"
            errors.append(forbidden(path.child(_KINDS[other]), text))
    return errors


def _verbs(verbs: list[str], path: Path) -> list[FieldError]:
    if not verbs:
        return [required(path, f"verbs {_EMPTY}")]
    if "*" in verbs:
        text = "if '*' is present, must not specify other verbs"
        return [invalid(path, verbs, text)] if len(verbs) > 1 else []
    return [] if set(verbs) <= set(_VERBS) else [not_supported(path, verbs, _VERBS)]


def _url(url: str, path: Path) -> list[FieldError]:
    stars = url.count("*")
    problems = (
        (not url, "must not be empty"),
        (not url.startswith("/"), "must start with slash"),
        (" " in url, "must not contain white-space"),
        ("//" in url, "must not contain double slash"),
        (stars > 1 or (stars == 1 and not url.endswith("/*")), "wildcard can only do suffix matching"),
    )
    return next(([invalid(path, url, text)] for wrong, text in problems if wrong), [])


def _url_rule(rule: Obj, path: Path) -> list[FieldError]:
    errors = _verbs(rule.get("verbs") or [], path.child("verbs"))
    urls, at = rule.get("nonResourceURLs") or [], path.child("nonResourceURLs")
    if not urls:
        errors.append(required(at, f"nonResourceURLs {_EMPTY}"))
    elif "*" in urls:
        if len(urls) > 1:
            text = "if '*' is present, must not specify other non-resource URLs"
            errors.append(invalid(at, urls, text))
    else:
        errors += [error for position, url in enumerate(urls) for error in _url(url, at.index(position))]
    return errors


def _resource_rule(rule: Obj, path: Path) -> list[FieldError]:
    errors = _verbs(rule.get("verbs") or [], path.child("verbs"))
    for field, one, others in (
        ("apiGroups", "api group", "api groups"),
        ("resources", "resource", "resources"),
    ):
        values, at = rule.get(field) or [], path.child(field)
        if not values:
            errors.append(required(at, f"resource rules must supply at least one {one}"))
        elif len(values) > 1 and "*" in values:
            errors.append(invalid(at, values, f"if '*' is present, must not specify other {others}"))
    spaces, at = rule.get("namespaces") or [], path.child("namespaces")
    if not spaces and not rule.get("clusterScope"):
        text = "resource rules that are not cluster scoped must supply at least one namespace"
        errors.append(required(at, text))
    elif "*" in spaces:
        if len(spaces) > 1:
            errors.append(invalid(at, spaces, "if '*' is present, must not specify other namespaces"))
    else:
        for position, space in enumerate(spaces):
            wrong = formats.dns1123_label(space)
            errors += [invalid(at.index(position), space, _NAMESPACE + text) for text in wrong]
    return errors


def _rule(rule: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    subjects = rule.get("subjects") or []
    if not subjects:
        errors.append(required(path.child("subjects"), f"subjects {_EMPTY}"))
    for position, one in enumerate(subjects):
        errors += _subject(one, path.child("subjects").index(position))
    resources, urls = rule.get("resourceRules") or [], rule.get("nonResourceRules") or []
    if not resources and not urls:
        text = "at least one of resourceRules and nonResourceRules has to be non-empty"
        errors.append(required(path, text))
    for position, one in enumerate(resources):
        errors += _resource_rule(one, path.child("resourceRules").index(position))
    for position, one in enumerate(urls):
        errors += _url_rule(one, path.child("nonResourceRules").index(position))
    return errors


def _spec(name: str, spec: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    precedence, at = spec.get("matchingPrecedence", 0), SPEC.child("matchingPrecedence")
    if precedence <= 0:
        errors.append(invalid(at, precedence, "must be a positive value"))
    if precedence > _HIGHEST:
        errors.append(invalid(at, precedence, f"must not be greater than {_HIGHEST}"))
    if precedence == 1 and name != "exempt":
        text = "only the schema named 'exempt' may have matchingPrecedence 1"
        errors.append(invalid(at, precedence, text))
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type", "") not in _METHODS:
        shown: Any = {"Type": method.get("type", "")}
        errors.append(not_supported(SPEC.child("distinguisherMethod", "type"), shown, _METHODS))
    level = (spec.get("priorityLevelConfiguration") or {}).get("name", "")
    at = SPEC.child("priorityLevelConfiguration", "name")
    if not level:
        errors.append(required(at, "must reference a priority level"))
    else:
        errors += [invalid(at, level, text) for text in subdomain_name(level)]
    for position, rule in enumerate(spec.get("rules") or ()):
        errors += _rule(rule, SPEC.child("rules").index(position))
    return errors


def validate_conditions(status: Obj) -> list[FieldError]:
    """Conditions of a status: each type once, and none without a type."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, one in enumerate(status.get("conditions") or ()):
        at, kind = Path("status").child("conditions").index(position).child("type"), one.get("type", "")
        if kind in seen:
            errors.append(duplicate(at, kind))
        seen.add(kind)
        if not kind:
            errors.append(required(at))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new FlowSchema."""
    errors = validate_object_meta(obj["metadata"], False, subdomain_name)
    errors += _spec(obj["metadata"].get("name", ""), obj.get("spec") or {})
    return errors + validate_conditions(obj.get("status") or {})


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed FlowSchema."""
    return validate_conditions(obj.get("status") or {}) if subresource == "status" else validate_create(obj)
