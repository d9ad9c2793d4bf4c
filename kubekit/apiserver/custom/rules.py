"""Rules in the schema of a custom resource: `x-kubernetes-validations`.

A rule stands at a place in the schema and sees the value there as `self`; a rule that also speaks of
`oldSelf` is asked only when there was a value before, and so can forbid changes. `rule_errors` asks all
rules of an instance, `rule_problems` says which rules of a definition do not compile. Source:
apiextensions-apiserver (pkg/apiserver/schema/cel/validation.go, compilation.go).
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from kubekit.api.field_path import (
    OMIT,
    FieldError,
    Path,
    duplicate,
    forbidden,
    invalid,
    required,
)
from kubekit.apiserver.cel import (
    CompileError,
    EvaluationError,
    InstantiationError,
    Program,
    compiled,
)
from kubekit.apiserver.cel.evaluator import OverBudget
from kubekit.apiserver.cel.syntax import Name
from kubekit.apiserver.cel.types import BOOL, DYN, STRING, Type, optional_of
from kubekit.apiserver.cel.values import EMPTY, Optional
from kubekit.apiserver.custom.rule_types import rule_type, rule_value

Obj = dict[str, Any]


class BadRule(Exception):
    """A rule that does not compile; the text is what validation says."""


def program_of(source: str, self_type: Type, wanted: Type, optional_old: bool) -> Program:
    """A rule's expression. Raises BadRule."""
    old = optional_of(self_type) if optional_old else self_type
    try:
        program = compiled(source, {"self": self_type, "oldSelf": old})
    except CompileError as error:
        raise BadRule(f"compilation failed: {error}") from None
    except InstantiationError as error:
        raise BadRule(f"program instantiation failed: {error}") from None
    if program.type not in (wanted, DYN):
        what = "cel expression must evaluate to a bool" if wanted == BOOL else ""
        raise BadRule(what or "messageExpression must evaluate to a string")
    return program


class Rule:
    """One compiled rule."""

    def __init__(self, rule: Obj, self_type: Type) -> None:
        self.rule = rule
        self.optional_old = bool(rule.get("optionalOldSelf"))
        self.program = program_of(rule["rule"], self_type, BOOL, self.optional_old)
        self.uses_old = mentions(self.program.tree, "oldSelf")
        self.message: Program | None = None
        if rule.get("messageExpression"):
            self.message = program_of(rule["messageExpression"], self_type, STRING, self.optional_old)

    @property
    def shown(self) -> str:
        """What error texts call the rule."""
        return str(self.rule.get("message") or self.rule["rule"]).strip()


def mentions(node: Any, name: str) -> bool:
    """Whether a variable occurs in a tree."""
    if isinstance(node, Name):
        return node.name == name
    if isinstance(node, list):
        return any(mentions(one, name) for one in node)
    slots = getattr(type(node), "__dataclass_fields__", ())
    return any(mentions(getattr(node, slot), name) for slot in slots)


@functools.lru_cache(maxsize=2048)
def _rules(text: str, root: bool) -> tuple[Rule, ...]:
    schema = json.loads(text)
    self_type = rule_type(schema, root)
    return tuple(Rule(one, self_type) for one in schema["x-kubernetes-validations"])


def rules_of(schema: Obj, root: bool) -> tuple[Rule, ...]:
    """The compiled rules at one place of a schema. Raises BadRule."""
    if not schema.get("x-kubernetes-validations"):
        return ()
    return _rules(json.dumps(schema, sort_keys=True), root)


def rule_errors(
    value: Any,
    old: Any,
    schema: Obj,
    path: Path,
    root: bool = True,
    *,
    kept: bool = False,
    let_pass: list[FieldError] | None = None,
) -> list[FieldError]:
    """What the rules have against a value; `old` is None where there is no value to compare with.

    With `let_pass`, errors of rules that do not speak of changes go there where nothing changed; `kept` says
    that nothing did around a value that cannot be compared itself.
    """
    if value is None:
        return []
    if let_pass is not None and old is not None:
        kept = value == old
    found = _at(value, old, schema, path, root, let_pass if kept else None)
    if isinstance(value, list):
        return found + _in_list(value, old, schema, path, kept, let_pass)
    if not isinstance(value, dict):
        return found
    properties, extra = schema.get("properties") or {}, schema.get("additionalProperties")
    before = old if isinstance(old, dict) else {}
    for key, item in value.items():
        below = properties.get(key, extra if isinstance(extra, dict) else None)
        if below is not None:
            at = path.child(key) if key in properties else path.key(key)
            found += rule_errors(item, before.get(key), below, at, False, kept=kept, let_pass=let_pass)
    return found


def _in_list(
    value: list[Any], old: Any, schema: Obj, path: Path, kept: bool, let_pass: list[FieldError] | None
) -> list[FieldError]:
    items = schema.get("items")
    if not isinstance(items, dict):
        return []
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    before: dict[str, Any] = {}
    if schema.get("x-kubernetes-list-type") == "map" and isinstance(old, list):
        before = {_key(one, keys): one for one in old if isinstance(one, dict)}
    found: list[FieldError] = []
    for position, item in enumerate(value):
        earlier = before.get(_key(item, keys)) if isinstance(item, dict) else None
        at = path.index(position)
        found += rule_errors(item, earlier, items, at, False, kept=kept, let_pass=let_pass)
    return found


def _key(item: Obj, keys: Any) -> str:
    return json.dumps([item.get(key) for key in keys])


