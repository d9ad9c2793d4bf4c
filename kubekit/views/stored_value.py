"""A stored value as lines that can be read, and the difference of two as lines with signs.

`lines_of(value)` decodes what lies in etcd: JSON is shown as YAML (with `managedFields` left out, and said
so), a protobuf object of Kubernetes and an encrypted value are named and shown as bytes, text as it is.
`difference(before, after)` is the shortest edit, deletions before additions; `static/revision_explorer.js`
does the same for whichever two revisions are chosen in the page, and a test holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from kubekit.terminal.cli import yaml_text

LONGEST = 600
"""Lines of one value that are carried to the page."""

PROTOBUF = b"k8s\x00"
ENCRYPTED = b"k8s:enc:"


class Shown(NamedTuple):
    """A value as lines; `form` says what it is and what was left out."""

    form: str
    lines: list[str]


def lines_of(value: bytes) -> Shown:
    """The value as lines, at most LONGEST of them."""
    form, lines = _decode(value)
    if len(lines) > LONGEST:
        form += f"; {len(lines) - LONGEST} more lines are not shown"
        lines = lines[:LONGEST]
    return Shown(form, lines)


def _decode(value: bytes) -> tuple[str, list[str]]:
    if not value:
        return "empty", []
    if value.startswith(PROTOBUF):
        return f"protobuf of {_type_of(value)}, {len(value)} bytes", _dump(value)
    if value.startswith(ENCRYPTED):
        parts = value.split(b":", 5)
        provider = parts[2].decode(errors="replace")
        key = f" with {parts[4].decode(errors='replace')}" if len(parts) > 5 else ""
        return f"encrypted by {provider}{key}, {len(value)} bytes", _dump(value)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return f"{len(value)} bytes", _dump(value)
    try:
        parsed = json.loads(text)
    except ValueError:
        if text.isprintable() or text.replace("\n", "").replace("\t", "").isprintable():
            return "text", text.splitlines()
        return f"{len(value)} bytes", _dump(value)
    if not isinstance(parsed, dict):
        return "JSON", text.splitlines()
    form = "JSON, shown as YAML"
    meta = parsed.get("metadata")
    if isinstance(meta, dict) and "managedFields" in meta:
        folded = yaml_text.dump(meta["managedFields"]).count("\n")
        parsed = {**parsed, "metadata": {k: v for k, v in meta.items() if k != "managedFields"}}
        form += f"; managedFields folded: {folded} lines"
    return form, yaml_text.dump(parsed).splitlines()


def _type_of(value: bytes) -> str:
    """The apiVersion and kind that a protobuf object begins with (runtime.Unknown's first field)."""
    found: list[str] = []
    try:
        at = len(PROTOBUF)
        if value[at] == 0x0A:
            end = at + 2 + value[at + 1]
            at += 2
            while at < end and value[at] in (0x0A, 0x12):
                size = value[at + 1]
                found.append(value[at + 2 : at + 2 + size].decode())
                at += 2 + size
    except (IndexError, UnicodeDecodeError):
        found = []
    return " ".join(found) or "an object"


def _dump(value: bytes) -> list[str]:
    """Offset, sixteen bytes, and what of them is a letter."""
    lines = []
    for at in range(0, len(value), 16):
        part = value[at : at + 16]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{at:08x}  {part.hex(' '):<47}  {letters}")
    return lines


def difference(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, str]]:
    """(sign, line) of the shortest edit: " " is in both, "-" only before, "+" only after.

    >>> difference(["a", "phase: Pending"], ["a", "phase: Running"])
    [(' ', 'a'), ('-', 'phase: Pending'), ('+', 'phase: Running')]
    """
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    # The length of the longest common rest from each pair of places on.
    longest = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            if old[i] == new[j]:
                longest[i][j] = longest[i + 1][j + 1] + 1
            else:
                longest[i][j] = max(longest[i + 1][j], longest[i][j + 1])
    edit = [(" ", line) for line in before[:start]]
    i = j = 0
    while i < len(old) or j < len(new):
        if i < len(old) and j < len(new) and old[i] == new[j]:
            edit.append((" ", old[i]))
            i, j = i + 1, j + 1
        elif i < len(old) and (j == len(new) or longest[i + 1][j] >= longest[i][j + 1]):
            edit.append(("-", old[i]))
            i += 1
        else:
            edit.append(("+", new[j]))
            j += 1
    return edit + [(" ", line) for line in before[len(before) - end :]]
