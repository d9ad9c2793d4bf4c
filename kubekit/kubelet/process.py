"""A container's own command that uses the network, run for real instead of being worked out beforehand.

What a `script.Program` does is known when it starts; what a name server or another pod will answer is not. A
command that calls one of the `network_programs` is therefore driven step by step on the loop: what it prints
goes into the container's log as it comes, and the container ends with it. Loops that never rest for long are
slowed down to a turn a second after a while, so that a load generator does not take over the cluster's time;
who waits for the cluster to be quiet does not wait for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubekit.kubelet import network_programs, programs
from kubekit.kubelet.answers import program_of
from kubekit.kubelet.runtime import Container, Runtime
from kubekit.kubelet.script import SHELLS, STARTUP_SECONDS, Program
from kubekit.kubelet.shell import Shell
from kubekit.kubelet.steps import Out, Wait
from kubekit.kubelet.task import FOREGROUND_SECONDS

FIRST_SECONDS = 0.05
AWAITED_TURNS = 12
"""Pauses of a process that a learner waits for; whoever rests more often is taken to go on for ever."""
QUICK_TURNS = 40
SLOW_SECONDS = 1.0
"""After that many pauses none is shorter than this."""
LOG_LINES = 10_000
"""Lines of such a process that are kept, as the kubelet keeps the last of a rotated log."""


def is_needed(container: Container) -> bool:
    """Whether the command of a new container has to be run."""
    return container.pod.network is not None and network_programs.named_in(_command(container))


def _command(container: Container) -> tuple[str, ...]:
    """Its command; an image of curl takes words that are none as curl's."""
    argv = container.argv
    if argv and argv[0].startswith(("-", "http")) and program_of(container.image) == "curl":
        return ("curl", *argv)
    return argv


def prepare(container: Container) -> None:
    """Take the worked-out program away: the process will do what it does."""
    container.argv = _command(container)
    container.program = Program(ignores_term=container.program.ignores_term)


class Process:
    """The process of one container that has just been started."""

    def __init__(self, runtime: Runtime, container: Container) -> None:
        self._runtime = runtime
        self._container = container
        argv: Sequence[str] = container.argv
        name = argv[0].rsplit("/", 1)[-1]
        shell = Shell(
            container, runtime.loop.clock.now, name if name in SHELLS else "sh", strict=False, own=True
        )
        self._run = programs.run(shell, name, list(argv), "")
        self._partial = ""
        self._turns = 0
        self._later(FIRST_SECONDS)

    def _later(self, seconds: float) -> None:
        container, self._turns = self._container, self._turns + 1
        if self._turns > QUICK_TURNS:
            seconds = max(seconds, SLOW_SECONDS)
        # The runtime takes this timer away when the container ends otherwise.
        container.timer = self._runtime.loop.call_later(
            seconds,
            self._runtime.owner,
            self._go,
            what=f"container {container.status.name} of {container.pod.namespace}/{container.pod.name} "
            "to go on",
            background=self._turns > AWAITED_TURNS or seconds > FOREGROUND_SECONDS,
        )

    def _go(self) -> None:
        """Go on until the process waits or ends."""
        self._container.timer = None
        if not self._container.running:
            return
        try:
            while True:
                step = self._run.send(None)
                if isinstance(step, Wait):
                    self._later(step.seconds)
                    return
                if isinstance(step, Out):
                    self._print(step.text)
        except StopIteration as ended:
            if self._partial:
                self._print("\n")
            container, code = self._container, int(ended.value or 0)
            container.timer = self._runtime.loop.call_later(
                STARTUP_SECONDS,
                self._runtime.owner,
                self._runtime.end,
                container,
                code,
                what=f"container {container.status.name} of {container.pod.namespace}/{container.pod.name} "
                "to end",
            )

    def _print(self, text: str) -> None:
        *whole, self._partial = f"{self._partial}{text}".split("\n")
        now, container = self._runtime.loop.clock.now(), self._container
        for line in whole:
            container.write_log(now, line)
        if len(container.log) > 2 * LOG_LINES:
            del container.log[:-LOG_LINES]
