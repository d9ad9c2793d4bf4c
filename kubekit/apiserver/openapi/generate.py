"""Makes `published.json` from the Go definitions that the reference release generates for its own documents.

Run by hand when the reference release changes: `python -m kubekit.apiserver.openapi.generate
zz_generated.openapi.go ...`. The compiled schema has no enumerations, since the API server checks values in
its validation, and no defaults that are the zero value of a field that may be left out; the published
document has both. `{"core.v1.ServiceSpec": {"type": {"enum": ["ClusterIP", ...]}}}`: of a list or a map they
are the values of its elements. Nothing here runs when kubekit runs.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from kubekit.api.schema import struct_of

_TYPE = re.compile(
    r"^func schema_(?:\w*?_)?(?:api|apis)_(?P<group>\w+?)_(?P<version>v\d+)_(?P<name>\w+)\(", re.M
)
_FIELD = re.compile(r'^\t{5}"(?P<name>[^"]+)": \{$', re.M)
_ENUM = re.compile(r"^\t+Enum: +\[\]interface\{\}\{(?P<values>[^}]*)\},$", re.M)
_ZERO = re.compile(r'^\t{7}Default: +(?P<value>""|0|false),$', re.M)

Found = dict[str, dict[str, dict[str, Any]]]


def published(text: str) -> Found:
    """Enumerations and zero defaults of one file of Go definitions, by structure and field."""
    found: Found = {}
    for start in _TYPE.finditer(text):
        body = text[start.start() : text.index("\n}\n", start.start())]
        structure = f"{start['group']}.{start['version']}.{start['name']}"
        try:
            fields = struct_of(structure).fields
        except (KeyError, FileNotFoundError):
            continue
        for match in _ENUM.finditer(body):
            entry = found.setdefault(structure, {}).setdefault(_field(body, match.start()), {})
            entry["enum"] = json.loads(f"[{match['values']}]")
        for match in _ZERO.finditer(body):
            name = _field(body, match.start())
            if fields[name].omitempty or fields[name].type.nullable:
                entry = found.setdefault(structure, {}).setdefault(name, {})
                entry["default"] = json.loads(match["value"])
    return found


def _field(body: str, position: int) -> str:
    """The field that a position stands in."""
    return [match["name"] for match in _FIELD.finditer(body, 0, position)][-1]


def main(arguments: list[str]) -> None:
    """Arguments: the generated Go files."""
    found: Found = {}
    for argument in arguments:
        for structure, fields in published(Path(argument).read_text(encoding="utf-8")).items():
            found.setdefault(structure, {}).update(fields)
    text = json.dumps(dict(sorted(found.items())), separators=(",", ":")) + "\n"
    (Path(__file__).parent / "published.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
