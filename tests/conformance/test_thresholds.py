"""Agreement with the recordings never falls: each area's share is at least its threshold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance.__main__ import AREAS, replay
from tests.programs import need_program

THRESHOLDS: dict[str, float] = json.loads((Path(__file__).parent / "thresholds.json").read_text())


def test_every_area_has_a_threshold() -> None:
    assert {name.split()[0] for name in THRESHOLDS} == set(AREAS)


@pytest.mark.parametrize("area", sorted(AREAS))
def test_an_area_agrees_at_least_as_much_as_before(area: str) -> None:
    if area == "kubectl-1.33":
        need_program("kubectl.1.33")  # the one area that replays through a real client
    counted = replay(area).counted(area)
    assert set(counted) == {name for name in THRESHOLDS if name.split()[0] == area}
    for name, outcome in counted.items():
        assert outcome.share >= THRESHOLDS[name], (
            f"{name}: {outcome.passed} passed, {outcome.failed} failed = {outcome.share:.2f} %\n"
            + "\n".join(outcome.misses[:20])
        )
