"""Syntax: the tree that an expression is.

Every node knows its offset in the text, for the mark under an error. Macros (`has`, `all`, `exists`, `map`,
...) are nodes of their own here, where the original rewrites them into folds. Source: the CEL specification,
cel-go (common/ast, parser/macro.go).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Node:
    """Anything; `offset` in characters from the start of the text."""

    offset: int


@dataclass(slots=True)
class Literal(Node):
    """A value that is written out: bool, int, `Uint`, float, str, bytes or None."""

    value: Any


@dataclass(slots=True)
class Name(Node):
    """A variable; a leading dot is kept in `absolute`."""

    name: str
    absolute: bool = False


@dataclass(slots=True)
class Select(Node):
    """`operand.field`; with `test` it is `has(operand.field)`, with `optional` it is `operand.?field`."""

    operand: Node
    field: str
    test: bool = False
    optional: bool = False


@dataclass(slots=True)
class Index(Node):
    """`operand[key]`, or `operand[?key]`."""

    operand: Node
    key: Node
    optional: bool = False


@dataclass(slots=True)
class Call(Node):
    """A function or an operator; `target` is what stands before the dot. Operators are named `_+_`, `!_`."""

    function: str
    target: Node | None
    arguments: list[Node]


@dataclass(slots=True)
class ListOf(Node):
    """`[a, ?b]`; `optional` holds the places of the elements with a question mark."""

    items: list[Node]
    optional: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Entry(Node):
    """One entry of a map, or one field of a message (then `key` is a Literal)."""

    key: Node
    value: Node
    optional: bool = False


@dataclass(slots=True)
class MapOf(Node):
    """`{key: value}`."""

    entries: list[Entry]


@dataclass(slots=True)
class MessageOf(Node):
    """`Object.spec{field: value}`."""

    name: str
    entries: list[Entry]


@dataclass(slots=True)
class Fold(Node):
    """A macro that goes through a list or map: `macro` names it, `names` are its one or two variables."""

    macro: str
    operand: Node
    names: list[str]
    arguments: list[Node]


@dataclass(slots=True)
class Bind(Node):
    """`optMap` and `optFlatMap`: the value of an optional under a name."""

    macro: str
    operand: Node
    name: str
    body: Node


class Uint(int):
    """An unsigned integer: a type of its own in CEL."""

    __slots__ = ()


def path_of(node: Node) -> str:
    """The dotted name that a chain of selections spells, or ""."""
    if isinstance(node, Name):
        return ("." if node.absolute else "") + node.name
    if isinstance(node, Select) and not node.test and not node.optional:
        before = path_of(node.operand)
        return f"{before}.{node.field}" if before else ""
    return ""
