"""Files: one noun each, short enough to read, opening with a paragraph, without wall clock or chance."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "kubekit").rglob("*.py"))
LONGEST = 400

WALL_CLOCK = {
    "time.time",
    "time.monotonic",
    "time.sleep",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
}
CHANCE = {"random", "secrets", "uuid"}
MAY_READ_THE_WALL_CLOCK = {"kubekit/sim/clock.py"}
MAY_USE_CHANCE = {"kubekit/sim/rng.py"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_grows_past_what_one_sitting_reads() -> None:
    long = {name_of(p): n for p in SOURCES if (n := len(p.read_text().splitlines())) > LONGEST}
    assert long == {}


def test_every_file_opens_with_a_paragraph() -> None:
    bare = [name_of(p) for p in SOURCES if not ast.get_docstring(ast.parse(p.read_text()))]
    assert bare == []


def calls_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def test_nothing_reads_the_wall_clock_outside_serving() -> None:
    wrong = {
        name_of(path): sorted(found)
        for path in SOURCES
        if not name_of(path).startswith("kubekit/serving/")
        and name_of(path) not in MAY_READ_THE_WALL_CLOCK
        and (found := {c for c in calls_of(path) if any(c == w or c.endswith(f".{w}") for w in WALL_CLOCK)})
    }
    assert wrong == {}


def test_chance_comes_from_the_one_stream() -> None:
    wrong = []
    for path in SOURCES:
        if name_of(path) in MAY_USE_CHANCE or name_of(path).startswith("kubekit/serving/"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            wrong += [f"{name_of(path)}:{node.lineno}" for name in names if name.split(".")[0] in CHANCE]
    assert wrong == []
