"""A command in a container that somebody talks with: `kubectl exec -it`, step by step on the loop.

It drives the steps of a `shell.Shell` or of one program: what is printed goes out at once, seconds pass on
the loop, and a read waits for the client. With a terminal, keys are echoed and standard error joins
standard output. It ends when the command does, when the container does (137), or when the client hangs up.
Source: `ServeExec` in cri-streaming, `ExecInContainer` of containerd.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence

from kubekit.api.exchange import Obj
from kubekit.api.streams import STDOUT, internal_failure, outcome
from kubekit.kubelet import image_programs, programs
from kubekit.kubelet.exec_command import NotFound
from kubekit.kubelet.runtime import Container
from kubekit.kubelet.script import SHELLS
from kubekit.kubelet.shell import Run, Shell
from kubekit.kubelet.steps import Interrupted, Out, Read, Wait
from kubekit.kubelet.terminal_line import TerminalLine
from kubekit.sim import Handle, Loop

INPUT_LIMIT = 64 * 1024 * 1024
"""Bytes of input that may wait for a command that does not read; then it is killed."""
KILLED = 137


class ExecSession:
    """A `streams.Command` that runs `argv`; without `stdin` its input ends at once."""

    def __init__(
        self, loop: Loop, container: Container, argv: Sequence[str], *, stdin: bool, tty: bool
    ) -> None:
        self._loop = loop
        self._owner = f"containerd/{container.pod.namespace}/{container.pod.name}"
        self._container = container
        self._argv = list(argv)
        self._tty = tty
        self._eof = not stdin
        self._keys = TerminalLine()
        self._lines: deque[str] = deque()
        self._partial = b""
        self._waiting = 0
        self._timer: Handle | None = None
        self._reading = False
        self._running = False
        self._output: Callable[[int, bytes], object] = lambda channel, data: None
        self._done: Callable[[Obj], object] = lambda status: None
        name = argv[0].rsplit("/", 1)[-1] if argv else ""
        self._shell = Shell(container, loop.clock.now, name if name in SHELLS else "sh")
        self._run: Run | None = None
        self.after: Callable[[], object] = lambda: None
        """Called when the command has ended, however it did."""

    # -- the client's side ------------------------------------------------------------------------------

    def listen(self, output: Callable[[int, bytes], object], done: Callable[[Obj], object]) -> None:
        """Start the command; see `streams.Command`."""
        self._output, self._done = output, done
        try:
            self._run = self._start()
        except NotFound as error:
            id = hashlib.sha256(f"{self._container.status.id}{self._argv}".encode()).hexdigest()
            done(
                internal_failure(
                    "error executing command in container: failed to exec in container: failed to start exec "
                    f'"{id}": {error}: unknown'
                )
            )
            return
        self._running = True
        self._container.watchers.append(self._container_changed)
        # Not within this call: the client's side is set up only when it returns.
        self._timer = self._loop.call_later(0.0, self._owner, self._go, None, what="command to start")

    def write(self, data: bytes) -> None:
        """Input: keys with a terminal, else bytes."""
        if not self._running or self._eof:
            return
        self._waiting += len(data)
        if self._waiting > INPUT_LIMIT:
            self._finish(KILLED)
            return
        if self._tty:
            for key in self._keys.keys(data):
                if key.echo:
                    self._output(STDOUT, key.echo.encode())
                if key.line:
                    self._lines.append(key.line)
                elif key.interrupt:
                    self._interrupt()
                elif key.end:
                    self._eof = True
        else:
            self._partial += data
            *whole, self._partial = self._partial.split(b"\n")
            self._lines += [_text(line + b"\n") for line in whole]
        self._feed()

    def close_stdin(self) -> None:
        """Nothing more will come."""
        if self._partial:
            self._lines.append(_text(self._partial))
            self._partial = b""
        self._eof = True
        self._feed()

    def resize(self, width: int, height: int) -> None:
        """The terminal's size, which `stty size` and the shell's variables tell."""
        self._shell.variables |= {"COLUMNS": str(width), "LINES": str(height)}

    def hang_up(self) -> None:
        """The client is gone: the command loses its terminal and ends."""
        self._stop()

    # -- the command's side -----------------------------------------------------------------------------

    def _start(self) -> Run:
        name = image_programs.find(self._container, self._argv[0])
        if name is None:
            raise NotFound(self._argv[0])
        interactive = [word for word in self._argv[1:] if word not in ("-i", "-l", "-il", "--login")]
        if name in SHELLS and not interactive:
            return self._shell.interactive(self._prompt(name) if self._tty else "")
        return programs.run(self._shell, name, self._argv, None)

    def _prompt(self, name: str) -> str:
        if name == "bash":
            return f"root@{self._container.pod.hostname}:\\w# "
        return "# " if image_programs.find(self._container, "bash") else "\\w # "

    def _go(self, answer: str | None) -> None:
        """Go on until the command waits for something."""
        self._timer = None
        run = self._run
        if run is None:
            return
        try:
            step = run.send(answer)
            while True:
                if isinstance(step, Wait):
                    self._timer = self._loop.call_later(
                        step.seconds, self._owner, self._go, None, what="command to go on", background=True
                    )
                    return
                if isinstance(step, Read):
                    if not self._lines and not self._eof:
                        self._reading = True
                        return
                    step = run.send(self._line())
                    continue
                self._print(step)
                step = run.send(None)
        except StopIteration as ended:
            self._finish(ended.value or 0)
        except Interrupted:
            self._finish(130)

    def _line(self) -> str | None:
        if not self._lines:
            return None
        line = self._lines.popleft()
        self._waiting = max(0, self._waiting - len(line))
        return line

    def _feed(self) -> None:
        if self._reading and (self._lines or self._eof):
            self._reading = False
            self._go(self._line())

    def _print(self, step: Out) -> None:
        text, channel = step.text, step.channel
        if self._tty:
            text, channel = text.replace("\n", "\r\n"), STDOUT
        self._output(channel, text.encode(errors="surrogateescape"))

    def _interrupt(self) -> None:
        self._lines.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        elif not self._reading:
            return
        run = self._run
        if run is None:
            return
        self._reading = False
        try:
            step = run.throw(Interrupted())
            while isinstance(step, Out):
                self._print(step)
                step = run.send(None)
            self._reading = isinstance(step, Read)
            if isinstance(step, Wait):
                self._go(None)
        except StopIteration as ended:
            self._finish(ended.value or 0)
        except Interrupted:
            self._finish(130)

    def _container_changed(self, line: str | None) -> None:
        if line is None and self._running:
            self._finish(KILLED)

    def _finish(self, code: int) -> None:
        if self._running:
            self._stop()
            self.ended(code)

    def ended(self, code: int) -> None:
        """What happens when the command exits: the client is told."""
        self._done(outcome(code))

    def _stop(self) -> None:
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._container_changed in self._container.watchers:
            self._container.watchers.remove(self._container_changed)
            self.after()


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
