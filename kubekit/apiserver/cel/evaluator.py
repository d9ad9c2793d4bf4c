"""Evaluator: what an expression comes to, given values for its variables.

`Evaluation(environment, variables, budget).value(tree)` walks the tree. Logic absorbs errors: `false && e` is
false whatever `e` does, on either side. Every step costs; an expression that goes over its budget is stopped,
which is what keeps a rule from holding up the server. Raises EvaluationError with the original's words.
Source: cel-go (interpreter/), apiserver/pkg/cel (limits).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubekit.apiserver.cel.checker import TYPE_NAMES
from kubekit.apiserver.cel.environment import Environment
from kubekit.apiserver.cel.errors import EvaluationError
from kubekit.apiserver.cel.syntax import (
    Bind,
    Call,
    Entry,
    Fold,
    Index,
    ListOf,
    Literal,
    MapOf,
    MessageOf,
    Name,
    Node,
    Select,
    path_of,
)
from kubekit.apiserver.cel.values import EMPTY, Optional, TypeName, is_number, lookup, type_of

PER_CALL_LIMIT = 1_000_000
"""Cost units that one expression may use (apiserver/pkg/apis/cel: PerCallLimit)."""


_NUMBERS = ("int", "uint", "double")
_MOMENTS = ("duration", "timestamp")
OPERATORS = {
    "_+_": (*_NUMBERS, "string", "bytes", "list", *_MOMENTS),
    "_-_": (*_NUMBERS, *_MOMENTS),
    "_*_": _NUMBERS,
    "_/_": _NUMBERS,
    "_%_": ("int", "uint"),
    "-_": ("int", "double", "bool"),
    **dict.fromkeys(("_<_", "_<=_", "_>_", "_>=_"), (*_NUMBERS, "bool", "string", "bytes", *_MOMENTS)),
}
"""The types whose values know an operator; others do not, and the error says so by the operator's name."""


class OverBudget(EvaluationError):
    """The expression did too much."""


