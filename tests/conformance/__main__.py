"""`python -m tests.conformance AREA [DIR]`: replay one area's recordings and list what disagrees.

Without DIR the project's own copy is replayed; with it, any other folder of the same format. The last line is
`N passed, M failed`. The exit status is 0 when everything agrees.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from tests.conformance.outcome import GOLDEN, Outcome

AREAS = {
    "scheduler": "scheduler",
    "kube-proxy": "kube-proxy",
    "apiserver": "apiserver",
    "kubectl": "kubectl",
    "kubectl-1.33": "kubectl",
    "controllers": "controllers",
    "etcd": "etcd",
}
"""Each area with the folder of its recordings."""


def replay(area: str, folder: Path | None = None, category: str | None = None) -> Outcome:
    """Replay one area; `folder` defaults to the project's copy of the recordings."""
    name = area.replace("-", "_").replace("1.33", "133")
    module = importlib.import_module(f"tests.conformance.{name}")
    outcome: Outcome = module.run(folder or GOLDEN / AREAS[area], category=category)
    return outcome


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("area", choices=sorted(AREAS))
    parser.add_argument("folder", nargs="?", type=Path, metavar="DIR")
    parser.add_argument("--category", help="only the cases of one category (or whose name contains this)")
    parser.add_argument("-q", "--quiet", action="store_true", help="only the last line")
    options = parser.parse_args(argv)
    if options.folder is not None and not options.folder.is_dir():
        parser.error(f"{options.folder} is not a folder")
    outcome = replay(options.area, options.folder, options.category)
    if not options.quiet:
        for miss in outcome.misses:
            print(miss)
        for name, part in outcome.parts.items():
            print(f"{name}: {part.passed} passed, {part.failed} failed ({part.share:.1f} %)")
    print(f"{outcome.passed} passed, {outcome.failed} failed")
    return 0 if outcome.failed == 0 and outcome.passed else 1


if __name__ == "__main__":
    sys.exit(main())
