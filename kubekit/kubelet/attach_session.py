"""Attaching to a container: what its process writes from now on, and keys for it if it reads any.

A container whose spec says `stdin: true` and whose command is a shell (or another program that only reads)
takes what is typed; when that program ends, so does the container. Any other process ignores input.
Source: `ServeAttach` in cri-streaming, `Attach` in containerd (internal/cri/io/container_io.go).
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.api.exchange import Obj
from kubekit.api.streams import STDOUT, SUCCESS
from kubekit.kubelet import image_programs
from kubekit.kubelet.exec_session import ExecSession
from kubekit.kubelet.log_stream import LogTail
from kubekit.kubelet.logs import Line
from kubekit.kubelet.runtime import Container, Runtime
from kubekit.kubelet.script import SHELLS
from kubekit.kubelet.steps import Out
from kubekit.sim import Loop

READERS = ("cat", "tee", "wc", "sort")
"""Programs that, called with no words, do nothing but read."""


class AttachSession:
    """A `streams.Command` that shows a container's own process."""

    def __init__(self, loop: Loop, container: Container, tty: bool) -> None:
        self._loop = loop
        self._container = container
        self._tty = tty
        self._tail: LogTail | None = None

    def listen(self, output: Callable[[int, bytes], object], done: Callable[[Obj], object]) -> None:
        """Show what comes; see `streams.Command`."""
        end = "\r\n" if self._tty else "\n"

        def line(written: Line) -> None:
            output(STDOUT, f"{written.text}{end}".encode())

        self._tail = LogTail(self._loop, self._container, line, lambda: done(SUCCESS))

    def write(self, data: bytes) -> None:
        """Its process reads nothing."""

    def close_stdin(self) -> None:
        """Its process waits for nothing."""

    def resize(self, width: int, height: int) -> None:
        """Its process does not draw."""

    def hang_up(self) -> None:
        """The client is gone; the process goes on."""
        if self._tail is not None:
            self._tail.stop()


class ProcessSession(ExecSession):
    """Attached to a process that reads: its end is the container's, and its output is the container's log.

    Where the spec says `stdinOnce` the process' input ends with the first client's; otherwise the client is
    let go when it has nothing more to say, and the process waits for the next one.
    """

    def __init__(
        self, loop: Loop, runtime: Runtime, container: Container, argv: list[str], spec: Obj, tty: bool
    ) -> None:
        super().__init__(loop, container, argv, stdin=True, tty=tty)
        self._runtime = runtime
        self._stays = not spec.get("stdinOnce") and not tty
        self._input_over = False
        self._written = ""

    def _line(self) -> str | None:
        line = super()._line()
        self._input_over = self._input_over or line is None
        return line

    def _print(self, step: Out) -> None:
        super()._print(step)
        *whole, self._written = f"{self._written}{step.text}".split("\n")
        for line in whole:
            self._container.write_log(self._loop.clock.now(), line)

    def ended(self, code: int) -> None:
        """The process was the container's."""
        self._done(SUCCESS)
        if not (self._stays and self._input_over):
            self._runtime.end(self._container, code)


def attach(
    loop: Loop, runtime: Runtime, container: Container, spec: Obj, *, stdin: bool, tty: bool
) -> AttachSession | ProcessSession:
    """The session of a client that attaches to a container of this spec."""
    argv = list(container.argv) or image_programs.default_command(container.image)
    if stdin and spec.get("stdin") and argv:
        name = argv[0].rsplit("/", 1)[-1]
        if (name in SHELLS or name in READERS) and len(argv) == 1:
            return ProcessSession(loop, runtime, container, argv, spec, tty)
    return AttachSession(loop, container, tty)
