"""Running an exercise's check, and giving hints.

`check("07.1")` runs every sub-check and returns a card; `hint("07.1")` gives the next hint. A check that
fails by itself is a fault of the kit: the card says so, with what to report, and nothing is marked.
"""

from __future__ import annotations

from typing import Any

from kubekit.cluster import KubekitError, current
from kubekit.course import exercise as exercises
from kubekit.course.exercise import (
    FAILS,
    HINT_KINDS,
    HOLDS,
    WAITS,
    Answer,
    Exercise,
    Finding,
    Look,
    UnknownExercise,
)
from kubekit.course.progress import progress
from kubekit.views.check_card import CheckCard

PASSED = "passed"
PARTLY = "partly done"
NOT_ATTEMPTED = "not attempted"
KIT_ERROR = "kit error"


def check(id: str, cluster: Any = None) -> CheckCard | Answer:
    """Check one exercise on the current cluster (or the one given) and show the card.

    `check("07")` without a number lists the chapter's exercises.
    """
    try:
        wanted = exercises.find(id)
    except UnknownExercise as unknown:
        return Answer(str(unknown))
    return CheckCard(examine(wanted, cluster))


def examine(wanted: Exercise, cluster: Any = None) -> dict[str, Any]:
    """Run the check and return the card's record (see `CheckCard` for its parts)."""
    cluster = _current() if cluster is None else cluster
    if cluster is None:
        waiting = Finding("a cluster is running", WAITS, where="run the chapter's first cell")
        return _record(wanted, NOT_ATTEMPTED, [waiting])
    try:
        findings = list(wanted.check(Look(cluster, progress.guesses())))
    except Exception as error:  # the boundary to the learner: no traceback may pass it
        return _record(wanted, KIT_ERROR, [], error=error, seed=_seed_of(cluster))
    state = _state_of(findings)
    progress.mark(wanted.id, state)
    return _record(wanted, state, findings)


def hint(id: str) -> Answer:
    """The next hint of an exercise: a nudge, then the concept, then the command, then the solution."""
    try:
        wanted = exercises.find(id)
    except UnknownExercise as unknown:
        return Answer(str(unknown))
    used = progress.use_hint(wanted.id, len(wanted.hints))
    kind = HINT_KINDS[used - 1]
    left = len(wanted.hints) - used
    more = f"{left} more: hint({wanted.id!r})" if left else "that was the last one"
    return Answer(f"Hint {used} of {len(wanted.hints)} ({kind}): {wanted.hints[used - 1]}\n[{more}]")


def _state_of(findings: list[Finding]) -> str:
    if findings and all(finding.state == HOLDS for finding in findings):
        return PASSED
    if any(finding.state == WAITS for finding in findings) or not findings:
        return NOT_ATTEMPTED
    return PARTLY


def _current() -> Any:
    """The cluster that the magics talk to, or None while there is none."""
    try:
        return current()
    except KubekitError:
        return None


def _seed_of(cluster: Any) -> Any:
    return getattr(getattr(cluster, "settings", cluster), "seed", None)


def _record(
    wanted: Exercise, state: str, findings: list[Finding], error: Exception | None = None, seed: Any = None
) -> dict[str, Any]:
    holding = sum(finding.state == HOLDS for finding in findings)
    passed, total = progress.chapter(wanted.chapter)
    used = progress.hints_used(wanted.id)
    record: dict[str, Any] = {
        "exercise": wanted.id,
        "title": wanted.title,
        "chapter": wanted.chapter,
        "state": state,
        "holding": holding,
        "of": len(findings),
        "checks": [finding.to_json() for finding in findings],
        "waits_for": list(wanted.waits_for),
        "hints": {
            "kinds": list(HINT_KINDS),
            "used": used,
            "texts": list(wanted.hints[:used]),
        },
        "progress": {"passed": passed, "of": total},
        "sentence": _sentence(wanted, state, findings, holding),
    }
    if error is not None:
        record["report"] = {
            "check": wanted.id,
            "seed": seed,
            "error": f"{type(error).__name__}: {error}",
        }
    return record


def _sentence(wanted: Exercise, state: str, findings: list[Finding], holding: int) -> str:
    name = f"Exercise {wanted.id}"
    if state == PASSED:
        return f"{name} is passed: {_all_of(len(findings))}."
    if state == KIT_ERROR:
        return (
            f"{name} could not be checked. This is a fault of kubekit, not of your work; nothing was marked."
        )
    if state == NOT_ATTEMPTED:
        first = next((f for f in findings if f.state == WAITS), None)
        return f"{name} is not attempted yet. {first.title if first else ''}".strip()
    first_failing = next(f for f in findings if f.state == FAILS)
    look = f" Look at {first_failing.where}." if first_failing.where else ""
    return (
        f"{name}: {holding} of {len(findings)} checks hold. "
        f"Not yet: {first_failing.title}; seen: {first_failing.observed or 'nothing'}.{look}"
    )


def _all_of(count: int) -> str:
    return "its check holds" if count == 1 else f"all {count} checks hold"
