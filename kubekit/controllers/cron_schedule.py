"""Cron schedules: "*/5 9-17 * * MON-FRI", "@hourly", and when they come due next.

Five fields (minute, hour, day of month, month, day of week) with lists, ranges and steps. When both day
fields are restricted, either is enough. Times are Unix seconds; a time zone shifts what the fields mean.
Source: github.com/robfig/cron/v3, the parser that the original uses.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
DAYS = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
HORIZON_DAYS = 5 * 366


class ScheduleError(ValueError):
    """A schedule that cannot be understood."""


def zone(name: str | None) -> tzinfo:
    """The time zone of that name (UTC for none); raises ScheduleError for an unknown one."""
    if not name or name == "UTC":
        return timezone.utc  # noqa: UP017 - the alias needs no import of datetime's module
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ScheduleError(f"unknown time zone {name}") from None


class Schedule:
    """A parsed schedule.

    >>> Schedule("*/15 * * * *").next(0.0)
    900.0
    >>> Schedule("0 0 31 * *").next(0.0) / 86400
    30.0
    """

    def __init__(self, text: str, time_zone: str | None = None) -> None:
        self.zone = zone(time_zone)
        self.every = 0.0
        text = text.strip()
        if text.startswith("@every "):
            self.every = _duration(text.removeprefix("@every ").strip())
            return
        fields = MACROS.get(text, text).split()
        if len(fields) != 5:
            raise ScheduleError(f"expected exactly 5 fields, found {len(fields)}: [{text}]")
        self.minutes = _field(fields[0], 0, 59)
        self.hours = _field(fields[1], 0, 23)
        self.days = _field(fields[2], 1, 31)
        self.months = _field(fields[3], 1, 12, MONTHS)
        self.weekdays = {day % 7 for day in _field(fields[4], 0, 7, DAYS)}
        self.any_day = fields[2][0] in "*?"
        self.any_weekday = fields[4][0] in "*?"

    def next(self, after: float) -> float:
        """The first time later than `after` (Unix seconds); raises ScheduleError when there is none."""
        if self.every:
            return float(int(after) + self.every)
        moment = datetime.fromtimestamp(after, self.zone).replace(second=0, microsecond=0)
        moment += timedelta(minutes=1)
        limit = moment + timedelta(days=HORIZON_DAYS)
        while moment < limit:
            if moment.month not in self.months or not self._day_matches(moment):
                moment = (moment + timedelta(days=1)).replace(hour=0, minute=0)
            elif moment.hour not in self.hours:
                moment = (moment + timedelta(hours=1)).replace(minute=0)
            elif moment.minute not in self.minutes:
                moment += timedelta(minutes=1)
            else:
                return moment.timestamp()
        raise ScheduleError("the schedule never comes due")

    def _day_matches(self, moment: datetime) -> bool:
        day = moment.day in self.days
        weekday = moment.isoweekday() % 7 in self.weekdays
        return day and weekday if self.any_day or self.any_weekday else day or weekday


def _field(text: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step_text = part.partition("/")
        if step_text and not step_text.isdigit():
            raise ScheduleError(f"failed to parse int from {step_text}")
        step = int(step_text or 1)
        if step == 0:
            raise ScheduleError(f"step of range should be a positive number: {part}")
        if span in ("*", "?"):
            first, last = low, high
        else:
            begin, dash, end = span.partition("-")
            first = _number(begin, names)
            last = _number(end, names) if dash else (high if step_text else first)
        if first < low:
            raise ScheduleError(f"beginning of range ({first}) below minimum ({low}): {part}")
        if last > high:
            raise ScheduleError(f"end of range ({last}) above maximum ({high}): {part}")
        if first > last:
            raise ScheduleError(f"beginning of range ({first}) beyond end of range ({last}): {part}")
        found.update(range(first, last + 1, step))
    return found


def _number(text: str, names: dict[str, int] | None) -> int:
    if names is not None and text.lower() in names:
        return names[text.lower()]
    if not text.isdigit():
        raise ScheduleError(
            f"failed to parse int from {text}: strconv.Atoi: parsing {text!r}: invalid syntax"
        )
    return int(text)


def _duration(text: str) -> float:
    units = {"h": 3600.0, "m": 60.0, "s": 1.0}
    total, number = 0.0, ""
    for char in text:
        if char.isdigit() or char == ".":
            number += char
        elif char in units and number:
            total += float(number) * units[char]
            number = ""
        else:
            raise ScheduleError(f"failed to parse duration @every {text}")
    return max(1.0, total)
