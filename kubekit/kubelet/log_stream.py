"""Following a container: each line at the time at which it is written, until the container ends.

`LogTail` hears of a container's lines; `LogStream` makes of them the answer to `kubectl logs -f`, which is
a `WatchStream` of plain text. Nothing polls: the program's timeline says when its next line comes, and
requests to a server tell the container's watchers. Source: `ReadLogs` with follow in
pkg/kubelet/kuberuntime/logs.
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.api.exchange import WatchEvent, WatchStream
from kubekit.kubelet.logs import Line, program_lines
from kubekit.kubelet.runtime import Container
from kubekit.sim import Handle, Loop, rfc3339_micro


class LogTail:
    """Calls `on_line` for every line that a container writes from now on, and `on_end` when it has ended."""

    def __init__(
        self,
        loop: Loop,
        container: Container,
        on_line: Callable[[Line], object],
        on_end: Callable[[], object],
    ) -> None:
        self._loop = loop
        self._container = container
        self._on_line = on_line
        self._on_end = on_end
        self._seen = loop.clock.now()
        self._timer: Handle | None = None
        self._open = True
        container.watchers.append(self._changed)
        self._wait()

    def stop(self) -> None:
        """Hear no more."""
        self._open = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._changed in self._container.watchers:
            self._container.watchers.remove(self._changed)

    def _wait(self) -> None:
        container = self._container
        age = container.program.next_print(container.age(self._seen)) if container.argv else None
        if age is not None and container.running:
            at = container.status.started_at + age
            self._timer = self._loop.call_later(
                max(0.0, at - self._loop.clock.now()),
                f"containerd/{container.pod.namespace}/{container.pod.name}",
                self._due,
                what=f"container {container.status.name} of {container.pod.name} to write",
                background=True,
            )

    def _due(self) -> None:
        self._timer = None
        self._program(self._loop.clock.now())
        if self._open:
            self._wait()

    def _program(self, now: float) -> None:
        # The clock may stand a rounding error before the line's time: it is due all the same.
        lines = [line for line in program_lines(self._container, now + 1e-6) if line.at > self._seen + 1e-6]
        self._seen = max([self._seen, now, *(line.at for line in lines)])
        for line in lines:
            self._on_line(line)

    def _changed(self, text: str | None) -> None:
        if not self._open:
            return
        if text is not None:
            self._on_line(Line(self._loop.clock.now(), text))
            return
        seen = self._seen
        lines = [
            line for line in program_lines(self._container, self._loop.clock.now()) if line.at > seen + 1e-6
        ]
        self.stop()
        for line in lines:
            self._on_line(line)
        self._on_end()


class Chunk(WatchEvent):
    """A piece of a log, as it goes over the wire."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__("LOG", {})
        self.text = text

    def encode(self) -> bytes:
        """The text itself: a log is no JSON."""
        return self.text.encode()


class LogStream(WatchStream):
    """The answer to a request that follows a log; `limit` is the number of bytes after which it ends."""

    __slots__ = ("_left", "_stamped", "_tail")

    def __init__(
        self, loop: Loop, container: Container | None, first: str, stamped: bool, limit: int | None
    ) -> None:
        super().__init__({"Content-Type": "text/plain", "Transfer-Encoding": "chunked"})
        self._left = limit
        self._stamped = stamped
        self._tail: LogTail | None = None
        self._text(first)
        if container is None or not container.running:
            self.close()
        elif not self.closed:
            self._tail = LogTail(loop, container, self._line, self.close)
            self.on_close(self._tail.stop)

    def _line(self, line: Line) -> None:
        stamp = f"{rfc3339_micro(line.at)} " if self._stamped else ""
        self._text(f"{stamp}{line.text}\n")

    def _text(self, text: str) -> None:
        if self._left is not None:
            data = text.encode()[: self._left]
            self._left -= len(data)
            text = data.decode(errors="ignore")
        if text:
            self.send(Chunk(text))
        if self._left == 0:
            self.close()
