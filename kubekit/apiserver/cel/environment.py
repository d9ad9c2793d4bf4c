"""Environment: which names and functions an expression may use.

A `Function` is a name with overloads; each overload says what it takes and gives, and how it is done. The
checker asks by types, the evaluator by values, so a function is added in one place: a table in one of the
`library` files. A receiver (`"abc".size()`) is the first parameter of an overload that is a member.
Source: cel-go (cel/env.go, common/decls), apiserver/pkg/cel/environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kubekit.apiserver.cel.errors import EvaluationError
from kubekit.apiserver.cel.types import DYN, PARAMETERS, Type
from kubekit.apiserver.cel.values import type_of


@dataclass(frozen=True, slots=True)
class Overload:
    """One form of a function; `member` when the first parameter stands before the dot."""

    params: tuple[Type, ...]
    result: Type
    do: Callable[..., Any]
    member: bool = False


class Functions:
    """All functions of a library, by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[Overload]] = {}

    def add(self, name: str, params: tuple[Type, ...], result: Type, do: Callable[..., Any]) -> None:
        """A function `name(a, b)`."""
        self._by_name.setdefault(name, []).append(Overload(params, result, do))

    def member(self, name: str, params: tuple[Type, ...], result: Type, do: Callable[..., Any]) -> None:
        """A function `a.name(b)`."""
        self._by_name.setdefault(name, []).append(Overload(params, result, do, True))

    def of(self, name: str) -> list[Overload]:
        """The overloads of a name; none when there is no such function."""
        return self._by_name.get(name, [])

    def called(self, name: str, arguments: list[Any], member: bool) -> Overload | None:
        """The overload that these values ask for."""
        for overload in self.of(name):
            if overload.member != member or len(overload.params) != len(arguments):
                continue
            if all(_fits(wanted, value) for wanted, value in zip(overload.params, arguments, strict=True)):
                return overload
        return None


def _fits(wanted: Type, value: Any) -> bool:
    """Whether a value is of a type, as far as one can see from outside: what is in a list does not count."""
    return wanted == DYN or wanted.name in PARAMETERS or wanted.name == type_of(value).name


def succeeds(make: Callable[..., Any]) -> Callable[..., bool]:
    """A test of whether `make` would succeed: what `isURL` is to `url`."""

    def test(*arguments: Any) -> bool:
        try:
            make(*arguments)
        except EvaluationError:
            return False
        return True

    return test


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables with their types, the functions, and the messages that may be made (`Object{...}`)."""

    variables: Mapping[str, Type]
    functions: Functions
    messages: Callable[[str], Type | None] = lambda name: None
