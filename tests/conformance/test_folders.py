"""Any folder of the same format is replayed, also one that holds cases and nothing beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.__main__ import main, replay
from tests.conformance.outcome import GOLDEN, read_text

FIRST = {
    "kube-proxy": "cases.jsonl",
    "kubectl": "cases.jsonl",
    "controllers": "cases.jsonl",
    "etcd": "ops.jsonl",
    "apiserver": "errors.jsonl",
}


@pytest.mark.parametrize("area", FIRST)
def test_cases_alone_are_enough(area: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = FIRST[area]
    lines = read_text(GOLDEN / area, name).splitlines()[:1]
    (tmp_path / name).write_text("\n".join(lines) + "\n")
    outcome = replay(area, tmp_path)
    assert outcome.passed > 0 and outcome.failed == 0
    assert main([area, str(tmp_path), "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{outcome.passed} passed, 0 failed"


def test_a_changed_recording_is_a_miss(tmp_path: Path) -> None:
    text = read_text(GOLDEN / "etcd", "ops.jsonl").splitlines()[0]
    (tmp_path / "ops.jsonl").write_text(text.replace('"revision":"2"', '"revision":"99"') + "\n")
    assert replay("etcd", tmp_path).failed > 0
