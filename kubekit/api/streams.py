"""Connections that stay open: what stands behind an upgraded request (exec, attach, port-forward).

A kubelet answers such a request with `Upgrade`: status 101 and whoever is at the other end. The front door
knows the wire (WebSockets, SPDY) and speaks to that end through the protocols below; the end knows nothing
of the wire. All calls are made on the engine's side of its lock, and callbacks come from there: a receiver
only queues.
Source: `PodExecOptions`, `PodPortForwardOptions`; apimachinery/pkg/util/remotecommand (channels).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from kubekit.api.exchange import Obj, Response

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
"""The channels of a command, by their numbers on the wire."""

SUCCESS: Obj = {"metadata": {}, "status": "Success"}
"""The Status with which the error channel of a command ends that exited with 0."""


class Command(Protocol):
    """A process that a client talks with: a command run in a container, or the container's own process."""

    def listen(self, output: Callable[[int, bytes], object], done: Callable[[Obj], object]) -> None:
        """Start. `output(channel, bytes)` gets what is printed, `done(Status)` comes once and last."""

    def write(self, data: bytes) -> None:
        """Bytes for its standard input."""

    def close_stdin(self) -> None:
        """Nothing more will be typed."""

    def resize(self, width: int, height: int) -> None:
        """The terminal has so many columns and lines now."""

    def hang_up(self) -> None:
        """The client is gone; `done` does not come any more."""


class PortConnection(Protocol):
    """One connection to a port of a pod."""

    def listen(self, data: Callable[[bytes], object], closed: Callable[[], object]) -> None:
        """Receive what the server sends; `closed` comes once and last."""

    def send(self, data: bytes) -> None:
        """Bytes from the client."""

    def close(self) -> None:
        """The client sends nothing more."""


class Forwarder(Protocol):
    """The ports of a pod."""

    def connect(self, port: int) -> PortConnection:
        """A new connection; raises OSError with the text of the refusal."""

    def on_lost(self, callback: Callable[[], object]) -> None:
        """Call back when the pod is gone and with it every connection."""

    def hang_up(self) -> None:
        """The client is gone."""


@dataclass(slots=True)
class Upgrade(Response):
    """101 Switching Protocols, and the other end: a command, or the ports of a pod."""

    command: Command | None = None
    ports: Forwarder | None = None


class Translated:
    """A command whose client speaks the fifth WebSocket protocol: between the two stands a translator, which
    reports as its own failure what the command's side reports as one, so that the words come twice."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self.write = command.write
        self.close_stdin = command.close_stdin
        self.resize = command.resize
        self.hang_up = command.hang_up

    def listen(self, output: Callable[[int, bytes], object], done: Callable[[Obj], object]) -> None:
        """Start the command."""

        def told(status: Obj) -> None:
            failed = status["status"] != "Success" and status.get("reason") != "NonZeroExitCode"
            done(internal_failure(str(status.get("message", ""))) if failed else status)

        self._command.listen(output, told)


def outcome(code: int) -> Obj:
    """The Status of a command that ended with an exit code."""
    if code == 0:
        return SUCCESS
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def internal_failure(text: str) -> Obj:
    """The Status of a command that could not be run."""
    causes: list[dict[str, Any]] = [{"message": text}]
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {text}",
        "reason": "InternalError",
        "details": {"causes": causes},
        "code": 500,
    }
