"""A handle: one scheduled callback, as the loop keeps it and whoever scheduled it holds it.

Read when it is due and whether it has run; `cancel` it. Everything else on it is the loop's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Handle:
    """One scheduled callback: cancel it, or read when it is due."""

    __slots__ = ("args", "background", "cancelled", "cause", "done", "fn", "owner", "seq", "what", "when")

    def __init__(
        self,
        when: float,
        seq: int,
        owner: str,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        what: str,
        background: bool,
        cause: int | None,
    ) -> None:
        self.when = when
        self.seq = seq
        self.owner = owner
        self.fn = fn
        self.args = args
        self.what = what
        self.background = background
        self.cause = cause
        self.cancelled = False
        self.done = False

    def cancel(self) -> None:
        """Make sure that it does not run."""
        self.cancelled = True

    def __lt__(self, other: Handle) -> bool:
        return (self.when, self.seq) < (other.when, other.seq)

    def describe(self) -> str:
        """The name by which reports call it."""
        return self.what or getattr(self.fn, "__qualname__", repr(self.fn))
