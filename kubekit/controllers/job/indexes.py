"""Sets of completion indexes, as a Job's status writes them: "0-2,5,7-9".

Source: pkg/controller/job/indexed_job_utils.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubekit.api.meta import Obj, annotations_of

INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"


def parse(text: str, completions: int) -> set[int]:
    """The indexes below `completions` that a text names; what makes no sense is ignored.

    >>> sorted(parse("0-2,5,9", 6))
    [0, 1, 2, 5]
    """
    found: set[int] = set()
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        if first.isdigit() and (not last or last.isdigit()):
            found.update(range(int(first), min(int(last or first) + 1, completions)))
    return found


def write(indexes: Iterable[int]) -> str:
    """The text for some indexes; three or more in a row become a range.

    >>> write({0, 1, 2, 5, 6})
    '0-2,5,6'
    """
    parts: list[str] = []
    ordered = sorted(indexes)
    start = 0
    for position in range(1, len(ordered) + 1):
        if position < len(ordered) and ordered[position] == ordered[position - 1] + 1:
            continue
        first, last = ordered[start], ordered[position - 1]
        if last > first + 1:
            parts.append(f"{first}-{last}")
        else:
            parts += [str(index) for index in range(first, last + 1)]
        start = position
    return ",".join(parts)


def index_of(pod: Obj) -> int | None:
    """The pod's completion index."""
    text = annotations_of(pod).get(INDEX, "")
    return int(text) if text.isdigit() else None


def indexes_of(pods: Iterable[Obj]) -> set[int]:
    """The completion indexes of some pods."""
    return {index for pod in pods if (index := index_of(pod)) is not None}


def failures_of(pod: Obj, ignored: bool = False) -> int:
    """How often the pod's index had failed before; with `ignored`, failures that do not count too."""
    annotations = annotations_of(pod)
    total = 0
    for name in (FAILURES, IGNORED_FAILURES) if ignored else (FAILURES,):
        text = annotations.get(name, "")
        total += int(text) if text.isdigit() else 0
    return total
