"""`python -m tests.conformance.coverage`: replay everything and write `docs/coverage.md`.

The page says honestly how much agrees with the recordings and lists every unit that does not. Thresholds are
raised to what was reached, rounded down to a tenth of a percent; they never fall.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.conformance.__main__ import AREAS, replay
from tests.conformance.outcome import Outcome
from tests.programs import find_program

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
THRESHOLDS = Path(__file__).parent / "thresholds.json"
LONGEST_MISS = 160

MARGIN = {"kubectl-1.33": 3.0}
"""Percentage points left to areas that talk to a real program: on a loaded machine timing costs some."""

UNITS = {
    "scheduler": "cases",
    "kube-proxy": "states and packets",
    "apiserver": "steps",
    "kubectl": "commands",
    "kubectl-1.33": "commands of the real client",
    "controllers": "parts of scenarios",
    "etcd operations": "operations",
    "etcd transcripts": "commands of etcdctl and etcdutl",
    "etcd cluster": "commands while members come and go",
    "etcd snapshots": "facts of snapshot files",
    "etcd registry": "keys and values of kinds",
    "etcd requests": "requests of the API server",
}


def page(outcomes: dict[str, Outcome]) -> str:
    """The page's text."""
    lines = [
        "# Agreement with the recordings",
        "",
        "What the real components of Kubernetes v1.36 and etcd 3.6 answered was recorded; kubekit is asked",
        "the same and compared. Made by `make coverage`; `python -m tests.conformance AREA` lists the misses",
        "of one area.",
        "",
        "| area | units | agree | differ | share |",
        "|---|---|---:|---:|---:|",
    ]
    for area, outcome in _counted(outcomes).items():
        share = f"{outcome.share:.1f} %"
        lines.append(f"| {area} | {UNITS[area]} | {outcome.passed} | {outcome.failed} | {share} |")
    for area, outcome in outcomes.items():
        if outcome.misses:
            lines += ["", f"## {area}: what differs", ""]
            lines += [f"- `{_short(miss)}`" for miss in sorted(outcome.misses)]
    return "\n".join(lines) + "\n"


def _counted(outcomes: dict[str, Outcome]) -> dict[str, Outcome]:
    return {name: one for area, outcome in outcomes.items() for name, one in outcome.counted(area).items()}


def _short(miss: str) -> str:
    line = " ".join(miss.replace("`", "'").split())
    return line if len(line) <= LONGEST_MISS else f"{line[: LONGEST_MISS - 3]}..."


def main() -> int:
    """Replay, write the page, raise the thresholds."""
    outcomes = {}
    for area in AREAS:
        if area == "kubectl-1.33" and find_program("kubectl.1.33") is None:
            print("kubectl-1.33 is left as it was: that client is not on this machine", file=sys.stderr)
            continue
        outcomes[area] = replay(area)
        print(f"{area}: {outcomes[area].passed} passed, {outcomes[area].failed} failed")
    thresholds: dict[str, float] = json.loads(THRESHOLDS.read_text()) if THRESHOLDS.exists() else {}
    for area, outcome in _counted(outcomes).items():
        thresholds[area] = max(
            thresholds.get(area, 0.0), int((outcome.share - MARGIN.get(area, 0.0)) * 10) / 10
        )
    THRESHOLDS.write_text(json.dumps(dict(sorted(thresholds.items())), indent=1) + "\n")
    PAGE.write_text(page(outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
