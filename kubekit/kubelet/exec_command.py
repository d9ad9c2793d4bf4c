"""Commands run inside a container: exec probes, hooks and `kubectl exec`.

A command is answered from what the container is: its age, its files, its environment, its names. Programs
that an image would bring along and that nothing is known about succeed without output. The result is
(exit status, standard output, standard error); nothing here takes time except `sleep`, whose seconds are
reported by `seconds_of`.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubekit.api.streams import STDERR, STDOUT
from kubekit.kubelet import image_programs, network_programs, programs
from kubekit.kubelet.runtime import Container
from kubekit.kubelet.script import Program
from kubekit.kubelet.shell import OUTPUT_LIMIT, Shell
from kubekit.kubelet.steps import Out, Wait

Result = tuple[int, str, str]

LONGEST = 7200.0
"""Seconds that a command may seem to take before it counts as endless, and is killed."""

BUSY_TURNS = 20
"""How often a loop may be found not to rest before it counts as endless too."""


class NotFound(Exception):
    """The image has no such program; the text is the OCI runtime's."""

    def __init__(self, name: str) -> None:
        why = (
            f"stat {name}: no such file or directory" if "/" in name else "executable file not found in $PATH"
        )
        super().__init__(
            f'OCI runtime exec failed: exec failed: unable to start container process: exec: "{name}": {why}'
        )


class TimedOut(Exception):
    """The command would have taken longer than it may; the text is the runtime client's."""

    def __init__(self, argv: Sequence[str], limit: float) -> None:
        super().__init__(f'command timed out: "{" ".join(argv)}" timed out after {limit:g}s')


def run_in(
    container: Container, argv: Sequence[str], now: float, strict: bool = False, limit: float = LONGEST
) -> Result:
    """Run `argv` in a running container at time `now` (Unix seconds); its seconds do not pass.

    With `strict` a program that the image does not have raises `NotFound`; a shorter `limit` than the longest
    raises `TimedOut` when it is over.
    """
    if not argv:
        return 0, "", ""
    program = image_programs.find(container, argv[0], strict)
    if program is None:
        raise NotFound(argv[0])
    run = programs.run(Shell(container, lambda: now, strict=strict), program, list(argv), None)
    printed = {STDOUT: "", STDERR: ""}
    waited, busy = 0.0, 0
    try:
        step = next(run)
        while True:
            if isinstance(step, Out):
                printed[step.channel] += step.text
            elif isinstance(step, Wait):
                waited += step.seconds
                busy += step.busy
            if limit < LONGEST and waited >= limit:
                raise TimedOut(argv, limit)
            if waited > LONGEST or busy > BUSY_TURNS or len(printed[STDOUT]) > OUTPUT_LIMIT:
                return 137, printed[STDOUT], printed[STDERR]
            step = run.send(None)
    except StopIteration as ended:
        return ended.value, printed[STDOUT], printed[STDERR]


def seconds_of(argv: Sequence[str]) -> float:
    """How long a hook's command takes: the sum of its sleeps; endless ones count as an hour."""
    program = Program.parse(argv) if argv else None
    if program is None:
        return 0.0
    if program.lifetime is None:
        return 3600.0 if any("sleep" in word or "tail" in word for word in argv) else 0.0
    return max(0.0, program.lifetime - 0.3)


def stable_until(container: Container, argv: Sequence[str], now: float) -> float | None:
    """The time at which the answer to `argv` may change by itself, or None when it never does."""
    age = container.age(now)
    if container.pod.network is not None and network_programs.named_in(argv):
        return now
    words = " ".join(argv).split()
    for name in ("ready-after", "healthy-for"):
        if name in words[:-1]:
            limit = _number(words[words.index(name) + 1])
            return container.status.started_at + limit if age < limit else None
    change = container.program.next_change(age)
    return None if change is None else container.status.started_at + change


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return 0.0
