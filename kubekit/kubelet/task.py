"""Tasks: steps of the kubelet that take time, written one below the other.

A pod worker pulls an image, waits for a hook, stops a container: each takes seconds during which the rest of
the kubelet goes on. Such a step is a generator that yields a `Pause` (so many seconds pass) or a `Gather`
(wait for several such steps side by side); `run` drives it on the loop under the kubelet's name. A step that
yields nothing runs to its end at once and costs no event. Never call `loop.run_*` from inside a task.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, TypeVar

from kubekit.sim import Handle, Loop

T = TypeVar("T")

FOREGROUND_SECONDS = 60.0
"""Delays up to this long are something a learner waits for; longer ones only pass when time is moved."""


class Pause(NamedTuple):
    """Let so many seconds pass. `what` says in reports what is being waited for."""

    seconds: float
    what: str
    background: bool = False


class Gather(NamedTuple):
    """Run several steps side by side; goes on when all have ended, with their results in order."""

    steps: Sequence[Steps[Any]]


Steps = Generator[Pause | Gather, Any, T]
"""A step that may take time and ends with a `T`."""


class Task:
    """A step under way; `cancel` ends it where it is, and `done` is not called then."""

    __slots__ = ("_done", "_handle", "_loop", "_owner", "_steps")

    def __init__(self, loop: Loop, owner: str, steps: Steps[Any], done: Callable[[Any], None] | None) -> None:
        self._loop = loop
        self._owner = owner
        self._steps = steps
        self._done = done
        self._handle: Handle | None = None

    def cancel(self) -> None:
        """Let the step go no further."""
        self._done = None
        if self._handle is not None:
            self._handle.cancel()
        self._steps.close()

    def go_on(self, value: Any = None) -> None:
        """Run until the next wait, or to the end."""
        self._handle = None
        while True:
            try:
                wait = self._steps.send(value)
            except StopIteration as end:
                if self._done is not None:
                    self._done(end.value)
                return
            if isinstance(wait, Pause):
                background = wait.background or wait.seconds > FOREGROUND_SECONDS
                self._handle = self._loop.call_later(
                    wait.seconds, self._owner, self.go_on, what=wait.what, background=background
                )
                return
            if wait.steps:
                self._gather(wait.steps)
                return
            value = []

    def _gather(self, steps: Sequence[Steps[Any]]) -> None:
        results: list[Any] = [None] * len(steps)
        left = len(steps)

        def ended(index: int) -> Callable[[Any], None]:
            def take(value: Any) -> None:
                nonlocal left
                results[index] = value
                left -= 1
                if left == 0:
                    # This frame may still be starting the others: go on in a turn of its own.
                    what = "the last of several steps has ended"
                    self._handle = self._loop.call_soon(self._owner, self.go_on, results, what=what)

            return take

        for index, step in enumerate(steps):
            run(self._loop, self._owner, step, ended(index))


def run(loop: Loop, owner: str, steps: Steps[Any], done: Callable[[Any], None] | None = None) -> Task:
    """Drive `steps` to their end and hand the result to `done`; exceptions reach whoever runs the loop."""
    task = Task(loop, owner, steps, done)
    task.go_on()
    return task
