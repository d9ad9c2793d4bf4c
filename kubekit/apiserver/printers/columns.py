"""A column of a server-side table, and a printer: the columns of one kind with the function that fills a row.

The files beside this one declare printers with `register`; `table.py` looks them up by group and kind.
A description is a fact of the wire: mostly it is the documentation of the field that the column shows,
written here as `core_v1.PodStatus.podIP` and read at run time;
where the server says something else, it is `text`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.field_docs import field_doc

RowFn = Callable[[Obj, float], list[Any]]
"""(object, now in Unix seconds) -> cells in the order of the columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """One columnDefinition. `wide` columns have priority 1 and show only with `-o wide`."""

    name: str
    doc: str = ""
    text: str = ""
    type: str = "string"
    format: str = ""
    wide: bool = False
    less: str = ""
    """The end of the text that the older version of the type, which upstream's printer reads, lacks."""

    def definition(self) -> Obj:
        """The columnDefinition as it goes over the wire."""
        description = self.text
        if self.doc:
            module, kind, name = self.doc.split(".")
            description = field_doc(module, kind, name).removesuffix(self.less)
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": description,
            "priority": int(self.wide),
        }


@dataclass(frozen=True, slots=True)
class Printer:
    """How one kind is shown."""

    columns: tuple[Column, ...]
    row: RowFn
    conditions: Callable[[Obj], list[Obj]] | None = None
    definitions: list[Obj] = field(default_factory=list)
    order: Callable[[Obj], Any] | None = None
    """By what the rows of a Table are sorted, for the few kinds that do not keep the list's order."""

    def column_definitions(self) -> list[Obj]:
        """The columnDefinitions, made once."""
        if not self.definitions:
            self.definitions.extend(column.definition() for column in self.columns)
        return self.definitions


REGISTRY: dict[tuple[str, str], Printer] = {}
"""(API group, kind) -> printer. Every version of a kind is shown alike."""


def register(
    group: str,
    kind: str,
    *columns: Column,
    conditions: Callable[[Obj], list[Obj]] | None = None,
    order: Callable[[Obj], Any] | None = None,
) -> Callable[[RowFn], RowFn]:
    """Decorator: this function fills the rows of that kind."""

    def keep(row: RowFn) -> RowFn:
        REGISTRY[(group, kind)] = Printer(tuple(columns), row, conditions, order=order)
        return row

    return keep


NAME = Column("Name", doc="meta_v1.ObjectMeta.name", format="name")
AGE = Column("Age", doc="meta_v1.ObjectMeta.creationTimestamp")
CONTAINERS = Column("Containers", text="Names of each container in the template.", wide=True)
IMAGES = Column("Images", text="Images referenced by each container in the template.", wide=True)
