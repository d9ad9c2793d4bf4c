"""curl's command line: its options, and the words with which it refuses what it does not know.

Source: curl 7.88.1, src/tool_getparam.c.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from kubekit.kubelet.web_site import Refused

VALUES = {
    "X": "request",
    "H": "header",
    "d": "data",
    "o": "output",
    "E": "cert",
    "m": "max-time",
    "A": "user-agent",
    "w": "write-out",
    "u": "user",
}
"""Options with a value, by letter."""

LONG_VALUES = {*VALUES.values(), "cacert", "key", "connect-timeout", "data-raw", "data-binary", "url",
               "retry", "retry-delay"}  # fmt: skip
SWITCHES = {
    "s": "silent",
    "S": "show-error",
    "k": "insecure",
    "i": "include",
    "I": "head",
    "v": "verbose",
    "f": "fail",
    "G": "get",
    "L": "location",
    "O": "remote-name",
    "N": "no-buffer",
    "4": "ipv4",
    "g": "globoff",
    "#": "progress-bar",
}
LONG_SWITCHES = {"http1.1", "no-progress-meter", "fail-with-body", "compressed"}
TRY = "curl: try 'curl --help' or 'curl --manual' for more information"


class Files(Protocol):
    """The files that curl sees. Raise OSError."""

    def read(self, path: str) -> bytes: ...

    def write(self, path: str, data: bytes) -> Any: ...


class Run(Protocol):
    """One call of the program: its words, its input, the files around it, and where its output goes."""

    @property
    def args(self) -> list[str]: ...

    @property
    def stdin(self) -> bytes: ...

    @property
    def here(self) -> Files: ...

    def out(self, text: str | bytes, end: str = "\n") -> None: ...

    def err(self, text: str) -> None: ...


@dataclass
class Options:
    """The command line."""

    values: dict[str, str] = field(default_factory=dict)
    switches: set[str] = field(default_factory=set)
    headers: list[str] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)


def options_of(run: Run) -> Options:
    """The options of a call; raises Refused."""
    found = Options()
    words = list(run.args)
    while words:
        word = words.pop(0)
        if word.startswith("--") and len(word) > 2:
            _long(run, found, word[2:], words)
        elif word.startswith("-") and len(word) > 1:
            _letters(run, found, word, words)
        else:
            found.urls.append(word)
    if not found.urls:
        raise Refused(2, TRY if run.args else "curl: try 'curl --help' for more information")
    return found


def _long(run: Run, found: Options, name: str, words: list[str]) -> None:
    if name in SWITCHES.values() or name in LONG_SWITCHES:
        found.switches.add(name)
    elif name in LONG_VALUES:
        if not words:
            raise Refused(2, f"curl: option --{name}: requires parameter\n{TRY}")
        _value(run, found, name, words.pop(0))
    else:
        raise Refused(2, f"curl: option --{name}: is unknown\n{TRY}")


def _letters(run: Run, found: Options, word: str, words: list[str]) -> None:
    rest = word[1:]
    while rest:
        letter, rest = rest[0], rest[1:]
        if letter in SWITCHES:
            found.switches.add(SWITCHES[letter])
        elif letter in VALUES:
            if not rest and not words:
                raise Refused(2, f"curl: option {word}: requires parameter\n{TRY}")
            _value(run, found, VALUES[letter], rest or words.pop(0))
            rest = ""
        else:
            raise Refused(2, f"curl: option {word}: is unknown\n{TRY}")


def _value(run: Run, found: Options, name: str, value: str) -> None:
    if name == "header":
        found.headers.append(value)
    elif name.startswith("data"):
        found.data.append(_data(run, name, value))
    elif name == "url":
        found.urls.append(value)
    else:
        found.values[name] = value


def _data(run: Run, name: str, value: str) -> bytes:
    if name == "data-raw" or not value.startswith("@"):
        return value.encode(errors="surrogateescape")
    if value == "@-":
        content = run.stdin
    else:
        try:
            content = run.here.read(value[1:])
        except OSError:
            raise Refused(26, f"curl: Failed to open {value[1:]}\n{TRY}") from None
    return content if name == "data-binary" else content.replace(b"\r", b"").replace(b"\n", b"")
