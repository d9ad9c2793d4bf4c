"""Parser: from tokens to a tree, by recursive descent.

`parse(source)` gives the tree or raises a `CompileError` with the words of the original, whose parser is made
by ANTLR: *mismatched input*, *extraneous input* (one token too many, the rest fits), *missing* (one too few).
After the first error of grammar the reading stops; the original goes on guessing. Macros are recognised here.
Source: cel-go (parser/parser.go, parser/gen/CEL.g4).
"""

from __future__ import annotations

from kubekit.apiserver.cel.errors import CompileError, Issue
from kubekit.apiserver.cel.macros import expand
from kubekit.apiserver.cel.syntax import (
    Call,
    Entry,
    Index,
    ListOf,
    Literal,
    MapOf,
    MessageOf,
    Name,
    Node,
    Select,
    Uint,
    path_of,
)
from kubekit.apiserver.cel.tokens import EOF, RESERVED, Token, bytes_value, string_value, tokenise

MAX_DEPTH = 250
"""How deeply an expression may be nested."""

_NAMED = "NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER"
_ORDER = ("[", "]", "{", "}", "(", ")", ".", ",", "-", "!", "?", "true", "false", "null")
"""The operators that an operand may begin with or that may stand for one, as the original lists them."""
_FIRST = {"[", "{", "(", ".", "-", "!", "true", "false", "null", "NUM_FLOAT", "NUM_INT", "NUM_UINT"}
_FIRST |= {"STRING", "BYTES", "IDENTIFIER"}
_RELATIONS = {"<", "<=", ">=", ">", "==", "!=", "in"}
MIN_INT, MAX_INT, MAX_UINT = -(2**63), 2**63 - 1, 2**64 - 1


def _operands(also: frozenset[str]) -> str:
    """What an operand may begin with, and what else is allowed in its place."""
    words = (f"'{word}'" for word in _ORDER if word in _FIRST or word in also)
    return "{" + ", ".join((*words, _NAMED)) + "}"


class _Stop(Exception):
    """The text cannot be read any further."""


def parse(source: str) -> Node:
    """The tree of an expression. Raises CompileError."""
    tokens, issues = tokenise(source)
    parser = _Parser(tokens, issues)
    tree: Node | None = None
    try:
        tree = parser.expression()
        parser.end()
    except _Stop:
        tree = None
    if issues or tree is None:
        raise CompileError(source, issues)
    return tree


