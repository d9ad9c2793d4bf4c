"""Words: how a line of shell is cut up - quotes, operators, here-documents - and how `$NAME` is filled in.

`tokens` cuts a whole script; what was quoted stays marked, so that expansion knows what to leave alone.
Expansion of a word gives texts: one for `"$X"`, several for `$X` with spaces or for `*.yaml`.
Source: POSIX.1-2017, Shell Command Language, 2.2 to 2.6.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

OPERATORS = (
    "&&",
    "||",
    "<<-",
    "<<",
    ">>",
    "2>&1",
    "2>>",
    "2>",
    "&>",
    "1>",
    "|",
    ";",
    "<",
    ">",
    "&",
    "(",
    ")",
)
BLANKS = " \t"


class SyntaxTrouble(Exception):
    """A line that is no shell; the text is bash's."""


class Piece(NamedTuple):
    """A part of a word. `quote`: "" for bare, ``'`` for literal, ``"`` for text in which `$` still counts."""

    text: str
    quote: str


@dataclass
class Word:
    """A word of pieces; an operator has `operator` instead. `heredoc`: the text behind a ``<<``."""

    pieces: list[Piece] = field(default_factory=list)
    operator: str = ""
    heredoc: list[Piece] | None = None

    @property
    def raw(self) -> str:
        """Its signs without quotes."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def bare(self) -> bool:
        """Whether nothing of it is quoted."""
        return all(not piece.quote for piece in self.pieces)


NEWLINE = "\n"


def tokens(script: str) -> list[Word]:
    """The words and operators of a script; line ends are the operator NEWLINE. Raises SyntaxTrouble."""
    return _Reader(script).read()


class _Reader:
    def __init__(self, script: str) -> None:
        self.text, self.at = script, 0
        self.found: list[Word] = []
        self.waiting: list[tuple[Word, str, bool, bool]] = []
        """Here-documents to come: operator, delimiter, whether it was quoted, whether tabs are stripped."""

    def read(self) -> list[Word]:
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in BLANKS:
                self.at += 1
            elif self.text.startswith("\\\n", self.at):
                self.at += 2
            elif char == "\n":
                self.at += 1
                self.found.append(Word(operator=NEWLINE))
                self._heredocs()
            elif char == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif operator := self._operator():
                self.at += len(operator)
                self.found.append(Word(operator=operator))
            else:
                self._word()
        if self.waiting:
            self._heredocs()
        return self.found

    def _operator(self) -> str:
        for operator in OPERATORS:
            if self.text.startswith(operator, self.at):
                return operator
        return ""

    def _word(self) -> None:
        word = Word()
        bare = ""

        def flush() -> None:
            nonlocal bare
            if bare:
                word.pieces.append(Piece(bare, ""))
                bare = ""

        while self.at < len(self.text):
            char = self.text[self.at]
            if char in BLANKS or char == "\n" or (char in "|;<>&()" and not bare.endswith("\\")):
                break
            if char == "\\":
                flush()
                if self.text.startswith("\\\n", self.at):
                    self.at += 2
                    continue
                word.pieces.append(Piece(self.text[self.at + 1 : self.at + 2], "'"))
                self.at += 2
            elif char in "'\"":
                flush()
                word.pieces.append(self._quoted(char))
            elif self.text.startswith("$(", self.at):
                bare += self._command()
            else:
                bare += char
                self.at += 1
        flush()
        if self.found and self.found[-1].operator in ("<<", "<<-"):
            operator = self.found[-1]
            self.waiting.append((operator, word.raw, not word.bare, operator.operator == "<<-"))
        self.found.append(word)

    def _quoted(self, quote: str) -> Piece:
        start = self.at
        self.at += 1
        out = ""
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == quote:
                self.at += 1
                return Piece(out, quote)
            if quote == '"' and char == "\\" and self.text[self.at + 1 : self.at + 2] in '$"\\`\n':
                following = self.text[self.at + 1]
                out += "\\$" if following == "$" else "" if following == "\n" else following
                self.at += 2
                continue
            if quote == '"' and self.text.startswith("$(", self.at):
                out += self._command()
                continue
            out += char
            self.at += 1
        raise SyntaxTrouble(f"unexpected EOF while looking for matching `{self.text[start]}'")

    def _command(self) -> str:
        """``$(...)`` with everything in it."""
        depth, start = 0, self.at
        while self.at < len(self.text):
            char = self.text[self.at]
            depth += {"(": 1, ")": -1}.get(char, 0)
            self.at += 1
            if char == ")" and depth == 0:
                return self.text[start : self.at]
        raise SyntaxTrouble("unexpected EOF while looking for matching `)'")

    def _heredocs(self) -> None:
        for operator, delimiter, quoted, strip in self.waiting:
            body = ""
            while self.at < len(self.text):
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end + 1
                line, self.at = self.text[self.at : end], end
                if strip:
                    line = line.lstrip("\t")
                if line.rstrip("\n") == delimiter:
                    break
                body += line
            operator.heredoc = [Piece(body, "'" if quoted else '"')]
        self.waiting.clear()


_VARIABLE = re.compile(r"\\\$|\$(?:\{(\w+|\?)(?:(:?[-+])([^}]*))?\}|(\w+|\?|#|\$)|(\((?:.|\n)*\)))")

Substitute = Callable[[str], str]
Glob = Callable[[str], list[str]]


def filled(text: str, env: Mapping[str, str], run: Substitute) -> str:
    """A text with its variables and ``$(commands)`` in place."""

    def value(found: re.Match[str]) -> str:
        whole = found[0]
        if whole == "\\$":
            return "$"
        if found[5]:
            return run(found[5][1:-1])
        got = env.get(found[1] or found[4])
        how = found[2]
        if how is None:
            return got or ""
        empty = not got if how[0] == ":" else got is None
        return (found[3] if empty else got or "") if how[-1] == "-" else ("" if empty else found[3])

    return _VARIABLE.sub(value, text)


def expand(word: Word, env: Mapping[str, str], run: Substitute, glob: Glob) -> list[str]:
    """The texts that a word stands for."""
    texts = [""]
    pattern = False
    said = False
    for number, piece in enumerate(word.pieces):
        if piece.quote == "'":
            texts[-1] += piece.text
            said = True
            continue
        text = piece.text
        if number == 0 and not piece.quote and (text == "~" or text.startswith("~/")):
            text = env.get("HOME", "/root") + text[1:]
        value = filled(text, env, run)
        if piece.quote:
            texts[-1] += value
            said = True
            continue
        pattern = pattern or bool(re.search(r"[*?\[]", text))
        parts = re.split(r"[ \t\n]+", value) if "$" in text else [value]
        texts[-1] += parts[0]
        texts += parts[1:]
    found = [text for text in texts if text or said or (len(texts) == 1 and not word.pieces)]
    if not pattern:
        return found
    return [match for text in found for match in (glob(text) or [text])]


def one_text(word: Word, env: Mapping[str, str], run: Substitute) -> str:
    """A word as one text, not split: for assignments and redirections."""
    return " ".join(expand(word, env, run, lambda pattern: [])) or ""


def matches(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern; a leading dot must be written out."""
    return fnmatch.fnmatchcase(name, pattern) and (not name.startswith(".") or pattern.startswith("."))
