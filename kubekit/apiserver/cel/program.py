"""Program: an expression that has been read and checked, ready to be run any number of times.

    program = compiled("object.metadata.name.size() < 4", {"object": DYN})
    program.type                                # BOOL
    program.run({"object": {...}})              # True, or EvaluationError

`compiled` raises CompileError. `library()` is the set of all functions; who has functions of his own (an
authorizer) passes a set of his own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kubekit.apiserver.cel import (
    library_collections,
    library_core,
    library_kubernetes,
    library_net,
    library_text,
    moments,
)
from kubekit.apiserver.cel.checker import check
from kubekit.apiserver.cel.environment import Environment, Functions
from kubekit.apiserver.cel.errors import InstantiationError
from kubekit.apiserver.cel.evaluator import PER_CALL_LIMIT, Evaluation
from kubekit.apiserver.cel.literals import instantiate
from kubekit.apiserver.cel.parser import parse
from kubekit.apiserver.cel.syntax import Node
from kubekit.apiserver.cel.types import Type


def new_library() -> Functions:
    """Every function that an expression in Kubernetes may use, in a set of its own."""
    functions = Functions()
    for part in (library_core, library_text, library_collections, moments, library_net, library_kubernetes):
        part.install(functions)
    return functions


library = functools.cache(new_library)
"""The shared set; do not add to it."""


@dataclass(frozen=True, slots=True)
class Program:
    """One expression: its text, its tree, its type."""

    source: str
    tree: Node
    type: Type
    environment: Environment

    def run(self, variables: Mapping[str, Any], budget: int = PER_CALL_LIMIT) -> Any:
        """The value; a variable may be a callable that gives its value when it is first asked for.

        Raises EvaluationError.
        """
        return Evaluation(self.environment, variables, budget).value(self.tree)


def compiled(
    source: str,
    variables: Mapping[str, Type],
    *,
    functions: Functions | None = None,
    messages: Callable[[str], Type | None] = lambda name: None,
) -> Program:
    """Read and check an expression. Raises CompileError and InstantiationError."""
    environment = Environment(variables, functions if functions is not None else library(), messages)
    tree = parse(source)
    found = Program(source, tree, check(tree, source, environment), environment)
    if wrong := instantiate(tree, environment):
        raise InstantiationError(wrong)
    return found
