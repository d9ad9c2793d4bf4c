"""`Call`: everything one command line may use - its flags and arguments, the server, files, time, and its
output.

The program makes one per command and hands it to the verb's `run`. Verbs print with `out` and `err`, fail by
raising, and wait with `wait_until`, which lets virtual time pass. A verb never touches a loop or a socket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from kubekit.api.duration import human_duration, since, unix_seconds
from kubekit.api.exchange import Obj
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, ManyErrors, usage_error
from kubekit.terminal.cli.files import Files
from kubekit.terminal.cli.flags import Parsed
from kubekit.terminal.kubectl.connection import Connection
from kubekit.terminal.kubectl.discovery import Discovery

if TYPE_CHECKING:
    from kubekit.terminal.kubectl.program import Kubectl


_OLD_DRY_RUNS = {
    "unchanged": ("client", 719),
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), ("client", 733)),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), ("none", 736)),
}
"""What --dry-run could be in former times: what it means, and the line of helpers.go that complains."""


class Pump(Protocol):
    """How waiting lets time pass."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held while the engine is spoken to beside its requests: a served one runs in another thread too."""
        ...

    def share(self) -> None:
        """Make the lock a real one: from now on another thread speaks to the engine, too."""
        ...

    def until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Let time pass until the condition holds; False when it did not within `timeout` seconds."""
        ...

    def quiet(self, timeout: float) -> None:
        """Let time pass until nothing is left to happen."""
        ...


class NoPump:
    """Without a loop nothing can change while we wait."""

    lock: AbstractContextManager[Any] = nullcontext()

    def share(self) -> None:
        return None

    def until(self, condition: Callable[[], bool], timeout: float) -> bool:
        return condition()

    def quiet(self, timeout: float) -> None:
        return None


class Call:
    """One command line in progress."""

    def __init__(
        self,
        program: Kubectl,
        command: Command,
        path: str,
        parsed: Parsed,
        connection: Connection,
        *,
        namespace: str,
        stdin: str,
    ) -> None:
        self.program, self.command, self.path = program, command, path
        self.flags, self.given, self.args = parsed.values, parsed.given, parsed.args
        self.dash_at = parsed.dash_at
        self.connection = connection
        self.namespace = namespace
        self.stdin = stdin
        self.stdout: list[str] = program.stdout
        self.stderr: list[str] = program.stderr

    # -- output -----------------------------------------------------------------------------------------

    def out(self, text: str = "", end: str = "\n") -> None:
        """Print to stdout."""
        self.stdout.append(text + end)

    def err(self, text: str = "", end: str = "\n") -> None:
        """Print to stderr."""
        self.stderr.append(text + end)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.err(f"Warning: {text}")

    # -- the world --------------------------------------------------------------------------------------

    @property
    def discovery(self) -> Discovery:
        """The server's resources."""
        return self.program.discovery

    @property
    def files(self) -> Files:
        """Where -f looks."""
        return self.program.files

    @property
    def now(self) -> float:
        """Unix seconds."""
        return self.program.clock.now()

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Let time pass until the condition holds; False on a timeout."""
        return self.program.pump.until(condition, timeout)

    def age(self, timestamp: str | None) -> str:
        """How long ago, for people."""
        return since(timestamp, self.now)

    def span(self, start: str, end: str) -> str:
        """The time between two timestamps, for people."""
        return human_duration(unix_seconds(end) - unix_seconds(start))

    # -- flags ------------------------------------------------------------------------------------------

    def flag(self, name: str) -> Any:
        """A flag's value (its default when it was not given)."""
        return self.flags[name]

    def usage(self, message: str) -> CommandError:
        """An error that says where to find help."""
        return usage_error(message, self.path)

    @property
    def all_namespaces(self) -> bool:
        """Whether -A was given."""
        return bool(self.flags.get("all-namespaces"))

    @property
    def scope(self) -> str | None:
        """The namespace to look in; None for all."""
        return None if self.all_namespaces else self.namespace

    def dry_run(self) -> str:
        """`none`, `client` or `server`; old ways to say it are told once."""
        value = str(self.flags.get("dry-run") or "none")
        if value in ("none", "client", "server"):
            return value
        if value not in _OLD_DRY_RUNS:
            raise CommandError(f'Invalid dry-run value ({value}). Must be "none", "server", or "client".')
        meant, line = _OLD_DRY_RUNS[value]
        shown = "--dry-run" if value == "unchanged" else f"--dry-run={value}"
        kind = "" if value == "unchanged" else " (boolean value)"
        self.log(
            "W",
            f"helpers.go:{line}",
            f"{shown} is deprecated{kind} and can be replaced with --dry-run={meant}.",
        )
        self.flags["dry-run"] = meant
        return meant

    def log(self, level: str, place: str, text: str) -> None:
        """A line of the program's log, on stderr."""
        at = datetime.fromtimestamp(self.now, UTC)
        self.err(f"{level}{at:%m%d %H:%M:%S.%f}       1 {place}] {text}")

    def fail_all(self, errors: Iterable[Exception]) -> None:
        """Raise what was collected on the way, if anything."""
        listed = list(errors)
        if len(listed) == 1:
            raise listed[0]
        if listed:
            raise ManyErrors(listed)


def meta(obj: Obj) -> Obj:
    """The object's metadata."""
    found: Obj = obj.get("metadata") or {}
    return found
