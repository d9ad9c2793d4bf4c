"""Literals: what is wrong with values that are written out, found once the types are known.

`literal_issues` looks at patterns, moments and durations, lists and maps of one sort, and the arguments of
`format`; `instantiate` works out conversions of written-out values, which fail before anything runs. Source:
cel-go (cel/validator.go, ext/formatting.go, interpreter/decorators.go).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kubekit.apiserver.cel.environment import Environment
from kubekit.apiserver.cel.errors import EvaluationError, Issue
from kubekit.apiserver.cel.syntax import (
    Bind,
    Call,
    Fold,
    Index,
    ListOf,
    Literal,
    MapOf,
    MessageOf,
    Node,
    Select,
)
from kubekit.apiserver.cel.text_formatting import formatting_problem
from kubekit.apiserver.cel.types import DYN, Type

_CONVERSIONS = frozenset(("bool", "bytes", "double", "duration", "int", "string", "timestamp", "uint"))


def _below(node: Node) -> list[Node]:
    if isinstance(node, Call):
        return ([node.target] if node.target is not None else []) + node.arguments
    if isinstance(node, Select):
        return [node.operand]
    if isinstance(node, Index):
        return [node.operand, node.key]
    if isinstance(node, ListOf):
        return node.items
    if isinstance(node, MapOf | MessageOf):
        return [part for entry in node.entries for part in (entry.key, entry.value)]
    if isinstance(node, Fold):
        return [node.operand, *node.arguments]
    if isinstance(node, Bind):
        return [node.operand, node.body]
    return []


def _walk(node: Node, formatting: bool = False) -> Iterator[tuple[Node, bool]]:
    """Every node, and whether it stands somewhere in a call of `format`, whose lists may be mixed."""
    yield node, formatting
    inside = formatting or (isinstance(node, Call) and node.function == "format")
    for one in _below(node):
        yield from _walk(one, inside)


def literal_issues(tree: Node, types: Mapping[int, Type], environment: Environment) -> list[Issue]:
    """What is wrong; `types` has the type of each node by its id()."""
    found: list[Issue] = []
    for node, formatting in _walk(tree):
        if isinstance(node, Call):
            found += _call_issues(node, types, environment)
        elif isinstance(node, ListOf) and not formatting:
            items = [(one, types[id(one)], at in node.optional) for at, one in enumerate(node.items)]
            found += _mixed(items)[:1]
        elif isinstance(node, MapOf) and not formatting:
            found += _mixed([(entry.key, types[id(entry.key)], False) for entry in node.entries])
            found += _mixed([(entry.value, types[id(entry.value)], entry.optional) for entry in node.entries])
    return found


def _mixed(items: list[tuple[Node, Type, bool]]) -> list[Issue]:
    """Elements of another type than the first."""
    shown = [(node, of.params[0] if optional and of.params else of) for node, of, optional in items]
    # An optional that is empty fits everywhere.
    shown = [one for one, item in zip(shown, items, strict=True) if not (item[2] and one[1] == DYN)]
    return [
        Issue(node.offset, f"expected type '{shown[0][1]}' but found '{given}'")
        for node, given in shown[1:]
        if not _alike(shown[0][1], given)
    ]


def _alike(one: Type, other: Type) -> bool:
    """Whether two types are the same; inside of them, what is not known may still become the same."""
    if one.name != other.name or len(one.params) != len(other.params):
        return False
    pairs = zip(one.params, other.params, strict=True)
    return all(a == DYN or b == DYN or _alike(a, b) for a, b in pairs)


def _call_issues(node: Call, types: Mapping[int, Type], environment: Environment) -> list[Issue]:
    first = node.arguments[0] if node.arguments else None
    if node.function in ("duration", "timestamp", "matches") and isinstance(first, Literal):
        given = ["", first.value] if node.function == "matches" else [first.value]
        if _fails(environment, node.function, given):
            return [Issue(first.offset, f"invalid {node.function} argument")]
    if (
        node.function == "format"
        and isinstance(node.target, Literal)
        and isinstance(node.target.value, str)
        and isinstance(first, ListOf)
    ):
        place, text = formatting_problem(node.target.value, [types.get(id(one), DYN) for one in first.items])
        if text:
            return [Issue(node.offset if place is None else first.items[place].offset, text)]
    return []


def _fails(environment: Environment, function: str, arguments: list[object]) -> str:
    """The error of a function for given values."""
    overload = environment.functions.called(function, arguments, False)
    if overload is None:
        return f"no such overload: {function}(null_type)" if arguments == [None] else ""
    try:
        overload.do(*arguments)
    except EvaluationError as error:
        return str(error)
    return ""


def instantiate(tree: Node, environment: Environment) -> str:
    """The error of the first conversion of a written-out value that cannot succeed, or nothing."""
    for node, _ in _walk(tree):
        if isinstance(node, Call) and node.target is None and node.function in _CONVERSIONS:
            values = [one.value for one in node.arguments if isinstance(one, Literal)]
            if len(node.arguments) == len(values) == 1 and (
                error := _fails(environment, node.function, list(values))
            ):
                return error
    return ""
