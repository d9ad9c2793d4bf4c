"""Validation of admission policies, validating and mutating, and of their bindings.

Called through the registry. Expressions in CEL must be there, and they must compile.
Source: pkg/apis/admissionregistration/validation.
"""

from __future__ import annotations

import re

from kubekit.api import formats
from kubekit.api.field_path import (
    FieldError,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from kubekit.api.meta import Obj
from kubekit.apiserver.admission.policy_programs import Problems, condition_problems, problems
from kubekit.apiserver.validation.conditions import validate_conditions
from kubekit.apiserver.validation.numbers import qualified_name
from kubekit.apiserver.validation.object_meta import (
    path_segment_name,
    subdomain_name,
    validate_object_meta,
)
from kubekit.apiserver.validation.selectors import label_selector
from kubekit.apiserver.validation.webhook_configuration import match_conditions, validate_rule

_SPEC = Path("spec")
_FAILURE = ("Fail", "Ignore")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS = ("Audit", "Deny", "Warn")
_PATCHES = {"JSONPatch": "jsonPatch", "ApplyConfiguration": "applyConfiguration"}
_MUTATED = ("*", "CONNECT", "CREATE", "UPDATE")
_NOTHING = "validations or auditAnnotations must contain at least one item"
_BOTH = (
    "must not contain both Deny and Warn (repeating the same validation failure information in the API "
    "response and headers serves no purpose)"
)
RESERVED = frozenset(
    ("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if",
     "import", "let", "loop", "package", "namespace", "return", "var", "void", "while")
)  # fmt: skip
"""Words of CEL that no variable can be called."""
_MOST_ANNOTATIONS = 20
_LONGEST_VALUE = 5 * 1024


def _param_kind(kind: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    at, version_text = path.child("apiVersion"), kind.get("apiVersion", "")
    group, _, version = version_text.rpartition("/")
    if not version_text:
        errors.append(required(at))
    elif "/" in group:
        errors.append(invalid(at, version_text, f"unexpected GroupVersion string: {version_text}"))
    else:
        if group and (wrong := formats.dns1123_subdomain(group)):
            errors.append(invalid(at, group, ",".join(wrong)))
        if not version:
            errors.append(invalid(at, version_text, "version must be specified"))
        elif wrong := formats.dns1035_label(version):
            errors.append(invalid(at, version, ",".join(wrong)))
    name = kind.get("kind", "")
    if not name:
        errors.append(required(path.child("kind")))
    elif wrong := formats.dns1035_label(name.lower()):
        text = "may have mixed case, but should otherwise match: " + ",".join(wrong)
        errors.append(invalid(path.child("kind"), name, text))
    return errors


def _match_resources(found: Obj | None, path: Path) -> list[FieldError]:
    if found is None:
        return []
    errors: list[FieldError] = []
    policy = found.get("matchPolicy")
    if policy is None:
        errors.append(required(path.child("matchPolicy")))
    elif policy not in ("Equivalent", "Exact"):
        errors.append(not_supported(path.child("matchPolicy"), policy, ("Equivalent", "Exact")))
    for field in ("namespaceSelector", "objectSelector"):
        if found.get(field) is None:
            errors.append(required(path.child(field)))
        else:
            errors += label_selector(found[field], path.child(field))
    for field in ("resourceRules", "excludeResourceRules"):
        for position, rule in enumerate(found.get(field) or ()):
            at = path.child(field).index(position)
            names = rule.get("resourceNames") or []
            for number, name in enumerate(names):
                place = at.child("resourceNames").index(number)
                errors += [invalid(place, name, text) for text in path_segment_name(name)]
                if name in names[:number]:
                    errors.append(duplicate(place, name))
            errors += validate_rule(rule, at)
    return errors


def _mutated_operations(found: Obj | None, path: Path) -> list[FieldError]:
    at = path.child("resourceRules", "operations")
    return [
        not_supported(at, one, _MUTATED)
        for rule in (found or {}).get("resourceRules") or ()
        for one in rule.get("operations") or ()
        if one not in _MUTATED
    ]


def _variables(variables: list[Obj], wrong: Problems, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, one in enumerate(variables):
        at, name = path.index(position), one.get("name", "")
        if not name.strip():
            errors.append(required(at.child("name"), "name is not specified"))
        elif not re.fullmatch(r"[_a-zA-Z][_a-zA-Z0-9]*", name) or name in RESERVED:
            errors.append(invalid(at.child("name"), name, "must be a valid CEL identifier"))
        if not one.get("expression", "").strip():
            errors.append(required(at.child("expression"), "expression is not specified"))
        errors += wrong.get(str(at.child("expression")), [])
    return errors


def _validation(found: Obj, wrong: Problems, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    message, expression = found.get("message", ""), found.get("messageExpression", "")
    if not found.get("expression", "").strip():
        errors.append(required(path.child("expression"), "expression is not specified"))
    errors += wrong.get(str(path.child("expression")), [])
    empty = "must be non-empty if specified"
    if expression and not expression.strip():
        errors.append(invalid(path.child("messageExpression"), expression, empty))
    errors += wrong.get(str(path.child("messageExpression")), [])
    if message and not message.strip():
        errors.append(invalid(path.child("message"), message, empty))
    elif re.search(r"[\n\r]", message.strip()):
        errors.append(invalid(path.child("message"), message, "must not contain line breaks"))
    reason = found.get("reason")
    if reason is not None and reason not in _REASONS:
        errors.append(not_supported(path.child("reason"), reason, _REASONS))
    return errors


def _annotations(name: str, annotations: list[Obj], wrong: Problems, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    if len(annotations) > _MOST_ANNOTATIONS:
        text = f"must not have more than {_MOST_ANNOTATIONS} auditAnnotations"
        errors.append(invalid(path, annotations, text))
    keys: list[str] = []
    for position, one in enumerate(annotations):
        at, key = path.index(position), one.get("key", "")
        if name:
            errors += qualified_name(f"{name}/{key}", at.child("key"))
        else:
            errors.append(invalid(at.child("key"), key, "requires metadata.name be non-empty"))
        value = one.get("valueExpression", "").strip()
        if not value:
            errors.append(required(at.child("valueExpression"), "valueExpression is not specified"))
        elif len(value.encode()) > _LONGEST_VALUE:
            text = f"must not exceed {_LONGEST_VALUE} bytes in length"
            errors.append(required(at.child("valueExpression"), text))
        else:
            errors += wrong.get(str(at.child("valueExpression")), [])
        if key in keys:
            errors.append(duplicate(at.child("key"), key))
        keys.append(key)
    return errors


def _mutation(found: Obj, wrong: Problems, path: Path) -> list[FieldError]:
    kind = found.get("patchType", "")
    if not kind:
        return [required(path.child("patchType"))]
    if kind not in _PATCHES:
        return [not_supported(path.child("patchType"), kind, tuple(sorted(_PATCHES)))]
    errors: list[FieldError] = []
    field, other = _PATCHES[kind], next(one for one in _PATCHES.values() if one != _PATCHES[kind])
    if found.get(field) is None:
        errors.append(required(path.child(field), f"must be specified when patchType is {kind}"))
    elif not found[field].get("expression", "").strip():
        errors.append(required(path.child(field, "expression")))
    errors += wrong.get(str(path.child(field, "expression")), [])
    if found.get(other) is not None:
        text = f"must not be specified when patchType is {kind}"
        errors.append(invalid(path.child(other), "{" + other + "}", text))
    return errors


def _policy(obj: Obj, keep_conditions: bool) -> list[FieldError]:
    spec: Obj = obj.get("spec") or {}
    mutating = obj.get("kind") == "MutatingAdmissionPolicy"
    errors: list[FieldError] = []
    failure = spec.get("failurePolicy")
    if failure is None:
        errors.append(required(_SPEC.child("failurePolicy")))
    elif failure not in _FAILURE:
        errors.append(not_supported(_SPEC.child("failurePolicy"), failure, _FAILURE))
    if spec.get("paramKind") is not None:
        errors += _param_kind(spec["paramKind"], _SPEC.child("paramKind"))
    matched, at = spec.get("matchConstraints"), _SPEC.child("matchConstraints")
    if matched is None:
        errors.append(required(at))
    else:
        errors += _match_resources(matched, at)
        if not matched.get("resourceRules"):
            errors.append(required(at.child("resourceRules")))
        errors += _mutated_operations(matched, at) if mutating else []
    if not keep_conditions:
        at, conditions = _SPEC.child("matchConditions"), spec.get("matchConditions") or []
        params = spec.get("paramKind") is not None
        errors += match_conditions(conditions, condition_problems(conditions, params, at), at)
    wrong = problems(spec, mutating)
    errors += _variables(spec.get("variables") or [], wrong, _SPEC.child("variables"))
    return errors + (_mutating(spec, wrong) if mutating else _validating(obj, spec, wrong))


def _validating(obj: Obj, spec: Obj, wrong: Problems) -> list[FieldError]:
    at, annotations_at = _SPEC.child("validations"), _SPEC.child("auditAnnotations")
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        return [required(at, _NOTHING), required(annotations_at, _NOTHING)]
    errors: list[FieldError] = []
    for position, one in enumerate(spec.get("validations") or ()):
        errors += _validation(one, wrong, at.index(position))
    name = obj["metadata"].get("name", "")
    return errors + _annotations(name, spec.get("auditAnnotations") or [], wrong, annotations_at)


def _mutating(spec: Obj, wrong: Problems) -> list[FieldError]:
    at, again = _SPEC.child("mutations"), spec.get("reinvocationPolicy", "")
    errors: list[FieldError] = []
    if not spec.get("mutations"):
        errors.append(required(at, "mutations must contain at least one item"))
    for position, one in enumerate(spec.get("mutations") or ()):
        errors += _mutation(one, wrong, at.index(position))
    if not again:
        errors.append(required(_SPEC.child("reinvocationPolicy")))
    elif again not in ("IfNeeded", "Never"):
        errors.append(not_supported(_SPEC.child("reinvocationPolicy"), again, ("IfNeeded", "Never")))
    return errors


def _param_ref(found: Obj | None, path: Path) -> list[FieldError]:
    if found is None:
        return []
    errors: list[FieldError] = []
    name, selector, text = (
        found.get("name", ""),
        found.get("selector"),
        "name and selector are mutually exclusive",
    )
    if name:
        errors += [invalid(path.child("name"), name, wrong) for wrong in path_segment_name(name)]
        errors += [forbidden(path.child("name"), text)] if selector is not None else []
    if selector is not None:
        errors += label_selector(selector, path.child("selector"))
        errors += [forbidden(path.child("selector"), text)] if name else []
    if not name and selector is None:
        errors.append(required(path, "one of name or selector must be specified"))
    action, at = found.get("parameterNotFoundAction"), path.child("parameterNotFoundAction")
    if not action:
        errors.append(required(at))
    elif action not in ("Deny", "Allow"):
        errors.append(not_supported(at, action, ("Deny", "Allow")))
    return errors


def _actions(actions: list[str], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, one in enumerate(actions):
        if one not in _ACTIONS:
            errors.append(not_supported(path.index(position), one, _ACTIONS))
        if one in actions[:position]:
            errors.append(duplicate(path.index(position), one))
    if "Deny" in actions and "Warn" in actions:
        errors.append(invalid(path, actions, _BOTH))
    if not actions:
        errors.append(required(path, "at least one validation action is required"))
    return errors


def _binding(obj: Obj) -> list[FieldError]:
    spec: Obj = obj.get("spec") or {}
    name, at = spec.get("policyName", ""), _SPEC.child("policyName")
    errors = [invalid(at, name, text) for text in subdomain_name(name)] if name else [required(at)]
    errors += _param_ref(spec.get("paramRef"), _SPEC.child("paramRef"))
    matched, at = spec.get("matchResources"), _SPEC.child("matchResources")
    errors += _match_resources(matched, at)
    if obj.get("kind") == "MutatingAdmissionPolicyBinding":
        return errors + _mutated_operations(matched, at)
    return errors + _actions(spec.get("validationActions") or [], _SPEC.child("validationActions"))


def _checked(obj: Obj, keep_conditions: bool) -> list[FieldError]:
    errors = validate_object_meta(obj["metadata"], False, subdomain_name, kube_finalizers=False)
    return errors + (_binding(obj) if obj["kind"].endswith("Binding") else _policy(obj, keep_conditions))


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new policy or binding."""
    return _checked(obj, False)


def _status(status: Obj) -> list[FieldError]:
    """What type checking found: warnings that say where."""
    errors: list[FieldError] = []
    path = Path("status").child("typeChecking", "expressionWarnings")
    for position, one in enumerate((status.get("typeChecking") or {}).get("expressionWarnings") or ()):
        for field in ("warning", "fieldRef"):
            if not one.get(field, "").strip():
                errors.append(required(path.index(position).child(field)))
    at = Path("status").child("conditions")
    return errors + validate_conditions(status.get("conditions") or [], at)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed policy or binding. Match conditions that stayed are not compiled again."""
    if subresource == "status":
        return _status(obj.get("status") or {})
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    fields = ("paramKind", "matchConditions")
    return _checked(obj, all(spec.get(field) == before.get(field) for field in fields))
