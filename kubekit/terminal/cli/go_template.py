"""The part of Go's text/template that people use with `-o go-template`.

Fields, variables, pipelines, `range`, `if`, `else`, `with`, `end`, comments, trimming, and the functions that
kubectl offers (`index`, `len`, `printf`, `eq`, `and`, `base64decode`, ...). Not there: `define`, `template`,
`block`, `break`, `continue`.
Source: Go's text/template; cli-runtime/pkg/printers/template.go.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Any

from kubekit.api.jsonpath import unquote


class TemplateError(ValueError):
    """A template that cannot be parsed or run; the text is Go's."""


_MISSING = object()
_TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:\\.|[^\"\\])*\"|`[^`]*`)|(?P<number>[-+]?\d+(?:\.\d+)?)|(?P<var>\$\w*(?:\.\w+)*)"
    r"|(?P<field>(?:\.[A-Za-z_]\w*)+)|(?P<dot>\.)|(?P<word>[A-Za-z_]\w*)|(?P<op>:=|=|\||\(|\)|,))"
)
_KEYWORDS = {"range", "if", "with", "else", "end"}


@dataclass(slots=True)
class _Node:
    kind: str
    value: Any = None
    body: list[_Node] = field(default_factory=list)
    other: list[_Node] = field(default_factory=list)


def _go(value: Any) -> str:
    """A value as Go's fmt prints it with %v."""
    if value is None or value is _MISSING:
        return "<no value>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_inner(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_inner(item) for item in value) + "]"
    return str(value)


def _inner(value: Any) -> str:
    return "<nil>" if value is None else _go(value)


go_text = _go


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position = [], 0
    text = text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise TemplateError(f"unexpected {text[position:].strip()[:1]!r} in operand")
        kind = match.lastgroup or ""
        found.append((kind, match.group(kind)))
        position = match.end()
    return found


