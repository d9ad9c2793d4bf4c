"""Tables of custom resources: name first, then what the definition's additionalPrinterColumns ask for.

Each column is a JSONPath into the object; a string column prints the first thing it finds, a typed column
shows nothing when the value has another type, a date column shows an age.
Source: apiextensions-apiserver/pkg/registry/customresource/tableconvertor.
"""

from __future__ import annotations

from typing import Any

from kubekit.api import jsonpath
from kubekit.api.duration import since
from kubekit.api.exchange import Obj
from kubekit.apiserver.printers.cells import name
from kubekit.apiserver.printers.columns import AGE, NAME, Printer

DEFAULT_COLUMNS: list[Obj] = [
    {
        "name": "Age",
        "type": "date",
        "description": AGE.definition()["description"],
        "jsonPath": ".metadata.creationTimestamp",
    }
]
"""What a definition that asks for no columns gets."""


def _cell(kind: str, value: Any, now: float) -> Any:
    if value is None:
        return None
    if kind == "string":
        return jsonpath.text_of(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind in ("integer", "number"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return int(value) if kind == "integer" else value
    if kind == "date" and isinstance(value, str):
        try:
            return since(value, now)
        except ValueError:
            return "<invalid>"
    return None


def printer(columns: list[Obj] | None) -> Printer:
    """The printer of a custom kind. `columns`: the version's additionalPrinterColumns."""
    wanted = columns or DEFAULT_COLUMNS
    paths = [jsonpath.parse("{" + column.get("jsonPath", "") + "}") for column in wanted]

    def row(obj: Obj, now: float) -> list[Any]:
        cells: list[Any] = [name(obj)]
        for column, path in zip(wanted, paths, strict=True):
            found = jsonpath.find(path, obj, allow_missing=True)
            cells.append(_cell(column.get("type", ""), found[0] if found else None, now))
        return cells

    definitions = [NAME.definition()]
    for column in wanted:
        path = column.get("jsonPath", "")
        text = column.get("description") or f"Custom resource definition column (in JSONPath format): {path}"
        definitions.append(
            {
                "name": column.get("name", ""),
                "type": column.get("type", ""),
                "format": column.get("format", ""),
                "description": text,
                "priority": int(column.get("priority") or 0),
            }
        )
    return Printer((), row, definitions=definitions)
