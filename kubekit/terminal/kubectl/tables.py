"""Server-side tables as kubectl shows them: headers in capitals, wide columns hidden, kinds and labels added.

Called by `get`. The server has worked the cells out; this file aligns them.
Source: cli-runtime/pkg/printers/tableprinter.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.label_text import format_labels
from kubekit.api.resources import Resource
from kubekit.terminal.kubectl.call import meta
from kubekit.terminal.kubectl.manifests import kind_name


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    # A line break would tear the table: only the first line is shown, with dots for the rest.
    text = str(cell)
    first, newline, _ = text.replace("\r", "\n").partition("\n")
    return first + "..." if newline else text


def own_table(objects: list[Obj], age: Callable[[str | None], str]) -> Obj:
    """The table that the client makes itself: names and ages, whatever the objects are."""
    return {
        "columnDefinitions": [{"name": "Name", "format": "name"}, {"name": "Age"}],
        "rows": [
            {"cells": [meta(obj).get("name", ""), age(meta(obj).get("creationTimestamp"))], "object": obj}
            for obj in objects
        ],
    }


class TablePrinter:
    """Collects the rows of one resource; `rows` go through the aligner in one piece."""

    def __init__(
        self,
        *,
        wide: bool = False,
        headers: bool = True,
        namespace: bool = False,
        kind: bool = False,
        labels: list[str] | None = None,
        show_labels: bool = False,
    ) -> None:
        self.wide, self.headers, self.namespace, self.kind = wide, headers, namespace, kind
        self.labels, self.show_labels = labels or [], show_labels

    def shown(self, table: Obj) -> list[int]:
        """Which columns are printed."""
        return [
            index
            for index, column in enumerate(table.get("columnDefinitions") or [])
            if self.wide or not column.get("priority")
        ]

    def header(self, table: Obj, with_namespace: bool) -> list[str]:
        """The first line."""
        names = [table["columnDefinitions"][index]["name"].upper() for index in self.shown(table)]
        extra = [label.rpartition("/")[2].upper() for label in self.labels]
        extra += ["LABELS"] if self.show_labels else []
        return [*(["NAMESPACE"] if with_namespace else []), *names, *extra]

    def lines(self, table: Obj, resource: Resource, with_namespace: bool) -> list[list[str]]:
        """The rows of a table."""
        columns = table.get("columnDefinitions") or []
        shown = self.shown(table)
        found = []
        for row in table.get("rows") or []:
            cells = row.get("cells") or []
            line = []
            for index in shown:
                text = _text(cells[index]) if index < len(cells) else ""
                if self.kind and index == self._name_column(columns):
                    text = f"{kind_name(resource)}/{text}"
                line.append(text)
            about = meta(row.get("object") or {})
            carried = about.get("labels") or {}
            line += [carried.get(label, "") for label in self.labels]
            line += [format_labels(carried)] if self.show_labels else []
            found.append([*([about.get("namespace") or ""] if with_namespace else []), *line])
        return found

    @staticmethod
    def _name_column(columns: list[Obj]) -> int:
        for index, column in enumerate(columns):
            if column.get("format") == "name" or column.get("name", "").lower() == "name":
                return index
        return 0
