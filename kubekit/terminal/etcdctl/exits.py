"""How etcdctl ends: its exit statuses, and the exceptions that carry them.

A command raises `Exit(code, text)`; the program prints `Error: text`. `Interrupted` is raised where the real
program would wait for Ctrl-C and the notebook has waited long enough.
Source: pkg/cobrautl/error.go.
"""

from __future__ import annotations

ERROR = 1
BAD_CONNECTION = 2
INVALID_INPUT = 3
BAD_FEATURE = 4
INTERRUPTED = 5
BAD_ARGS = 128


class Exit(Exception):
    """Leave with a status; `text` goes to stderr behind `Error: ` unless it is None."""

    def __init__(self, code: int, text: str | None = None) -> None:
        super().__init__(text or "")
        self.code, self.text = code, text


class Panic(Exception):
    """The original dies here with a Go panic, and so do we: status 2, and the first lines of it."""


class Interrupted(Exception):
    """SIGINT: the program was waiting and nobody waits any longer."""


class DeadlineExceeded(Exception):
    """A request got no answer in time; `why` is the connection's last trouble, as gRPC words it."""

    def __init__(self, why: str = "context deadline exceeded") -> None:
        super().__init__("context deadline exceeded")
        self.why = why


def bad_args(text: str) -> Exit:
    """The command line makes no sense."""
    return Exit(BAD_ARGS, text)
