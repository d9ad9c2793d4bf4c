"""The grammar of label selector texts: `app=web`, `tier in (a,b)`, `!old`, `size>3`, joined by commas.

Called only by `selectors.parse_label_selector`. Words are cut at blanks and at the symbols `= ! ( ) , > <`;
`in` and `notin` are keywords only where an operator is expected. Errors have the original's words.
Source: k8s.io/apimachinery/pkg/labels (Lexer, Parser).

>>> parse_requirements("app=web,tier in (b,a),!old")
[('app', '=', ('web',)), ('tier', 'in', ('a', 'b')), ('old', '!', ())]
"""

from __future__ import annotations

from kubekit.api import formats

_SYMBOLS = {")", ",", "!", "==", "=", ">", "<", "!=", "("}
_SPECIAL = "=!(),><"
_OPERATORS = {"in": "in", "notin": "notin", "=": "=", "==": "==", "!=": "!=", ">": "gt", "<": "lt"}
_END = "<end>"
_WORD = "<word>"
_ERROR = "<error>"


class ParseError(ValueError):
    """The text breaks the grammar."""


def _scan(text: str) -> list[tuple[str, str]]:
    """Tokens (kind, literal); a kind is `<word>`, a symbol, `in`, `notin`, `<error>` or `<end>`."""
    tokens: list[tuple[str, str]] = []
    position = 0
    while True:
        while position < len(text) and text[position] in " \t\r\n":
            position += 1
        if position >= len(text) or text[position] == "\0":
            tokens.append((_END, ""))
            return tokens
        start = position
        if text[position] in _SPECIAL:
            last = ""
            while position < len(text) and text[position] in _SPECIAL:
                if text[start : position + 1] in _SYMBOLS:
                    last = text[start : position + 1]
                elif last:
                    break
                position += 1
            if last:
                tokens.append((last, last))
            else:
                tokens.append((_ERROR, f"error expected: keyword found '{text[start:position]}'"))
            continue
        while position < len(text) and text[position] not in _SPECIAL and text[position] not in " \t\r\n\0":
            position += 1
        word = text[start:position]
        tokens.append((word if word in ("in", "notin") else _WORD, word))


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _scan(text)
        self.position = 0

    def peek(self) -> tuple[str, str]:
        kind, literal = self.tokens[self.position]
        return (_WORD if kind in ("in", "notin") else kind), literal

    def take(self, keywords: bool = False) -> tuple[str, str]:
        kind, literal = self.tokens[min(self.position, len(self.tokens) - 1)]
        self.position += 1
        return (_WORD if kind in ("in", "notin") and not keywords else kind), literal

    def values(self) -> tuple[str, ...]:
        kind, literal = self.take()
        if kind != "(":
            raise ParseError(f"found '{literal}' expected: '('")
        kind, first = self.peek()
        if kind == ")":
            self.take()
            return ("",)
        if kind not in (_WORD, ","):
            raise ParseError(f"found '{first}', expected: ',', ')' or identifier")
        found = self.identifiers()
        if self.take()[0] != ")":
            raise ParseError(f"found '{first}', expected: ')'")
        return tuple(sorted(found))

    def identifiers(self) -> set[str]:
        found: set[str] = set()
        while True:
            kind, literal = self.take()
            if kind == _WORD:
                found.add(literal)
                after, literal = self.peek()
                if after == ")":
                    return found
                if after != ",":
                    raise ParseError(f"found '{literal}', expected: ',' or ')'")
            elif kind == ",":
                if not found:
                    found.add("")
                after = self.peek()[0]
                if after == ")":
                    found.add("")
                    return found
                if after == ",":
                    found.add("")
            else:
                raise ParseError(f"found '{literal}', expected: ',', or identifier")

    def exact(self) -> tuple[str, ...]:
        if self.peek()[0] in (_END, ","):
            return ("",)
        kind, literal = self.take()
        if kind != _WORD:
            raise ParseError(f"found '{literal}', expected: identifier")
        return (literal,)

    def requirement(self) -> tuple[str, str, tuple[str, ...] | None]:
        kind, key = self.take()
        absent = kind == "!"
        if absent:
            kind, key = self.take()
        if kind != _WORD:
            raise ParseError(f"found '{key}', expected: identifier")
        if wrong := formats.label_key(key):
            return key, "; ".join(wrong), None
        if self.peek()[0] in (_END, ","):
            return key, "!" if absent else "exists", ()
        if absent:
            return key, "!", ()
        kind, literal = self.take(keywords=True)
        operator = _OPERATORS.get(kind)
        if operator is None:
            raise ParseError(f"found '{literal}', expected: in, notin, =, ==, !=, gt, lt")
        return key, operator, self.values() if operator in ("in", "notin") else self.exact()


def parse_requirements(text: str) -> list[tuple[str, str, tuple[str, ...] | None]]:
    """Key, operator and values of each requirement. Values are None where the key is malformed: then the
    operator tells what is wrong with it. ParseError for what breaks the grammar."""
    parser = _Parser(text)
    found: list[tuple[str, str, tuple[str, ...] | None]] = []
    while True:
        kind, literal = parser.peek()
        if kind == _END:
            return found
        if kind not in (_WORD, "!"):
            raise ParseError(f"found '{literal}', expected: !, identifier, or 'end of string'")
        try:
            one = parser.requirement()
        except ParseError as error:
            raise ParseError(f"unable to parse requirement: {error}") from None
        found.append(one)
        if one[2] is None:
            return found
        kind, literal = parser.take()
        if kind == _END:
            return found
        if kind != ",":
            raise ParseError(f"found '{literal}', expected: ',' or 'end of string'")
        kind, literal = parser.peek()
        if kind not in (_WORD, "!"):
            raise ParseError(f"found '{literal}', expected: identifier after ','")
