"""Macros: calls that are no calls, because some of their arguments are names and not values.

`expand(call)` answers with the node that a macro stands for, or with the call itself. Whether a call is a
macro is told by its name, whether it has a target, and how many arguments it has.
Source: cel-go (parser/macro.go, cel/library.go for optMap, ext/comprehensions.go).
"""

from __future__ import annotations

from kubekit.apiserver.cel.errors import Issue
from kubekit.apiserver.cel.syntax import Bind, Call, Fold, Name, Node, Select

FOLDS: dict[tuple[str, int], tuple[int, str]] = {
    ("all", 2): (1, "all"),
    ("exists", 2): (1, "exists"),
    ("exists_one", 2): (1, "existsOne"),
    ("existsOne", 2): (1, "existsOne"),
    ("map", 2): (1, "map"),
    ("map", 3): (1, "map"),
    ("filter", 2): (1, "filter"),
    ("all", 3): (2, "all"),
    ("exists", 3): (2, "exists"),
    ("existsOne", 3): (2, "existsOne"),
    ("exists_one", 3): (2, "existsOne"),
    ("transformList", 3): (2, "transformList"),
    ("transformList", 4): (2, "transformList"),
    ("transformMap", 3): (2, "transformMap"),
    ("transformMap", 4): (2, "transformMap"),
    ("transformMapEntry", 3): (2, "transformMapEntry"),
    ("transformMapEntry", 4): (2, "transformMapEntry"),
}
"""(name, number of arguments) -> (number of variables, which fold)."""


def expand(call: Call) -> tuple[Node, Issue | None]:
    """What the call stands for, and what is wrong with it as a macro."""
    arguments = call.arguments
    if call.target is None:
        if call.function == "has" and len(arguments) == 1:
            tested = arguments[0]
            if isinstance(tested, Select) and not tested.test:
                return Select(call.offset, tested.operand, tested.field, test=True), None
            return call, Issue(tested.offset, "invalid argument to has() macro")
        return call, None
    if call.function in ("optMap", "optFlatMap") and len(arguments) == 2:
        if not isinstance(arguments[0], Name):
            return call, Issue(
                arguments[0].offset, f"{call.function}() variable name must be a simple identifier"
            )
        return Bind(call.offset, call.function, call.target, arguments[0].name, arguments[1]), None
    found = FOLDS.get((call.function, len(arguments)))
    if found is None:
        return call, None
    count, fold = found
    names: list[str] = []
    for argument in arguments[:count]:
        if not isinstance(argument, Name):
            return call, Issue(argument.offset, "argument must be a simple name")
        names.append(argument.name)
    return Fold(call.offset, fold, call.target, names, arguments[count:]), None
