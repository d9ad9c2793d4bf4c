"""Moments: timestamps and durations as texts and in parts.

RFC 3339 with up to nine digits of a second, Go's form of durations ("1h30m"), and the accessors that take a
time zone. Source: cel-go (common/types/timestamp.go, duration.go).
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from kubekit.api.duration import parse_go_duration
from kubekit.apiserver.cel.environment import Functions
from kubekit.apiserver.cel.errors import EvaluationError
from kubekit.apiserver.cel.types import DURATION, INT, STRING, TIMESTAMP
from kubekit.apiserver.cel.values import NANOS, Duration, Timestamp

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)")


def timestamp_of(text: str) -> Timestamp:
    """A moment from RFC 3339; raises EvaluationError."""
    found = _RFC3339.fullmatch(text)
    if found is not None:
        zone = "+00:00" if found[4] in "Zz" else found[4]
        try:
            moment = datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}")
        except ValueError:
            moment = None
        if moment is not None:
            seconds = round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
            return Timestamp(seconds * NANOS + int((found[3] or "0").ljust(9, "0")))
    raise EvaluationError("type conversion error from 'string' to 'google.protobuf.Timestamp'")


def timestamp_text(at: Timestamp) -> str:
    """A moment as RFC 3339 in UTC."""
    seconds, rest = divmod(at.nanos, NANOS)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    part = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{part}Z"


def duration_of(text: str) -> Duration:
    """A length of time as Go writes it; raises EvaluationError."""
    try:
        return Duration(round(parse_go_duration(text) * NANOS))
    except ValueError:
        raise EvaluationError("type conversion error from 'string' to 'google.protobuf.Duration'") from None


def duration_text(length: Duration) -> str:
    """A duration in seconds, e.g. ``90s`` or ``0.5s``."""
    sign = "-" if length.nanos < 0 else ""
    seconds, rest = divmod(abs(length.nanos), NANOS)
    part = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{sign}{seconds}{part}s"


def _in_zone(at: Timestamp, zone: str) -> datetime:
    return at.moment().astimezone(_zone(zone))


def _zone(name: str) -> tzinfo:
    offset = re.fullmatch(r"([+-]?)(\d{1,2}):(\d\d)", name)
    if offset is not None:
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return UTC if name == "UTC" else zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise EvaluationError(f"unknown time zone {name}") from None


_PARTS = {
    "getFullYear": lambda m: m.year,
    "getMonth": lambda m: m.month - 1,
    "getDayOfYear": lambda m: m.timetuple().tm_yday - 1,
    "getDayOfMonth": lambda m: m.day - 1,
    "getDate": lambda m: m.day,
    "getDayOfWeek": lambda m: (m.weekday() + 1) % 7,
    "getHours": lambda m: m.hour,
    "getMinutes": lambda m: m.minute,
    "getSeconds": lambda m: m.second,
    "getMilliseconds": lambda m: m.microsecond // 1000,
}
_UNITS = {
    "getHours": 3600 * NANOS,
    "getMinutes": 60 * NANOS,
    "getSeconds": NANOS,
    "getMilliseconds": NANOS // 1000,
}


def install(f: Functions) -> None:
    """Add the accessors to a set of functions."""
    for name, part in _PARTS.items():
        f.member(name, (TIMESTAMP,), INT, lambda at, part=part: part(at.moment()))
        f.member(name, (TIMESTAMP, STRING), INT, lambda at, zone, part=part: part(_in_zone(at, zone)))
    for name, unit in _UNITS.items():
        f.member(name, (DURATION,), INT, lambda length, unit=unit: int(length.nanos / unit))
