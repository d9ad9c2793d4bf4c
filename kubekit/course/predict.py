"""Guesses before a cell is run, and the quiz at a chapter's end.

`predict("07.p1")` asks for a guess and keeps it; nobody judges it. `quiz("07.q1")` asks a question, judges
the answer and says why. The questions stand in `questions/chapter_NN.py`, which register them here.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass

from kubekit.course.exercise import Answer
from kubekit.course.progress import progress
from kubekit.views.question import Question


@dataclass(frozen=True)
class Asked:
    """A question. A quiz has one right answer, counted from 1, and the reason; a guess has neither."""

    id: str
    text: str
    choices: tuple[str, ...]
    right: int | None = None
    because: str = ""


_asked: dict[str, Asked] = {}


def prediction(id: str, text: str, choices: Sequence[str]) -> None:
    """Register a guess, e.g. "07.p1"."""
    _asked[id] = Asked(id, text, tuple(choices))


def question(id: str, text: str, choices: Sequence[str], right: int, because: str) -> None:
    """Register a quiz question, e.g. "07.q1"."""
    if not 1 <= right <= len(choices):
        raise ValueError(f"question {id}: there is no answer {right}")
    _asked[id] = Asked(id, text, tuple(choices), right, because)


def questions() -> dict[str, Asked]:
    """Every question of the course by id, guesses and quizzes."""
    package = importlib.import_module("kubekit.course.questions")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"kubekit.course.questions.{module.name}")
    return dict(sorted(_asked.items()))


def predict(id: str, text: str = "", choices: Sequence[str] = ()) -> Question | Answer:
    """Ask for a guess and keep it; one made earlier is shown as chosen.

    A question of one's own needs `text` and `choices`.
    """
    return _ask(Asked(id, text, tuple(choices)) if text else questions().get(id), id)


def quiz(id: str) -> Question | Answer:
    """Ask one of a chapter's quiz questions."""
    return _ask(questions().get(id), id)


def _ask(asked: Asked | None, id: str) -> Question | Answer:
    if asked is None:
        chapter = str(id).partition(".")[0]
        there = [known for known in questions() if known.startswith(f"{chapter}.")] or list(questions())
        return Answer(f"There is no question {id!r}. There are {', '.join(there)}.")
    return Question(
        id,
        asked.text,
        asked.choices,
        _kept(id, len(asked.choices)),
        lambda number: progress.guess(id, number),
        asked.right,
        asked.because,
    )


def _kept(id: str, count: int) -> int | None:
    kept = progress.guesses().get(id)
    return kept if isinstance(kept, int) and 1 <= kept <= count else None
