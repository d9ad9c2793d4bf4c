"""Which names are time zones.

Called by the validation of CronJobs. Uses Python's own time zone data; where a machine has none, every
well-formed name counts as known.
"""

from __future__ import annotations

import functools
import zoneinfo


@functools.cache
def _names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def is_known_zone(name: str) -> bool:
    """Whether `name` (`Europe/Berlin`, `UTC`) is a time zone."""
    return name == "UTC" or not _names() or name in _names()
