"""Cron schedules: `*/5 * * * *`, `0 9 * * MON-FRI`, `@hourly`.

Called by the validation of CronJobs and by whoever computes their next run. `parse` gives for each of the
five fields the numbers that match; malformed schedules raise `ScheduleError` with the original parser's
words. Source: robfig/cron v3 (ParseStandard).

>>> sorted(parse("*/20 9 * * MON").minutes)
[0, 20, 40]
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from kubekit.api.field_path import go_quote

_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_DAYS = {name: number for number, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_FIELDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, _MONTHS),
    (0, 6, _DAYS),
)
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip


class ScheduleError(ValueError):
    """A text that is no schedule."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What matches. `any_day` and `any_weekday` say that the field was a star; `every` is for `@every`, in
    seconds."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool
    every: float = 0.0

    def _day_matches(self, moment: datetime) -> bool:
        by_day, by_weekday = moment.day in self.days, moment.isoweekday() % 7 in self.weekdays
        return by_day and by_weekday if self.any_day or self.any_weekday else by_day or by_weekday

    def next_after(self, moment: datetime) -> datetime | None:
        """The first matching minute after a time, in its time zone; None if there is none in five years."""
        if self.every:
            return (moment + timedelta(seconds=self.every)).replace(microsecond=0)
        found = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        limit = found.year + 5
        while found.year <= limit:
            if found.month not in self.months:
                found = found.replace(day=1, hour=0, minute=0) + timedelta(days=32)
                found = found.replace(day=1)
            elif not self._day_matches(found):
                found = found.replace(hour=0, minute=0) + timedelta(days=1)
            elif found.hour not in self.hours:
                found = found.replace(minute=0) + timedelta(hours=1)
            elif found.minute not in self.minutes:
                found += timedelta(minutes=1)
            else:
                return found
        return None


def _number(text: str, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not re.fullmatch(r"[+-]?\d+", text):
        raise ScheduleError(
            f"failed to parse int from {text}: strconv.Atoi: parsing {go_quote(text)}: invalid syntax"
        )
    if int(text) < 0:
        raise ScheduleError(f"negative number ({int(text)}) not allowed: {text}")
    return int(text)


def _range(text: str, low: int, high: int, names: dict[str, int]) -> tuple[set[int], bool]:
    parts = text.split("/")
    ends = parts[0].split("-")
    star = ends[0] in ("*", "?")
    if star:
        start, end = low, high
    else:
        start = _number(ends[0], names)
        if len(ends) > 2:
            raise ScheduleError(f"too many hyphens: {text}")
        end = _number(ends[1], names) if len(ends) == 2 else start
    if len(parts) > 2:
        raise ScheduleError(f"too many slashes: {text}")
    step = 1
    if len(parts) == 2:
        step = _number(parts[1], {})
        if len(ends) == 1 and not star:
            end = high
        if step > 1:
            star = False
    if start < low:
        raise ScheduleError(f"beginning of range ({start}) below minimum ({low}): {text}")
    if end > high:
        raise ScheduleError(f"end of range ({end}) above maximum ({high}): {text}")
    if start > end:
        raise ScheduleError(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise ScheduleError(f"step of range should be a positive number: {text}")
    return set(range(start, end + 1, step)), star


@functools.lru_cache(maxsize=256)
def parse(text: str) -> Schedule:
    """The schedule a text means. ScheduleError with the original's message if it means none."""
    if not text:
        raise ScheduleError("empty spec string")
    if text.startswith(("TZ=", "CRON_TZ=")):
        _, blank, text = text.partition(" ")
        if not blank:
            raise ScheduleError("provided bad location")
        text = text.strip()
    if text.startswith("@"):
        if text.startswith("@every "):
            from kubekit.api.duration import parse_go_duration

            try:
                seconds = parse_go_duration(text.removeprefix("@every "))
            except ValueError as error:
                raise ScheduleError(f"failed to parse duration {text}: {error}") from None
            empty: frozenset[int] = frozenset()
            return Schedule(empty, empty, empty, empty, empty, True, True, max(1.0, float(int(seconds))))
        if text not in _DESCRIPTORS:
            raise ScheduleError(f"unrecognized descriptor: {text}")
        text = _DESCRIPTORS[text]
    words = text.split()
    if len(words) != 5:
        raise ScheduleError(f"expected exactly 5 fields, found {len(words)}: [{' '.join(words)}]")
    found: list[frozenset[int]] = []
    stars: list[bool] = []
    for word, (low, high, names) in zip(words, _FIELDS):
        numbers: set[int] = set()
        star = False
        for part in (one for one in word.split(",") if one):
            some, any_star = _range(part, low, high, names)
            numbers |= some
            star = star or any_star
        found.append(frozenset(numbers))
        stars.append(star)
    return Schedule(found[0], found[1], found[2], found[3], found[4], stars[2], stars[4])
