"""A question with a few answers: a guess before a cell is run, or a quiz at a chapter's end.

A guess is kept and not judged: the next cell shows what is so. A quiz says at once whether the choice holds,
and why. Both are answered by a click, or by number in code where no widget runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kubekit.views.view import Scene, Table, View


class Question(View):
    """One question. `answer(n)` chooses the n-th answer, counted from 1, as a click does."""

    name = "question"

    def __init__(
        self,
        id: str,
        question: str,
        choices: Sequence[str],
        kept: int | None,
        keep: Callable[[int], None],
        right: int | None = None,
        because: str = "",
    ) -> None:
        self.id = id
        self.question = question
        self.choices = list(choices)
        self.right = right
        self.because = because
        self.chosen = kept
        self._keep = keep
        super().__init__(*self._picture(), actions={"answer": self._clicked})

    def answer(self, number: int) -> Question:
        """Choose the answer with this number."""
        if not 1 <= number <= len(self.choices):
            print(f"There are the answers 1 to {len(self.choices)}.")
            return self
        self.chosen = number
        self._keep(number)
        self.update(*self._picture())
        return self

    def _clicked(self, number: int) -> None:
        self.answer(int(number))

    def _picture(self) -> tuple[Scene, str, Table]:
        sentence = self._sentence()
        scene: Scene = {
            "title": self.question,
            "inspector": False,
            "sentence": sentence,
            "refused": self.right is not None and self.chosen not in (None, self.right),
            "choices": self.choices,
            "chosen": self.chosen,
            "right": self.right if self.chosen is not None else None,
        }
        rows = [[str(n), choice, self._mark(n)] for n, choice in enumerate(self.choices, 1)]
        lines = [
            self.question,
            *(f"  {n}. {choice}{f'  {m}' if m else ''}" for n, choice, m in rows),
            sentence,
        ]
        return scene, "\n".join(lines), Table(self.question, ["number", "answer", "chosen"], rows)

    def _mark(self, number: int) -> str:
        return "[your answer]" if number == self.chosen else ""

    def _sentence(self) -> str:
        if self.chosen is None:
            return "Choose one: click it, or write `_.answer(1)` in the next cell."
        choice = self.choices[self.chosen - 1]
        if self.right is None:
            return f"Your guess is kept: **{choice}**. Run the next cell and compare."
        verdict = "That is so" if self.chosen == self.right else "Not so"
        return f"{verdict}. {self.because}"
