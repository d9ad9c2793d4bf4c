"""Answer: the one reply to a call, which may come at once or much later.

A call is given an `Answer` and calls it with its response or an EtcdError. Whoever asked may give up before
(`cancel`): then the reply goes nowhere, and those who wait on his behalf can see it (`closed`) and stop
waiting. `then` hangs one step behind another: the error of the first is the answer of both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.etcd.errors import EtcdError


class Answer:
    """Calls `done` at most once."""

    __slots__ = ("_done", "closed")

    def __init__(self, done: Callable[[Any], object]) -> None:
        self._done = done
        self.closed = False
        """Whether it was given, or nobody waits for it any more."""

    def __call__(self, result: Any) -> None:
        """Give the reply; later ones are dropped."""
        if not self.closed:
            self.closed = True
            self._done(result)

    def cancel(self) -> None:
        """Whoever asked has gone."""
        self.closed = True


class Step(Answer):
    """One step of a longer call: `go_on` gets its result; its error ends the call."""

    __slots__ = ("_go_on", "_whole")

    def __init__(self, whole: Answer, go_on: Callable[[Any], Any]) -> None:
        self._whole = whole
        self._go_on = go_on

    @property
    def closed(self) -> bool:  # type: ignore[override]  # a step only reads what the whole call says
        """Whether nobody waits for the whole call any more."""
        return self._whole.closed

    def __call__(self, result: Any) -> None:
        whole = self._whole
        if whole.closed:
            return
        if isinstance(result, EtcdError):
            whole(result)
            return
        try:
            self._go_on(result)
        except EtcdError as error:
            whole(error)

    def cancel(self) -> None:
        self._whole.cancel()


def then(whole: Answer, finish: Callable[[Any], Any]) -> Answer:
    """A step whose result, put through `finish`, is the answer of the whole call."""
    return Step(whole, lambda result: whole(finish(result)))


def step(whole: Answer, go_on: Callable[[Any], Any]) -> Answer:
    """A step after which `go_on` does the next one; it answers the whole call itself."""
    return Step(whole, go_on)
