"""The shell's grammar, as much of it as people type into containers: text to a tree, nothing is run here.

Lists (`;`, `&&`, `||`, newlines), pipes, redirections, `for`, `while`, `until`, `if`, groups, both kinds of
quotes. `parse` raises `SyntaxProblem` with dash's text. Functions, `case`, here-documents and arithmetic
are left out.
Source: POSIX.1-2024, Shell Command Language.
"""

from __future__ import annotations

from dataclasses import dataclass, field

RESERVED_ENDS = frozenset({"do", "done", "then", "else", "elif", "fi", "}", ")"})
JOINS = ("2>&1", "1>&2", ">&2")
"""Redirections of one stream into the other."""
DEPTH = 50
"""Compound commands in one another; deeper ones are refused."""
_OPERATORS = ("&&", "||", ">>", ";;", "2>&1", "1>&2", ">&2", "2>", ";", "|", "&", ">", "<", "(", ")", "\n")


class SyntaxProblem(Exception):
    """The text is no script; the message is the shell's."""


class Incomplete(SyntaxProblem):
    """The text goes on: a quote or a loop is still open."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word: pieces of (text, whether `$` is expanded, whether it stood in quotes)."""

    pieces: tuple[tuple[str, bool, bool], ...]

    @property
    def literal(self) -> str:
        """The text as it stands, for reserved words and names."""
        return "".join(text for text, _, _ in self.pieces)

    @property
    def plain(self) -> str:
        """The same, or nothing when a part of it was quoted: quoted words are never reserved."""
        return "" if any(quoted for _, _, quoted in self.pieces) else self.literal


@dataclass(slots=True)
class Simple:
    """A command with its words, redirections (operator, file) and assignments."""

    words: list[Word] = field(default_factory=list)
    redirections: list[tuple[str, Word | None]] = field(default_factory=list)


@dataclass(slots=True)
class Pipe:
    """Commands whose output is the next one's input."""

    parts: list[Node]
    negated: bool = False


@dataclass(slots=True)
class Series:
    """Commands one after the other; each with the operator before it."""

    parts: list[tuple[str, Node]] = field(default_factory=list)


@dataclass(slots=True)
class For:
    """`for name in words; do body; done`."""

    name: str
    words: list[Word]
    body: Series


@dataclass(slots=True)
class While:
    """`while head; do body; done`; `until` when `negated`."""

    head: Series
    body: Series
    negated: bool


@dataclass(slots=True)
class If:
    """`if`: pairs of (condition, body), and what is done otherwise."""

    cases: list[tuple[Series, Series]]
    otherwise: Series | None


Node = Simple | Pipe | Series | For | While | If
Token = Word | str


def tokens_of(text: str) -> list[Token]:
    """Words and operators; raises Incomplete on an open quote."""
    found: list[Token] = []
    pieces: list[tuple[str, bool, bool]] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            if text[at + 1] != "\n":
                pieces.append((text[at + 1], False, True))
            at += 2
            continue
        if char in "'\"":
            piece, at = _quoted(text, at)
            pieces.append(piece)
            continue
        if char == "#" and not pieces:
            while at < len(text) and text[at] != "\n":
                at += 1
            continue
        if text.startswith("$(", at) or char == "`":
            end = _substitution_end(text, at)
            pieces.append((text[at:end], True, False))
            at = end
            continue
        operator = next((one for one in _OPERATORS if text.startswith(one, at)), "")
        if operator and not (operator[0] in "12" and pieces):
            if pieces:
                found.append(_word(pieces))
                pieces = []
            found.append(operator)
            at += len(operator)
            continue
        if char in " \t\r":
            if pieces:
                found.append(_word(pieces))
                pieces = []
        else:
            pieces.append((char, True, False))
        at += 1
    if pieces:
        found.append(_word(pieces))
    return found


def _word(pieces: list[tuple[str, bool, bool]]) -> Word:
    """A word of its pieces, neighbours of one sort joined."""
    joined: list[tuple[str, bool, bool]] = []
    for text, expands, quoted in pieces:
        if joined and joined[-1][1:] == (expands, quoted):
            joined[-1] = (joined[-1][0] + text, expands, quoted)
        else:
            joined.append((text, expands, quoted))
    return Word(tuple(joined))


def _quoted(text: str, at: int) -> tuple[tuple[str, bool, bool], int]:
    quote, start = text[at], at + 1
    at = start
    inner = ""
    while at < len(text) and text[at] != quote:
        if quote == '"' and text[at] == "\\" and at + 1 < len(text) and text[at + 1] in '"\\$`':
            inner += "\0" if text[at + 1] == "$" else text[at + 1]
            at += 2
            continue
        inner += text[at]
        at += 1
    if at >= len(text):
        raise Incomplete("Syntax error: Unterminated quoted string")
    return (inner, quote == '"', True), at + 1


