"""The floors: a room imports only from floors below it, and of its own floor only where that is agreed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "kubekit"

FLOORS: dict[str, int] = {
    "sim": 0,
    "api": 0,
    "etcd": 1,
    "raft": 1,
    "network": 1,
    "client": 2,
    "apiserver": 3,
    "scheduler": 3,
    "controllers": 3,
    "kubelet": 3,
    "proxy": 3,
    "dns": 3,
    "cloud": 3,
    "cluster": 4,
    "serving": 5,
    "terminal": 5,
    "views": 6,
    "course": 7,
}

ALLOWED: dict[str, set[str]] = {
    "sim": set(),
    "api": set(),
    "etcd": {"sim", "raft"},
    "raft": {"sim"},
    "network": {"sim"},
    "client": {"sim", "api"},
    "apiserver": {"sim", "api", "etcd"},
    "scheduler": {"sim", "api", "client"},
    "controllers": {"sim", "api", "client"},
    "kubelet": {"sim", "api", "client", "network"},
    "proxy": {"sim", "api", "client", "network"},
    "dns": {"sim", "api", "client", "network"},
    "cloud": {"sim", "api", "client", "network"},
}


def imports_of(path: Path) -> list[tuple[int, str]]:
    """(line, room) of every kubekit room that a file imports, at any depth of nesting."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
            if node.module == "kubekit":
                names = [f"kubekit.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "kubekit" and len(parts) > 1 and parts[1] in FLOORS:
                found.append((node.lineno, parts[1]))
    return found


def rooms() -> list[str]:
    return sorted(path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__")


@pytest.mark.parametrize("room", rooms())
def test_a_room_imports_only_what_stands_below_it(room: str) -> None:
    assert room in FLOORS, (
        f"kubekit/{room} stands on no floor: add it to the table and to docs/architecture.md"
    )
    wrong = []
    for path in sorted((PACKAGE / room).rglob("*.py")):
        for line, other in imports_of(path):
            below = FLOORS[other] < FLOORS[room]
            agreed = other in ALLOWED[room] if room in ALLOWED else below
            if other != room and not agreed:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {other}")
    assert wrong == []


def test_the_check_sees_an_import_that_goes_up(tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text("def f():\n    from kubekit.cluster import up\n    return up\n")
    assert imports_of(sample) == [(2, "cluster")]


@pytest.mark.parametrize("room", rooms())
def test_a_room_opens_with_its_chapter_page(room: str) -> None:
    page = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text())) or ""
    assert len(page.splitlines()) >= 5, f"kubekit/{room}/__init__.py does not say what the room is"
