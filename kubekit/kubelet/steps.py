"""What a running command does next: print, wait, or ask for a line of its input."""

from __future__ import annotations

from typing import NamedTuple


class Out(NamedTuple):
    """Text on standard output or standard error (`channel` as in `api.streams`)."""

    channel: int
    text: str


class Wait(NamedTuple):
    """So many seconds pass; `busy` for a loop that never rests, or for what never ends by itself."""

    seconds: float
    busy: bool = False


class Read(NamedTuple):
    """A line of standard input is needed, with its newline; None is sent at its end."""


Step = Out | Wait | Read


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""
