"""The same seed makes the same trace: in one process, and in processes that hash texts differently."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.determinism.script import difference, run

ROOT = Path(__file__).parents[2]


def traced(seed: int, hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.determinism.script", str(seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


def test_twice_in_one_process() -> None:
    assert difference(run(7), run(7)) == ""


def test_whatever_the_hashes_of_texts_are() -> None:
    one = traced(11, "1")
    assert difference(one, traced(11, "2")) == ""
    assert len(one.splitlines()) > 1_000


def test_another_seed_makes_another_trace() -> None:
    assert difference(run(1), run(2)) != ""


def test_the_difference_names_the_first_record() -> None:
    assert "record 1 differs" in difference("a\nb\nc", "a\nx\nc")
    assert "the first one more is\n  c" in difference("a\nb\nc", "a\nb")
