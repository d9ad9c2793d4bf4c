"""What the fields of a type mean: the documentation text of the reference release, read when asked for.

The text is nowhere in the kit. It is taken from the docstrings of the PyPI package `lightkube-models`, whose
files are parsed as source, never imported. Called by the table printers (column descriptions), the OpenAPI
document and `kubectl explain`. The docstrings are folded at 80 columns; `_unfold` joins the lines again and
keeps the breaks that folding cannot have made. What the folding hid without a trace - a paragraph that
began where a line was full anyway - stands in `data/field_breaks.json`: a text's name, the white space, the
numbers of the gaps between words that have it.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path

_FIELD = re.compile(r"^ *\* \*\*(?P<name>[^*]+)\*\* ``(?P<type>[^`]*)`` ?-? ?(?P<text>.*)$")
_WIDTH = 78
_INDENT = 8


@dataclass(frozen=True, slots=True)
class FieldDoc:
    """One field: its Python-side type text (`Optional[List[Container]]`) and its description."""

    type: str
    text: str


@dataclass(frozen=True, slots=True)
class TypeDoc:
    """One type: description and fields, in the docstring's order."""

    text: str
    fields: dict[str, FieldDoc]


def _folder() -> Path | None:
    try:
        spec = importlib.util.find_spec("lightkube")
    except (ImportError, ValueError):
        return None
    for place in spec.submodule_search_locations or [] if spec else []:
        if (folder := Path(place) / "models").is_dir():
            return folder
    return None


def _unfold(lines: list[str]) -> str:
    """Joins folded lines; a line that left room for the next line's first word ended a paragraph."""
    text = ""
    previous = ""
    double = sum(line.count(".  ") for line in lines) > sum(line.count(". ") for line in lines) / 2
    for raw in lines:
        line = raw.strip()
        folded = raw[_INDENT:].rstrip() if raw.startswith(" " * _INDENT) else line
        if not line:
            previous = ""
            text = text.rstrip("\n") + "\n\n" if text else text
            continue
        if not text or text.endswith("\n"):
            text += line
        elif folded.startswith(" "):
            # Nothing that is folded is indented: this line was one before, and keeps its place.
            text += "\n" + folded
        elif re.match(r"(?:[-*] |\d+\. )", line):
            # Items of a list with stars stand apart from each other.
            text += ("\n\n" if line.startswith("*") else "\n") + line
        else:
            # Some texts put two spaces after a full stop; folding swallowed them at the ends of lines.
            space = "  " if double and previous.endswith(".") else " "
            fits = previous and len(previous + space + line.split()[0]) <= _WIDTH
            text += (("\n" if previous.startswith(" ") else "\n\n") if fits else space) + line
        previous = folded
    return text.strip()


def _parse(doc: str) -> TypeDoc:
    head: list[str] = []
    fields: dict[str, tuple[str, list[str]]] = {}
    current: list[str] = head
    for line in doc.splitlines():
        found = _FIELD.match(line)
        if found:
            current = [found["text"]]
            fields[found["name"].rstrip("_")] = (found["type"], current)
        elif line.strip() == "**parameters**":
            current = []
        else:
            current.append(line)
    return TypeDoc(
        _unfold(head), {name: FieldDoc(kind, _unfold(text)) for name, (kind, text) in fields.items()}
    )


@functools.cache
def _module(name: str) -> dict[str, str]:
    folder = _folder()
    path = folder / f"{name}.py" if folder else None
    if path is None or not path.is_file():
        return {}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name: ast.get_docstring(node, clean=False) or ""
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


@functools.cache
def type_doc(module: str, name: str) -> TypeDoc | None:
    """The documentation of a type, e.g. `("core_v1", "PodSpec")`; None where there is none."""
    doc = _module(module).get(name)
    if doc is None:
        return None
    found, own = _parse(doc), f"{module}.{name}"
    fields = {
        field: FieldDoc(it.type, _mended(f"{own}.{field}", it.text)) for field, it in found.fields.items()
    }
    return TypeDoc(_mended(own, found.text), fields)


@functools.cache
def _breaks() -> dict[str, dict[str, list[int]]]:
    path = Path(__file__).parent / "data" / "field_breaks.json"
    found: dict[str, dict[str, list[int]]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _mended(text_name: str, text: str) -> str:
    """The text with the white space that folding hid."""
    wrong = _breaks().get(text_name)
    if wrong is None:
        return text
    parts = re.split(r"(\s+)", text)
    for space, places in wrong.items():
        for place in places:
            if 2 * place + 1 < len(parts):
                parts[2 * place + 1] = space
    return "".join(parts)


def field_doc(module: str, name: str, field: str) -> str:
    """The text of one field; empty where there is none (as the server prints it then)."""
    found = type_doc(module, name)
    return found.fields[field].text if found and field in found.fields else ""
