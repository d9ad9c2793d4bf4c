"""Checker: works out the type of an expression before it runs.

`check(tree, source, environment)` gives the type, or raises a `CompileError` with every name that is not
declared, every field that an object does not have, and every call that fits no overload. What is `dyn` is
left to the values. Source: cel-go (checker/checker.go, checker/errors.go).
"""

from __future__ import annotations

from kubekit.apiserver.cel.environment import Environment, Overload
from kubekit.apiserver.cel.errors import CompileError, Issue
from kubekit.apiserver.cel.literals import literal_issues
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
from kubekit.apiserver.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    Bindings,
    ObjectType,
    Type,
    assignable,
    joined,
    list_of,
    map_of,
    optional_of,
    resolved,
    type_of_type,
)
from kubekit.apiserver.cel.values import type_of

TYPE_NAMES: dict[str, Type] = {
    "bool": BOOL,
    "int": INT,
    "uint": UINT,
    "double": DOUBLE,
    "string": STRING,
    "bytes": BYTES,
    "list": list_of(DYN),
    "map": map_of(DYN, DYN),
    "type": Type("type"),
    "null_type": Type("null_type"),
    "google.protobuf.Timestamp": TIMESTAMP,
    "google.protobuf.Duration": DURATION,
}
"""Names of types that may stand as values."""


def check(tree: Node, source: str, environment: Environment) -> Type:
    """The type of the whole expression. Raises CompileError."""
    checker = _Checker(environment)
    found = checker.type(tree)
    issues = checker.issues or literal_issues(tree, checker.types, environment)
    if issues:
        raise CompileError(source, issues)
    return found