class _Parser:
    def __init__(self, tokens: list[Token], issues: list[Issue]) -> None:
        self.tokens, self.issues = tokens, issues
        self.at = 0
        self.depth = 0
        self.closers: list[str] = [EOF]
        self.also: tuple[int, frozenset[str]] = (-1, frozenset())

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def stop(self, offset: int, text: str) -> _Stop:
        self.issues.append(Issue(offset, text))
        return _Stop()

    def mismatched(self, expecting: str) -> _Stop:
        token = self.now
        return self.stop(token.offset, f"Syntax error: mismatched input '{token.text}' expecting {expecting}")

    def expect(self, kind: str) -> Token:
        """The token that must stand here."""
        if self.now.kind == kind:
            return self.take()
        token = self.now
        following = self.tokens[self.at + 1].kind if token.kind != EOF else ""
        if following == kind:
            raise self.stop(token.offset, f"Syntax error: extraneous input '{token.text}' expecting '{kind}'")
        if kind != ":" and token.kind == self.closers[-1]:
            raise self.stop(token.offset, f"Syntax error: missing '{kind}' at '{token.text}'")
        raise self.mismatched(f"'{kind}'")

    def inside(self, closer: str, *also: str) -> Node:
        """An expression within brackets; `also` is what may stand in its place."""
        self.closers.append(closer)
        self.also = (self.at, frozenset(also))
        found = self.expression()
        self.closers.pop()
        return found

    def end(self) -> None:
        """Nothing may follow."""
        token = self.now
        if token.kind != EOF:
            word = "extraneous" if self.tokens[self.at + 1].kind == EOF else "mismatched"
            raise self.stop(token.offset, f"Syntax error: {word} input '{token.text}' expecting <EOF>")

    # -- the grammar, loosest binding first ---------------------------------------------------------------

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.stop(self.now.offset, f"expression recursion limit exceeded: {MAX_DEPTH}")
        condition = self.either()
        if self.now.kind == "?":
            mark = self.take()
            yes = self.either()
            self.expect(":")
            condition = Call(mark.offset, "_?_:_", None, [condition, yes, self.expression()])
        self.depth -= 1
        return condition

    def either(self) -> Node:
        left = self.both()
        while self.now.kind == "||":
            mark = self.take()
            left = Call(mark.offset, "_||_", None, [left, self.both()])
        return left

    def both(self) -> Node:
        left = self.relation()
        while self.now.kind == "&&":
            mark = self.take()
            left = Call(mark.offset, "_&&_", None, [left, self.relation()])
        return left

    def relation(self) -> Node:
        left = self.sum()
        while self.now.kind in _RELATIONS:
            mark = self.take()
            name = "@in" if mark.kind == "in" else f"_{mark.kind}_"
            left = Call(mark.offset, name, None, [left, self.sum()])
        return left

    def sum(self) -> Node:
        left = self.product()
        while self.now.kind in ("+", "-"):
            mark = self.take()
            left = Call(mark.offset, f"_{mark.kind}_", None, [left, self.product()])
        return left

    def product(self) -> Node:
        left = self.unary()
        while self.now.kind in ("*", "/", "%"):
            mark = self.take()
            left = Call(mark.offset, f"_{mark.kind}_", None, [left, self.unary()])
        return left

    def unary(self) -> Node:
        kind = self.now.kind
        if kind not in ("!", "-"):
            return self.member(self.primary())
        first = self.now
        count = 0
        while self.now.kind == kind:
            self.take()
            count += 1
        if kind == "-" and self.now.kind in ("NUM_INT", "NUM_FLOAT"):
            # The sign belongs to the number, so that the smallest int can be written.
            inner = self.member(self.number(self.take(), "-", first.offset))
            count -= 1
        else:
            inner = self.member(self.primary())
        if count % 2:
            return Call(first.offset, f"{kind}_", None, [inner])
        return inner

    def member(self, operand: Node) -> Node:
        while True:
            if self.now.kind == ".":
                operand = self.after_dot(operand)
            elif self.now.kind == "[":
                mark = self.take()
                optional = self.now.kind == "?" and bool(self.take())
                key = self.inside("]", "" if optional else "?")
                self.expect("]")
                operand = Index(mark.offset, operand, key, optional)
            elif self.now.kind == "{" and (name := path_of(operand)):
                offset = self.now.offset
                operand = MessageOf(offset, name, self.entries(fields=True))
            else:
                return operand

    def after_dot(self, operand: Node) -> Node:
        dot = self.take()
        optional = self.now.kind == "?" and bool(self.take())
        word = self.now
        if word.kind == "ESC_IDENTIFIER":
            raise self.stop(word.offset, "unsupported syntax: '`'")
        if word.kind != "IDENTIFIER":
            if word.kind == "in":
                raise self.mismatched("IDENTIFIER")
            seen = "" if word.kind == EOF else word.text
            raise self.stop(word.offset, f"Syntax error: no viable alternative at input '.{seen}'")
        self.take()
        if self.now.kind == "(" and not optional:
            paren = self.now.offset
            return self.call(paren, word.text, operand)
        return Select(dot.offset, operand, word.text, optional=optional)

    def call(self, offset: int, function: str, target: Node | None) -> Node:
        self.expect("(")
        arguments: list[Node] = []
        if self.now.kind != ")":
            arguments.append(self.inside(")", ")"))
            while self.now.kind == ",":
                self.take()
                arguments.append(self.inside(")"))
        self.expect(")")
        made = Call(offset, function, target, arguments)
        expanded, issue = expand(made)
        if issue is not None:
            self.issues.append(issue)
        return expanded

    def primary(self) -> Node:
        token = self.now
        if token.kind not in _FIRST:
            following = self.tokens[self.at + 1].kind if token.kind != EOF else ""
            also = self.also[1] if self.also[0] == self.at else frozenset()
            expecting = _operands(also)
            if following in _FIRST or following in also:
                text = f"Syntax error: extraneous input '{token.text}' expecting {expecting}"
                raise self.stop(token.offset, text)
            stopped = self.mismatched(expecting)
            if self.at == 0 and following == EOF and token.kind != "ESC_IDENTIFIER":
                self.take()
                self.mismatched(expecting)
            raise stopped
        self.take()
        if token.kind in ("true", "false", "null"):
            return Literal(token.offset, {"true": True, "false": False, "null": None}[token.kind])
        if token.kind.startswith("NUM_"):
            return self.number(token)
        if token.kind in ("STRING", "BYTES"):
            try:
                read = string_value if token.kind == "STRING" else bytes_value
                return Literal(token.offset, read(token.text))
            except ValueError as error:
                raise self.stop(token.offset, f"Syntax error: {error}") from None
        if token.kind == "(":
            inner = self.inside(")")
            self.expect(")")
            return inner
        if token.kind == "[":
            return self.list_of(token)
        if token.kind == "{":
            self.at -= 1
            return MapOf(token.offset, self.entries(fields=False))
        return self.name(token)

    def name(self, token: Token) -> Node:
        absolute = token.kind == "."
        word = self.now if absolute else token
        if absolute:
            if word.kind == ".":
                raise self.stop(word.offset, "Syntax error: no viable alternative at input '..'")
            if word.kind != "IDENTIFIER":
                raise self.mismatched("IDENTIFIER")
            self.take()
        if word.text in RESERVED:
            raise self.stop(word.offset, f"reserved identifier: {word.text}")
        if self.now.kind == "(":
            return self.call(self.now.offset, ("." if absolute else "") + word.text, None)
        return Name(word.offset, word.text, absolute)

    def list_of(self, bracket: Token) -> Node:
        made = ListOf(bracket.offset, [])
        if self.now.kind == ",":
            self.take()
            self.expect("]")
            return made
        also: tuple[str, ...] = ("]", ",", "?")
        while self.now.kind != "]":
            if self.now.kind == "?":
                self.take()
                made.optional.add(len(made.items))
            made.items.append(self.inside("]", *also))
            also = ("]", "?")
            if self.now.kind != ",":
                break
            self.take()
        self.expect("]")
        return made

    def entries(self, fields: bool) -> list[Entry]:
        self.expect("{")
        found: list[Entry] = []
        while self.now.kind != "}":
            optional = self.now.kind == "?" and bool(self.take())
            if fields:
                word = self.now
                if word.kind not in ("IDENTIFIER", "ESC_IDENTIFIER"):
                    raise self.mismatched("IDENTIFIER")
                self.take()
                key: Node = Literal(word.offset, word.text.strip("`"))
            else:
                key = self.inside(":", *(("}", "?") if found else ("}", ",", "?")))
            colon = self.expect(":")
            found.append(Entry(colon.offset, key, self.inside("}"), optional))
            if self.now.kind != ",":
                break
            self.take()
        self.expect("}")
        return found

    def number(self, token: Token, sign: str = "", offset: int | None = None) -> Node:
        at = token.offset if offset is None else offset
        if token.kind == "NUM_FLOAT":
            return Literal(at, float(sign + token.text))
        if token.kind == "NUM_UINT":
            value = int(token.text[:-1], 0) if token.text[:2] == "0x" else int(token.text[:-1])
            if value > MAX_UINT:
                raise self.stop(at, "invalid uint literal")
            return Literal(at, Uint(value))
        value = int(token.text, 16) if token.text[:2] == "0x" else int(token.text)
        value = -value if sign else value
        if not MIN_INT <= value <= MAX_INT:
            raise self.stop(at, "invalid int literal")
        return Literal(at, value)
