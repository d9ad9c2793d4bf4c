"""`python -m benchmarks [ROOM]`: run every `bench_<room>.py` and print one table.

Each module has `rows()`, which gives (what was measured, figure, unit). Floors and goals stand in
`docs/performance.md`; nothing here asserts, because a figure depends on the machine.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main(rooms: list[str]) -> int:
    """Print the table, for the given rooms or for all."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    chosen = [name for name in names if not rooms or name.removeprefix("bench_") in rooms]
    if not chosen:
        known = ", ".join(name.removeprefix("bench_") for name in names)
        print(f"no benchmark of that name; there are: {known}", file=sys.stderr)
        return 2
    print(f"{'what':<72} {'figure':>12} unit")
    for name in chosen:
        module = importlib.import_module(f"benchmarks.{name}")
        for what, figure, unit in module.rows():
            print(
                f"{what:<72} {figure:>12,.3g} {unit}"
                if figure < 1000
                else f"{what:<72} {figure:>12,.0f} {unit}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
