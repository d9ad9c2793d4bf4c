"""From one source to two notebooks: markers, ids, stubs, and the committed notebooks' freshness."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from kubekit.course import builder
from kubekit.course.builder import STUB, SourceError, notebook, read, split

ROOT = Path(__file__).parents[2]

SOURCE = """# 99 A chapter

Prose.
---
More prose.

```python slug="first"
1 + 1
```

```python slug="exercise" tags="raises-exception"
before
### BEGIN SOLUTION
%%kubectl apply -f -
kind: Pod
### INSTEAD
# hint
### END SOLUTION
after
```

```python slug="empty"
### BEGIN SOLUTION
answer()
### END SOLUTION
```
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "99-a-chapter.md"
    path.write_text(SOURCE)
    return path


def test_the_source_becomes_cells_in_order(source: Path) -> None:
    cells = read(source)
    assert [(c.kind, c.slug) for c in cells] == [
        ("markdown", "text-00"),
        ("markdown", "text-01"),
        ("code", "first"),
        ("code", "exercise"),
        ("code", "empty"),
    ]
    assert cells[3].tags == ["raises-exception"]


def test_lab_and_solution_differ_where_the_markers_say(source: Path) -> None:
    lab, solution = notebook(source, False), notebook(source, True)
    assert lab.cells[3].source == "before\n# hint\nafter"
    assert solution.cells[3].source == "before\n%%kubectl apply -f -\nkind: Pod\nafter"
    assert lab.cells[4].source == STUB and solution.cells[4].source == "answer()"
    assert "### " not in "".join(c.source for c in [*lab.cells, *solution.cells] if c.cell_type == "code")
    assert lab.cells[3].metadata["tags"] == ["raises-exception"]


def test_ids_are_stable_and_notebooks_valid(source: Path) -> None:
    one, two = notebook(source, True), notebook(source, True)
    assert [c.id for c in one.cells] == [c.id for c in two.cells]
    assert one.cells[2].id == "99-first"
    nbformat.validate(one)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("### BEGIN SOLUTION\nx", "### END SOLUTION is missing"),
        ("### INSTEAD\nx", "### INSTEAD does not belong here"),
        ("### END SOLUTION", "### END SOLUTION does not belong here"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "BEGIN SOLUTION does not belong here"),
    ],
)
def test_a_broken_marker_is_named(code: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        split(code, "here")


def test_two_cells_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "98-x.md"
    path.write_text('```python slug="a"\n1\n```\n\n```python slug="a"\n2\n```\n')
    with pytest.raises(SourceError, match="two cells are called 'a'"):
        read(path)


@pytest.mark.parametrize("source", builder.sources(), ids=lambda path: path.stem)
@pytest.mark.parametrize("kind", ["labs", "solutions"])
def test_the_committed_notebook_is_what_the_source_makes(source: Path, kind: str) -> None:
    committed = nbformat.read(ROOT / kind / f"{source.stem}.ipynb", as_version=4)
    made = notebook(source, solution=kind == "solutions")
    assert [(c.id, c.cell_type, c.source, dict(c.metadata)) for c in committed.cells] == [
        (c.id, c.cell_type, c.source, dict(c.metadata)) for c in made.cells
    ], "run `make course`"


@pytest.mark.parametrize("source", builder.sources(), ids=lambda path: path.stem)
def test_a_committed_solution_lacks_no_output(source: Path) -> None:
    committed = nbformat.read(ROOT / "solutions" / f"{source.stem}.ipynb", as_version=4)
    code = [cell for cell in committed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert "widgets" not in committed.metadata
    failed = [
        cell.id
        for cell in code
        if any(o.output_type == "error" for o in cell.outputs)
        and "raises-exception" not in cell.metadata.get("tags", [])
    ]
    assert failed == []


@pytest.mark.parametrize("source", builder.sources(), ids=lambda path: path.stem)
def test_a_cell_does_one_thing(source: Path) -> None:
    # Manifests stand in cells as they stand in files, so their lines do not count.
    long = {}
    for cell in read(source):
        if cell.kind == "code" and "apiVersion:" not in cell.text and '"apiVersion"' not in cell.text:
            shown = max(split(cell.text), key=len)
            if len(shown.splitlines()) > 9:
                long[cell.slug] = len(shown.splitlines())
    assert long == {}
