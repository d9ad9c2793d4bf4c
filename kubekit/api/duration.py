"""How Kubernetes and Go write a length of time: `5s`, `3m20s`, `4d2h` for people, `1m30s`, `1.5s` as Go does.

Called by the server-side table printers (the AGE column) and by the terminal (describe, events, flags). The
shorter the time, the finer the unit; never parse the texts for people back.
Source: k8s.io/apimachinery/pkg/util/duration, Go's time.Duration.
"""

from __future__ import annotations

import re
from datetime import datetime
from fractions import Fraction

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_UNITS = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "μs": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
}


def unix_seconds(timestamp: str) -> float:
    """Seconds since 1970 of an RFC 3339 text (with or without fractions). ValueError if it is none."""
    return datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()


def _two(big: int, big_unit: str, small: int, small_unit: str) -> str:
    return f"{big}{big_unit}" if small == 0 else f"{big}{big_unit}{small}{small_unit}"


def human_duration(seconds: float) -> str:
    """Two units at most, as in the AGE column. Times up to two seconds in the future count as now."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    minutes, hours = whole // _MINUTE, whole // _HOUR
    days = hours // 24
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    if days < 2920:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def short_human_duration(seconds: float) -> str:
    """One unit only: `45s`, `3m`, `2h`, `5d`, `1y`."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    for limit, unit, size in ((_MINUTE, "s", 1), (_HOUR, "m", _MINUTE), (_DAY, "h", _HOUR)):
        if whole < limit:
            return f"{whole // size}{unit}"
    if whole < _DAY * 365:
        return f"{whole // _DAY}d"
    return f"{whole // (_DAY * 365)}y"


def since(timestamp: str | None, now: float) -> str:
    """The age of an RFC 3339 timestamp at `now` (Unix seconds); `<unknown>` if there is none."""
    return "<unknown>" if not timestamp else human_duration(now - unix_seconds(timestamp))


def go_duration(seconds: float) -> str:
    """A duration as Go prints it: `1m30s`, `1.5s`, `200ms`, `0s`."""
    nanos = round(seconds * 10**9)
    if nanos == 0:
        return "0s"
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    for limit, unit, size in ((1000, "ns", 1), (10**6, "µs", 1000), (10**9, "ms", 10**6)):
        if nanos < limit:
            return f"{sign}{_decimal(nanos, size)}{unit}"
    hours, rest = divmod(nanos, 3600 * 10**9)
    minutes, rest = divmod(rest, 60 * 10**9)
    text = _decimal(rest, 10**9) + "s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else sign + text


def _decimal(nanos: int, unit: int) -> str:
    whole, rest = divmod(nanos, unit)
    if not rest:
        return str(whole)
    return f"{whole}.{str(rest).rjust(len(str(unit)) - 1, '0').rstrip('0')}"


def parse_go_duration(text: str) -> float:
    """Seconds of a Go duration such as `1h30m`, `300ms`, `-5s`. ValueError with Go's words otherwise."""
    if text == "0":
        return 0.0
    body = text.lstrip("+-") if text[:1] in "+-" else text
    total, position = Fraction(0), 0
    if not body:
        raise ValueError(f'time: invalid duration "{text}"')
    while position < len(body):
        found = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([^\d.]*)").match(body, position)
        if found is None:
            raise ValueError(f'time: invalid duration "{text}"')
        if not found.group(2):
            raise ValueError(f'time: missing unit in duration "{text}"')
        unit = _UNITS.get(found.group(2))
        if unit is None:
            raise ValueError(f'time: unknown unit "{found.group(2)}" in duration "{text}"')
        total += Fraction(found.group(1).rstrip(".") or "0") * unit
        position = found.end()
    return float(-total if text.startswith("-") else total)
