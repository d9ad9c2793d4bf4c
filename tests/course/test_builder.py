"""From one source to two notebooks: markers, ids, stubs, and the committed notebooks' freshness."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

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


def outputs(cell: Any) -> str:
    """What a learner reads below a cell."""
    texts = [o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in cell.get("outputs", ())]
    return "".join(texts)


@pytest.mark.parametrize("source", builder.sources(), ids=lambda path: path.stem)
def test_a_committed_solution_holds_no_trace_of_a_machine(source: Path) -> None:
    text = (ROOT / "solutions" / f"{source.stem}.ipynb").read_text()
    assert "widget-view" not in text and "object at 0x" not in text
    assert not re.search(r"/(home|root|work|tmp|usr)/", text.replace("/root/.kube", ""))


@pytest.mark.parametrize("source", builder.sources(), ids=lambda path: path.stem)
def test_outputs_are_short_enough_to_be_read(source: Path) -> None:
    committed = nbformat.read(ROOT / "solutions" / f"{source.stem}.ipynb", as_version=4)
    long = {cell.id: len(text.splitlines()) for cell in committed.cells if (text := outputs(cell))}
    # A picture's own text: one line for each rule that was asked, for each field that was filled in.
    allowed = {"12-walk": 60, "02-request-view": 40}
    assert {id: lines for id, lines in long.items() if lines > allowed.get(id, 32)} == {}


QUOTED = {
    "00-settle": ["web   3/3"],
    "00-no-events": ["no objects"],
    "00-crash-node": ["NotReady"],
    "00-evict": ["Terminating"],
    "02-defaults": ["restartPolicy", "dnsPolicy", "serviceAccountName", "tolerations", "volumes"],
    "02-ben-writes": ["409"],
    "02-verbose-two": ['verb="POST"', 'verb="GET"', 'verb="PATCH"', "/deployments/web/scale?"],
    "02-verbose-eight": ['"Request Body"', 'status="201 Created"', '"Response Body"'],
    "02-refusals": ["401\n403\n404\n409\n422\n"],
    "02-watch": ['"type":"MODIFIED"\n' * 3 + '"type":"DELETED"'],
    "02-race-doors": ["(200, 409)"],
    "02-one-door-shut": ["refused", "'by': 'anna'"],
    "02-broken-seen": ["failed calling webhook", "guard.example.com"],
    "04-clients": ["{'controlplane': ['kube-apiserver']}"],
    "04-tls-swapped": ["private key does not match public key"],
    "04-put-twice": ['"Revision"', '"CreateRevision"', '"ModRevision"', '"Version"'],
    "04-compact": ["required revision has been compacted", "black"],
    "04-seat-bob": ["FAILURE", "alice"],
    "04-conflict": ["the object has been modified"],
    "04-full": ["database space exceeded"],
    "05-crash-leader": ["crashed", "leader"],
    "05-lose-quorum": ["etcdserver: request timed out"],
    "05-serializable": ["blue"],
    "05-forgetful": ["has already been bootstrapped"],
    "05-sick-log": ["crc mismatch"],
    "06-old-command": ["unknown flag: --data-dir"],
    "06-secret": ["True"],
    "06-ahead": ["('node01', 2), ('node02', 2)"],
    "06-nothing-history": ["default.etcd"],
    "06-altered": ["expected sha256"],
    "03-no-users": ["doesn't have a resource type"],
    "03-anna-approved": ["Pending", "Approved,Issued"],
    "03-anna-knocks": ["is forbidden: User"],
    "03-token-over": ["Unauthorized"],
    "03-can-i": ["yes\nno\nno\nno\n"],
    "03-why": ["no opinion", 'RoleBinding "anna-reads/shop"'],
    "03-escalation": [
        "is attempting to grant RBAC permissions not currently held",
        "role.rbac.authorization.k8s.io/less created",
    ],
    "03-node-reads": ["Opaque", "no relationship found between node 'node02'"],
    "03-quota": ["is forbidden: exceeded quota"],
    "03-pod-security": ["Warning: would violate", "0/1"],
    "03-policy-refuses": ["five are enough"],
    "03-policy-scale": ["scaled"],
    "07-run-waiting": ["Pending", "<none>"],
    "07-describe-waiting": [
        "Status:           Pending",
        "Node:             <none>",
        "Events:                      <none>",
    ],
    "07-try-patch": ["pod updates may not change fields other than"],
    "07-get-bindings": ["MethodNotAllowed"],
    "07-bind-again": ["409"],
    "07-full-why": ["Failed: ", "capacity: 4000"],
    "07-picky-phase": ["Pending"],
    "08-big-seen": [
        "0/4 nodes are available: 1 node(s) had untolerated taint(s), 3 Insufficient cpu,",
        "3 Insufficient memory.",
        "preemption",
    ],
    "10-loop": ["difference +1", "POST 201"],
    "10-crowd": ["2/4"],
    "10-crowd-loop": ["POST 403"],
    "12-rules": ["--probability 0.333", "--probability 0.500"],
    "12-walk": ["KUBE-SERVICES", "KUBE-SVC-", "KUBE-SEP-", "DNAT"],
}
"""What the prose says of a cell's output, in the engine's own words."""


def test_what_the_prose_quotes_is_what_the_engine_says() -> None:
    cells = {
        cell.id: outputs(cell)
        for source in builder.sources()
        for cell in nbformat.read(ROOT / "solutions" / f"{source.stem}.ipynb", as_version=4).cells
    }
    missing = [(id, quote) for id, quotes in QUOTED.items() for quote in quotes if quote not in cells[id]]
    assert missing == []


@pytest.mark.parametrize("source", builder.sources(), ids=lambda path: path.stem)
def test_a_cell_does_one_thing(source: Path) -> None:
    # Manifests stand in cells as they stand in files, so their lines do not count.
    long = {}
    for cell in read(source):
        if cell.kind == "code" and "apiVersion:" not in cell.text and '"apiVersion"' not in cell.text:
            lines = [line for line in max(split(cell.text), key=len).splitlines() if line.strip()]
            if len(lines) > 9:
                long[cell.slug] = len(lines)
    assert long == {}
