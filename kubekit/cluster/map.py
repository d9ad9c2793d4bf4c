"""The cluster map as text: every component, where it is, its state, its port, and whom it talks to.

What `repr(cluster)` prints. Drawn maps are the views' business; both use the same rows, and a row says only
what the component says of itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubekit.cluster.defaults import PORTS
from kubekit.sim import Component

HEADS = ("component", "on", "state", "port", "talks to")


class Row(NamedTuple):
    """One component of the map."""

    component: str
    on: str
    state: str
    port: str
    talks_to: str


def row_of(component: Component, on: str) -> Row:
    """The row of one component; a state other than running says since when."""
    kind = component.name.split("/")[0]
    state = component.state if component.running else f"{component.state} t={component.since:.1f}s"
    if kind.startswith("etcd"):
        port, talks_to = str(PORTS["etcd"]), ""
    else:
        port = str(PORTS.get(kind, ""))
        talks_to = "etcd" if kind == "kube-apiserver" else "kube-apiserver"
    return Row(kind, on, state, port, talks_to)


def table(rows: Sequence[Row]) -> str:
    """Rows as aligned plain text."""
    lines = [HEADS, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines
    )