class Template:
    """A parsed template; `render` fills it with data. `name` appears in error texts."""

    def __init__(self, text: str, name: str = "output") -> None:
        self.name = name
        self.text = text
        self.parts = self._split(text)
        self.position = 0
        self.nodes = self._list(top=True)

    def _fail(self, message: str, line: int = 1) -> TemplateError:
        return TemplateError(f"template: {self.name}:{line}: {message}")

    def _split(self, text: str) -> list[tuple[str, str, int]]:
        parts, position = [], 0
        while True:
            start = text.find("{{", position)
            if start < 0:
                parts.append(("text", text[position:], 0))
                return parts
            line = text.count("\n", 0, start) + 1
            end = text.find("}}", start)
            if end < 0:
                for kind, word in _tokens_quietly(text[start + 2 :]):
                    if kind == "word" and word not in _FUNCTIONS and word not in _KEYWORDS:
                        raise self._fail(f'function "{word}" not defined', line)
                raise self._fail("unclosed action", line)
            before, body = text[position:start], text[start + 2 : end]
            if body.startswith("- "):
                before, body = before.rstrip(), body[2:]
            position = end + 2
            if body.endswith(" -"):
                body = body[:-2]
                while position < len(text) and text[position].isspace():
                    position += 1
            parts.append(("text", before, 0))
            if not body.strip().startswith("/*"):
                parts.append(("action", body, line))

    def _list(self, top: bool = False) -> list[_Node]:
        nodes: list[_Node] = []
        while self.position < len(self.parts):
            kind, text, line = self.parts[self.position]
            if kind == "text":
                nodes.append(_Node("text", text))
                self.position += 1
                continue
            try:
                tokens = _tokens(text)
            except TemplateError as error:
                raise self._fail(str(error), line) from None
            word = tokens[0][1] if tokens and tokens[0][0] == "word" else ""
            if word in ("end", "else"):
                if top:
                    raise self._fail(f"unexpected {{{{{word}}}}}", line)
                return nodes
            self.position += 1
            self._check(tokens, line)
            if word in ("range", "if", "with"):
                nodes.append(self._block(word, tokens[1:], line))
            elif not tokens:
                raise self._fail("missing value for command", line)
            else:
                nodes.append(_Node("action", tokens))
        if not top:
            raise self._fail("unexpected EOF", self.text.count("\n") + 1)
        return nodes

    def _block(self, word: str, tokens: list[tuple[str, str]], line: int) -> _Node:
        node = _Node(word, tokens, self._list())
        _, text, _ = self.parts[self.position]
        rest = _tokens(text)
        self.position += 1
        if rest[0][1] == "else":
            if len(rest) > 1:
                node.other = [self._block(rest[1][1], rest[2:], line)]
                return node
            node.other = self._list()
            self.position += 1
        return node

    def _check(self, tokens: list[tuple[str, str]], line: int) -> None:
        for kind, word in tokens:
            if kind == "word" and word not in _FUNCTIONS and word not in _KEYWORDS and word not in _WORDS:
                raise self._fail(f'function "{word}" not defined', line)

    def render(self, data: Any) -> str:
        """The text for `data` (JSON values). Raises TemplateError."""
        out: list[str] = []
        self._run(self.nodes, data, {"$": data}, out)
        return "".join(out)

    def _run(self, nodes: list[_Node], dot: Any, variables: dict[str, Any], out: list[str]) -> None:
        for node in nodes:
            if node.kind == "text":
                out.append(node.value)
            elif node.kind == "action":
                value, shown = self._pipeline(node.value, dot, variables)
                if shown:
                    out.append(_go(value))
            elif node.kind == "range":
                self._range(node, dot, variables, out)
            else:
                inner = dict(variables)
                value, _ = self._pipeline(node.value, dot, inner)
                if _truth(value):
                    self._run(node.body, value if node.kind == "with" else dot, inner, out)
                else:
                    self._run(node.other, dot, variables, out)

    def _range(self, node: _Node, dot: Any, variables: dict[str, Any], out: list[str]) -> None:
        tokens = node.value
        names: list[str] = []
        if (":=" in [text for _, text in tokens]) and tokens[0][0] == "var":
            at = [text for _, text in tokens].index(":=")
            names = [text for kind, text in tokens[:at] if kind == "var"]
            tokens = tokens[at + 1 :]
        value, _ = self._pipeline(tokens, dot, variables)
        if isinstance(value, dict):
            pairs: list[tuple[Any, Any]] = [(key, value[key]) for key in sorted(value)]
        elif isinstance(value, list):
            pairs = list(enumerate(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            pairs = [(i, i) for i in range(value)]
        elif value in (None, _MISSING):
            pairs = []
        else:
            raise self._fail(f"range can't iterate over {_go(value)}")
        if not pairs:
            self._run(node.other, dot, variables, out)
        for key, item in pairs:
            inner = dict(variables)
            inner.update(zip(names, [item] if len(names) == 1 else [key, item], strict=False))
            self._run(node.body, item, inner, out)

    def _pipeline(
        self, tokens: list[tuple[str, str]], dot: Any, variables: dict[str, Any]
    ) -> tuple[Any, bool]:
        if len(tokens) > 1 and tokens[0][0] == "var" and tokens[1][1] in (":=", "="):
            value, _ = self._pipeline(tokens[2:], dot, variables)
            variables[tokens[0][1]] = value
            return value, False
        reader = _Reader(self, tokens, dot, variables)
        return reader.pipeline(), True


class _Reader:
    """Evaluates one pipeline."""

    def __init__(
        self, template: Template, tokens: list[tuple[str, str]], dot: Any, variables: dict[str, Any]
    ) -> None:
        self.template, self.tokens, self.dot, self.variables = template, tokens, dot, variables
        self.at = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def pipeline(self) -> Any:
        value = self.command([])
        while self.peek()[1] == "|":
            self.at += 1
            value = self.command([value])
        return value

    def command(self, last: list[Any]) -> Any:
        kind, text = self.peek()
        if kind == "word" and text in _FUNCTIONS:
            self.at += 1
            arguments = []
            while self.peek()[1] not in ("", "|", ")"):
                arguments.append(self.operand())
            try:
                return _FUNCTIONS[text](*arguments, *last)
            except (TypeError, ValueError, IndexError, KeyError) as error:
                raise self.template._fail(
                    f'executing "{self.template.name}": error calling {text}: {error}'
                ) from None
        return self.operand()

    def operand(self) -> Any:
        kind, text = self.peek()
        self.at += 1
        if kind == "string":
            return text[1:-1] if text[0] == "`" else unquote(text)
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "dot":
            return self.dot
        if kind == "field":
            return self._path(self.dot, text)
        if kind == "var":
            name, _, rest = text.partition(".")
            if name not in self.variables:
                raise self.template._fail(f'undefined variable "{name}"')
            return self._path(self.variables[name], "." + rest) if rest else self.variables[name]
        if kind == "word" and text in _WORDS:
            return _WORDS[text]
        if text == "(":
            value = self.pipeline()
            self.at += 1
            return self._path(value, self.operand_text()) if self.peek()[0] == "field" else value
        if kind == "word" and text in _FUNCTIONS:
            return _FUNCTIONS[text]()
        raise self.template._fail(f"unexpected {text!r} in operand")

    def operand_text(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][1]

    def _path(self, value: Any, path: str) -> Any:
        for name in path.split(".")[1:]:
            if value is _MISSING or value is None:
                raise self.template._fail(f'nil data; no entry for key "{name}"')
            if not isinstance(value, dict):
                kind = {str: "string", int: "int64", bool: "bool", float: "float64", list: "[]interface {}"}
                shown = kind.get(type(value), "interface {}")
                raise self.template._fail(f"can't evaluate field {name} in type {shown}")
            value = value.get(name, _MISSING)
        return value


def _truth(value: Any) -> bool:
    return value is not _MISSING and bool(value)


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = value.get(key, _MISSING) if isinstance(value, dict) else value[key]
    return value


def _printf(text: str, *arguments: Any) -> str:
    rest = list(arguments)

    def one(match: re.Match[str]) -> str:
        if match.group(2) == "%":
            return "%"
        value = rest.pop(0) if rest else "%!" + match.group(2) + "(MISSING)"
        if match.group(2) == "q":
            return '"' + str(value).replace('"', '\\"') + '"'
        return (
            ("%" + match.group(1) + "s") % _go(value) if match.group(2) in "vs" else (match.group(0) % value)
        )

    return re.sub(r"%([-+ 0-9.]*)([vsdqtfx%])", one, text)


def _all(*values: Any) -> Any:
    return next((value for value in values if not _truth(value)), values[-1])


def _any(*values: Any) -> Any:
    return next((value for value in values if _truth(value)), values[-1])


def _decode(text: str) -> str:
    return base64.b64decode(text).decode(errors="replace")


def _tokens_quietly(text: str) -> list[tuple[str, str]]:
    try:
        return _tokens(text)
    except TemplateError:
        return []


_WORDS = {"true": True, "false": False, "nil": None}
_FUNCTIONS: dict[str, Any] = {
    "index": _index,
    "len": lambda value: len(value),
    "printf": _printf,
    "print": lambda *values: "".join(_go(value) for value in values),
    "println": lambda *values: " ".join(_go(value) for value in values) + "\n",
    "eq": lambda first, *rest: any(first == other for other in rest),
    "ne": lambda left, right: left != right,
    "lt": lambda left, right: left < right,
    "le": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "ge": lambda left, right: left >= right,
    "and": _all,
    "or": _any,
    "not": lambda value: not _truth(value),
    "exists": lambda value, *keys: _index(value, *keys) is not _MISSING,
    "base64decode": _decode,
    "html": lambda value: str(value),
    "js": lambda value: str(value),
    "urlquery": lambda value: str(value),
}
