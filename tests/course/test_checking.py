"""A check's four states, its words, and what happens when the check itself is at fault."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from kubekit.course import builder, check, checking, hint
from kubekit.course import exercise as exercises
from kubekit.course.exercise import HINT_KINDS, Exercise, Finding, Look, load_all
from kubekit.course.predict import predict, questions
from kubekit.course.progress import Progress


@pytest.fixture(autouse=True)
def own_progress(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Progress:
    fresh = Progress(tmp_path / "progress.json")
    monkeypatch.setattr(checking, "progress", fresh)
    return fresh


def exercise_of(*findings: Finding, error: Exception | None = None) -> Exercise:
    def run(look: Look) -> Iterator[Finding]:
        yield from findings
        if error is not None:
            raise error

    return Exercise("07.9", "A title", ("a", "b", "c", "d"), run, ("this", "that"))


GOOD = Finding("it is there", "holds", detail="since t = 3 s")
BAD = Finding("it runs on node02", "does not hold", "node02", "node01", "`spec.nodeName`")
NOTHING = Finding("There is no pod.", "not attempted", where="the cell above")


@pytest.mark.parametrize(
    ("findings", "state", "sentence"),
    [
        ((GOOD, GOOD), "passed", "Exercise 07.9 is passed: all 2 checks hold."),
        ((GOOD,), "passed", "Exercise 07.9 is passed: its check holds."),
        ((NOTHING,), "not attempted", "Exercise 07.9 is not attempted yet. There is no pod."),
        (
            (GOOD, BAD),
            "partly done",
            "Exercise 07.9: 1 of 2 checks hold. Not yet: it runs on node02; seen: node01. "
            "Look at `spec.nodeName`.",
        ),
    ],
)
def test_the_state_follows_from_the_findings(findings: Any, state: str, sentence: str) -> None:
    record = checking.examine(exercise_of(*findings), cluster=object())
    assert (record["state"], record["sentence"]) == (state, sentence)


def test_a_fault_of_the_kit_is_told_as_one_and_marks_nothing(own_progress: Progress) -> None:
    class Cluster:
        seed = 7

    record = checking.examine(exercise_of(GOOD, error=IndexError("list index out of range")), Cluster())
    assert record["state"] == "kit error" and "fault of kubekit" in record["sentence"]
    assert record["report"] == {"check": "07.9", "seed": 7, "error": "IndexError: list index out of range"}
    assert own_progress.state("07.9") == "not attempted"


def test_all_sub_checks_run_and_partial_credit_shows() -> None:
    record = checking.examine(exercise_of(BAD, GOOD, BAD), cluster=object())
    assert (record["holding"], record["of"], len(record["checks"])) == (1, 3, 3)


def test_the_card_reads_without_a_widget() -> None:
    from kubekit.views.check_card import CheckCard

    card = CheckCard(checking.examine(exercise_of(GOOD, BAD), cluster=object()))
    text = repr(card)
    assert "[ok] it is there" in text and "[x] it runs on node02" in text
    assert "expected: node02" in text and "observed: node01" in text and "look at:  spec.nodeName" in text
    bundle = card._repr_mimebundle_()
    assert bundle["text/plain"] == text and '<th scope="row">it runs on node02</th>' in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" not in bundle


def test_hints_go_from_nudge_to_solution() -> None:
    texts = [repr(hint("07.1")) for _ in range(5)]
    assert [text.split("(")[1].split(")")[0] for text in texts] == [*HINT_KINDS, "solution"]
    assert "that was the last one" in texts[3] and texts[4] == texts[3]


def test_an_unknown_exercise_names_those_there_are() -> None:
    assert "Chapter 07 has 07.1, 07.2" in repr(check("7.99"))
    assert "There are exercises in the chapters 00" in repr(check("nonsense"))
    assert exercises.find("7.1").id == "07.1"


def test_every_exercise_and_question_is_whole() -> None:
    known = load_all()
    assert len(known) >= 10
    for id, exercise in known.items():
        assert exercise.waits_for, f"{id} does not say what will be checked"
        assert len(set(exercise.hints)) == 4
    chapters = {id.split(".")[0] for id in known}
    asked = questions()
    for chapter in chapters:
        assert sum(id.startswith(f"{chapter}.q") for id in asked) == 3, (
            f"chapter {chapter} has no 3 questions"
        )


def test_every_guess_of_a_chapter_is_asked_and_known() -> None:
    written = {
        id
        for source in builder.sources()
        for id in re.findall(r'(?:predict|quiz)\("([^"]+)"\)', source.read_text())
    }
    assert written == set(questions())


def test_a_question_that_is_not_there_names_those_that_are() -> None:
    assert repr(predict("07.p99")).startswith("There is no question '07.p99'. There are 07.p1, ")
    assert predict("own", "Which?", ["a", "b"]).answer(2).sentence.startswith("Your guess is kept: **b**")
