"""Exact amounts of resources: `100m`, `1.5Gi`, `2e3`.

Called by decoding, defaulting, validation, the scheduler and quota. A quantity is a whole number of
billionths (smaller amounts are rounded up) and remembers in which notation it was written: 1.5 prints as
`1500m`, 1.5Gi as `1536Mi`. Never go through floats; `milli_value` and `value` round up.
Source: k8s.io/apimachinery/pkg/api/resource.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

DECIMAL_SI = "DecimalSI"
BINARY_SI = "BinarySI"
DECIMAL_EXPONENT = "DecimalExponent"

FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
SUFFIX = "unable to parse quantity's suffix"

_NANO = 10**9
_MAX = (2**63 - 1) * _NANO
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_NAMES = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_BINARY_NAMES = {exponent: suffix for suffix, exponent in _BINARY.items()}
_SCAN = re.compile(r"([+-]?)(0*)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)")


class QuantityError(ValueError):
    """A text that is no quantity; the message is the server's."""


def _ceil(amount: int, unit: int) -> int:
    """Division rounding away from zero, as resource.Quantity rounds."""
    rounded = -(-abs(amount) // unit)
    return rounded if amount >= 0 else -rounded


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """An amount in billionths (`nanos`), the notation it prints in, and the text it came from if that is
    canonical."""

    nanos: int
    format: str = DECIMAL_SI
    text: str = ""

    def __str__(self) -> str:
        return self.text or self._canonical()

    def _canonical(self) -> str:
        if self.nanos == 0:
            return "0"
        if self.format == BINARY_SI and abs(self.nanos) >= 1024 * _NANO and self.nanos % _NANO == 0:
            number, exponent = self.nanos // _NANO, 0
            while number % 1024 == 0:
                number //= 1024
                exponent += 10
            return f"{number}{_BINARY_NAMES.get(exponent, '')}"
        number, exponent = self.nanos, -9
        while number % 1000 == 0:
            number //= 1000
            exponent += 3
        if self.format == DECIMAL_EXPONENT:
            return f"{number}e{exponent}" if exponent else str(number)
        return f"{number}{_DECIMAL_NAMES.get(exponent, '')}"

    def value(self) -> int:
        """Whole units, rounded up."""
        return _ceil(self.nanos, _NANO)

    def milli_value(self) -> int:
        """Thousandths, rounded up."""
        return _ceil(self.nanos, 10**6)

    def scaled_value(self, exponent: int) -> int:
        """Units of 10^exponent (-9 to 18), rounded up."""
        return _ceil(self.nanos, 10 ** (exponent + 9))

    def round_up_milli(self) -> Quantity:
        """Nothing finer than a thousandth, as resource lists are defaulted."""
        if self.nanos % 10**6 == 0:
            return self
        return Quantity(_ceil(self.nanos, 10**6) * 10**6, self.format)

    def as_float(self) -> float:
        """For display and ratios only."""
        return self.nanos / _NANO

    def is_zero(self) -> bool:
        """Whether nothing is asked for."""
        return self.nanos == 0

    def sign(self) -> int:
        """-1, 0 or 1."""
        return (self.nanos > 0) - (self.nanos < 0)

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.nanos + other.nanos, self.format if self.nanos else other.format)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.nanos - other.nanos, self.format if self.nanos else other.format)

    def __mul__(self, factor: int) -> Quantity:
        return Quantity(self.nanos * factor, self.format)

    def __neg__(self) -> Quantity:
        return Quantity(-self.nanos, self.format)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.nanos == other.nanos

    def __hash__(self) -> int:
        return hash(self.nanos)

    def __lt__(self, other: Quantity) -> bool:
        return self.nanos < other.nanos

    def __le__(self, other: Quantity) -> bool:
        return self.nanos <= other.nanos

    def __gt__(self, other: Quantity) -> bool:
        return self.nanos > other.nanos

    def __ge__(self, other: Quantity) -> bool:
        return self.nanos >= other.nanos


ZERO = Quantity(0)


def of(value: int, format: str = DECIMAL_SI) -> Quantity:
    """A whole number as a quantity."""
    return Quantity(value * _NANO, format)


def of_milli(value: int, format: str = DECIMAL_SI) -> Quantity:
    """Thousandths as a quantity."""
    return Quantity(value * 10**6, format)


def parse(value: str | int | float | None) -> Quantity:
    """What a manifest holds as a quantity; None counts as zero. QuantityError for anything else."""
    if type(value) is str:
        return _parse(value.strip())
    if value is None:
        return ZERO
    if value is True or value is False or not isinstance(value, (int, float, str)):
        raise QuantityError(FORMAT_WRONG)
    return _parse(str(int(value)) if isinstance(value, float) and value.is_integer() else str(value))


def canonical(value: str | int | float | None) -> str:
    """The text a quantity is stored and shown as."""
    return str(parse(value))


@functools.lru_cache(maxsize=4096)
def _parse(text: str) -> Quantity:
    if not text:
        raise QuantityError(FORMAT_WRONG)
    if text == "0":
        return Quantity(0, DECIMAL_SI, text)
    found = _SCAN.fullmatch(text)
    if found is None:
        raise QuantityError(FORMAT_WRONG)
    sign, _, whole, fraction, suffix = found.groups()
    fraction = fraction or ""
    if suffix in _DECIMAL:
        base, exponent, format = 10, _DECIMAL[suffix], DECIMAL_SI
    elif suffix in _BINARY:
        base, exponent, format = 2, _BINARY[suffix], BINARY_SI
    elif suffix[0] in "eE" and re.fullmatch(r"[+-]?\d+", suffix[1:]) and abs(int(suffix[1:])) < 2**31:
        base, exponent, format = 10, int(suffix[1:]), DECIMAL_EXPONENT
    else:
        raise QuantityError(SUFFIX)
    digits = (whole or "0") + fraction
    number = int(digits)
    scale = -len(fraction)
    if base == 10:
        scale += exponent
        shift = scale + 9
        if shift >= 0:
            nanos = number * 10 ** min(shift, 60)
        else:
            nanos = _ceil(number, 10 ** min(-shift, 400))
    else:
        nanos = _ceil(number * 2**exponent * _NANO, 10 ** len(fraction))
    if format == BINARY_SI:
        nanos = min(nanos, _MAX)
    kept = ""
    if base == 10:
        precise = 18 - len(whole or "0") - len(fraction) >= 0 and scale >= -9
        if precise and scale % 3 == 0 and not digits.endswith("000") and not digits.startswith("0"):
            kept = text
    elif not fraction and number & 7 and 15 - len(whole) - int(exponent * 3 / 10) - 1 >= 0:
        kept = text
    if format == BINARY_SI and 0 < nanos < _NANO:
        format = DECIMAL_SI
    return Quantity(-nanos if sign == "-" else nanos, format, kept)
