"""Reading manifests: YAML documents to JSON values, with go-yaml's idea of types and its error texts.

`documents` splits at `---` as kubectl's decoder does and reads each part; a part that is not YAML raises
`ManifestError` with the words and the line number that the real program prints.
Source: apimachinery/pkg/util/yaml, go-yaml v2 (resolve.go, yaml.go).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from kubekit.terminal.cli.yaml_text import _BOOLS, _NULLS


class ManifestError(ValueError):
    """Text that is no YAML; the message is the original's."""


class _Loader(yaml.SafeLoader):
    """SafeLoader with go-yaml's implicit types."""

    yaml_implicit_resolvers: Any = {}

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, bool):
                key = str(key).lower()
            elif key is None:
                key = "null"
            elif isinstance(key, dict | list):
                raise ConstructorError(None, None, "invalid map key", key_node.start_mark)
            found[str(key)] = self.construct_object(value_node, deep=True)
        return found


_TRUE = {word for word in _BOOLS if word.lower() in ("y", "yes", "true", "on")}
_INT = re.compile(r"^[-+]?(0[xX][0-9a-fA-F_]+|0b[01_]+|[0-9][0-9_]*)$")
_FLOAT = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_INF = {".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf")}


def plain_value(text: str) -> Any:
    """What a scalar without quotes means."""
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return text in _TRUE
    if text[0] in "+-.0123456789":
        if _INT.match(text):
            digits = text.replace("_", "")
            octal = re.fullmatch(r"[-+]?0[0-7]+", digits)
            try:
                return (
                    int(digits, 8)
                    if octal
                    else int(digits, 0 if not digits.lstrip("+-").startswith("0") else 16)
                )
            except ValueError:
                return int(digits, 0) if digits.lower().lstrip("+-").startswith("0b") else text
        if _FLOAT.match(text):
            return float(text)
        if text.lower() in _INF:
            return _INF[text.lower()]
    return text


def _scalar(loader: _Loader, node: ScalarNode) -> Any:
    return str(node.value) if node.style is not None else plain_value(node.value)


def _mapping(loader: _Loader, node: MappingNode) -> Any:
    return loader.construct_mapping(node, deep=True)


def _sequence(loader: _Loader, node: SequenceNode) -> Any:
    return loader.construct_sequence(node, deep=True)


def _tagged(loader: _Loader, node: Any) -> Any:
    raise ConstructorError(None, None, f"unknown tag {node.tag}", node.start_mark)


_Loader.add_constructor("tag:yaml.org,2002:str", _scalar)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:seq", _sequence)

_PROBLEMS = (
    (r"mapping values are not allowed here", "mapping values are not allowed in this context"),
    (r"sequence entries are not allowed here", "block sequence entries are not allowed in this context"),
    (r"mapping keys are not allowed here", "mapping keys are not allowed in this context"),
    (r"found character .* that cannot start any token", "found character that cannot start any token"),
    (r"could not find expected ':'", "could not find expected ':'"),
    (r"found unexpected end of stream", "found unexpected end of stream"),
    (r"found undefined alias.*", "unknown anchor referenced"),
)
_EXPECTED = {
    "while parsing a block mapping": "did not find expected key",
    "while parsing a block collection": "did not find expected '-' indicator",
    "while parsing a flow mapping": "did not find expected ',' or '}'",
    "while parsing a flow sequence": "did not find expected ',' or ']'",
    "while parsing a flow node": "did not find expected node content",
    "while parsing a block node": "did not find expected node content",
}


def error_text(error: yaml.YAMLError) -> str:
    """`yaml: line 3: did not find expected key`: a PyYAML error in go-yaml's words."""
    problem = str(getattr(error, "problem", "") or "")
    context = str(getattr(error, "context", "") or "")
    mark, context_mark = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    text = next((new for old, new in _PROBLEMS if re.search(old, problem)), "")
    if not text:
        text = _EXPECTED.get(context, problem or str(error))
    scanner = isinstance(error, yaml.scanner.ScannerError)
    line = mark.line if mark and mark.line else context_mark.line if context_mark else 0
    if line and scanner:
        line += 1
    if isinstance(error, yaml.reader.ReaderError):
        return "yaml: control characters are not allowed"
    return f"yaml: line {line}: {text}" if line else f"yaml: {text}"


_PLAIN_END = re.compile(r"""^[^#]*[:-] +[^\s#'"\[\]{}|>&*!%@`,][^#]*$""")
"""A line that ends inside a scalar without quotes, which the next line may go on with."""


def load(text: str) -> Any:
    """One document. ManifestError with `yaml: line N: ...` when it is none."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ManifestError(_tab_text(error, text) or error_text(error)) from None


def _tab_text(error: yaml.YAMLError, text: str) -> str:
    """What go-yaml says of a tab below a scalar without quotes; other tabs it takes as any character."""
    mark = getattr(error, "problem_mark", None)
    if "'\\t' that cannot start" not in str(getattr(error, "problem", "")) or not mark or not mark.line:
        return ""
    if not _PLAIN_END.match(text.splitlines()[mark.line - 1]):
        return ""
    return f"yaml: line {mark.line + 1}: found a tab character that violates indentation"


_SEPARATOR = re.compile(r"(?m)^---(.*)(?:\n|\Z)")


def split(text: str) -> Iterator[str]:
    """The documents of a stream, separated by lines of `---`.

    ManifestError at a separator that says more; the document before it is lost with it, as in the original.
    """
    start = 0
    for found in _SEPARATOR.finditer(text):
        said = found.group(1).strip()
        if said and not said.startswith("#"):
            raise ManifestError(f"invalid Yaml document separator: {said}")
        yield text[start : found.start()]
        start = found.end()
    yield text[start:]


def documents(text: str) -> Iterator[Any]:
    """Every document of a stream that is not empty, up to the first that is wrong: ManifestError."""
    for part in split(text):
        if not part.strip():
            continue
        try:
            value = load(part)
        except ManifestError as error:
            raise ManifestError(f"error converting YAML to JSON: {error}") from None
        if value is not None:
            yield value
