"""The expressions by which claims and classes choose devices.

`cel_selectors` checks a list of them; `device_program` compiles one, with the variable `device` that it sees.
Left out against the original: the estimate of what an expression may cost.
Source: pkg/apis/resource/validation, dynamic-resource-allocation/cel.
"""

from __future__ import annotations

import functools

from kubekit.api.field_path import FieldError, Path, internal, invalid, required, too_long
from kubekit.api.meta import Obj
from kubekit.apiserver.cel import Program, compiled
from kubekit.apiserver.cel.errors import CompileError, InstantiationError
from kubekit.apiserver.cel.types import BOOL, DYN, QUANTITY, STRING, ObjectType, map_of
from kubekit.apiserver.validation.device_rules import limited

MOST_SELECTORS = 32
LONGEST_EXPRESSION = 10 * 1024

DEVICE = ObjectType(
    "kubernetes.DRADevice",
    (),
    {
        "driver": STRING,
        "attributes": map_of(STRING, map_of(STRING, DYN)),
        "capacity": map_of(STRING, map_of(STRING, QUANTITY)),
        "allowMultipleAllocations": BOOL,
    },
)
"""What an expression knows of a device."""


@functools.lru_cache(maxsize=256)
def device_program(source: str) -> Program:
    """A compiled expression about a device. Raises CompileError and InstantiationError."""
    return compiled(source, {"device": DEVICE})


def cel_selectors(selectors: list[Obj], path: Path) -> list[FieldError]:
    """Every selector has an expression that says yes or no."""
    return limited(selectors, MOST_SELECTORS, _selector, path)


def _selector(selector: Obj, path: Path) -> list[FieldError]:
    cel = selector.get("cel")
    if cel is None:
        return [required(path.child("cel"))]
    source, at = cel.get("expression", ""), path.child("cel", "expression")
    if len(source.encode()) > LONGEST_EXPRESSION:
        return [too_long(at, LONGEST_EXPRESSION)]
    try:
        found = device_program(source).type
    except CompileError as error:
        return [invalid(at, source, f"compilation failed: {error}")]
    except InstantiationError as error:
        return [internal(at, f"program instantiation failed: {error}")]
    # An attribute has whatever type its driver gave it.
    if found not in (BOOL, DYN):
        return [invalid(at, source, f"must evaluate to bool or the unknown type, not {found}")]
    return []
