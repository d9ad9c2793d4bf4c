"""When a CronJob is due: a schedule in a time zone, as Unix seconds.

`kubekit.api.cron_schedule` knows what a schedule's text means; this adds the clock. Source:
pkg/controller/cronjob/utils.go.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kubekit.api.cron_schedule import ScheduleError, parse

__all__ = ["Schedule", "ScheduleError", "zone"]


def zone(name: str | None) -> tzinfo:
    """The time zone of that name (UTC for none); raises ScheduleError for an unknown one."""
    if not name or name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ScheduleError(f"unknown time zone {name}") from None


class Schedule:
    """A parsed schedule; raises ScheduleError for a text that is none.

    >>> Schedule("*/15 * * * *").next(0.0)
    900.0
    >>> Schedule("0 0 31 * *").next(0.0) / 86400
    30.0
    """

    def __init__(self, text: str, time_zone: str | None = None) -> None:
        self.zone = zone(time_zone)
        self.rule = parse(text)

    def next(self, after: float) -> float:
        """The first time later than `after` (Unix seconds); raises ScheduleError when there is none."""
        found = self.rule.next_after(datetime.fromtimestamp(after, self.zone))
        if found is None:
            raise ScheduleError("the schedule never comes due")
        return found.timestamp()
