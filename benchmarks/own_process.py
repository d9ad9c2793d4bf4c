"""A figure taken in a process of its own: what was measured before leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def own(module: str, call: str) -> tuple[float, ...]:
    """The figures that a call of a benchmark's function gives, e.g. ``own("bench_apiserver", "lists()")``."""
    program = f"from benchmarks.{module} import *\nfound = {call}\n"
    program += "print(*(found if isinstance(found, tuple) else (found,)))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    return tuple(float(word) for word in done.stdout.split())