def _at(
    value: Any, old: Any, schema: Obj, path: Path, root: bool, let_pass: list[FieldError] | None
) -> list[FieldError]:
    """The rules that stand at this very place."""
    if not schema.get("x-kubernetes-validations"):
        return []
    kind = schema.get("type", "")
    try:
        rules = rules_of(schema, root)
    except BadRule as error:
        return [invalid(path, kind, f"rule compile error: {error}")]
    found: list[FieldError] = []
    now = rule_value(value, schema)
    before = None if old is None else rule_value(old, schema)
    for rule in rules:
        if rule.uses_old and old is None and not rule.optional_old:
            continue
        variables: Obj = {"self": now, "oldSelf": before}
        if rule.optional_old:
            variables["oldSelf"] = EMPTY if old is None else Optional(True, before)
        try:
            holds = rule.program.run(variables)
        except OverBudget as error:
            text = f"'{error}': no further validation rules will be run due to call cost exceeds limit"
            return [*found, invalid(path, kind, f"{text} for rule: {rule.shown}")]
        except EvaluationError as error:
            found.append(invalid(path, kind, _failed(str(error), rule)))
            continue
        if holds is not True:
            passes = let_pass is not None and not rule.uses_old
            (let_pass if let_pass is not None and passes else found).append(
                _violation(rule, variables, value, kind, path)
            )
    return found


def _failed(error: str, rule: Rule) -> str:
    if error.startswith("no such overload"):
        text = "call arguments did not match a supported operator, function or macro signature for rule"
        return f"'{error}': {text}: {rule.shown}"
    return f"{error} evaluating rule: {rule.shown}"


def _violation(rule: Rule, variables: Obj, value: Any, kind: str, path: Path) -> FieldError:
    detail = ""
    if rule.message is not None:
        try:
            text = rule.message.run(variables)
        except EvaluationError:
            text = ""
        detail = text.strip() if isinstance(text, str) and "\n" not in text.strip() else ""
    if not detail:
        message = str(rule.rule.get("message") or "").strip()
        detail = message or f"failed rule: {rule.shown}"
    at = path
    for name in re.findall(r"\.([^.\[]+)|\['([^']*)'\]", rule.rule.get("fieldPath") or ""):
        at = at.child(name[0]) if name[0] else at.key(name[1])
    reason = rule.rule.get("reason")
    if reason == "FieldValueForbidden":
        return forbidden(at, detail)
    if reason == "FieldValueRequired":
        return required(at, detail)
    shown = OMIT if kind in ("object", "array") else value
    return duplicate(at, shown) if reason == "FieldValueDuplicate" else invalid(at, shown, detail)


def rule_problems(
    schema: Obj, path: Path, root: bool = True, lost: str = "", skip: tuple[str, ...] = ()
) -> list[FieldError]:
    """The rules of a schema that do not compile, or speak of an `oldSelf` that cannot be known.

    `lost` is the place above from which on old and new values cannot be told apart (items of a plain list),
    `skip` the places that are wrong anyway: rules around them are not compiled.
    """
    found = _below(schema, path, lost, skip)
    if not schema.get("x-kubernetes-validations") or any(_within(one, str(path)) for one in skip):
        return found
    self_type = rule_type(schema, root)
    for position, one in enumerate(schema.get("x-kubernetes-validations") or ()):
        at = path.child("x-kubernetes-validations").index(position)
        if not (one.get("rule") or "").strip():
            continue
        try:
            program = program_of(one["rule"], self_type, BOOL, bool(one.get("optionalOldSelf")))
        except BadRule as error:
            found.append(invalid(at.child("rule"), internal(one), str(error)))
            continue
        if (one.get("messageExpression") or "").strip():
            try:
                program_of(one["messageExpression"], self_type, STRING, bool(one.get("optionalOldSelf")))
            except BadRule as error:
                text = f"messageExpression {error}" if "compilation" in str(error) else str(error)
                found.append(invalid(at.child("messageExpression"), internal(one), text))
        if mentions(program.tree, "oldSelf"):
            if lost:
                text = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {lost}"
                found.append(invalid(at.child("rule"), one["rule"], text))
        elif one.get("optionalOldSelf") is not None:
            text = "may not be set if oldSelf is not used in rule"
            found.append(invalid(at.child("optionalOldSelf"), one["optionalOldSelf"], text))
    return found


def _within(place: str, path: str) -> bool:
    return place == path or place.startswith((path + ".", path + "["))


def _below(schema: Obj, path: Path, lost: str, skip: tuple[str, ...]) -> list[FieldError]:
    found: list[FieldError] = []
    if isinstance(schema.get("additionalProperties"), dict):
        at = path.child("additionalProperties")
        found += rule_problems(schema["additionalProperties"], at, False, lost, skip)
    for key, part in (schema.get("properties") or {}).items():
        found += rule_problems(part, path.child("properties").key(key), False, lost, skip)
    if isinstance(schema.get("items"), dict):
        told_apart = schema.get("x-kubernetes-list-type") == "map"
        found += rule_problems(
            schema["items"], path.child("items"), False, lost or ("" if told_apart else str(path)), skip
        )
    return found


def internal(rule: Obj) -> Obj:
    """A rule as the server's own type prints it in an error."""
    return {
        "Rule": rule.get("rule", ""),
        "Message": rule.get("message", ""),
        "MessageExpression": rule.get("messageExpression", ""),
        "Reason": rule.get("reason"),
        "FieldPath": rule.get("fieldPath", ""),
        "OptionalOldSelf": rule.get("optionalOldSelf"),
    }
