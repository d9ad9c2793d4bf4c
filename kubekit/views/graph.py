"""Graphs of objects: who owns whom, what flows where. Drawn in columns, exported as DOT, told as a tree.

The graphs of this course are trees or nearly so, hence a plain layered placement: a node's column is its
longest distance from a root, and within a column nodes stand in the order of their parents. `dot()` gives the
text for Graphviz, made with the `graphviz` package; the `dot` program itself is never called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import graphviz

from kubekit.views.view import Table, View

COLUMN, ROW, BOX_WIDTH, BOX_HEIGHT, MARGIN = 216, 56, 176, 42, 16
"""Measures in pixels: distance of columns and rows, size of a box, the air around all."""


@dataclass(frozen=True)
class Node:
    """A box: what it is called, what it is, and a glyph for how it is."""

    id: str
    name: str
    kind: str
    glyph: str = ""
    state: str = ""


@dataclass(frozen=True)
class Edge:
    """An arrow from one node to another."""

    source: str
    target: str
    label: str = ""


class Graph(View):
    """A small directed graph of objects."""

    name = "graph"

    def __init__(
        self, title: str, nodes: list[Node], edges: list[Edge], meta: list[list[str]] | None = None
    ) -> None:
        self.nodes = list(nodes)
        known = {node.id for node in nodes}
        self.edges = [edge for edge in edges if edge.source in known and edge.target in known]
        columns = self._columns()
        super().__init__(
            self._scene(title, columns, meta or []), f"{title}\n{self.tree()}", self._table(title)
        )

    def dot(self) -> str:
        """The graph in the DOT language."""
        drawing = graphviz.Digraph(graph_attr={"rankdir": "LR"}, node_attr={"shape": "box"})
        for node in self.nodes:
            drawing.node(node.id, f"{node.name}\n{node.kind}" + (f"\n{node.state}" if node.state else ""))
        for edge in self.edges:
            drawing.edge(edge.source, edge.target, label=edge.label or None)
        return str(drawing.source)

    def tree(self) -> str:
        """The graph as an indented list, roots first; a node with two parents is told under each."""
        children: dict[str, list[Edge]] = {}
        for edge in self.edges:
            children.setdefault(edge.source, []).append(edge)
        by_id = {node.id: node for node in self.nodes}
        targets = {edge.target for edge in self.edges}
        lines: list[str] = []

        def tell(id: str, depth: int, path: tuple[str, ...]) -> None:
            node = by_id[id]
            state = f"  {node.state}" if node.state else ""
            lines.append(f"{'  ' * depth}{node.kind} {node.name}{state}")
            for edge in children.get(id, ()):
                if edge.target not in path:
                    tell(edge.target, depth + 1, (*path, edge.target))

        for node in self.nodes:
            if node.id not in targets:
                tell(node.id, 0, (node.id,))
        return "\n".join(lines)

    def _columns(self) -> list[list[Node]]:
        depth = {node.id: 0 for node in self.nodes}
        # Longest path by relaxation; a cycle (owners can be made to form one) stops after n rounds.
        for _ in self.nodes:
            changed = False
            for edge in self.edges:
                if depth[edge.target] < depth[edge.source] + 1 < len(self.nodes):
                    depth[edge.target] = depth[edge.source] + 1
                    changed = True
            if not changed:
                break
        columns: list[list[Node]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
        place: dict[str, float] = {}
        parents: dict[str, list[str]] = {}
        for edge in self.edges:
            parents.setdefault(edge.target, []).append(edge.source)
        for at, column in enumerate(columns):
            members = [node for node in self.nodes if depth[node.id] == at]

            def order(node: Node) -> float:
                above = [place[parent] for parent in parents.get(node.id, ()) if parent in place]
                return sum(above) / len(above) if above else 0.0

            column += sorted(members, key=order) if at else members
            for row, node in enumerate(column):
                place[node.id] = float(row)
        return columns

    def _scene(self, title: str, columns: list[list[Node]], meta: list[list[str]]) -> dict[str, Any]:
        tallest = max(len(column) for column in columns)
        boxes = []
        at: dict[str, tuple[float, float]] = {}
        for number, column in enumerate(columns):
            offset = (tallest - len(column)) * ROW / 2
            for row, node in enumerate(column):
                x, y = MARGIN + number * COLUMN, MARGIN + offset + row * ROW
                at[node.id] = (x, y)
                boxes.append(
                    {
                        "x": x,
                        "y": y,
                        "name": node.name,
                        "kind": node.kind,
                        "glyph": node.glyph,
                        "state": node.state,
                    }
                )
        arrows = [
            {
                "x1": at[edge.source][0] + BOX_WIDTH,
                "y1": at[edge.source][1] + BOX_HEIGHT / 2,
                "x2": at[edge.target][0],
                "y2": at[edge.target][1] + BOX_HEIGHT / 2,
                "label": edge.label,
            }
            for edge in self.edges
        ]
        return {
            "title": title,
            "meta": meta,
            "inspector": False,
            "sentence": title + ".",
            "empty": None if self.nodes else "Nothing to draw: no such object, and nothing that it owns.",
            "width": 2 * MARGIN + (len(columns) - 1) * COLUMN + BOX_WIDTH,
            "height": 2 * MARGIN + (tallest - 1) * ROW + BOX_HEIGHT,
            "box": [BOX_WIDTH, BOX_HEIGHT],
            "boxes": boxes,
            "arrows": arrows,
        }

    def _table(self, title: str) -> Table:
        owners: dict[str, list[str]] = {}
        by_id = {node.id: node for node in self.nodes}
        for edge in self.edges:
            owners.setdefault(edge.target, []).append(by_id[edge.source].name)
        rows = [[n.name, n.kind, n.state, ", ".join(owners.get(n.id, []))] for n in self.nodes]
        return Table(title, ["name", "kind", "state", "comes from"], rows)
