"""Etcdctl: from a command line to text and an exit status.

>>> Etcdctl(doors).run(["put", "foo", "bar"])            # doctest: +SKIP
Result(exit=0, stdout='OK\\n', stderr='', ended='')

It finds the command, reads its flags, makes a `Call`, and turns every failure into the text and status of the
real program. Which release it is, is an argument. What would wait for Ctrl-C waits until nothing more happens
(`patience` seconds of virtual time at most) and is interrupted then. No traceback comes out: a fault of the
kit says that it is one.
Source: etcdctl/ctlv3/ctl.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from kubekit.etcd.disk import Disk, FolderDisk
from kubekit.etcd.initial_cluster import Resolve, no_names
from kubekit.terminal.cli.cobra import Found, find
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import FlagError, FlagSet
from kubekit.terminal.cli.result import INTERRUPTED, Result
from kubekit.terminal.etcdctl.call import Call
from kubekit.terminal.etcdctl.client import Waiting, error_text
from kubekit.terminal.etcdctl.doors import Doors
from kubekit.terminal.etcdctl.exits import ERROR, DeadlineExceeded, Exit, Interrupted, Panic
from kubekit.terminal.etcdctl.release import DEFAULT, Release
from kubekit.terminal.etcdctl.tree import tree
from kubekit.terminal.etcdctl.usage import usage

PATIENCE = 60.0
"""Seconds of virtual time that a command which waits for Ctrl-C is given."""

FAULT = 70
PANIC = 2

Execute = Callable[[list[str], Mapping[str, str]], tuple[int, str, str]]
"""Runs another program for `watch -- CMD` and `lock NAME CMD`: exit status, output, errors."""


class Pump(Protocol):
    """How waiting lets time pass."""

    def until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Let time pass until the condition holds; False when it did not within `timeout` seconds."""
        ...

    def quiet(self, timeout: float) -> None:
        """Let time pass until nothing is left to happen."""
        ...


class _Still:
    """Without a loop nothing changes while we wait."""

    def until(self, condition: Callable[[], bool], timeout: float) -> bool:
        return condition()

    def quiet(self, timeout: float) -> None:
        return None


def _no_program(argv: list[str], env: Mapping[str, str]) -> tuple[int, str, str]:
    return 1, "", f'Error: exec: "{argv[0]}": executable file not found in $PATH\n'


