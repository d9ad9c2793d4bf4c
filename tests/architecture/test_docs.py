"""The documents tell the truth: every relative link leads to a file, every named make target exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"`make ([a-z]+)", page.read_text())}
    assert named <= targets and {"lab", "test"} <= named | targets


def test_the_floors_in_the_map_are_those_that_are_checked() -> None:
    from tests.architecture.test_floors import FLOORS, rooms

    page = (ROOT / "docs" / "architecture.md").read_text()
    floors = re.findall(r"^L(\d)  ([a-z ]+?)(?:   |$)", page, re.MULTILINE)
    drawn = {room: int(floor) for floor, names in floors for room in names.split()}
    assert {room: drawn.get(room) for room in rooms()} == {room: FLOORS[room] for room in rooms()}
