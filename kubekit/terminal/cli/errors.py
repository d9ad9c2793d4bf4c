"""How a command fails: the exception that carries what goes to stderr and the exit status.

Raise `CommandError` for words of the program itself, let `StatusError` pass for words of the server, and
collect several in `ManyErrors`. `message_of` turns each into the text that is printed; the exact shapes are
facts of kubectl.
Source: k8s.io/kubectl/pkg/cmd/util/helpers.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.field_path import go_quote
from kubekit.api.status_error import StatusError


class CommandError(Exception):
    """The program refuses or fails. `prefix=False`: the text is printed as it is, without `error: `."""

    def __init__(self, message: str, *, code: int = 1, prefix: bool = True) -> None:
        super().__init__(message)
        self.message, self.code, self.prefix = message, code, prefix


class Quit(Exception):
    """Leave at once with this exit status; everything was said already."""

    def __init__(self, code: int = 1) -> None:
        super().__init__(str(code))
        self.code = code


class ManyErrors(Exception):
    """Several failures, printed a line each."""

    def __init__(self, errors: list[Exception]) -> None:
        super().__init__("; ".join(str(error) for error in errors))
        self.errors = errors


class Unreachable(Exception):
    """Nobody answers at the server's address."""

    def __init__(self, server: str) -> None:
        super().__init__(server)
        self.server = server


def usage_error(message: str, command: str) -> CommandError:
    """A wrong call: the message and where to find help."""
    return CommandError(f"{message}\nSee '{command} -h' for help and examples")


def _invalid(status: Obj) -> str:
    details: Obj = status.get("details") or {}
    text = "The request is invalid"
    causes: list[Obj] = details.get("causes") or []
    if not details:
        return f"{text}: {status.get('message', '')}"
    if details.get("kind") or details.get("name"):
        text = f"The {details.get('kind', '')} {go_quote(details.get('name', ''))} is invalid"
    elif status.get("message") and not causes:
        text = f"{text}: {status['message']}"
    lines = list(dict.fromkeys(f"{cause.get('field', '')}: {cause.get('message', '')}" for cause in causes))
    if not lines:
        return text
    if len(lines) == 1:
        return f"{text}: {lines[0]}\n"
    return f"{text}: \n" + "\n".join(f"* {line}" for line in lines)


def status_text(status: Obj) -> str:
    """What is printed for a Status of the server that reports a failure."""
    reason, message = status.get("reason") or "", status.get("message") or ""
    if reason == "Invalid":
        return _invalid(status)
    if reason == "Unauthorized":
        return f"error: You must be logged in to the server ({message})"
    return f"Error from server ({reason}): {message}" if reason else f"Error from server: {message}"


def _one_of_many(error: Exception) -> str:
    """One of several failures: without the usual `error: `, and what is invalid as the server said it."""
    if isinstance(error, CommandError):
        return error.message.removesuffix("\n")
    if isinstance(error, StatusError) and error.status.get("reason") == "Invalid":
        return f"Error from server (Invalid): {error.message}"
    return message_of(error)


def message_of(error: BaseException) -> str:
    """The text for stderr, without the final newline."""
    if isinstance(error, ManyErrors):
        return "\n".join(_one_of_many(one) for one in error.errors)
    if isinstance(error, StatusError):
        return status_text(error.status)
    if isinstance(error, Unreachable):
        return (
            f"The connection to the server {error.server} was refused - did you specify the right host"
            f" or port?"
        )
    if isinstance(error, CommandError) and not error.prefix:
        return error.message
    text = str(error)
    return text if text.startswith("error: ") else f"error: {text}"


def bare(error: BaseException) -> str:
    """The error's own words, for use inside another message."""
    return error.message if isinstance(error, StatusError | CommandError) else str(error)


def with_source(verb: str, source: str, error: Exception) -> Exception:
    """The same failure, with the file and what was being done to it."""
    text = f"error when {verb} {go_quote(source)}: {bare(error)}"
    if isinstance(error, StatusError):
        return StatusError({**error.status, "message": text})
    return CommandError(text) if isinstance(error, CommandError) else error


def status_of(error: BaseException) -> dict[str, Any]:
    """The Status behind an error, or an empty one."""
    return error.status if isinstance(error, StatusError) else {}
