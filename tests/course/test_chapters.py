"""Chapters as learners meet them: solved, untouched, run twice, run out of order, and done wrongly."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.cluster.errors import SHOWN
from kubekit.course import checking
from kubekit.course.exercise import load_all
from kubekit.course.progress import Progress
from kubekit.views.check_card import CheckCard
from tests.course import mistakes_07, mistakes_08, mistakes_09
from tests.course.manifests import FRONTEND, HTTPD
from tests.course.mistakes import WRONG
from tests.course.reader import SOURCES, Reader

CHAPTERS = sorted(SOURCES)
EXERCISES = {chapter: [id for id in load_all() if id.startswith(chapter)] for chapter in CHAPTERS}


@pytest.fixture(autouse=True)
def own_progress(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "progress", Progress(tmp_path / "progress.json"))
    monkeypatch.chdir(tmp_path)  # snapshots are real files


def words(record: dict[str, Any]) -> str:
    return f"{record['exercise']} {record['state']}: {CheckCard(record)!r}"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_solution_passes_every_check(chapter: str) -> None:
    reader = Reader(chapter).run_all()
    assert [record["exercise"] for record in reader.records] == EXERCISES[chapter]
    assert [words(r) for r in reader.records if r["state"] != "passed"] == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_an_untouched_lab_has_attempted_nothing(chapter: str) -> None:
    reader = Reader(chapter, solution=False).run_all()
    assert [record["exercise"] for record in reader.records] == EXERCISES[chapter]
    assert [words(r) for r in reader.records if r["state"] != "not attempted"] == []
    for record in reader.records:
        card = CheckCard(record)
        assert record["sentence"].startswith(f"Exercise {record['exercise']} is not attempted yet. ")
        assert all(f"will be checked: {text}".replace("`", "") in repr(card) for text in record["waits_for"])


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_cell_may_be_run_twice(chapter: str) -> None:
    reader = Reader(chapter).run_all(times=2)
    assert [words(r) for r in reader.records if r["state"] != "passed"] == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_cells_in_the_wrong_order_do_no_harm(chapter: str) -> None:
    reader = Reader(chapter, solution=False).run("boot")
    for slug in reversed([slug for slug in reader.cells if slug != "boot"]):
        try:
            reader.run(slug)
        except (NameError, StopIteration, IndexError, FileNotFoundError, *SHOWN):
            continue  # what an earlier cell makes is not there yet; the notebook says so in one line
    assert [words(r) for r in reader.records if r["state"] == "kit error"] == []


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_answer_is_told_what_was_seen_and_where_to_look(mistake: str) -> None:
    id, before, typed, seen, where = WRONG[mistake]
    reader = Reader(id[:2]).run("boot")
    for slug in before.split():
        if slug == "ex-1-body":
            reader.type_in(
                'body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "greeting"}}'
            )
        else:
            reader.run(slug)
    for part in typed.split("SPLIT\n"):
        reader.type_in(part.strip("\n"))
    reader.names["cluster"].settle()
    record = reader.check(id)
    assert record["state"] == "partly done", words(record)
    failing = [check for check in record["checks"] if check["state"] == "does not hold"]
    assert all(check.get("expected") and check.get("observed") and check.get("where") for check in failing)
    told = [check for check in failing if seen in check["observed"]]
    assert told, words(record)
    assert any(where.replace("`", "") in check["where"].replace("`", "") for check in told), words(record)
    assert "Not yet: " in record["sentence"] and "seen: " in record["sentence"]


def test_every_exercise_has_wrong_answers() -> None:
    counted = {id: sum(case[0] == id for case in WRONG.values()) for ids in EXERCISES.values() for id in ids}
    assert [id for id, count in counted.items() if count < 1] == []


@pytest.mark.parametrize("chapter", ["04", "05", "06"])
def test_every_exercise_on_etcd_explains_three_wrong_answers(chapter: str) -> None:
    counted = {id: sum(case[0] == id for case in WRONG.values()) for id in EXERCISES[chapter]}
    assert {id: count for id, count in counted.items() if count < 3} == {}


@pytest.mark.parametrize("table", [mistakes_07, mistakes_08, mistakes_09])
def test_exercises_about_scheduling_have_three(table: Any) -> None:
    chapter = table.__name__[-2:]
    counted = {id: sum(case[0] == id for case in table.WRONG.values()) for id in EXERCISES[chapter]}
    assert {id: count for id, count in counted.items() if count < 3} == {}
    assert all(WRONG[mistake] == case for mistake, case in table.WRONG.items())  # no name was used twice


def test_a_patch_of_the_waiting_pod_is_no_attempt_but_is_mentioned() -> None:
    reader = Reader("07").run("boot", "run-waiting", "try-patch")
    record = reader.check("07.2")
    assert record["state"] == "not attempted" and "a PATCH of nodeName is refused" in repr(CheckCard(record))


def test_a_later_section_does_not_undo_what_was_passed() -> None:
    reader = Reader("00").run_all()
    assert reader.check("00.1")["state"] == "passed"


def test_the_four_states_of_a_card() -> None:
    reader = Reader("07").run("boot")
    cards = {"not attempted": CheckCard(reader.check("07.1"))}
    reader.type_in(FRONTEND.format(node="", image=HTTPD))
    cards["partly done"] = CheckCard(reader.check("07.1"))
    reader.type_in("%kubectl delete pod frontend").run("ex-1", "ex-1-check")
    cards["passed"] = CheckCard(reader.records[-1])
    reader.names["cluster"].get = lambda *_, **__: 1 / 0
    cards["kit error"] = CheckCard(reader.check("07.1"))
    assert {state: card.state for state, card in cards.items()} == {state: state for state in cards}
    marks = {state: repr(card).splitlines()[1].split()[0] for state, card in cards.items()}
    assert marks == {"passed": "[ok]", "partly done": "[part]", "not attempted": "[-]", "kit error": "[kit]"}
    assert "ZeroDivisionError" in repr(cards["kit error"]) and "fault of kubekit" in repr(cards["kit error"])
    for card in cards.values():
        assert "<table>" in card._repr_mimebundle_()["text/html"]
