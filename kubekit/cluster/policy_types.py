"""What is wrong with the expressions of a policy, seen with the types of the objects that it is about.

When a policy is written its expressions are checked against nothing: `object` may be anything. The controller
manager checks them once more with the schemas of the kinds that the policy names outright (not by a star),
and what it finds is a warning in the policy's status. Source:
apiserver/pkg/admission/plugin/policy/validating/typechecking.go, apiserver/pkg/cel/common/schemas.go.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from kubekit.apiserver.cel import CompileError, InstantiationError, compiled
from kubekit.apiserver.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    ObjectType,
    Type,
    list_of,
    map_of,
)

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]
MOST_TYPES = 10
_SIMPLE = {"boolean": BOOL, "number": DOUBLE, "integer": INT}
_STRINGS = {"byte": BYTES, "duration": DURATION, "date": TIMESTAMP, "date-time": TIMESTAMP}


class Kind(NamedTuple):
    """A kind in one version."""

    group: str
    version: str
    name: str

    def __str__(self) -> str:
        return f"{self.group}/{self.version}, Kind={self.name}"


def policy_checker(server: APIServer) -> Callable[[Obj], list[Obj]]:
    """The check for the policies of one server: gives `status.typeChecking.expressionWarnings`."""

    def check(policy: Obj) -> list[Obj]:
        spec = policy["spec"]
        known = [(kind, found) for kind in kinds_of(spec, server) if (found := type_of(kind, server))]
        warnings: list[Obj] = []
        for index, validation in enumerate(spec.get("validations") or ()):
            for name in ("expression", "messageExpression"):
                source = validation.get(name, "")
                texts = [_text(source, kind, found, spec, server) for kind, found in known] if source else []
                if any(texts):
                    where = f"spec.validations[{index}].{name}"
                    warnings.append({"fieldRef": where, "warning": "\n".join(text for text in texts if text)})
        return warnings

    return check


def kinds_of(spec: Obj, server: APIServer) -> list[Kind]:
    """The kinds that a policy's rules name, ten at most."""
    found: set[Kind] = set()
    for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
        groups, versions = rule.get("apiGroups") or (), rule.get("apiVersions") or ()
        if any("*" in one for one in (*groups, *versions)):
            continue
        plurals = [one for one in rule.get("resources") or () if "*" not in one and "/" not in one]
        for resource in server.resources():
            # The core group has no name, and no name does not tell groups apart.
            named = resource.group in groups or "" in groups
            if named and resource.version in versions and resource.plural in plurals:
                found.add(Kind(resource.group, resource.version, resource.kind))
    return sorted(found)[:MOST_TYPES]


def type_of(kind: Kind, server: APIServer) -> Type | None:
    """The type of the objects of a kind; None when nothing describes it."""
    from kubekit.apiserver.openapi import custom, schemas  # large, and hardly ever needed

    for one in custom.served(server).get((kind.group, kind.version), ()):
        if one.resource.kind == kind.name:
            own = custom.schemas_of(one)
            return schema_type(own[one.structure], {**schemas.closure(custom.names([one])), **own})
    return _built_in(kind)


@functools.lru_cache(maxsize=32)
def _built_in(kind: Kind) -> Type | None:
    from kubekit.apiserver.openapi import schemas

    name = schemas.name_of(f"{kind.group}/{kind.version}".lstrip("/"), kind.name)
    if name is None:
        return None
    definitions = schemas.closure([name])
    return schema_type(definitions[schemas.public(name)], definitions)


def schema_type(schema: Obj, definitions: Obj, above: tuple[str, ...] = ()) -> Type | None:
    """The type of values with this schema; None for one that says nothing: such a field is not to be seen.

    `above` are the definitions that this one is part of.
    """
    whole: list[Obj] = schema.get("allOf") or []
    reference: str | None = (whole[0] if len(whole) == 1 else schema).get("$ref")
    if reference is not None:
        label = reference.rpartition("/")[2]
        if label in above:
            return _object({})  # part of itself: one does not see farther
        return schema_type(definitions[label], definitions, (*above, label))
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        return DYN
    kind = schema.get("type", "")
    if kind == "array":
        item = schema_type(schema.get("items") or {}, definitions, above)
        return list_of(item) if item is not None else None
    if kind == "object":
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict):
            value = schema_type(extra, definitions, above)
            return map_of(STRING, value) if value is not None else None
        parts = (schema.get("properties") or {}).items()
        return _object({name: schema_type(part, definitions, above) for name, part in parts})
    if kind == "string":
        return _STRINGS.get(schema.get("format", ""), STRING)
    return _SIMPLE.get(kind)


def _object(fields: dict[str, Type | None]) -> Type:
    from kubekit.apiserver.custom.rule_types import escaped

    seen = {escaped(name): found for name, found in fields.items() if found is not None and escaped(name)}
    # An object that knows no field at all must not count as one that knows all of them.
    return ObjectType("object", (), seen or {"": DYN})


def _text(source: str, kind: Kind, found: Type, spec: Obj, server: APIServer) -> str:
    """What is wrong with an expression for objects of one kind; "" for nothing."""
    from kubekit.apiserver.admission.policy_expressions import declared

    about: dict[str, Type] = declared(spec.get("paramKind") is not None) | {
        "object": found,
        "oldObject": found,
    }
    if spec.get("paramKind"):
        group, _, version = spec["paramKind"]["apiVersion"].rpartition("/")
        about["params"] = type_of(Kind(group, version, spec["paramKind"]["kind"]), server) or DYN
    about.pop("authorizer.requestResource")  # not among what the original declares for this
    about["variables"] = _variables(spec.get("variables") or (), about)
    wrong = _compile(source, about)[1]
    return f"{kind}: {wrong}\n" if wrong else ""


def _variables(variables: Iterable[Obj], about: dict[str, Type]) -> Type:
    """The type of `variables`: each may use those before it."""
    fields: dict[str, Type] = {"": DYN}
    for one in variables:
        known = {**about, "variables": ObjectType("kubernetes.variables", (), dict(fields))}
        fields[one["name"]] = _compile(one["expression"], known)[0]
    return ObjectType("kubernetes.variables", (), fields)


def _compile(source: str, about: dict[str, Type]) -> tuple[Type, str]:
    from kubekit.apiserver.admission.policy_expressions import functions

    try:
        return compiled(source, about, functions=functions()).type, ""
    except CompileError as error:
        return DYN, str(error)
    except InstantiationError:
        return DYN, ""
