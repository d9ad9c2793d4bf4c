"""Selectors: label selector texts and objects, field selector texts, node selector terms.

Called by the API server's list and watch, by informers, controllers, the scheduler and kube-proxy. A parsed
selector is immutable and may be shared. Parsing raises `SelectorError` with the server's own words; matching
never fails: a requirement that makes no sense matches nothing. `label_text` writes selectors for people.
Source: k8s.io/apimachinery/pkg/labels, pkg/fields; component-helpers/scheduling/corev1/nodeaffinity.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, aggregate, invalid, not_supported
from kubekit.api.label_lexer import ParseError, parse_requirements
from kubekit.api.meta import Obj

_BINARY = ("in", "notin", "=", "==", "!=", "gt", "lt")
_ALL = (*_BINARY, "exists", "!")


class SelectorError(ValueError):
    """A selector that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label. `operator` is one of in, notin, =, ==, !=, gt, lt, exists, ! (does not
    exist)."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels fulfil it. A missing label fulfils only notin, != and !."""
        operator = self.operator
        if operator in ("=", "==", "in"):
            return self.key in labels and labels[self.key] in self.values
        if operator in ("!=", "notin"):
            return self.key not in labels or labels[self.key] not in self.values
        if operator == "exists":
            return self.key in labels
        if operator == "!":
            return self.key not in labels
        if self.key not in labels or len(self.values) != 1:
            return False
        left, right = _integer(labels[self.key]), _integer(self.values[0])
        if left is None or right is None:
            return False
        return left > right if operator == "gt" else left < right

    def __str__(self) -> str:
        values = ",".join(sorted(self.values))
        if self.operator in ("exists", "!"):
            return ("!" if self.operator == "!" else "") + self.key
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({values})"
        return f"{self.key}{ {'gt': '>', 'lt': '<'}.get(self.operator, self.operator) }{values}"


def _integer(text: str) -> int | None:
    """A whole number as Go's ParseInt takes it (no blanks, no underscores), 64 bits."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if not body.isascii() or not body.isdigit():
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


def check_requirement(
    key: str, operator: str, values: Sequence[str], path: Path | None = None
) -> list[FieldError]:
    """What is wrong with a requirement, in the server's order; an empty list if nothing is."""
    at = path or Path()
    errors: list[FieldError] = []
    if wrong := formats.label_key(key):
        errors.append(invalid(at.child("key"), key, "; ".join(wrong)))
    place = at.child("values")
    shown = list(values)
    if operator in ("in", "notin"):
        if not values:
            errors.append(invalid(place, shown, "for 'in', 'notin' operators, values set can't be empty"))
    elif operator in ("=", "==", "!="):
        if len(values) != 1:
            errors.append(invalid(place, shown, "exact-match compatibility requires one single value"))
    elif operator in ("exists", "!"):
        if values:
            errors.append(invalid(place, shown, "values set must be empty for exists and does not exist"))
    elif operator in ("gt", "lt"):
        if len(values) != 1:
            errors.append(invalid(place, shown, "for 'Gt', 'Lt' operators, exactly one value is required"))
        for position, value in enumerate(values):
            if _integer(value) is None:
                why = "for 'Gt', 'Lt' operators, the value must be an integer"
                errors.append(invalid(place.index(position), value, why))
    else:
        errors.append(not_supported(at.child("operator"), operator, _ALL))
    for position, value in enumerate(values):
        if wrong := formats.label_value(value):
            errors.append(invalid(place.index(position).key(key), value, "; ".join(wrong)))
    return errors


class Selector:
    """Requirements that must all hold. No requirement at all selects everything; `NOTHING` selects
    nothing."""

    __slots__ = ("_exact", "nothing", "requirements")

    def __init__(self, requirements: Iterable[Requirement] = (), nothing: bool = False) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda one: one.key))
        self.nothing = nothing
        exact = all(one.operator in ("=", "==") for one in self.requirements)
        self._exact = [(one.key, one.values[0]) for one in self.requirements] if exact else None

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels are selected."""
        if self._exact is not None:
            if self.nothing:
                return False
            for key, value in self._exact:  # noqa: SIM110 (a loop is twice as fast here)
                if labels.get(key) != value:
                    return False
            return True
        return all(one.matches(labels) for one in self.requirements)

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return not self.requirements and not self.nothing

    def exact(self, key: str) -> str | None:
        """The one value a label must have, if the selector says so."""
        for one in self.requirements:
            if one.key == key:
                return one.values[0] if one.operator in ("=", "==", "in") and len(one.values) == 1 else None
        return None

    def __str__(self) -> str:
        return ",".join(str(one) for one in self.requirements)


EVERYTHING = Selector()
NOTHING = Selector(nothing=True)


@functools.lru_cache(maxsize=1024)
def parse_label_selector(text: str) -> Selector:
    """`app=web,tier in (a,b),!old,size>3` as a Selector. SelectorError with the server's text."""
    try:
        found = parse_requirements(text)
    except ParseError as error:
        raise SelectorError(str(error)) from None
    requirements = []
    for key, operator, values in found:
        # The parser has no path, and the original prints a missing path as <nil>.
        if values is None:
            raise SelectorError(f"unable to parse requirement: {invalid('<nil>', key, operator)}")
        if errors := check_requirement(key, operator, values):
            raise SelectorError(f"unable to parse requirement: {aggregate(errors)}")
        requirements.append(Requirement(key, operator, values))
    return Selector(requirements)


_OBJECT_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_NODE_OPERATORS = {**_OBJECT_OPERATORS, "Gt": "gt", "Lt": "lt"}


