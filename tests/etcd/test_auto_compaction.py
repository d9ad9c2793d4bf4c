"""Automatic compaction on a clock that leaps from look to look."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from kubekit.etcd.auto_compaction import PERIODIC, REVISION, AutoCompaction, retention

MINUTE, HOUR = 60.0, 3600.0


def run(
    compaction: AutoCompaction, until: float, revision: Callable[[float], int], success: bool = True
) -> list[tuple[float, int]]:
    """(minutes, revision) of each compaction."""
    done = []
    while compaction.due <= until:
        now = compaction.due
        target = compaction.look(now, revision(now))
        if target is not None:
            done.append((now / MINUTE, target))
            compaction.done(now, target, success=success)
    return done


def by_the_minute(now: float) -> int:
    return 1 + round(now / MINUTE)


def test_an_hour_is_kept_and_then_compacted_every_hour() -> None:
    compaction = AutoCompaction(PERIODIC, HOUR, 0.0, by_the_minute(0))
    assert compaction.interval == 6 * MINUTE
    assert run(compaction, 4 * HOUR, by_the_minute) == [(60, 1), (120, 55), (180, 115), (240, 175)]


def test_a_day_is_kept_and_then_compacted_every_hour() -> None:
    compaction = AutoCompaction(PERIODIC, 24 * HOUR, 0.0, 1)
    assert compaction.interval == 6 * MINUTE
    day = 24 * 60
    assert run(compaction, 26 * HOUR, by_the_minute) == [(day, 1), (day + 60, 55), (day + 120, 115)]


def test_short_periods_are_noted_ten_times() -> None:
    compaction = AutoCompaction(PERIODIC, 5.0, 0.0, 1)
    assert compaction.interval == 0.5
    assert [round(at * MINUTE, 3) for at, _ in run(compaction, 15.0, lambda now: int(now * 10))] == [
        5,
        10,
        15,
    ]


def test_a_quiet_store_is_compacted_once() -> None:
    assert run(AutoCompaction(PERIODIC, HOUR, 0.0, 9), 5 * HOUR, lambda now: 9) == [(60, 9)]


def test_a_failure_is_tried_again_at_the_next_look() -> None:
    compaction = AutoCompaction(PERIODIC, HOUR, 0.0, 1)
    assert run(compaction, 72 * MINUTE, by_the_minute, success=False) == [(60, 1), (66, 1), (72, 7)]
    assert run(compaction, 200 * MINUTE, by_the_minute) == [(78, 13), (138, 73), (198, 133)]


def test_who_does_not_lead_only_takes_notes() -> None:
    compaction = AutoCompaction(PERIODIC, HOUR, 0.0, 1)
    compaction.paused = True
    assert run(compaction, 3 * HOUR, by_the_minute) == []
    compaction.paused = False
    assert run(compaction, 186 * MINUTE, by_the_minute) == [(186, 121)]


def test_revisions_are_kept_by_number() -> None:
    compaction = AutoCompaction(REVISION, 100, 0.0, 1)
    assert run(compaction, 21 * MINUTE, lambda now: round(now)) == [
        (5, 200),
        (10, 500),
        (15, 800),
        (20, 1100),
    ]
    assert run(compaction, 30 * MINUTE, lambda now: 1200) == []
    fresh = AutoCompaction(REVISION, 1000, 0.0, 1)
    assert run(fresh, 15 * MINUTE, lambda now: 900) == []


RETENTIONS = [
    (PERIODIC, "1", HOUR),
    (PERIODIC, "10m", 600.0),
    (PERIODIC, "1h30m5.5s", 5405.5),
    (PERIODIC, "500ms", 0.5),
    (PERIODIC, "0", 0.0),
    (REVISION, "1000", 1000),
    (REVISION, "1s", 1_000_000_000),
]


@pytest.mark.parametrize(("mode", "text", "wanted"), RETENTIONS)
def test_retentions(mode: str, text: str, wanted: float) -> None:
    assert retention(mode, text) == wanted


REFUSED = [
    ("", "5", "--auto-compaction-mode is undefined"),
    (PERIODIC, "5x", 'error parsing CompactionRetention: time: invalid duration "5x"'),
    (PERIODIC, "1.5", 'error parsing CompactionRetention: time: missing unit in duration "1.5"'),
    (PERIODIC, "", 'error parsing CompactionRetention: time: invalid duration ""'),
]


@pytest.mark.parametrize(("mode", "text", "message"), REFUSED)
def test_refused_retentions(mode: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        retention(mode, text)


def test_an_unknown_mode() -> None:
    with pytest.raises(ValueError, match="unsupported compaction mode hourly"):
        AutoCompaction("hourly", 1, 0.0, 1)