class Evaluation:
    """One run of one expression."""

    def __init__(
        self, environment: Environment, variables: Mapping[str, Any], budget: int = PER_CALL_LIMIT
    ) -> None:
        self.environment = environment
        self.variables = variables
        self.left = budget
        self.scopes: list[dict[str, Any]] = []

    def value(self, node: Node) -> Any:
        """The value of a node. Raises EvaluationError."""
        self.left -= 1
        if self.left < 0:
            raise OverBudget("operation cancelled: actual cost limit exceeded")
        return getattr(self, f"_{type(node).__name__.lower()}")(node)

    def _literal(self, node: Literal) -> Any:
        return node.value

    def _name(self, node: Name) -> Any:
        for scope in reversed(self.scopes):
            if node.name in scope:
                return scope[node.name]
        if node.name in self.variables:
            found = self.variables[node.name]
            return found() if callable(found) else found
        if node.name in TYPE_NAMES:
            return TypeName(node.name)
        raise EvaluationError(f"no such attribute(s): {node.name}")

    def _select(self, node: Select) -> Any:
        path = path_of(node)
        if path in self.environment.variables:
            return self.variables[path]
        if path in TYPE_NAMES:
            return TypeName(path)
        operand = self.value(node.operand)
        optional = node.optional
        if isinstance(operand, Optional):
            if not operand.present:
                return False if node.test else EMPTY
            operand, optional = operand.value, True
        if not isinstance(operand, dict):
            if optional and operand is None:
                return EMPTY
            raise EvaluationError("no such overload" if node.test else f"no such key: {node.field}")
        present = node.field in operand
        if node.test:
            return present
        if optional:
            return Optional(True, operand[node.field]) if present else EMPTY
        if not present:
            raise EvaluationError(f"no such key: {node.field}")
        return operand[node.field]

    def _index(self, node: Index) -> Any:
        operand, key = self.value(node.operand), self.value(node.key)
        optional = node.optional
        if isinstance(operand, Optional):
            if not operand.present:
                return EMPTY
            operand, optional = operand.value, True
        if isinstance(operand, dict):
            found = lookup(operand, key)
            if not found.present and not optional:
                raise EvaluationError(f"no such key: {key}")
        elif isinstance(operand, list) and is_number(key):
            inside = key == int(key) and 0 <= key < len(operand)
            if not inside and not optional:
                raise EvaluationError(f"index out of bounds: {key}")
            found = Optional(True, operand[int(key)]) if inside else EMPTY
        elif isinstance(operand, list):
            raise EvaluationError("no such overload")
        else:
            raise EvaluationError(f"no such key: {key}")
        return found if optional else found.value

    def _call(self, node: Call) -> Any:
        function = node.function
        if function in ("_&&_", "_||_"):
            return self.logic(node, function == "_&&_")
        if function == "_?_:_":
            condition = self.value(node.arguments[0])
            if not isinstance(condition, bool):
                raise EvaluationError("no such overload")
            return self.value(node.arguments[1 if condition else 2])
        target = node.target
        if target is not None and (path := path_of(target)):
            whole = f"{path}.{function}"
            if self.environment.functions.of(whole) and not self.known(path.split(".")[0]):
                function, target = whole, None
        arguments = [self.value(one) for one in ([target] if target is not None else []) + node.arguments]
        overload = self.environment.functions.called(function.lstrip("."), arguments, target is not None)
        if overload is None:
            traits = OPERATORS.get(function)
            lacks = traits is not None and type_of(arguments[0]).name not in traits
            raise EvaluationError(f"no such overload: {function}" if lacks else "no such overload")
        self.left -= sum(len(one) // 10 for one in arguments if isinstance(one, str | bytes))
        return overload.do(*arguments)

    def known(self, name: str) -> bool:
        return name in self.variables or any(name in scope for scope in self.scopes)

    def logic(self, node: Call, conjunction: bool) -> bool:
        """`&&` and `||`: one side that decides makes an error of the other side not count."""
        failed: EvaluationError | None = None
        for one in node.arguments:
            try:
                found = self.value(one)
            except OverBudget:
                raise
            except EvaluationError as error:
                failed = failed or error
                continue
            if not isinstance(found, bool):
                failed = failed or EvaluationError("no such overload")
            elif found is not conjunction:
                return found
        if failed is not None:
            raise failed
        return conjunction

    def _listof(self, node: ListOf) -> list[Any]:
        made: list[Any] = []
        for place, one in enumerate(node.items):
            found = self.value(one)
            if place in node.optional:
                if found.present:
                    made.append(found.value)
            else:
                made.append(found)
        return made

    def _mapof(self, node: MapOf) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for entry in node.entries:
            key = self.value(entry.key)
            if isinstance(key, float | list | dict) or key is None:
                raise EvaluationError("unsupported key type")
            found = self.entry(entry)
            if found.present:
                if lookup(made, key).present:
                    raise EvaluationError(f"insert failed: key {key} already exists")
                made[key] = found.value
        return made

    def entry(self, entry: Entry) -> Optional:
        found = self.value(entry.value)
        if entry.optional:
            return found if isinstance(found, Optional) else EMPTY
        return Optional(True, found)

    def _messageof(self, node: MessageOf) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for entry in node.entries:
            found = self.entry(entry)
            if found.present:
                made[str(self.value(entry.key))] = found.value
        return made

    def _bind(self, node: Bind) -> Any:
        operand = self.value(node.operand)
        if not isinstance(operand, Optional):
            raise EvaluationError("no such overload")
        if not operand.present:
            return EMPTY
        self.scopes.append({node.name: operand.value})
        try:
            found = self.value(node.body)
        finally:
            self.scopes.pop()
        return found if node.macro == "optFlatMap" else Optional(True, found)

    def _fold(self, node: Fold) -> Any:
        operand = self.value(node.operand)
        if not isinstance(operand, list | dict):
            name = type_of(operand).name.capitalize()
            raise EvaluationError(f"got 'types.{name}', expected iterable type")
        scope: dict[str, Any] = {}
        self.scopes.append(scope)
        try:
            return getattr(self, f"_fold_{node.macro.lower()}")(node, self.steps(node, operand, scope))
        finally:
            self.scopes.pop()

    def steps(self, node: Fold, operand: Any, scope: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
        """Each element, put under its name(s): (key or index, value)."""
        pairs = operand.items() if isinstance(operand, dict) else enumerate(operand)
        for key, item in pairs:
            if len(node.names) == 2:
                scope[node.names[0]], scope[node.names[1]] = key, item
            else:
                scope[node.names[0]] = key if isinstance(operand, dict) else item
            yield key, scope[node.names[-1]]

    def quantified(self, node: Fold, steps: Iterator[tuple[Any, Any]], decisive: bool) -> bool:
        failed: EvaluationError | None = None
        for _ in steps:
            try:
                found = self.condition(node.arguments[0])
            except OverBudget:
                raise
            except EvaluationError as error:
                failed = failed or error
                continue
            if found is decisive:
                return decisive
        if failed is not None:
            raise failed
        return not decisive

    def condition(self, node: Node) -> bool:
        found = self.value(node)
        if not isinstance(found, bool):
            raise EvaluationError("no such overload")
        return found

    def _fold_all(self, node: Fold, steps: Iterator[tuple[Any, Any]]) -> bool:
        return self.quantified(node, steps, False)

    def _fold_exists(self, node: Fold, steps: Iterator[tuple[Any, Any]]) -> bool:
        return self.quantified(node, steps, True)

    def _fold_existsone(self, node: Fold, steps: Iterator[tuple[Any, Any]]) -> bool:
        return sum(self.condition(node.arguments[0]) for _ in steps) == 1

    def _fold_filter(self, node: Fold, steps: Iterator[tuple[Any, Any]]) -> list[Any]:
        return [item for _, item in steps if self.condition(node.arguments[0])]

    def _fold_map(self, node: Fold, steps: Iterator[tuple[Any, Any]]) -> list[Any]:
        *conditions, body = node.arguments
        return [self.value(body) for _ in steps if all(self.condition(one) for one in conditions)]

    _fold_transformlist = _fold_map

    def _fold_transformmap(self, node: Fold, steps: Iterator[tuple[Any, Any]]) -> dict[Any, Any]:
        *conditions, body = node.arguments
        return {key: self.value(body) for key, _ in steps if all(self.condition(one) for one in conditions)}

    def _fold_transformmapentry(self, node: Fold, steps: Iterator[tuple[Any, Any]]) -> dict[Any, Any]:
        *conditions, body = node.arguments
        made: dict[Any, Any] = {}
        for _ in steps:
            if all(self.condition(one) for one in conditions):
                for key, value in self.value(body).items():
                    if lookup(made, key).present:
                        raise EvaluationError(f"insert failed: key {key} already exists")
                    made[key] = value
        return made
