"""Agreement with the recordings never falls: each area's share is at least its threshold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance.__main__ import AREAS, replay
from tests.programs import need_program

THRESHOLDS: dict[str, float] = json.loads((Path(__file__).parent / "thresholds.json").read_text())


def test_every_area_has_a_threshold() -> None:
    assert set(THRESHOLDS) == set(AREAS)


@pytest.mark.parametrize("area", sorted(AREAS))
def test_an_area_agrees_at_least_as_much_as_before(area: str) -> None:
    if area == "kubectl-1.33":
        need_program("kubectl.1.33")  # the one area that replays through a real client
    outcome = replay(area)
    assert outcome.share >= THRESHOLDS[area], (
        f"{area}: {outcome.passed} passed, {outcome.failed} failed = {outcome.share:.2f} %\n"
        + "\n".join(outcome.misses[:20])
    )
