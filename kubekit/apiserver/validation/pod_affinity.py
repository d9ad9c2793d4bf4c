"""Validation of where a pod may run: affinity, tolerations, topology spread.

Called by `pod`.
Source: pkg/apis/core/validation (validateAffinity, ValidateTolerations, validateTopologySpreadConstraints).
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, duplicate, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.numbers import qualified_name
from kubekit.apiserver.validation.selectors import label_selector, node_selector, node_selector_term

TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_WEIGHT = "must be in the range 1-100"


def validate_affinity(affinity: Obj, path: Path) -> list[FieldError]:
    """Node affinity, pod affinity and anti-affinity."""
    errors: list[FieldError] = []
    node = affinity.get("nodeAffinity")
    if node is not None:
        at = path.child("nodeAffinity")
        if node.get(_REQUIRED) is not None:
            errors += node_selector(node[_REQUIRED], at.child(_REQUIRED))
        for position, term in enumerate(node.get(_PREFERRED) or ()):
            place = at.child(_PREFERRED).index(position)
            weight = term.get("weight", 0)
            if not 0 < weight <= 100:
                errors.append(invalid(place.child("weight"), weight, _WEIGHT))
            errors += node_selector_term(term.get("preference") or {}, place.child("preference"), False)
    for kind in ("podAffinity", "podAntiAffinity"):
        found = affinity.get(kind)
        if found is None:
            continue
        at = path.child(kind)
        for position, term in enumerate(found.get(_REQUIRED) or ()):
            errors += _pod_term(term, at.child(_REQUIRED).index(position))
        for position, weighted in enumerate(found.get(_PREFERRED) or ()):
            place = at.child(_PREFERRED).index(position)
            weight = weighted.get("weight", 0)
            if not 0 < weight <= 100:
                errors.append(invalid(place.child("weight"), weight, _WEIGHT))
            errors += _pod_term(weighted.get("podAffinityTerm") or {}, place.child("podAffinityTerm"))
    return errors


def _pod_term(term: Obj, path: Path) -> list[FieldError]:
    errors = label_selector(term.get("labelSelector"), path.child("labelSelector"))
    errors += label_selector(term.get("namespaceSelector"), path.child("namespaceSelector"))
    for name in term.get("namespaces") or ():
        errors += [invalid(path.child("namespace"), name, text) for text in formats.dns1123_label(name)]
    errors += _match_label_keys(term, path)
    key = term.get("topologyKey", "")
    if not key:
        errors.append(required(path.child("topologyKey"), "can not be empty"))
    return errors + qualified_name(key, path.child("topologyKey"))


def _match_label_keys(holder: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    selector = holder.get("labelSelector")
    keys, others = holder.get("matchLabelKeys") or [], holder.get("mismatchLabelKeys") or []
    for name, found in (("matchLabelKeys", keys), ("mismatchLabelKeys", others)):
        if found and selector is None:
            errors.append(forbidden(path.child(name), "must not be specified when labelSelector is not set"))
        elif found:
            for position, key in enumerate(found):
                errors += qualified_name(key, path.child(name).index(position))
    if selector is not None:
        seen = set(selector.get("matchLabels") or {})
        for need in selector.get("matchExpressions") or ():
            key = need.get("key", "")
            if key in keys and key in seen:
                text = "exists in both matchLabelKeys and labelSelector"
                errors.append(invalid(path.index(keys.index(key)), key, text))
            seen.add(key)
    for position, key in enumerate(keys):
        if key in others:
            text = "exists in both matchLabelKeys and mismatchLabelKeys"
            errors.append(invalid(path.child("matchLabelKeys").index(position), key, text))
    return errors


def validate_tolerations(tolerations: list[Obj], path: Path) -> list[FieldError]:
    """What the pod tolerates."""
    errors: list[FieldError] = []
    for position, one in enumerate(tolerations):
        at = path.index(position)
        key, operator, effect = one.get("key", ""), one.get("operator", ""), one.get("effect", "")
        value = one.get("value", "")
        if key:
            errors += qualified_name(key, at.child("key"))
        elif operator != "Exists":
            text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.append(invalid(at.child("operator"), operator, text))
        if one.get("tolerationSeconds") is not None and effect != "NoExecute":
            text = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.append(invalid(at.child("effect"), effect, text))
        if operator in ("Equal", ""):
            if wrong := formats.label_value(value):
                errors.append(invalid(at.child("operator"), value, ";".join(wrong)))
        elif operator == "Exists":
            if value:
                text = "value must be empty when `operator` is 'Exists'"
                errors.append(invalid(at.child("operator"), value, text))
        else:
            values = ("Equal", "Exists", "Lt", "Gt") if operator in ("Lt", "Gt") else ("Equal", "Exists")
            errors.append(not_supported(at.child("operator"), operator, values))
        if effect:
            errors += taint_effect(effect, True, at.child("effect"))
    return errors


def taint_effect(effect: str, allow_empty: bool, path: Path) -> list[FieldError]:
    """One of the three effects."""
    if not effect and not allow_empty:
        return [required(path)]
    return [] if effect in TAINT_EFFECTS else [not_supported(path, effect, TAINT_EFFECTS)]


def validate_topology_spread(constraints: list[Obj], path: Path) -> list[FieldError]:
    """Topology spread constraints."""
    errors: list[FieldError] = []
    for position, one in enumerate(constraints):
        at = path.index(position)
        skew, key, action = (
            one.get("maxSkew", 0),
            one.get("topologyKey", ""),
            one.get("whenUnsatisfiable", ""),
        )
        if skew <= 0:
            errors.append(invalid(at.child("maxSkew"), skew, "must be greater than zero"))
        if not key:
            errors.append(required(at.child("topologyKey"), "can not be empty"))
        if action not in ("DoNotSchedule", "ScheduleAnyway"):
            errors.append(
                not_supported(at.child("whenUnsatisfiable"), action, ("DoNotSchedule", "ScheduleAnyway"))
            )
        for other in constraints[position + 1 :]:
            if (other.get("topologyKey", ""), other.get("whenUnsatisfiable", "")) == (key, action):
                errors.append(duplicate(at.child("{topologyKey, whenUnsatisfiable}"), f"{{{key}, {action}}}"))
                break
        domains = one.get("minDomains")
        if domains is not None:
            if domains <= 0:
                errors.append(invalid(at.child("minDomains"), domains, "must be greater than zero"))
            if action != "DoNotSchedule":
                text = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
                errors.append(invalid(at.child("minDomains"), domains, text))
        for field in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            policy = one.get(field)
            if policy is not None and policy not in ("Honor", "Ignore"):
                errors.append(not_supported(at.child(field), policy, ("Honor", "Ignore")))
        errors += _match_label_keys({**one, "mismatchLabelKeys": None}, at)
        errors += label_selector(one.get("labelSelector"), at.child("labelSelector"))
    return errors
