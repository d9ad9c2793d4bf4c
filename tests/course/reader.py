"""A reader in a hurry: runs a chapter's cells without Jupyter, as a learner who types this or that would.

`Reader("07")` takes the cells of a chapter; `run("boot", "mover")` runs cells by slug, `type_in(text)` runs
what the learner typed, `check("07.3")` gives the record of a check, and sees to it that it changed nothing.
"""

from __future__ import annotations

import ast
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

import kubekit
from kubekit.course import builder, checking, exercise
from kubekit.course.builder import Cell, split
from kubekit.terminal import etcd_magics, magics

SOURCES = {path.stem.split("-")[0]: path for path in builder.sources()}


class Reader:
    """One learner, one chapter. `solution` False: the cells as the lab has them."""

    def __init__(self, chapter: str, solution: bool = True) -> None:
        self.chapter = chapter
        self.cells: dict[str, Cell] = {c.slug: c for c in builder.read(SOURCES[chapter]) if c.kind == "code"}
        self.solution = solution
        self.names: dict[str, Any] = {"get_ipython": lambda: self}
        self.said: list[str] = []
        """What kubectl, etcdctl and the nodes' shells printed, command by command."""
        self.records: list[dict[str, Any]] = []
        """The records of the checks that cells made."""

    def run(self, *slugs: str) -> Reader:
        """Run cells by slug."""
        for slug in slugs:
            lab, solved = split(self.cells[slug].text)
            self.type_in(solved if self.solution else lab)
        return self

    def run_all(self, times: int = 1) -> Reader:
        """Run every cell in order, each `times` times in a row."""
        for slug in self.cells:
            for _ in range(times):
                self.run(slug)
        return self

    def type_in(self, text: str) -> Reader:
        """Run what somebody typed into a cell: Python, `%kubectl` lines, or a `%%kubectl` cell."""
        plain = TransformerManager().transform_cell(text + "\n")
        tree = ast.parse(plain)
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            # Shown as the notebook shows it: the last expression's value is made into text.
            tree.body[-1] = ast.fix_missing_locations(
                ast.Expr(ast.Call(ast.Name("repr", ast.Load()), [tree.body[-1].value], []))
            )
        exec(compile(tree, "<cell>", "exec"), self.names)
        if self.names.get("check") is not None:
            self.names["check"] = self.check
        return self

    def run_line_magic(self, name: str, line: str) -> None:
        """What IPython calls for `%kubectl ...`, `%etcdctl ...`."""
        self._magic(name, line, None)

    def run_cell_magic(self, name: str, line: str, body: str) -> None:
        """What IPython calls for `%%kubectl ...`, `%%ssh ...`."""
        self._magic(name, line, body)

    def _magic(self, name: str, line: str, body: str | None) -> None:
        if name == "kubectl":
            self.said += [str(result) for result in magics.run(line, body)]
        elif name == "ssh":
            self.said.append(str(etcd_magics.ssh(line, body or "")))
        else:
            assert name in ("etcdctl", "etcdutl")
            self.said.append(str(etcd_magics.run(name, line, body)))

    def check(self, id: str) -> dict[str, Any]:
        """The record of a check; fails when the check wrote anything to the cluster."""
        cluster = kubekit.current()
        before = cluster.etcd.store.revision
        record = checking.examine(exercise.find(id), cluster)
        assert cluster.etcd.store.revision == before, f"check {id} changed the cluster"
        self.records.append(record)
        return record
