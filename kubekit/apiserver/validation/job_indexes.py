"""The indexes of an indexed job as a text: `1,3-5,7`.

Called by the validation of jobs.
Source: pkg/apis/batch/validation (validateIndexesFormat, parseIndexInterval).
"""

from __future__ import annotations

import re

from kubekit.api.field_path import go_quote


class IndexesError(ValueError):
    """A text that is no list of indexes; the message is the server's."""


def _number(text: str, completions: int) -> int:
    if not re.fullmatch(r"[+-]?\d+", text):
        raise IndexesError(f"cannot convert string to integer for index: {go_quote(text)}")
    if int(text) >= completions:
        raise IndexesError(f"too large index: {go_quote(text)}")
    return int(text)


def _interval(text: str, completions: int) -> tuple[int, int]:
    parts = text.split("-")
    if len(parts) > 2:
        raise IndexesError(
            f"the fragment {go_quote(text)} violates the requirement that an index interval can "
            f"have at most two "
            "parts separated by '-'"
        )
    low = _number(parts[0], completions)
    if len(parts) == 1:
        return low, low
    high = _number(parts[1], completions)
    if low >= high:
        raise IndexesError(f"non-increasing order, previous: {low}, current: {high}")
    return low, high


def parse_indexes(text: str, completions: int) -> int:
    """How many indexes the text lists. IndexesError if it is malformed, too large or not increasing."""
    total, last = 0, -1
    for part in text.split(",") if text else ():
        low, high = _interval(part, completions)
        if last >= low:
            raise IndexesError(f"non-increasing order, previous: {last}, current: {low}")
        total += high - low + 1
        last = high
    return total


def overlap(completed: str, failed: str, completions: int) -> int | None:
    """The first index that is in both texts, None if there is none. Malformed parts are passed over."""

    def spans(text: str) -> list[tuple[int, int]]:
        found = []
        for part in text.split(",") if text else ():
            try:
                found.append(_interval(part, completions))
            except IndexesError:
                continue
        return found

    for low, high in spans(completed):
        for other_low, other_high in spans(failed):
            if low <= other_high and other_low <= high:
                return max(low, other_low)
    return None
