"""What a command line did: its exit status, what it printed, and how it ended if not by itself.

A program that would wait for ever in a terminal (`etcdctl watch`) is interrupted here: `ended` says so, and
the exit status is the one that a shell reports for Ctrl-C.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

INTERRUPTED = 130
"""The exit status a shell reports for a program that SIGINT ended."""


@dataclass(frozen=True, slots=True)
class Result:
    """Exit status and the two streams. `ended`: "" or "interrupted"."""

    exit: int
    stdout: str
    stderr: str
    ended: str = ""

    def __str__(self) -> str:
        return self.stdout + self.stderr

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """In a notebook it shows what the program printed."""
        printer.text(str(self).rstrip("\n"))
