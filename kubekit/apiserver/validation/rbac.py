"""Validation of roles and role bindings, cluster-wide ones included.

Called through the registry for all four kinds. Source: pkg/apis/rbac/validation.
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.api.selectors import SelectorError, from_object
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.object_meta import (
    path_segment_name,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.selectors import label_selector

GROUP = "rbac.authorization.k8s.io"


def _rule(rule: Obj, namespaced: bool, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    if not rule.get("verbs"):
        errors.append(required(path.child("verbs"), "verbs must contain at least one value"))
    urls = rule.get("nonResourceURLs")
    if urls:
        at = path.child("nonResourceURLs")
        if namespaced:
            errors.append(invalid(at, urls, "namespaced rules cannot apply to non-resource URLs"))
        if any(rule.get(field) for field in ("apiGroups", "resources", "resourceNames")):
            text = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(invalid(at, urls, text))
        return errors
    if not rule.get("apiGroups"):
        errors.append(required(path.child("apiGroups"), "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        errors.append(required(path.child("resources"), "resource rules must supply at least one resource"))
    return errors


def _role(obj: Obj, namespaced: bool) -> list[FieldError]:
    errors = validate_object_meta(obj["metadata"], namespaced, path_segment_name)
    for position, rule in enumerate(obj.get("rules") or ()):
        errors += _rule(rule, namespaced, Path("rules").index(position))
    aggregation = obj.get("aggregationRule")
    if aggregation is not None:
        path, selectors = (
            Path("aggregationRule").child("clusterRoleSelectors"),
            aggregation.get("clusterRoleSelectors"),
        )
        if not selectors:
            text = "at least one clusterRoleSelector required if aggregationRule is non-nil"
            errors.append(required(path, text))
        for position, selector in enumerate(selectors or ()):
            errors += label_selector(selector, path.index(position))
            try:
                from_object(selector)
            except SelectorError:
                errors.append(invalid(path.index(position), None, "invalid label selector."))
    return errors


def _subject(subject: Obj, namespaced: bool, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    name, kind, group = subject.get("name", ""), subject.get("kind", ""), subject.get("apiGroup", "")
    if not name:
        errors.append(required(path.child("name")))
    if kind == "ServiceAccount":
        if name:
            errors += [invalid(path.child("name"), name, text) for text in subdomain_name(name)]
        if group:
            errors.append(not_supported(path.child("apiGroup"), group, ("",)))
        if not namespaced and not subject.get("namespace"):
            errors.append(required(path.child("namespace")))
    elif kind in ("User", "Group"):
        if group != GROUP:
            errors.append(not_supported(path.child("apiGroup"), group, (GROUP,)))
    else:
        errors.append(not_supported(path.child("kind"), kind, ("ServiceAccount", "User", "Group")))
    return errors


def _binding(obj: Obj, namespaced: bool) -> list[FieldError]:
    errors = validate_object_meta(obj["metadata"], namespaced, path_segment_name)
    role, path = obj.get("roleRef") or {}, Path("roleRef")
    if role.get("apiGroup") != GROUP:
        errors.append(not_supported(path.child("apiGroup"), role.get("apiGroup", ""), (GROUP,)))
    kinds = ("Role", "ClusterRole") if namespaced else ("ClusterRole",)
    if role.get("kind") not in kinds:
        errors.append(not_supported(path.child("kind"), role.get("kind", ""), kinds))
    name = role.get("name", "")
    if not name:
        errors.append(required(path.child("name")))
    else:
        errors += [invalid(path.child("name"), name, text) for text in path_segment_name(name)]
    for position, subject in enumerate(obj.get("subjects") or ()):
        errors += _subject(subject, namespaced, Path("subjects").index(position))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new role or binding."""
    kind = obj.get("kind", "")
    namespaced = not kind.startswith("Cluster")
    return _binding(obj, namespaced) if kind.endswith("Binding") else _role(obj, namespaced)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed role or binding: the role of a binding stays."""
    errors = validate_create(obj) + validate_object_meta_update(obj["metadata"], old["metadata"])
    if obj.get("kind", "").endswith("Binding") and obj.get("roleRef") != old.get("roleRef"):
        errors.append(
            invalid("roleRef", internal("rbac.RoleRef", obj.get("roleRef")), "cannot change roleRef")
        )
    return errors