class _Checker:
    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.issues: list[Issue] = []
        self.scopes: list[dict[str, Type]] = []
        self.types: dict[int, Type] = {}

    def wrong(self, node: Node, text: str) -> Type:
        self.issues.append(Issue(node.offset, text))
        return Type("error")

    def type(self, node: Node) -> Type:
        """The type of a node."""
        found: Type = getattr(self, f"_{type(node).__name__.lower()}")(node)
        self.types[id(node)] = found
        return found

    def variable(self, name: str) -> Type | None:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        found = self.environment.variables.get(name)
        if found is None and name in TYPE_NAMES:
            return type_of_type(TYPE_NAMES[name])
        return found

    def _literal(self, node: Literal) -> Type:
        return type_of(node.value)

    def _name(self, node: Name) -> Type:
        found = self.variable(node.name)
        if found is None:
            shown = ("." if node.absolute else "") + node.name
            return self.wrong(node, f"undeclared reference to '{shown}' (in container '')")
        return found

    def _select(self, node: Select) -> Type:
        path = path_of(node)
        if path and (qualified := self.environment.variables.get(path)) is not None:
            return qualified
        if path and path in TYPE_NAMES and self.variable(path.split(".")[0]) is None:
            return type_of_type(TYPE_NAMES[path])
        operand = self.type(node.operand)
        optional = node.optional
        if operand.name == "optional_type" and operand.params:
            operand, optional = operand.params[0], True
        found = self.field(node, operand)
        if node.test:
            return BOOL
        return optional_of(found) if optional else found

    def field(self, node: Select, operand: Type) -> Type:
        if isinstance(operand, ObjectType):
            if not operand.fields:
                return DYN
            if node.field not in operand.fields:
                return self.wrong(node, f"undefined field '{node.field}'")
            return operand.fields[node.field]
        if operand.name == "map":
            return operand.params[1] if operand.params else DYN
        if operand in (DYN, Type("error")):
            return DYN
        return self.wrong(node, f"type '{operand}' does not support field selection")

    def _index(self, node: Index) -> Type:
        operand, key = self.type(node.operand), self.type(node.key)
        optional = node.optional
        if operand.name == "optional_type" and operand.params:
            operand, optional = operand.params[0], True
        if operand.name == "list":
            wanted, found = (INT, operand.params[0] if operand.params else DYN)
        elif operand.name == "map":
            wanted, found = operand.params if operand.params else (DYN, DYN)
        elif operand in (DYN, Type("error")):
            wanted, found = DYN, DYN
        else:
            return self.no_overload(node, "_[_]", [operand, key], False)
        number = {wanted, key} <= {INT, UINT, DOUBLE}
        if not number and not assignable(wanted, key, Bindings()):
            return self.no_overload(node, "_[_]", [operand, key], False)
        return optional_of(found) if optional else found

    def _call(self, node: Call) -> Type:
        function, functions = node.function, self.environment.functions
        if node.target is not None and (path := path_of(node.target)):
            # `optional.of(x)`, `ip.isCanonical(x)`: a function whose own name has a dot.
            whole = f"{path}.{function}"
            if self.variable(path.split(".")[0]) is None and functions.of(whole):
                function, target = whole, None
            else:
                target = node.target
        else:
            target = node.target
        types = [self.type(one) for one in ([target] if target is not None else []) + node.arguments]
        if function == "_?_:_":
            return self.ternary(node, types)
        if function in ("_&&_", "_||_"):
            return self.logic(node, types)
        overloads = functions.of(function.lstrip("."))
        if not overloads:
            return self.wrong(node, f"undeclared reference to '{function}' (in container '')")
        return self.overload(node, function, overloads, types, target is not None)

    def ternary(self, node: Call, types: list[Type]) -> Type:
        condition, yes, no = types
        if not assignable(BOOL, condition, Bindings()):
            return self.no_overload(node, "_?_:_", types, False)
        if not (assignable(yes, no, Bindings()) or assignable(no, yes, Bindings())):
            return self.no_overload(node, "_?_:_", types, False)
        return joined(yes, no)

    def logic(self, node: Call, types: list[Type]) -> Type:
        for operand, found in zip(node.arguments, types, strict=True):
            if not assignable(BOOL, found, Bindings()):
                self.wrong(operand, f"expected type 'bool' but found '{found}'")
        return BOOL

    def overload(
        self, node: Call, function: str, overloads: list[Overload], types: list[Type], member: bool
    ) -> Type:
        result: Type | None = None
        for overload in overloads:
            if overload.member != member or len(overload.params) != len(types):
                continue
            bound = Bindings()
            pairs = zip(overload.params, types, strict=True)
            if all(assignable(wanted, given, bound) for wanted, given in pairs):
                found = resolved(overload.result, bound)
                result = found if result is None or result == found else DYN
        return result if result is not None else self.no_overload(node, function, types, member)

    def no_overload(self, node: Node, function: str, types: list[Type], member: bool) -> Type:
        if any(one.name == "error" for one in types):
            return Type("error")
        shown = [str(one) for one in types]
        applied = f"{shown[0]}.({', '.join(shown[1:])})" if member else f"({', '.join(shown)})"
        return self.wrong(node, f"found no matching overload for '{function}' applied to '{applied}'")

    def _listof(self, node: ListOf) -> Type:
        items = [self.unwrapped(one, place in node.optional) for place, one in enumerate(node.items)]
        return list_of(self.common(items))

    def unwrapped(self, node: Node, optional: bool) -> Type:
        found = self.type(node)
        if not optional:
            return found
        if found.name == "optional_type":
            return found.params[0] if found.params else DYN
        if found == DYN:
            return DYN
        return self.wrong(node, f"expected type 'optional_type({found})' but found '{found}'")

    def common(self, types: list[Type]) -> Type:
        found = types[0] if types else DYN
        for one in types[1:]:
            found = joined(found, one)
        return found

    def _mapof(self, node: MapOf) -> Type:
        keys = [self.type(entry.key) for entry in node.entries]
        values = [self.unwrapped(entry.value, entry.optional) for entry in node.entries]
        return map_of(self.common(keys), self.common(values))

    def _messageof(self, node: MessageOf) -> Type:
        found = self.environment.messages(node.name)
        if found is None:
            return self.wrong(node, f"undeclared reference to '{node.name}' (in container '')")
        for entry in node.entries:
            given = self.unwrapped(entry.value, entry.optional)
            self.message_field(entry, found, given)
        return found

    def message_field(self, entry: Entry, message: Type, given: Type) -> None:
        name = entry.key.value if isinstance(entry.key, Literal) else ""
        if not isinstance(message, ObjectType) or not message.fields:
            return
        if name not in message.fields:
            # What the original says of a field that a JSONPatch does not have.
            self.wrong(entry, f"expected type of field '{name}' is '' but provided type is '{given}'")
            return
        wanted = message.fields[name]
        if not assignable(wanted, given, Bindings()):
            self.wrong(entry, f"expected type of field '{name}' is '{wanted}' but provided type is '{given}'")

    def _fold(self, node: Fold) -> Type:
        operand = self.type(node.operand)
        if operand.name == "list":
            item = operand.params[0] if operand.params else DYN
            types = [item] if len(node.names) == 1 else [INT, item]
        elif operand.name == "map":
            key, value = operand.params if operand.params else (DYN, DYN)
            types = [key] if len(node.names) == 1 else [key, value]
        elif operand in (DYN, Type("error")):
            types = [DYN] * len(node.names)
        else:
            text = (
                f"expression of type '{operand}' cannot be range of a comprehension"
                " (must be list, map, or dynamic)"
            )
            types = [self.wrong(node.operand, text)] * len(node.names)
        self.scopes.append(dict(zip(node.names, types, strict=True)))
        bodies = [self.type(one) for one in node.arguments]
        self.scopes.pop()
        return self.fold_result(node, operand, types, bodies)

    def fold_result(self, node: Fold, operand: Type, types: list[Type], bodies: list[Type]) -> Type:
        conditions = bodies[:1] if node.macro in ("all", "exists", "existsOne", "filter") else bodies[:-1]
        for place, found in enumerate(conditions):
            if not assignable(BOOL, found, Bindings()):
                self.wrong(node.arguments[place], f"expected type 'bool' but found '{found}'")
        if node.macro in ("all", "exists", "existsOne"):
            return BOOL
        if node.macro == "filter":
            return list_of(types[0])
        if node.macro in ("map", "transformList"):
            return list_of(bodies[-1])
        if node.macro == "transformMap":
            return map_of(types[0], bodies[-1])
        return bodies[-1] if bodies[-1].name == "map" else map_of(DYN, DYN)

    def _bind(self, node: Bind) -> Type:
        operand = self.type(node.operand)
        inner = operand.params[0] if operand.name == "optional_type" and operand.params else DYN
        if operand.name not in ("optional_type", "dyn", "error"):
            self.no_overload(node, node.macro, [operand, DYN, DYN], True)
        self.scopes.append({node.name: inner})
        body = self.type(node.body)
        self.scopes.pop()
        return body if node.macro == "optFlatMap" else optional_of(body)
