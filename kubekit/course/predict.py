"""Guesses before a cell is run, and the quiz at a chapter's end.

`predict("07.p1", "Which phase will it have?", ["Pending", "Running"])` keeps the guess; nobody judges it.
`quiz("07.q1")` asks a question that a chapter has registered with `question(...)`, and says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubekit.course import exercise as exercises
from kubekit.course.progress import progress
from kubekit.views.question import Question


@dataclass(frozen=True)
class QuizQuestion:
    """A question with one right answer, counted from 1, and the reason."""

    id: str
    text: str
    choices: tuple[str, ...]
    right: int
    because: str


_questions: dict[str, QuizQuestion] = {}


def question(id: str, text: str, choices: Sequence[str], right: int, because: str) -> None:
    """Register a chapter's quiz question, e.g. "07.q1"."""
    if not 1 <= right <= len(choices):
        raise ValueError(f"question {id}: there is no answer {right}")
    _questions[id] = QuizQuestion(id, text, tuple(choices), right, because)


def questions() -> dict[str, QuizQuestion]:
    """Every quiz question by id."""
    exercises.load_all()
    return dict(sorted(_questions.items()))


def predict(id: str, text: str, choices: Sequence[str]) -> Question:
    """Ask for a guess and keep it. A guess made earlier is shown as chosen."""
    return Question(id, text, choices, _kept(id, len(choices)), lambda number: progress.guess(id, number))


def quiz(id: str) -> Question | str:
    """Ask one of a chapter's quiz questions."""
    known = questions()
    asked = known.get(id)
    if asked is None:
        return f"There is no question {id!r}. There are {', '.join(known)}."
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
