"""Kubernetes' own JSONPath: `{range .items[*]}{.metadata.name}{"\\n"}{end}`.

A template is text with actions in braces. Called by `kubectl -o jsonpath`, `--sort-by`, custom-columns,
`wait --for=jsonpath` and the printer columns of custom resources. Missing fields are errors unless allowed.
Source: client-go/util/jsonpath/jsonpath.go.

>>> render(parse("{range .items[*]}{.n}-{end}"), {"items": [{"n": 1}, {"n": 2}]})
'1-2-'
"""

from __future__ import annotations

import json
from typing import Any

from kubekit.api.jsonpath_parser import JSONPathError, Node, parse, unquote

__all__ = ["JSONPathError", "Node", "find", "find_all", "go_json", "parse", "render", "text_of", "unquote"]


class _Walk:
    def __init__(self, allow_missing: bool) -> None:
        self.allow_missing = allow_missing

    def template(self, nodes: list[Node], data: Any, inside: bool = False) -> tuple[list[list[Any]], int]:
        """Results of each action, and how many nodes were read (up to and with `{end}` inside a range)."""
        out: list[list[Any]] = []
        index = 0
        while index < len(nodes):
            node = nodes[index]
            words = [n.value for n in node.nodes if n.kind == "identifier"]
            index += 1
            if "end" in words:
                if not inside:
                    raise JSONPathError("not in range, nothing to end")
                return out, index
            if "range" in words:
                steps = node.nodes[next(i for i, n in enumerate(node.nodes) if n.value == "range") + 1 :]
                rest, used = nodes[index:], None
                for value in self.steps(steps, [data]):
                    found, used = self.template(rest, value, True)
                    out += found
                index += self._skip(rest) if used is None else used
                continue
            out.append(self.walk(node, [data]))
        return out, index

    def _skip(self, nodes: list[Node]) -> int:
        depth = 1
        for index, node in enumerate(nodes):
            for inner in node.nodes:
                if inner.kind == "identifier":
                    depth += {"range": 1, "end": -1}.get(inner.value, 0)
            if depth <= 0:
                return index + 1
        return len(nodes)

    def steps(self, nodes: list[Node], values: list[Any]) -> list[Any]:
        for node in nodes:
            values = self.walk(node, values)
        return values

    def walk(self, node: Node, values: list[Any]) -> list[Any]:
        kind = node.kind
        if kind == "list":
            return self.steps(node.nodes, values)
        if kind == "text":
            return [node.value]
        if kind == "literal":
            return [node.value] * len(values)
        if kind == "identifier":
            raise JSONPathError(f"unrecognized identifier {node.value}")
        if kind == "union":
            return [found for part in node.nodes for found in self.steps(part.nodes, values)]
        if kind == "field":
            return self._field(node.value, values)
        if kind == "wildcard":
            return [child for value in values for child in _children(value)]
        if kind == "recursive":
            return _descend(values)
        if kind == "array":
            return self._array(node, values)
        return self._filter(node, values)

    def _field(self, name: str, values: list[Any]) -> list[Any]:
        found = [value[name] for value in values if isinstance(value, dict) and name in value]
        if values and not found and not self.allow_missing:
            raise JSONPathError(f"{name} is not found")
        return found

    def _array(self, node: Node, values: list[Any]) -> list[Any]:
        out: list[Any] = []
        for value in values:
            if value is None:
                continue
            if not isinstance(value, list):
                raise JSONPathError(f"{_go_type(value)} is not array or slice")
            size = len(value)
            low, high, step, derived = node.value
            low = 0 if low is None else low + size if low < 0 else low
            high = size if high is None else high
            if high < 0 or (high == 0 and derived):
                high += size
            if low == high:
                return out
            if low >= size or low < 0:
                raise JSONPathError(f"array index out of bounds: index {low}, length {size}")
            if high > size or high < 0:
                raise JSONPathError(f"array index out of bounds: index {high - 1}, length {size}")
            if low > high:
                raise JSONPathError(f"starting index {low} is greater than ending index {high}")
            if step is not None and step <= 0:
                raise JSONPathError("step must be > 0")
            out += value[low : high : step or 1]
        return out

    def _filter(self, node: Node, values: list[Any]) -> list[Any]:
        out = []
        for value in values:
            if not isinstance(value, list):
                raise JSONPathError(f"{text_of(value)} is not array or slice and cannot be filtered")
            for item in value:
                if node.value == "exists":
                    try:
                        lefts = self.steps(node.nodes, [item])
                    except JSONPathError:
                        lefts = []
                    if lefts:
                        out.append(item)
                    continue
                lefts = self.steps(node.nodes, [item])
                if not lefts:
                    continue
                rights = self.steps(node.right.nodes if node.right else [], [item])
                if len(lefts) > 1 or len(rights) > 1:
                    raise JSONPathError("can only compare one element at a time")
                if rights and _compare(lefts[0], node.value, rights[0]):
                    out.append(item)
        return out


def _compare(left: Any, operator: str, right: Any) -> bool:
    number = (int, float)
    same = type(left) is type(right) or (
        isinstance(left, number)
        and isinstance(right, number)
        and not isinstance(left, bool)
        and not isinstance(right, bool)
    )
    if operator not in ("==", "!=", "<", ">", "<=", ">="):
        raise JSONPathError(f"unrecognized filter operator {operator}")
    if not same:
        raise JSONPathError("incompatible types for comparison")
    if operator in ("==", "!="):
        return bool((left == right) == (operator == "=="))
    if isinstance(left, bool | dict | list) or left is None:
        raise JSONPathError("invalid type for comparison")
    return bool({"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[operator])


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, list | str) else []


def _descend(values: list[Any]) -> list[Any]:
    out = []
    for value in values:
        if isinstance(value, dict | list) and value:
            out.append(value)
            out += _descend(_children(value))
    return out


def _go_type(value: Any) -> str:
    names = {bool: "bool", str: "string", int: "int64", float: "float64", dict: "map[string]interface {}"}
    return names.get(type(value), "interface {}")


def go_json(value: Any) -> str:
    """JSON as Go's encoder writes it: keys sorted, no spaces, HTML characters escaped."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def text_of(value: Any) -> str:
    """One result as text: JSON for maps and lists, the bare value otherwise."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return go_json(value) if isinstance(value, dict | list) else str(value)


def find_all(nodes: list[Node], data: Any, allow_missing: bool = False) -> list[list[Any]]:
    """What each text and each action of the template finds, in order."""
    return _Walk(allow_missing).template(nodes, data)[0]


def find(nodes: list[Node], data: Any, allow_missing: bool = False) -> list[Any]:
    """What the first action finds (templates that are one path)."""
    results = find_all(nodes, data, allow_missing)
    return results[0] if results else []


def render(nodes: list[Node], data: Any, allow_missing: bool = False, as_json: bool = False) -> str:
    """The whole output; results of one action are separated by a space."""
    out = []
    for results in find_all(nodes, data, allow_missing):
        if as_json:
            out.append(json.dumps(results, indent=4, sort_keys=True, ensure_ascii=False) + "\n")
        else:
            out.append(" ".join(text_of(value) for value in results))
    return "".join(out)
