"""What an exercise is: a title, four hints, and a function that looks and says what it found.

A check function is a generator: it yields one `Finding` after another. It only reads; it never changes the
cluster. A finding that does not hold always names what was expected, what was seen, and where to look.

    @exercise("07.1", "Schedule a pod by hand", hints=[nudge, concept, command, solution])
    def frontend_on_node02(look: Look) -> Findings:
        pod = look.find("pods", "frontend")
        if pod is None:
            yield look.nothing_yet("There is no pod frontend.")
            return
        yield look.expect("it runs on node02", expected="node02", observed=pod["spec"].get("nodeName"), ...)
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kubekit.api.status_error import StatusError
from kubekit.course.history import History

HOLDS = "holds"
FAILS = "does not hold"
WAITS = "not attempted"

HINT_KINDS = ("nudge", "concept", "command", "solution")
"""Graded hints, from least to most."""


@dataclass(frozen=True)
class Finding:
    """What one sub-check found. `state` is one of HOLDS, FAILS, WAITS."""

    title: str
    state: str
    expected: str = ""
    observed: str = ""
    where: str = ""
    detail: str = ""

    def to_json(self) -> dict[str, str]:
        """The finding as a JSON object; empty parts are left out."""
        parts = {
            "title": self.title,
            "state": self.state,
            "expected": self.expected,
            "observed": self.observed,
            "where": self.where,
            "detail": self.detail,
        }
        return {name: value for name, value in parts.items() if value}


Findings = Iterator[Finding]


class Reader(Protocol):
    """The part of a cluster that a check may use: reading."""

    def get(self, resource: str, name: str, namespace: str | None = None) -> dict[str, Any]: ...

    def list(self, resource: str, namespace: str | None = None) -> Sequence[dict[str, Any]]: ...


@dataclass
class Look:
    """A check's eyes: reads the cluster and phrases findings."""

    cluster: Any
    facts: dict[str, Any] = field(default_factory=dict)
    """What a learner answered (`predict`), by id."""

    def find(self, resource: str, name: str, namespace: str | None = "default") -> dict[str, Any] | None:
        """The object, or None when there is none; `namespace` None for cluster-scoped objects."""
        try:
            found: dict[str, Any] = self.cluster.get(resource, name, namespace=namespace)
        except StatusError as error:
            if error.code == 404:
                return None
            raise
        return found

    def all(self, resource: str, namespace: str | None = "default") -> Sequence[dict[str, Any]]:
        """All objects of a resource in a namespace."""
        found: Sequence[dict[str, Any]] = self.cluster.list(resource, namespace=namespace)
        return found

    def history(self, subject: str) -> History:
        """What happened to an object, e.g. ``history("pod/default/web")``."""
        records = getattr(self.cluster, "records", None)
        return History(records.of(subject) if records is not None else ())

    def expect(
        self,
        title: str,
        *,
        expected: object,
        observed: object,
        where: str = "",
        detail: str = "",
        holds: bool | None = None,
    ) -> Finding:
        """A finding by comparison: it holds when both are equal, or as `holds` says."""
        good = expected == observed if holds is None else holds
        if good:
            return Finding(title, HOLDS, detail=detail)
        return Finding(title, FAILS, say(expected), say(observed), where, detail)

    def nothing_yet(self, title: str, where: str = "") -> Finding:
        """There is nothing to look at: the exercise has not been attempted."""
        return Finding(title, WAITS, where=where)


def say(value: object) -> str:
    """A value in plain words."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(say(v) for v in value) or "nothing"
    return str(value)


@dataclass(frozen=True)
class Answer:
    """A sentence for the learner, shown as text."""

    text: str

    def __repr__(self) -> str:
        return self.text


Check = Callable[[Look], Findings]


@dataclass(frozen=True)
class Exercise:
    """One exercise: `id` is "<chapter>.<number>", e.g. "07.1"."""

    id: str
    title: str
    hints: tuple[str, ...]
    check: Check
    waits_for: tuple[str, ...] = ()
    """What will be checked, in words: shown before anything was attempted."""

    @property
    def chapter(self) -> str:
        """The chapter's number, two digits."""
        return self.id.split(".")[0]


_exercises: dict[str, Exercise] = {}


class UnknownExercise(LookupError):
    """There is no such exercise; the text names those that there are."""


def exercise(
    id: str, title: str, *, hints: Sequence[str], waits_for: Sequence[str] = ()
) -> Callable[[Check], Check]:
    """Register a check function as an exercise; needs one hint of each of the four kinds."""
    if len(hints) != len(HINT_KINDS):
        raise ValueError(f"exercise {id} needs {len(HINT_KINDS)} hints: {', '.join(HINT_KINDS)}")

    def register(check: Check) -> Check:
        _exercises[id] = Exercise(id, title, tuple(hints), check, tuple(waits_for))
        return check

    return register


def load_all() -> dict[str, Exercise]:
    """Every exercise of the course by id, in order."""
    package = importlib.import_module("kubekit.course.checks")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"kubekit.course.checks.{module.name}")
    return dict(sorted(_exercises.items()))


def find(id: str) -> Exercise:
    """The exercise with this id; "7.1" finds "07.1" as well. Raises `UnknownExercise`."""
    wanted = str(id).strip()
    chapter, _, number = wanted.partition(".")
    exercises = load_all()
    for candidate in (wanted, f"{chapter.zfill(2)}.{number}"):
        if candidate in exercises:
            return exercises[candidate]
    same_chapter = [known for known in exercises if known.startswith(f"{chapter.zfill(2)}.")]
    chapters = sorted({known.split(".")[0] for known in exercises})
    if same_chapter:
        hint = f"Chapter {chapter.zfill(2)} has {', '.join(same_chapter)}."
    else:
        hint = f"There are exercises in the chapters {', '.join(chapters)}."
    raise UnknownExercise(f"There is no exercise {wanted!r}. {hint}")
