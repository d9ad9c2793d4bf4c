"""A command in a container, from here to its end: the request that asks for a stream, then bytes both ways.

    run(call, "default", "web", "exec", {"container": "nginx", "command": ["ls"]}).stdout

The API server answers 101 with a `streams.Command`, after it has asked who may do this; the cluster's time
goes on until the command ends or the patience does. Input is given whole: nobody types in a notebook.
Source: client-go/tools/remotecommand (WebSocket first, SPDY as the fallback).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kubekit.api.exchange import Obj, WatchStream
from kubekit.api.status_error import StatusError
from kubekit.api.streams import STDERR, STDOUT, Command, Upgrade
from kubekit.client.rest_client import failure_of
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.kubectl.call import Call

PATIENCE = 300.0
"""Seconds of the cluster's time that a command may take; a cell has to end."""
WAYS = {
    "GET": {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-protocol": "v5.channel.k8s.io",
    },
    "POST": {
        "connection": "Upgrade",
        "upgrade": "SPDY/3.1",
        "x-stream-protocol-version": "v4.channel.k8s.io",
    },
}
"""How a stream is asked for: first by WebSocket; what refuses that is asked again by SPDY."""
NO_KEYS = (
    "a notebook waits for no keys: write what you would type below the same command in a cell that begins"
    " with %%kubectl"
)
NOT_TERMINAL = "Unable to use a TTY - input is not a terminal or the right kind of file"


@dataclass
class Ended:
    """What came of a command. `status` is None when it still ran as the patience ended."""

    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    status: Obj | None = None

    @property
    def code(self) -> int:
        """The exit status; raises CommandError for a command that could not be run at all."""
        status = self.status or {}
        if status.get("status") == "Success" or not status:
            return 0
        if status.get("reason") == "NonZeroExitCode":
            for cause in (status.get("details") or {}).get("causes") or []:
                if cause.get("reason") == "ExitCode":
                    return int(cause["message"])
        raise CommandError(f"Internal error occurred: {_inner(status)}")


def _inner(status: Obj) -> str:
    return str(status.get("message", "")).removeprefix("Internal error occurred: ")


def run(
    call: Call,
    namespace: str,
    pod: str,
    subresource: str,
    query: dict[str, Any],
    stdin: bytes | None = None,
    patience: float = PATIENCE,
) -> Ended:
    """Run a command (or attach to one) until it ends; `stdin` is its whole input, None when it has none.

    Raises StatusError and CommandError when it cannot be started.
    """
    asked = {**query, "stdin": "true" if stdin is not None else "", "stdout": "true", "stderr": "true"}
    path = call.discovery.find("pods").path(namespace, pod, subresource)
    for method, headers in WAYS.items():
        answer = call.connection.send(method, path, query=asked, headers=headers)
        if isinstance(answer, Upgrade) and answer.command is not None:
            ended = Ended()
            _talk(call, answer.command, stdin, ended, patience)
            return ended
        if isinstance(answer, WatchStream):
            answer.close()
            raise CommandError("unable to upgrade connection: the answer is no stream of a command")
    raise _refusal(answer)


def _talk(call: Call, command: Command, stdin: bytes | None, ended: Ended, patience: float) -> None:
    sinks = {STDOUT: ended.stdout, STDERR: ended.stderr}

    def output(channel: int, data: bytes) -> None:
        sinks[channel].extend(data)

    def done(status: Obj) -> None:
        ended.status = status

    lock = call.program.pump.lock
    with lock:
        command.listen(output, done)
        if stdin is not None:
            command.write(stdin)
            command.close_stdin()
    if not call.wait_until(lambda: ended.status is not None, patience):
        with lock:
            command.hang_up()


def _refusal(answer: Any) -> Exception:
    """What is said of an answer that opens no stream."""
    if answer.status < 300:
        return CommandError("unable to upgrade connection: the server opens no stream here")
    failure: StatusError = failure_of(answer)
    if failure.reason and failure.reason != "Unknown":
        return failure
    said = answer.encoded().decode(errors="replace").strip()
    return CommandError(f"unable to upgrade connection: {failure.message if said[:1] == '{' else said}")


def text(data: bytes | bytearray) -> str:
    """What was printed, for the terminal; bytes that are no text go through unchanged (surrogateescape)."""
    return bytes(data).decode(errors="surrogateescape")


def given(call: Call) -> bytes:
    """The standard input of this command line: the cell's body, or what a pipe brings."""
    return call.stdin.encode(errors="surrogateescape")


INTERRUPTED = 130
"""The exit status of what Ctrl-C ended."""


def interrupted(what: str, verb: str = "still runs") -> str:
    """What is said when a command is left although it still runs."""
    return f"^C  ({what} {verb} after {PATIENCE:.0f}s of the cluster's time, and a cell has to end)"
