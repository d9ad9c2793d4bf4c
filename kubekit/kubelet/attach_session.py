"""Attaching to a container: what its process writes from now on, and keys for it if it reads any.

A container whose spec says `stdin: true` and whose command is a shell reads what is typed; when that shell
exits, so does the container. Any other process ignores input. Source: `ServeAttach` in cri-streaming.
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.api.exchange import Obj
from kubekit.api.streams import STDOUT, SUCCESS
from kubekit.kubelet.exec_session import ExecSession
from kubekit.kubelet.log_stream import LogTail
from kubekit.kubelet.logs import Line
from kubekit.kubelet.runtime import Container, Runtime
from kubekit.kubelet.script import SHELLS
from kubekit.sim import Loop


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


class ShellSession(ExecSession):
    """Attached to a container that is a shell: its exit ends the container."""

    def __init__(self, loop: Loop, runtime: Runtime, container: Container, tty: bool) -> None:
        super().__init__(loop, container, container.argv, stdin=True, tty=tty)
        self._runtime = runtime

    def ended(self, code: int) -> None:
        """The shell was the container's process."""
        self._done(SUCCESS)
        self._runtime.end(self._container, code)


def attach(
    loop: Loop, runtime: Runtime, container: Container, spec: Obj, *, stdin: bool, tty: bool
) -> AttachSession | ShellSession:
    """The session of a client that attaches to a container of this spec."""
    argv = container.argv
    if stdin and spec.get("stdin") and len(argv) == 1 and argv[0].rsplit("/", 1)[-1] in SHELLS:
        return ShellSession(loop, runtime, container, tty)
    return AttachSession(loop, container, tty)
