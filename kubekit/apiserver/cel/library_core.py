"""Library, the language's own part: operators, sizes, conversions, types, optionals.

Each line is one overload: what it takes, what it gives, how it is done. Integers are 64 bits wide and
overflow is an error, not a wrap. Source: cel-go (common/stdlib, common/types, cel/library.go).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from kubekit.apiserver.cel.environment import Functions
from kubekit.apiserver.cel.errors import EvaluationError
from kubekit.apiserver.cel.moments import duration_of, duration_text, timestamp_of, timestamp_text
from kubekit.apiserver.cel.parser import MAX_INT, MAX_UINT, MIN_INT
from kubekit.apiserver.cel.syntax import Uint
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
    A,
    B,
    Type,
    list_of,
    map_of,
    optional_of,
    type_of_type,
)
from kubekit.apiserver.cel.values import (
    EMPTY,
    NANOS,
    Duration,
    Optional,
    Timestamp,
    TypeName,
    equal,
    is_zero,
    lookup,
    order,
    type_of,
)


def install(functions: Functions) -> None:
    """Add everything to a set of functions."""
    _comparing(functions)
    _arithmetic(functions)
    _converting(functions)
    _optionals(functions)


def _comparing(f: Functions) -> None:
    f.add("!_", (BOOL,), BOOL, lambda a: not a)
    for name in ("_&&_", "_||_"):
        f.add(name, (BOOL, BOOL), BOOL, lambda a, b: a)  # the evaluator does these itself: they absorb errors
    f.add("_==_", (A, A), BOOL, equal)
    f.add("_!=_", (A, A), BOOL, lambda a, b: not equal(a, b))
    numbers = [(one, other) for one in (INT, UINT, DOUBLE) for other in (INT, UINT, DOUBLE)]
    pairs = [*numbers, *((one, one) for one in (BOOL, STRING, BYTES, TIMESTAMP, DURATION))]
    tests: dict[str, Callable[[int], bool]] = {
        "_<_": lambda o: o < 0,
        "_<=_": lambda o: o <= 0,
        "_>_": lambda o: o > 0,
        "_>=_": lambda o: o >= 0,
    }
    for name, test in tests.items():
        for pair in pairs:
            f.add(name, pair, BOOL, lambda a, b, test=test: test(order(a, b)))
    f.add("@in", (A, list_of(A)), BOOL, lambda a, b: any(equal(a, one) for one in b))
    f.add("@in", (A, map_of(A, B)), BOOL, lambda a, b: lookup(b, a).present)


def _int(value: int) -> int:
    if not MIN_INT <= value <= MAX_INT:
        raise EvaluationError("integer overflow")
    return value


def _uint(value: int) -> Uint:
    if not 0 <= value <= MAX_UINT:
        raise EvaluationError("unsigned integer overflow")
    return Uint(value)


def _divided(a: int, b: int, of: Callable[[int], int]) -> int:
    if b == 0:
        raise EvaluationError("division by zero")
    whole = abs(a) // abs(b)
    return of(whole if (a < 0) == (b < 0) else -whole)


def _rest(a: int, b: int, of: Callable[[int], int]) -> int:
    if b == 0:
        raise EvaluationError("modulus by zero")
    return of(int(math.fmod(a, b)) if abs(a) < 2**53 and abs(b) < 2**53 else a - b * _divided(a, b, int))


def _double_divided(a: float, b: float) -> float:
    if b == 0:
        return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1.0, b)
    return a / b


def _arithmetic(f: Functions) -> None:
    wholes: tuple[tuple[Type, Callable[[int], int]], ...] = ((INT, _int), (UINT, _uint))
    for type, of in wholes:
        f.add("_+_", (type, type), type, lambda a, b, of=of: of(int(a) + int(b)))
        f.add("_-_", (type, type), type, lambda a, b, of=of: of(int(a) - int(b)))
        f.add("_*_", (type, type), type, lambda a, b, of=of: of(int(a) * int(b)))
        f.add("_/_", (type, type), type, lambda a, b, of=of: _divided(int(a), int(b), of))
        f.add("_%_", (type, type), type, lambda a, b, of=of: _rest(int(a), int(b), of))
    f.add("_+_", (DOUBLE, DOUBLE), DOUBLE, lambda a, b: a + b)
    f.add("_-_", (DOUBLE, DOUBLE), DOUBLE, lambda a, b: a - b)
    f.add("_*_", (DOUBLE, DOUBLE), DOUBLE, lambda a, b: a * b)
    f.add("_/_", (DOUBLE, DOUBLE), DOUBLE, _double_divided)
    for type in (STRING, BYTES):
        f.add("_+_", (type, type), type, lambda a, b: a + b)
    f.add("_+_", (list_of(A), list_of(A)), list_of(A), lambda a, b: a + b)
    f.add("_+_", (TIMESTAMP, DURATION), TIMESTAMP, lambda a, b: _moment(a.nanos + b.nanos))
    f.add("_+_", (DURATION, TIMESTAMP), TIMESTAMP, lambda a, b: _moment(a.nanos + b.nanos))
    f.add("_+_", (DURATION, DURATION), DURATION, lambda a, b: Duration(_int(a.nanos + b.nanos)))
    f.add("_-_", (TIMESTAMP, TIMESTAMP), DURATION, lambda a, b: Duration(_int(a.nanos - b.nanos)))
    f.add("_-_", (TIMESTAMP, DURATION), TIMESTAMP, lambda a, b: _moment(a.nanos - b.nanos))
    f.add("_-_", (DURATION, DURATION), DURATION, lambda a, b: Duration(_int(a.nanos - b.nanos)))
    f.add("-_", (INT,), INT, lambda a: _int(-a))
    f.add("-_", (DOUBLE,), DOUBLE, lambda a: -a)
    f.add("-_", (DURATION,), DURATION, lambda a: Duration(_int(-a.nanos)))
    for type in (STRING, BYTES, list_of(A), map_of(A, B)):
        f.add("size", (type,), INT, len)
        f.member("size", (type,), INT, len)


def _number(text: str, of: Callable[[str], Any], name: str) -> Any:
    wrong = EvaluationError(f"type conversion error from 'string' to '{name}'")
    if not text.isascii() or "_" in text or text != text.strip() or not text:
        raise wrong
    try:
        return of(text)
    except ValueError:
        raise wrong from None


def _unwrapped(items: list[Optional]) -> list[Any]:
    return [one.value for one in items if one.present]


def _moment(nanos: int) -> Timestamp:
    """A moment between the years 1 and 9999."""
    if not -62135596800 <= nanos // NANOS <= 253402300799:
        raise EvaluationError("timestamp overflow")
    return Timestamp(nanos)


def _whole(value: float, of: Callable[[int], int]) -> int:
    if value != value or math.isinf(value):
        return of(2**70)
    return of(int(value))


def double_text(value: float) -> str:
    """A double as Go prints it: whole ones without a point, very large ones with an exponent."""
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    mantissa, mark, exponent = repr(value).partition("e")
    return f"{mantissa}e{int(exponent):+03d}" if mark else mantissa


def _boolean(text: str) -> bool:
    if text in ("1", "t", "T", "TRUE", "true", "True"):
        return True
    if text in ("0", "f", "F", "FALSE", "false", "False"):
        return False
    raise EvaluationError("type conversion error from 'string' to 'bool'")


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise EvaluationError("invalid UTF-8 in bytes, cannot convert to string") from None


def _converting(f: Functions) -> None:
    f.add("int", (INT,), INT, lambda a: a)
    f.add("int", (UINT,), INT, lambda a: _int(int(a)))
    f.add("int", (DOUBLE,), INT, lambda a: _whole(a, _int))
    f.add("int", (STRING,), INT, lambda a: _int(_number(a, int, "int")))
    f.add("int", (TIMESTAMP,), INT, lambda a: a.nanos // 1_000_000_000)
    f.add("int", (DURATION,), INT, lambda a: a.nanos)
    f.add("uint", (UINT,), UINT, lambda a: a)
    f.add("uint", (INT,), UINT, _uint)
    f.add("uint", (DOUBLE,), UINT, lambda a: _whole(a, _uint))
    f.add("uint", (STRING,), UINT, lambda a: _uint(_number(a, int, "uint")))
    f.add("double", (DOUBLE,), DOUBLE, lambda a: a)
    for type in (INT, UINT):
        f.add("double", (type,), DOUBLE, float)
    f.add("double", (STRING,), DOUBLE, lambda a: _number(a, float, "double"))
    f.add("string", (STRING,), STRING, lambda a: a)
    f.add("string", (BOOL,), STRING, lambda a: "true" if a else "false")
    for type in (INT, UINT):
        f.add("string", (type,), STRING, lambda a: str(int(a)))
    f.add("string", (DOUBLE,), STRING, double_text)
    f.add("string", (BYTES,), STRING, _decoded)
    f.add("string", (TIMESTAMP,), STRING, timestamp_text)
    f.add("string", (DURATION,), STRING, duration_text)
    f.add("bytes", (BYTES,), BYTES, lambda a: a)
    f.add("bytes", (STRING,), BYTES, lambda a: a.encode())
    f.add("bool", (BOOL,), BOOL, lambda a: a)
    f.add("bool", (STRING,), BOOL, _boolean)
    f.add("timestamp", (TIMESTAMP,), TIMESTAMP, lambda a: a)
    f.add("timestamp", (STRING,), TIMESTAMP, timestamp_of)
    f.add("timestamp", (INT,), TIMESTAMP, lambda a: Timestamp(a * 1_000_000_000))
    f.add("duration", (DURATION,), DURATION, lambda a: a)
    f.add("duration", (STRING,), DURATION, duration_of)
    f.add("dyn", (A,), DYN, lambda a: a)
    f.add("type", (A,), type_of_type(A), lambda a: TypeName(type_of(a).name))


def _held(optional: Optional) -> Any:
    if not optional.present:
        raise EvaluationError("optional.none() dereference")
    return optional.value


def _optionals(f: Functions) -> None:
    some = optional_of(A)
    f.add("optional.unwrap", (list_of(some),), list_of(A), _unwrapped)
    f.member("unwrapOpt", (list_of(some),), list_of(A), _unwrapped)
    f.add("optional.of", (A,), some, lambda a: Optional(True, a))
    f.add("optional.none", (), some, lambda: EMPTY)
    f.add("optional.ofNonZeroValue", (A,), some, lambda a: EMPTY if is_zero(a) else Optional(True, a))
    f.member("hasValue", (some,), BOOL, lambda a: a.present)
    f.member("value", (some,), A, _held)
    f.member("or", (some, some), some, lambda a, b: a if a.present else b)
    f.member("orValue", (some, A), A, lambda a, b: a.value if a.present else b)
