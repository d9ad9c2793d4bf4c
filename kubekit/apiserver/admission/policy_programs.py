"""The compiled expressions of one policy, and what validation finds wrong with them.

`ValidatingPrograms(spec)` and `MutatingPrograms(spec)` raise BadExpression at the first expression that does
not compile; `problems(spec, mutating)` lists all of them with their fields. Upstream:
apiserver/pkg/admission/plugin/policy, pkg/apis/admissionregistration/validation.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from kubekit.api.field_path import FieldError, Path, internal, invalid
from kubekit.apiserver.admission.policy_expressions import BadExpression, declared, expression
from kubekit.apiserver.cel import Program
from kubekit.apiserver.cel.types import BOOL, DYN, NULL, STRING, ObjectType, Type, list_of

Obj = dict[str, Any]

JSON_PATCH = ObjectType("JSONPatch", (), {"op": STRING, "from": STRING, "path": STRING, "value": DYN})
OBJECT = ObjectType("Object")


def message_types(name: str) -> Type | None:
    """What a mutation's expression may make: `JSONPatch{}`, `Object{}`, `Object.spec{}` ..."""
    if name == "JSONPatch":
        return JSON_PATCH
    return ObjectType(name) if name == "Object" or name.startswith("Object.") else None


class _Programs:
    """What both sorts of policies have: variables and match conditions."""

    def __init__(self, spec: Obj) -> None:
        self.declared = declared(spec.get("paramKind") is not None)
        self.conditions = condition_programs(
            spec.get("matchConditions") or (), spec.get("paramKind") is not None
        )
        self.variables: dict[str, Program] = {}
        fields: dict[str, Type] = {}
        for one in spec.get("variables") or ():
            program = expression(one["expression"], self.with_variables(fields))
            self.variables[one["name"]] = program
            fields[one["name"]] = program.type
        self.declared = self.with_variables(fields)

    def with_variables(self, fields: dict[str, Type]) -> dict[str, Type]:
        """The declared variables and those of the policy that came before."""
        return self.declared | {"variables": ObjectType("kubernetes.variables", (), {"": DYN, **fields})}

    def quiet(self) -> dict[str, Type]:
        """Without the authorizer: messages and annotations may not ask."""
        return {name: type for name, type in self.declared.items() if not name.startswith("authorizer")}


class ValidatingPrograms(_Programs):
    """A validating policy: each validation with its condition and the expression of its message."""

    def __init__(self, spec: Obj) -> None:
        super().__init__(spec)
        self.validations: list[tuple[Obj, Program, Program | None]] = []
        for one in spec.get("validations") or ():
            message = None
            if one.get("messageExpression"):
                message = expression(one["messageExpression"], self.quiet(), (STRING,))
            program = expression(one["expression"].strip(), self.declared, (BOOL,))
            self.validations.append((one, program, message))
        self.annotations = [
            (one, expression(one["valueExpression"].strip(), self.declared, (STRING, NULL)))
            for one in spec.get("auditAnnotations") or ()
        ]


class MutatingPrograms(_Programs):
    """A mutating policy: each mutation with its expression."""

    def __init__(self, spec: Obj) -> None:
        super().__init__(spec)
        self.mutations = [(one, mutation_program(one, self.declared)) for one in spec.get("mutations") or ()]


def mutation_program(mutation: Obj, variables: dict[str, Type]) -> Program:
    """The expression of one mutation. Raises BadExpression."""
    if mutation["patchType"] == "JSONPatch":
        source, wanted = mutation["jsonPatch"]["expression"], list_of(JSON_PATCH)
    else:
        source, wanted = mutation["applyConfiguration"]["expression"], OBJECT
    return expression(source.strip(), variables, (wanted,), message_types)


def condition_programs(conditions: Sequence[Obj], params: bool = False) -> list[tuple[Obj, Program]]:
    """Match conditions with their expressions. Raises BadExpression."""
    return [(one, condition_program(one["expression"], params)) for one in conditions]


@functools.lru_cache(maxsize=1024)
def condition_program(source: str, params: bool) -> Program:
    """One match condition. Raises BadExpression."""
    return expression(source, declared(params), (BOOL,))


Problems = dict[str, list[FieldError]]
"""Errors of expressions, by the field in which the expression stands."""


def condition_problems(conditions: Sequence[Obj], params: bool, path: Path) -> Problems:
    """The match conditions that do not compile."""
    found: Problems = {}
    for index, one in enumerate(conditions):
        at, source = path.index(index).child("expression"), one.get("expression", "").strip()
        if source:
            try:
                condition_program(source, params)
            except BadExpression as error:
                found[str(at)] = [_problem(at, source, error)]
    return found


def _problem(path: Path, source: str, error: BadExpression) -> FieldError:
    return internal(path, str(error)) if error.internal else invalid(path, source, str(error))


def problems(spec: Obj, mutating: bool) -> Problems:
    """Every expression of a policy, less its match conditions, that does not compile."""
    at = Path("spec")
    found: Problems = {}
    plain = declared(spec.get("paramKind") is not None)

    def attempt(
        path: Path, source: str, variables: dict[str, Type], wanted: tuple[Type, ...] = ()
    ) -> Type | None:
        if not source.strip():
            return None
        try:
            return expression(source, variables, wanted, message_types).type
        except BadExpression as error:
            found[str(path)] = [_problem(path, source, error)]
            return None

    fields: dict[str, Type] = {"": DYN}
    for index, one in enumerate(spec.get("variables") or ()):
        known = plain | {"variables": ObjectType("kubernetes.variables", (), dict(fields))}
        path = at.child("variables").index(index).child("expression")
        fields[one.get("name", "")] = attempt(path, one.get("expression", ""), known) or DYN
    known = dict(plain)
    if len(fields) > 1:
        known["variables"] = ObjectType("kubernetes.variables", (), fields)
    quiet = {name: type for name, type in known.items() if not name.startswith("authorizer")}
    for index, one in enumerate(spec.get("validations") or ()):
        path = at.child("validations").index(index)
        attempt(path.child("expression"), one.get("expression", ""), known, (BOOL,))
        attempt(path.child("messageExpression"), one.get("messageExpression") or "", quiet, (STRING,))
    for index, one in enumerate(spec.get("auditAnnotations") or ()):
        path = at.child("auditAnnotations").index(index).child("valueExpression")
        attempt(path, one.get("valueExpression", ""), known, (STRING, NULL))
    for index, one in enumerate((spec.get("mutations") or ()) if mutating else ()):
        for field, wanted in (("jsonPatch", list_of(JSON_PATCH)), ("applyConfiguration", OBJECT)):
            source = (one.get(field) or {}).get("expression", "")
            attempt(at.child("mutations").index(index).child(field, "expression"), source, known, (wanted,))
    return found