def from_object(selector: Obj | None) -> Selector:
    """A LabelSelector object: None selects nothing, an empty one everything. SelectorError if it makes no
    sense."""
    if selector is None:
        return NOTHING
    requirements = []
    for key, value in (selector.get("matchLabels") or {}).items():
        requirements.append(_checked(key, "=", (value,)))
    for need in selector.get("matchExpressions") or ():
        operator = _OBJECT_OPERATORS.get(need.get("operator", ""))
        if operator is None:
            raise SelectorError(f'"{need.get("operator", "")}" is not a valid label selector operator')
        requirements.append(_checked(need.get("key", ""), operator, tuple(need.get("values") or ())))
    return Selector(requirements)


def from_labels(labels: Mapping[str, str] | None) -> Selector:
    """A plain map (a Service's selector): all labels must be equal. An empty map selects everything."""
    return Selector(Requirement(key, "=", (value,)) for key, value in (labels or {}).items())


def _checked(key: str, operator: str, values: tuple[str, ...]) -> Requirement:
    if errors := check_requirement(key, operator, values):
        raise SelectorError(aggregate(errors))
    return Requirement(key, operator, values)


def matches(selector: Obj | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector object selects these labels. Cheap for plain matchLabels; nonsense selects
    nothing."""
    if selector is None:
        return False
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for need in selector.get("matchExpressions") or ():
        operator = _OBJECT_OPERATORS.get(need.get("operator", ""), "")
        values = tuple(need.get("values") or ())
        if not operator or not Requirement(need.get("key", ""), operator, values).matches(labels):
            return False
    return True


# --- fields ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """One condition on a field: `equal` or not equal."""

    field: str
    value: str
    equal: bool = True


class FieldSelector:
    """Conditions on fields that must all hold; a field that is missing counts as an empty text."""

    __slots__ = ("requirements",)

    def __init__(self, requirements: Iterable[FieldRequirement] = ()) -> None:
        self.requirements = tuple(requirements)

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Whether the fields (path -> text) are selected."""
        return all((fields.get(one.field, "") == one.value) == one.equal for one in self.requirements)

    def exact(self, field: str) -> str | None:
        """The one value a field must have, if the selector says so."""
        return next((one.value for one in self.requirements if one.field == field and one.equal), None)

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return not self.requirements

    def __str__(self) -> str:
        return ",".join(
            f"{one.field}{'=' if one.equal else '!='}{_escape(one.value)}" for one in self.requirements
        )


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def parse_field_selector(text: str) -> FieldSelector:
    """`metadata.name=web,status.phase!=Running` as a FieldSelector. SelectorError with the server's text."""
    found = []
    for part in sorted(_split_terms(text)):
        if not part:
            continue
        for position in range(len(part)):
            operator = next((one for one in ("!=", "==", "=") if part.startswith(one, position)), None)
            if operator:
                value = _unescape(part[position + len(operator) :])
                if position or value:
                    # A term of nothing but an operator asks for nothing.
                    found.append(FieldRequirement(part[:position], value, operator != "!="))
                break
        else:
            raise SelectorError(f"invalid selector: '{text}'; can't understand '{part}'")
    return FieldSelector(found)


def _split_terms(text: str) -> list[str]:
    parts, start, escaped = [], 0, False
    for position, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == ",":
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]] if text else []


def _unescape(value: str) -> str:
    out, escaped = [], False
    for char in value:
        if escaped:
            if char not in "\\,=":
                raise SelectorError(f"invalid field selector: invalid escape sequence: \\{char}")
            out.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char in ",=":
            raise SelectorError(f"invalid field selector: unescaped character in value: {ord(char)}")
        else:
            out.append(char)
    if escaped:
        raise SelectorError("invalid field selector: invalid escape sequence: \\")
    return "".join(out)


# --- nodes ----------------------------------------------------------------------------------------------


def node_term_errors(term: Obj, path: Path) -> list[FieldError]:
    """What is wrong with a node selector term, as the scheduler's parser tells it."""
    errors: list[FieldError] = []
    for position, need in enumerate(term.get("matchExpressions") or ()):
        at = path.child("matchExpressions").index(position)
        operator = _NODE_OPERATORS.get(need.get("operator", ""))
        if operator is None:
            errors.append(not_supported(at.child("operator"), need.get("operator", ""), _NODE_OPERATORS))
        else:
            errors += check_requirement(need.get("key", ""), operator, need.get("values") or (), at)
    for position, need in enumerate(term.get("matchFields") or ()):
        at = path.child("matchFields").index(position)
        if need.get("operator") not in ("In", "NotIn"):
            errors.append(not_supported(at.child("operator"), need.get("operator", ""), ("In", "NotIn")))
        elif len(need.get("values") or ()) != 1:
            errors.append(invalid(at.child("values"), need.get("values") or None, "must have one element"))
    return errors


def matches_node_term(term: Obj, labels: Mapping[str, str], fields: Mapping[str, str]) -> bool:
    """Whether one term selects a node; an empty term selects none, a malformed one neither.

    `fields` of a node are `{"metadata.name": name}`.
    """
    expressions, field_needs = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if (not expressions and not field_needs) or node_term_errors(term, Path()):
        return False
    for need in expressions:
        values = tuple(need.get("values") or ())
        if not Requirement(need["key"], _NODE_OPERATORS[need["operator"]], values).matches(labels):
            return False
    return all((fields.get(n["key"], "") == n["values"][0]) == (n["operator"] == "In") for n in field_needs)


def matches_node_selector(selector: Obj, node: Obj) -> bool:
    """Whether any term of a NodeSelector object selects the node."""
    meta = node.get("metadata") or {}
    labels: dict[str, Any] = meta.get("labels") or {}
    fields = {"metadata.name": meta.get("name", "")}
    return any(matches_node_term(term, labels, fields) for term in selector.get("nodeSelectorTerms") or ())
