"""The line discipline of a terminal: keys in, lines out, and the echo that the person sees.

A client with `--tty` sends every key by itself. `keys` gives what each of them leads to. Ctrl-C, Ctrl-D,
backspace and Ctrl-U are known; cursor keys are not echoed. Source: termios(3), canonical mode.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

LINE_LIMIT = 4096
"""Characters of one line; more are dropped, as the kernel's N_TTY does."""
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])")


class Key(NamedTuple):
    """What a key does: text to echo, a finished line ("" none), an interrupt, the end of input."""

    echo: str = ""
    line: str = ""
    interrupt: bool = False
    end: bool = False


class TerminalLine:
    """The line that is being typed."""

    def __init__(self) -> None:
        self._text = ""

    def keys(self, data: bytes) -> Iterator[Key]:
        """What some bytes from the keyboard lead to."""
        for key in _ESCAPES.sub("", data.decode(errors="replace")):
            if key in "\r\n":
                line, self._text = f"{self._text}\n", ""
                yield Key("\r\n", line)
            elif key == "\x03":
                self._text = ""
                yield Key("^C\r\n", interrupt=True)
            elif key == "\x04":
                if self._text:
                    line, self._text = self._text, ""
                    yield Key(line=line)
                else:
                    yield Key(end=True)
            elif key in "\x7f\b":
                if self._text:
                    self._text = self._text[:-1]
                    yield Key("\b \b")
            elif key == "\x15":
                erased, self._text = len(self._text), ""
                yield Key("\b \b" * erased)
            elif (key.isprintable() or key == "\t") and len(self._text) < LINE_LIMIT:
                self._text += key
                yield Key(key)
