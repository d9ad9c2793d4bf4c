"""`python -m kubekit.course.builder`: from a chapter's one source to its two notebooks.

A source is a Markdown file of `chapters/`: prose, and code cells between ```` ```python ```` fences. What
follows a fence's word becomes the cell's metadata: `slug=...` names the cell (its id), `tags=...` sets
nbval's tags. Inside a cell, the lines between `### BEGIN SOLUTION` and `### END SOLUTION` stand in the
solution only; a part after `### INSTEAD` stands in the lab in their place.

    ```python slug="by-hand"
    ### BEGIN SOLUTION
    %kubectl apply -f frontend.yaml
    ### INSTEAD
    # Your turn: apply the manifest.
    ### END SOLUTION
    ```

`labs/` gets notebooks without outputs, `solutions/` gets executed ones. Cell ids come from the chapter and
the slug, so that a rebuild changes only what the source changed. Never edit a notebook by hand.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHAPTERS = Path(__file__).parent / "chapters"
BEGIN, INSTEAD, END = "### BEGIN SOLUTION", "### INSTEAD", "### END SOLUTION"
STUB = "# Your turn."
"""What a lab shows where a cell is all solution: harmless when run untouched."""

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
"""Points at a widget of the kernel that built the page. It is left out, so that the page shows the HTML table
beside it until the learner runs the cell."""

CELL_TIMEOUT = 60
"""Seconds that one cell of a solution may take."""

FENCE = re.compile(r"^```python(?P<options>[^\n]*)\n(?P<code>.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r'(\w+)="([^"]*)"')


class SourceError(ValueError):
    """A chapter's source breaks a rule of the format; the text names the file and the cell."""


@dataclass
class Cell:
    """One cell: `kind` is "markdown" or "code"."""

    kind: str
    text: str
    slug: str
    tags: list[str] = field(default_factory=list)


def read(path: Path) -> list[Cell]:
    """A chapter's cells. A line `---` alone between blank lines splits prose into two cells."""
    text = path.read_text()
    cells: list[Cell] = []
    slugs: set[str] = set()
    position = 0

    def add(cell: Cell) -> None:
        if cell.slug in slugs:
            raise SourceError(f"{path.name}: two cells are called {cell.slug!r}")
        slugs.add(cell.slug)
        cells.append(cell)

    def add_prose(prose: str) -> None:
        for part in re.split(r"^---$", prose, flags=re.MULTILINE):
            if part.strip():
                add(Cell("markdown", part.strip(), f"text-{len(cells):02d}"))

    for match in FENCE.finditer(text):
        add_prose(text[position : match.start()])
        options = dict(OPTION.findall(match["options"]))
        slug = options.get("slug", f"code-{len(cells):02d}")
        add(Cell("code", match["code"].rstrip("\n"), slug, options.get("tags", "").split()))
        position = match.end()
    add_prose(text[position:])
    return cells


def split(code: str, where: str = "") -> tuple[str, str]:
    """(what the lab shows, what the solution shows) of a code cell."""
    lab: list[str] = []
    solution: list[str] = []
    part = "both"
    for line in code.split("\n"):
        mark = line.strip()
        if mark in (BEGIN, INSTEAD, END):
            expected = {BEGIN: ("both",), INSTEAD: ("solution",), END: ("solution", "instead")}[mark]
            if part not in expected:
                raise SourceError(f"{where}: {mark} does not belong here")
            part = {BEGIN: "solution", INSTEAD: "instead", END: "both"}[mark]
        else:
            if part != "solution":
                lab.append(line)
            if part != "instead":
                solution.append(line)
    if part != "both":
        raise SourceError(f"{where}: {END} is missing")
    return "\n".join(lab).strip("\n"), "\n".join(solution).strip("\n")


def notebook(path: Path, solution: bool) -> Any:
    """The notebook (nbformat 4.5, without outputs) of a chapter's source."""
    import nbformat.v4 as v4

    chapter = path.stem.split("-")[0]
    made = v4.new_notebook(metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for cell in read(path):
        if cell.kind == "markdown":
            new = v4.new_markdown_cell(cell.text)
        else:
            lab_text, solution_text = split(cell.text, f"{path.name}: cell {cell.slug}")
            text = solution_text if solution else lab_text or STUB
            new = v4.new_code_cell(text)
            if cell.tags:
                new.metadata["tags"] = cell.tags
        new["id"] = f"{chapter}-{cell.slug}"[:64]
        made.cells.append(new)
    return made


def execute(made: Any, folder: Path) -> None:
    """Run a solution in a fresh kernel and keep its outputs, with counts from 1 and without widgets."""
    from nbclient import NotebookClient

    NotebookClient(
        made, timeout=CELL_TIMEOUT, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    made.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    count = 0
    for cell in made.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        for output in cell.outputs:
            if "execution_count" in output:
                output["execution_count"] = count
            output.get("data", {}).pop(WIDGET_VIEW, None)


def sources(folder: Path = CHAPTERS) -> list[Path]:
    """The chapters' sources in order."""
    return sorted(folder.glob("[0-9][0-9]-*.md"))


def build(root: Path, only: str = "", run: bool = True) -> list[Path]:
    """Build `labs/` and `solutions/` under `root`; returns what was written."""
    import os
    import tempfile

    import nbformat

    written = []
    for source in sources():
        if only and not source.stem.startswith(only):
            continue
        for name, solution in (("labs", False), ("solutions", True)):
            made = notebook(source, solution)
            if solution and run:
                # A fresh folder and a fresh progress file: a build never reads what a learner did.
                with tempfile.TemporaryDirectory() as scratch:
                    os.environ["KUBEKIT_PROGRESS"] = str(Path(scratch) / "progress.json")
                    execute(made, Path(scratch))
            target = root / name / f"{source.stem}.ipynb"
            target.parent.mkdir(exist_ok=True)
            nbformat.write(made, target)
            written.append(target)
    return written


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m kubekit.course.builder", description="Build the course.")
    parser.add_argument("chapter", nargs="?", default="", help="only this chapter, e.g. 07")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the project's folder")
    options = parser.parse_args(argv)
    try:
        written = build(options.root, options.chapter)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    for path in written:
        print(path.relative_to(options.root))
    return 0


if __name__ == "__main__":
    sys.exit(main())
