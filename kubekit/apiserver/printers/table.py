"""`table`: objects of one kind as a meta.k8s.io Table, the answer to `Accept: application/json;as=Table`.

Called by the API server's endpoints after a get, list, create, delete or for each event of a watch. Cells of
wide columns are always there; the client hides them. Never changes the objects.
Source: apiserver/pkg/endpoints/handlers/response.go, pkg/printers/tablegenerator.go.
"""

from __future__ import annotations

from typing import Protocol

from kubekit.api.exchange import Obj
from kubekit.apiserver.printers import custom
from kubekit.apiserver.printers.cells import name, section
from kubekit.apiserver.printers.columns import NAME, REGISTRY, Column, Printer

_INITIAL_END = "k8s.io/initial-events-end"
"""A bookmark with this annotation keeps its metadata even where no objects are wanted."""
_LIST_FIELDS = ("selfLink", "resourceVersion", "continue", "remainingItemCount")


class Shown(Protocol):
    """What `table` needs to know of a resource."""

    @property
    def group(self) -> str:
        """API group, empty for core."""
        ...

    @property
    def kind(self) -> str:
        """Kind of the objects."""
        ...


_DEFAULT = Printer(
    (NAME, Column("Created At", type="date", doc="meta_v1.ObjectMeta.creationTimestamp")),
    lambda obj, now: [name(obj), section(obj, "metadata").get("creationTimestamp") or "<unknown>"],
)


def printer_of(group: str, kind: str) -> Printer:
    """The printer of a built-in kind; name and creation time for kinds without one."""
    return REGISTRY.get((group, kind), _DEFAULT)


def table(
    resource: Shown,
    objects: list[Obj],
    *,
    now: float,
    list_meta: Obj | None = None,
    include_object: str = "Metadata",
    printer_columns: list[Obj] | None = None,
    version: str = "v1",
) -> Obj:
    """A Table of `objects`.

    `now`: Unix seconds, for ages. `list_meta`: the list's metadata (without it, a single object's version
    is taken). `include_object`: `None`, `Metadata` or `Object`, as the query parameter says.
    `printer_columns`: additionalPrinterColumns when the kind is a custom one (an empty list gives the
    default columns). `version`: of meta.k8s.io, `v1` or `v1beta1`.
    """
    shown = (
        printer_of(resource.group, resource.kind)
        if printer_columns is None
        else custom.printer(printer_columns)
    )
    if shown.order is not None:
        objects = sorted(objects, key=shown.order)
    meta = list_meta
    if meta is None:
        meta = section(objects[0], "metadata") if len(objects) == 1 else {}
        meta = {"resourceVersion": meta["resourceVersion"]} if meta.get("resourceVersion") else {}
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": {key: meta[key] for key in _LIST_FIELDS if meta.get(key) not in (None, "")},
        "columnDefinitions": shown.column_definitions(),
        "rows": [_row(shown, obj, now, include_object, version) for obj in objects],
    }


def _row(shown: Printer, obj: Obj, now: float, include_object: str, version: str) -> Obj:
    row: Obj = {"cells": shown.row(obj, now)}
    if shown.conditions is not None and (conditions := shown.conditions(obj)):
        row["conditions"] = conditions
    if include_object == "Object":
        row["object"] = obj
    elif include_object == "None" and _INITIAL_END not in (section(obj, "metadata").get("annotations") or {}):
        row["object"] = None
    else:
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": f"meta.k8s.io/{version}",
            "metadata": section(obj, "metadata"),
        }
    return row
