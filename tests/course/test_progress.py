"""Progress survives what happens to files: interruption, damage, moving, read-only folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubekit.course.progress import Progress


@pytest.fixture
def kept(tmp_path: Path) -> Progress:
    return Progress(tmp_path / "p" / "progress.json")


def test_what_was_passed_stays_passed(kept: Progress) -> None:
    kept.mark("07.1", "partly done")
    kept.mark("07.1", "passed")
    kept.mark("07.1", "not attempted")
    assert Progress(kept.path).state("07.1") == "passed"


def test_hints_are_counted_up_to_what_there_is(kept: Progress) -> None:
    assert [kept.use_hint("07.1", 4) for _ in range(6)] == [1, 2, 3, 4, 4, 4]
    assert Progress(kept.path).hints_used("07.1") == 4


def test_a_damaged_file_is_put_aside_not_lost(kept: Progress) -> None:
    kept.path.parent.mkdir()
    kept.path.write_text("{broken")
    kept.mark("00.1", "passed")
    aside = list(kept.path.parent.glob("*.aside.json"))
    assert [path.read_text() for path in aside] == ["{broken"]
    assert json.loads(kept.path.read_text())["exercises"]["00.1"]["state"] == "passed"


def test_export_and_load_keep_the_further_of_both(kept: Progress, tmp_path: Path) -> None:
    kept.mark("07.1", "passed")
    kept.guess("07.p1", 2)
    assert "Bring it back" in kept.export(tmp_path / "out.json")
    other = Progress(tmp_path / "other.json")
    other.mark("07.1", "partly done")
    other.mark("07.2", "passed")
    assert "1 exercise(s)" in other.load(tmp_path / "out.json")
    assert (other.state("07.1"), other.state("07.2"), other.guesses()) == ("passed", "passed", {"07.p1": 2})


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": 9}', '{"version": 1, "exercises": 3, "guesses": {}}']
)
def test_a_foreign_file_changes_nothing(kept: Progress, tmp_path: Path, text: str) -> None:
    kept.mark("07.1", "passed")
    (tmp_path / "in.json").write_text(text)
    assert "Nothing was changed" in kept.load(tmp_path / "in.json")
    assert "Nothing was changed" in kept.load(tmp_path / "missing.json")
    assert kept.state("07.1") == "passed"


def test_reset_keeps_the_old_file(kept: Progress) -> None:
    kept.mark("07.1", "passed")
    assert ".aside.json" in kept.reset()
    assert kept.state("07.1") == "not attempted"
    assert Progress(kept.path).reset() == "There was no progress yet."
    assert len(list(kept.path.parent.glob("*.aside.json"))) == 1


def test_a_folder_that_cannot_be_written_costs_no_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    kept = Progress(tmp_path / "file" / "progress.json")
    kept.mark("07.1", "passed")
    assert kept.state("07.1") == "passed"
    assert "lives in memory only" in capsys.readouterr().out


def test_the_table_names_every_exercise(kept: Progress) -> None:
    kept.mark("07.1", "passed")
    kept.use_hint("07.1", 4)
    text = repr(kept)
    assert text.splitlines()[0].startswith("1 of ")
    assert any(line.startswith("07.1   [ok]") and "1 hint(s) used" in line for line in text.splitlines())


def test_one_chapters_table_knows_only_that_chapter(kept: Progress) -> None:
    kept.mark("07.1", "passed")
    lines = repr(kept.of("07")).splitlines()
    assert lines[0].startswith("1 of ") and all(line.startswith("07.") for line in lines[1:])
    assert repr(kept.of("7")) == repr(kept.of("07"))