def _substitution_end(text: str, at: int) -> int:
    if text[at] == "`":
        end = text.find("`", at + 1)
    else:
        depth, end = 0, -1
        for place in range(at + 1, len(text)):
            depth += {"(": 1, ")": -1}.get(text[place], 0)
            if depth == 0:
                end = place
                break
    if end < 0:
        raise Incomplete("Syntax error: end of file unexpected")
    return end + 1


def parse(text: str) -> Series:
    """The tree of a script; raises SyntaxProblem."""
    reader = _Reader(tokens_of(text))
    tree = reader.series()
    if reader.token is not None:
        raise SyntaxProblem(f'Syntax error: "{reader.shown}" unexpected')
    return tree


class _Reader:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def token(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    @property
    def shown(self) -> str:
        token = self.token
        return (
            token.literal if isinstance(token, Word) else str(token or "end of file").replace("\n", "newline")
        )

    @property
    def plain(self) -> str:
        token = self.token
        return token.plain if isinstance(token, Word) else token or ""

    def series(self) -> Series:
        found = Series()
        operator = ";"
        while True:
            while self.token in (";", "\n", "&"):
                self._at += 1
                operator = ";"
            if self.token is None or self.plain in RESERVED_ENDS:
                return found
            found.parts.append((operator, self._pipe()))
            if self.token in (";", "\n", "&", "&&", "||"):
                operator = str(self.token).replace("\n", ";").replace("&&", "and").replace("&", ";")
                operator = "&&" if operator == "and" else operator
                self._at += 1
                while operator in ("&&", "||") and self.token == "\n":
                    self._at += 1
                if operator in ("&&", "||") and self.token is None:
                    raise Incomplete("Syntax error: end of file unexpected")
            elif self.token is not None and self.plain not in RESERVED_ENDS:
                raise SyntaxProblem(f'Syntax error: "{self.shown}" unexpected')

    def _pipe(self) -> Node:
        negated = self.plain == "!"
        if negated:
            self._at += 1
        parts = [self._command()]
        while self.token == "|":
            self._at += 1
            if self.token is None:
                raise Incomplete("Syntax error: end of file unexpected")
            parts.append(self._command())
        return parts[0] if len(parts) == 1 and not negated else Pipe(parts, negated)

    def _command(self) -> Node:
        word = self.plain
        if word in ("for", "while", "until", "if", "{", "("):
            self._at += 1
            self._depth += 1
            if self._depth > DEPTH:
                raise SyntaxProblem("Syntax error: too deeply nested")
            node = self._compound(word)
            self._depth -= 1
            while self.token in (">", ">>", "2>", "<", *JOINS):  # what a compound prints is not redirected
                self._at += 1 if self.token in JOINS else 2
            return node
        command = Simple()
        while True:
            token = self.token
            if isinstance(token, Word):
                command.words.append(token)
                self._at += 1
            elif token in (">", ">>", "2>", "<"):
                self._at += 1
                target = self.token
                if not isinstance(target, Word):
                    raise SyntaxProblem(f'Syntax error: "{self.shown}" unexpected')
                command.redirections.append((str(token), target))
                self._at += 1
            elif isinstance(token, str) and token in JOINS:
                command.redirections.append((token, None))
                self._at += 1
            else:
                break
        if not command.words and not command.redirections:
            raise SyntaxProblem(f'Syntax error: "{self.shown}" unexpected')
        return command

    def _compound(self, word: str) -> Node:
        if word in ("{", "("):
            inner = self.series()
            self._expect("}" if word == "{" else ")")
            return inner
        if word == "if":
            return self._if()
        if word == "for":
            name = self.plain
            self._at += 1
            words: list[Word] = []
            if self.plain == "in":
                self._at += 1
                while isinstance(self.token, Word):
                    words.append(self.token)
                    self._at += 1
            while self.token in (";", "\n"):
                self._at += 1
            return For(name, words, self._body())
        return While(self.series(), self._body(), word == "until")

    def _if(self) -> If:
        cases = []
        while True:
            condition = self.series()
            self._expect("then")
            cases.append((condition, self.series()))
            if self.plain == "elif":
                self._at += 1
                continue
            otherwise = None
            if self.plain == "else":
                self._at += 1
                otherwise = self.series()
            self._expect("fi")
            return If(cases, otherwise)

    def _body(self) -> Series:
        self._expect("do")
        body = self.series()
        self._expect("done")
        return body

    def _expect(self, word: str) -> None:
        if self.token is None:
            raise Incomplete("Syntax error: end of file unexpected")
        if self.plain != word:
            raise SyntaxProblem(f'Syntax error: "{self.shown}" unexpected (expecting "{word}")')
        self._at += 1