class Etcdctl:
    """An etcdctl. `doors`: what stands behind addresses. `env`: its environment variables."""

    name = "etcdctl"

    def __init__(
        self,
        doors: Doors,
        *,
        version: str = DEFAULT,
        files: Disk | None = None,
        now: Callable[[], float] = lambda: 0.0,
        pump: Pump | None = None,
        env: Mapping[str, str] | None = None,
        execute: Execute = _no_program,
        patience: float = PATIENCE,
        resolve: Resolve = no_names,
    ) -> None:
        self.doors, self.now, self.execute, self.patience = doors, now, execute, patience
        self.release = Release(version)
        self.resolve = resolve
        self.files: Disk = files or FolderDisk(".")
        self.env: dict[str, str] = dict(env or {})
        self.pump: Pump = pump or _Still()
        self.stdout: list[str] = []
        self.stderr: list[str] = []
        self._during: Callable[[], None] | None = None
        self._quietly = False

    @property
    def root(self) -> Command:
        """The tree of commands of this release."""
        return tree(self.release.minor)

    @property
    def waiting(self) -> Waiting:
        """How its clients let time pass."""
        return Waiting(self.pump.until, self.now, self.patience)

    def run(
        self,
        argv: list[str],
        stdin: str = "",
        env: Mapping[str, str] | None = None,
        during: Callable[[], None] | None = None,
        patience: float | None = None,
    ) -> Result:
        """One command; never raises what a learner caused.

        `env` replaces the program's environment; `during` is called once when the command begins to wait for
        Ctrl-C, which comes when it returns.
        """
        outer = self.stdout, self.stderr, self._during, self.patience
        self.stdout, self.stderr, self._during = [], [], during
        self.patience = self.patience if patience is None else patience
        try:
            code, ended = self._guarded(list(argv), stdin, self.env if env is None else env)
            return Result(code, "".join(self.stdout), "".join(self.stderr), ended)
        finally:
            self.stdout, self.stderr, self._during, self.patience = outer

    def _guarded(self, argv: list[str], stdin: str, env: Mapping[str, str]) -> tuple[int, str]:
        try:
            self._run(argv, stdin, env)
        except Exit as left:
            if left.text is not None:
                self.stderr.append(f"Error: {left.text}\n")
            return left.code, ""
        except Panic as panic:
            self.stderr.append(f"panic: {panic}\n\ngoroutine 1 [running]:\n")
            return PANIC, ""
        except Interrupted:
            return INTERRUPTED, "interrupted"
        except DeadlineExceeded as late:
            self.stderr.append(f"Error: {error_text(late)}\n")
            return ERROR, ""
        except Exception as error:
            self.stderr.append(
                f"This is a fault of kubekit, not of your command: {type(error).__name__}: {error}\n"
            )
            if _DEBUG:
                raise
            return FAULT, ""
        return 0, ""

    def _run(self, argv: list[str], stdin: str, env: Mapping[str, str]) -> None:
        api = env.get("ETCDCTL_API", "") if self.name == "etcdctl" else ""
        if self.release.minor < 6 and api not in ("", "3"):
            self._old_api(api)
        try:
            found = self._find(argv)
        except CommandError as error:
            text = error.message
            self.stderr.append(f"Error: {text}\nRun '{self.name} --help' for usage.\n")
            raise Exit(ERROR, text if self.says_twice else None) from None
        if found is None:
            return
        flags = FlagSet(found.flags)
        try:
            parsed = flags.parse(found.rest)
        except FlagError as error:
            raise self.wrong_call(found, error.message) from None
        if "help" in parsed.given or found.command.run is None:
            self.stdout.append(self.help_text(found))
            return
        if missing := [name for name in found.command.required if name not in parsed.given]:
            names = ", ".join(f'"{name}"' for name in missing)
            raise self.wrong_call(found, f"required flag(s) {names} not set")
        found.command.run(Call(self, found, parsed, argv, stdin, env))

    @property
    def says_twice(self) -> bool:
        """Whether a wrong call is told once by the command library and again at the end."""
        return self.release.minor < 6

    def help_text(self, found: Found) -> str:
        """What --help prints."""
        return usage(found.path, self.release)

    def wrong_call(self, found: Found, message: str) -> Exit:
        """Tell what is wrong with a command line, and how it is called."""
        self.stdout.append(self.help_text(found))
        self.stderr.append(f"Error: {message}\n\n")
        return Exit(ERROR, message if self.says_twice else None)

    def _old_api(self, api: str) -> None:
        if api == "2":
            raise Exit(ERROR, "the v2 API is not served here: it went with etcd 3.6")
        self.stderr.append(f"unsupported API version {api}\n")
        raise Exit(ERROR)

    def _find(self, argv: list[str]) -> Found | None:
        """The command; None when it was `help`, which is printed at once."""
        found = find(self.root, argv)
        if found.command.name != "help" or len(found.path) != 2:
            return found
        words = [word for word in found.rest if not word.startswith("-")]
        try:
            about = find(self.root, words)
        except CommandError:
            about = None
        if about is None or about.rest:
            self.stdout.append(f"Unknown help topic {[f'`{word}`' for word in words]}\n".replace("'", ""))
            about = Found((self.root,), [])
        self.stdout.append(self.help_text(about))
        return None

    @property
    def has_during(self) -> bool:
        """Whether something is to happen while the command waits, and Ctrl-C to come after it."""
        return self._during is not None

    def block(self, pending: Callable[[], bool]) -> bool:
        """Wait for `pending()`: True when it holds, False when the learner is not to wait any longer."""
        if pending():
            return True
        if self._during is not None:
            during, self._during = self._during, None
            during()
            self.pump.until(pending, 1.0)
            return pending()
        if self._quietly:
            self.pump.quiet(self.patience)
        else:
            self.pump.until(pending, self.patience)
        return pending()

    @contextmanager
    def quietly(self, yes: bool) -> Iterator[None]:
        """Within it, waiting for Ctrl-C ends when nothing is left to happen, not after a time."""
        before, self._quietly = self._quietly, yes
        try:
            yield
        finally:
            self._quietly = before

    @property
    def stops_when_quiet(self) -> bool:
        """Whether waiting for Ctrl-C ends when nothing is left to happen."""
        return self._quietly


_DEBUG = False
