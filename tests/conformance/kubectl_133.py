"""The real kubectl 1.33 against a served cluster: every recorded command, and what it prints.

A unit is a command whose answer two recordings agreed about: exit status and both texts, normalised. The
client is the same program on both sides, so every difference is the server's. Scenarios share a cluster, each
in a namespace of its own; those that touch cluster-wide things get a cluster for themselves.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.conformance.kubectl_served import Answer, ServedCluster, Session
from tests.conformance.kubectl_text import Normaliser, alike, same
from tests.conformance.outcome import Outcome, read_jsonl
from tests.programs import need_program

PROGRAM = "kubectl.1.33"
SHUFFLED = {
    ("config", "get-clusters"),
    *(("describe", kind) for kind in ("cm", "secret", "limitrange", "ns")),
}
"""Commands whose rows this client prints in the random order of a Go map."""

CLIENT_LOG = re.compile(r"^[EW]<klog> reflector\.go.*\n", re.MULTILINE)
"""What the client logs, or not, when its deadline and the end of a watch meet."""

FILE = "cases-client-1.33.jsonl"


class Benches:
    """The shared cluster and fresh ones, made when they are needed."""

    def __init__(self, program: str) -> None:
        self.program = program
        self._shared: ServedCluster | None = None

    def of(self, case: dict[str, Any]) -> ServedCluster:
        """The cluster on which a scenario runs."""
        if case["exclusive"]:
            return ServedCluster(self.program)
        if self._shared is not None and case["namespace"] in self._shared.namespaces:
            self.close()
        if self._shared is None:
            self._shared = ServedCluster(self.program)
        return self._shared

    def done(self, bench: ServedCluster) -> None:
        """A scenario has ended."""
        if bench is not self._shared:
            bench.close()

    def close(self) -> None:
        """Close the shared cluster."""
        if self._shared is not None:
            self._shared.close()
            self._shared = None


def run(folder: Path, category: str | None = None) -> Outcome:
    """Replay all scenarios, or those whose name contains `category`."""
    outcome = Outcome()
    normaliser = Normaliser.of(folder)
    benches = Benches(need_program(PROGRAM))
    try:
        for case in read_jsonl(folder, FILE):
            if category and category not in case["name"]:
                continue
            bench = benches.of(case)
            try:
                session = bench.enter(case["namespace"], case["files"])
                replay(case, session, normaliser, outcome)
                session.leave()
            finally:
                benches.done(bench)
    finally:
        benches.close()
    return outcome


def replay(case: dict[str, Any], session: Session, normaliser: Normaliser, outcome: Outcome) -> None:
    """Run a scenario's steps in order and count its commands."""
    for number, step in enumerate(case["steps"], 1):
        if "settle" in step:
            session.settle(step["settle"]["atLeastSeconds"], step["settle"]["quietSeconds"])
            continue
        answer = session.run(step["argv"], step.get("stdin"))
        if step["stable"]:
            difference = compare(step, answer, normaliser)
            name = f"{case['name']} {number} {' '.join(step['argv'])[:100]}"
            outcome.count(not difference, name, difference)


def compare(step: dict[str, Any], answer: Answer, normaliser: Normaliser) -> str:
    """What differs between a recorded command and ours, or ""."""
    masked = bool(step.get("workersMasked"))
    shuffled = tuple(step["argv"][-2:]) in SHUFFLED or tuple(step["argv"][:2]) in SHUFFLED
    parts = []
    if step["exit"] != answer.exit:
        parts.append(f"exit {answer.exit}, recorded {step['exit']}")
    for stream, text in (("Stdout", answer.stdout), ("Stderr", answer.stderr)):
        wanted = step.get(f"norm{stream}", step[stream.lower()])
        wanted, found = (CLIENT_LOG.sub("", one) for one in (wanted, normaliser.text(text, masked)))
        if not (same(found, wanted) or (shuffled and alike(found, wanted))):
            parts.append(f"{stream.lower()} {first_difference(wanted, found)}")
    return "; ".join(parts)


def first_difference(wanted: str, found: str) -> str:
    """One line that shows where two texts part."""
    theirs, ours = wanted.split("\n"), found.split("\n")
    for number, (a, b) in enumerate(zip(theirs, ours), 1):
        if a != b:
            return f"line {number}: recorded {a[:160]!r}, ours {b[:160]!r}"
    longer, name = (theirs, "recorded") if len(theirs) > len(ours) else (ours, "ours")
    place = min(len(theirs), len(ours))
    return f"line {place + 1}: only {name} has {longer[place][:160]!r}"
