"""Library, what Kubernetes adds: quantities, semantic versions, named formats.

Each is an opaque value with its own functions; `isQuantity(text)` and its like say beforehand whether the
making of one would succeed. Source: apiserver/pkg/cel/library (quantity.go, semverlib.go, format.go).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import date
from typing import Any

from kubekit.api import formats
from kubekit.api.quantity import Quantity, QuantityError
from kubekit.api.quantity import of as quantity_of
from kubekit.api.quantity import parse as parse_quantity
from kubekit.apiserver.cel.environment import Functions, succeeds
from kubekit.apiserver.cel.errors import EvaluationError
from kubekit.apiserver.cel.library_net import parse_url
from kubekit.apiserver.cel.moments import timestamp_of
from kubekit.apiserver.cel.types import (
    BOOL,
    DOUBLE,
    FORMAT,
    INT,
    QUANTITY,
    SEMVER,
    STRING,
    list_of,
    optional_of,
)
from kubekit.apiserver.cel.values import EMPTY, Opaque, Optional


class QuantityValue(Opaque):
    """An amount of a resource."""

    type = QUANTITY

    def __init__(self, amount: Quantity) -> None:
        self.amount = amount

    def __eq__(self, other: object) -> bool:
        return isinstance(other, QuantityValue) and self.amount.nanos == other.amount.nanos

    def __hash__(self) -> int:
        return hash(self.amount.nanos)


class SemverValue(Opaque):
    """A semantic version."""

    type = SEMVER

    def __init__(self, numbers: tuple[int, int, int], prerelease: tuple[str, ...]) -> None:
        self.numbers, self.prerelease = numbers, prerelease

    def key(self) -> tuple[Any, ...]:
        """What versions are ordered by; a version without a pre-release comes after its pre-releases."""
        parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in self.prerelease)
        return (*self.numbers, not self.prerelease, parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SemverValue) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())


class FormatValue(Opaque):
    """A named format: `check` gives what is wrong with a text."""

    type = FORMAT

    def __init__(self, name: str, check: Callable[[str], list[str]]) -> None:
        self.name, self.check = name, check

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FormatValue) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


def install(f: Functions) -> None:
    """Add everything to a set of functions."""
    _quantities(f)
    _versions(f)
    for name, check in FORMATS.items():
        f.add(f"format.{name}", (), FORMAT, lambda name=name, check=check: FormatValue(name, check))
    f.add("format.named", (STRING,), optional_of(FORMAT), _named)
    f.member("validate", (FORMAT, STRING), optional_of(list_of(STRING)), _validated)


# -- quantities -------------------------------------------------------------------------------------------


def _quantity(text: str) -> QuantityValue:
    try:
        return QuantityValue(parse_quantity(text))
    except QuantityError as error:
        raise EvaluationError(str(error)) from None


def _amount(value: QuantityValue | int) -> int:
    return value.amount.nanos if isinstance(value, QuantityValue) else value * 10**9


def _as_integer(value: QuantityValue) -> int:
    whole, rest = divmod(value.amount.nanos, 10**9)
    if rest or not -(2**63) <= whole < 2**63:
        raise EvaluationError("cannot convert value to integer")
    return whole


def _quantities(f: Functions) -> None:
    f.add("quantity", (STRING,), QUANTITY, _quantity)
    f.add("isQuantity", (STRING,), BOOL, succeeds(_quantity))
    f.add("sign", (QUANTITY,), INT, lambda a: (_amount(a) > 0) - (_amount(a) < 0))
    f.member("isInteger", (QUANTITY,), BOOL, succeeds(_as_integer))
    f.member("asInteger", (QUANTITY,), INT, _as_integer)
    f.member("asApproximateFloat", (QUANTITY,), DOUBLE, lambda a: _amount(a) / 10**9)
    for other in (QUANTITY, INT):
        f.member("add", (QUANTITY, other), QUANTITY, lambda a, b: _made(a, _amount(a) + _amount(b)))
        f.member("sub", (QUANTITY, other), QUANTITY, lambda a, b: _made(a, _amount(a) - _amount(b)))
    f.member("isGreaterThan", (QUANTITY, QUANTITY), BOOL, lambda a, b: _amount(a) > _amount(b))
    f.member("isLessThan", (QUANTITY, QUANTITY), BOOL, lambda a, b: _amount(a) < _amount(b))
    f.member(
        "compareTo",
        (QUANTITY, QUANTITY),
        INT,
        lambda a, b: (_amount(a) > _amount(b)) - (_amount(a) < _amount(b)),
    )


def _made(like: QuantityValue, nanos: int) -> QuantityValue:
    return QuantityValue(Quantity(nanos, quantity_of(0, like.amount.format).format))


# -- versions ---------------------------------------------------------------------------------------------

_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


def _semver(text: str, normalize: bool = False) -> SemverValue:
    if normalize:
        core, mark, rest = text.removeprefix("v").partition("-")
        numbers = [number.lstrip("0") or "0" for number in core.split(".")]
        text = ".".join([*numbers, "0", "0"][: max(3, len(numbers))]) + mark + rest
    found = _SEMVER.fullmatch(text)
    if found is None:
        raise EvaluationError("No Major.Minor.Patch elements found")
    numbers_found = (int(found[1]), int(found[2]), int(found[3]))
    return SemverValue(numbers_found, tuple((found[4] or "").split(".")) if found[4] else ())


def _versions(f: Functions) -> None:
    for params in ((STRING,), (STRING, BOOL)):
        f.add("semver", params, SEMVER, _semver)
        f.add("isSemver", params, BOOL, succeeds(_semver))
    for place, name in enumerate(("major", "minor", "patch")):
        f.member(name, (SEMVER,), INT, lambda a, place=place: a.numbers[place])
    f.member("isGreaterThan", (SEMVER, SEMVER), BOOL, lambda a, b: a.key() > b.key())
    f.member("isLessThan", (SEMVER, SEMVER), BOOL, lambda a, b: a.key() < b.key())
    f.member("compareTo", (SEMVER, SEMVER), INT, lambda a, b: (a.key() > b.key()) - (a.key() < b.key()))


# -- named formats ----------------------------------------------------------------------------------------


def _uuid(text: str) -> list[str]:
    form = r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"
    return [] if re.fullmatch(form, text) else ["does not match the UUID format"]


def _attempt(make: Callable[[str], object], text: str, complaint: str) -> list[str]:
    try:
        make(text)
    except (ValueError, binascii.Error, EvaluationError):
        return [complaint]
    return []


def _prefixed(check: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """`generateName`'s form: a dash at the end stands for what will follow."""
    return lambda text: check(text[:-1] + "a" if text.endswith("-") and len(text) > 1 else text)


FORMATS: dict[str, Callable[[str], list[str]]] = {
    "dns1123Label": formats.dns1123_label,
    "dns1123Subdomain": formats.dns1123_subdomain,
    "dns1035Label": formats.dns1035_label,
    "dns1123LabelPrefix": _prefixed(formats.dns1123_label),
    "dns1123SubdomainPrefix": _prefixed(formats.dns1123_subdomain),
    "dns1035LabelPrefix": _prefixed(formats.dns1035_label),
    "qualifiedName": formats.label_key,
    "labelValue": formats.label_value,
    "uri": lambda text: _attempt(parse_url, text, "invalid URI"),
    "uuid": _uuid,
    "byte": lambda text: _attempt(lambda t: base64.b64decode(t, validate=True), text, "invalid base64"),
    "date": lambda text: _attempt(date.fromisoformat, text, "invalid date"),
    "datetime": lambda text: _attempt(timestamp_of, text, "invalid datetime"),
}


def _named(name: str) -> Optional:
    check = FORMATS.get(name)
    return EMPTY if check is None else Optional(True, FormatValue(name, check))


def _validated(form: FormatValue, text: str) -> Optional:
    wrong = form.check(text)
    return Optional(True, wrong) if wrong else EMPTY
