"""How an expression is refused: while it is read, while its types are worked out, and while it runs.

The first two are `Issue`s with a place in the text; several of them make one `CompileError`, printed as the
original prints them, with the line and a mark under the place. The third is an `EvaluationError`: a plain
sentence. Source: cel-go (common/error.go, common/errors.go).
"""

from __future__ import annotations

from typing import NamedTuple


class Issue(NamedTuple):
    """Something wrong at an offset (in characters) of the text."""

    offset: int
    text: str


class CompileError(Exception):
    """An expression that cannot be used; `str()` is the original's text."""

    def __init__(self, source: str, issues: list[Issue]) -> None:
        self.issues = sorted(issues, key=lambda issue: issue.offset)
        super().__init__("\n".join(shown(source, issue) for issue in self.issues))


class InstantiationError(Exception):
    """An expression that compiles, but has a written-out value that can never be converted."""


class EvaluationError(Exception):
    """An expression that failed while it ran."""


def shown(source: str, issue: Issue) -> str:
    """One issue with its line and a mark below.

    >>> print(shown("self +", Issue(6, "Syntax error")))
    ERROR: <input>:1:7: Syntax error
     | self +
     | ......^
    """
    before = source[: issue.offset]
    row = before.count("\n")
    column = issue.offset - (before.rfind("\n") + 1)
    line = source.split("\n")[row].replace("\t", " ")
    mark = "." * column + "^"
    return f"ERROR: <input>:{row + 1}:{column + 1}: {issue.text}\n | {line}\n | {mark}"
