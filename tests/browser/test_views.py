"""Every view in a real JupyterLab: it draws, steps, keeps keys inside, acts, reads well in both themes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import Notebook

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("jupyterlab")]

STORY = """import kubekit
from tests.views.conftest import DEPLOYMENT, pod
cluster = kubekit.up(workers=2, seed=7, name='browser')
cluster.create(DEPLOYMENT)
cluster.create(pod('client'))
cluster.create({'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'web', 'namespace': 'default'},
                'spec': {'selector': {'app': 'web'}, 'ports': [{'port': 80}]}})
cluster.settle()
loop_of = 'replicaset/default/' + cluster.list('replicasets')[0]['metadata']['name']"""

CELLS = {
    "cluster_map": "cluster.view.map()",
    "life_of_a_pod": "cluster.view.life_of('pod/default/client')",
    "control_loop": "cluster.view.control_loop(loop_of)",
    "packet_walk": "cluster.view.packet(cluster.send('default/client', 'web:80'))",
    "graph": "cluster.view.owners('deployment/default/web')",
}
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
STEPPED = ["cluster_map", "life_of_a_pod", "control_loop", "packet_walk"]


@pytest.fixture(scope="module")
def notebook(lab: Any, browser: Any) -> Iterator[Notebook]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    name = lab.write("views.ipynb", [STORY, *CELLS.values()])
    opened = Notebook(context.new_page(), lab, name)
    opened.problems = []
    opened.page.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.run_all()
    yield opened
    context.close()


@pytest.mark.parametrize("name", CELLS)
def test_it_draws(notebook: Notebook, name: str) -> None:
    view = notebook.view(name)
    assert view.get_by_role("heading").first.inner_text()
    assert view.locator(".kk-stage").first.bounding_box()["height"] > 100
    assert view.bounding_box()["height"] <= 760
    assert view.get_attribute("data-lm-suppress-shortcuts") == "true"
    assert notebook.problems == [] and notebook.errors() == []


@pytest.mark.parametrize("name", STEPPED)
def test_it_steps_with_buttons_and_keys(notebook: Notebook, name: str) -> None:
    view: Any = notebook.view(name)
    track = view.locator("input[type=range]")
    say = view.locator("[role=status]")
    view.get_by_role("button", name="first record (Home)").click()
    first = track.get_attribute("aria-valuetext")
    assert first.startswith("record 1 of ")
    told = say.inner_text()
    track.focus()
    notebook.page.keyboard.press("ArrowRight")
    assert track.get_attribute("aria-valuetext").startswith("record 2 of ")
    notebook.page.keyboard.press("End")
    count = first.split(",")[0].split(" of ")[1]
    assert track.get_attribute("aria-valuetext").startswith(f"record {count} of {count}")
    assert say.inner_text() and told
    notebook.page.keyboard.press("Home")
    assert track.get_attribute("aria-valuetext") == first


@pytest.mark.parametrize("name", CELLS)
def test_typing_d_d_deletes_no_cell(notebook: Notebook, name: str) -> None:
    view: Any = notebook.view(name)
    before = notebook.cells()
    for target in (".kk-stage", "input[type=range]", ".kk-insp"):
        found = view.locator(target).first
        if found.count() and found.is_visible():
            found.focus()
            notebook.page.keyboard.press("d")
            notebook.page.keyboard.press("d")
    notebook.page.wait_for_timeout(200)
    assert notebook.cells() == before


def test_marks_are_reached_by_arrow_keys_and_fill_the_inspector(notebook: Notebook) -> None:
    view: Any = notebook.view("cluster_map")
    view.locator(".kk-stage").first.focus()
    seen = set()
    for _ in range(4):
        notebook.page.keyboard.press("ArrowDown")
        seen.add(view.locator(".kk-insp h3").inner_text())
    assert len(seen) == 4
    notebook.page.keyboard.press("Enter")
    pinned = view.locator(".kk-insp h3").inner_text()
    notebook.page.keyboard.press("ArrowDown")
    assert view.locator(".kk-insp h3").inner_text() == pinned
    notebook.page.keyboard.press("Escape")


def test_folded_rows_can_be_shown(notebook: Notebook) -> None:
    view: Any = notebook.view("life_of_a_pod")
    before = view.locator(".kk-stage .kk-mark").count()
    view.get_by_role("button", name="Show them").click()
    assert view.locator(".kk-stage .kk-mark").count() > before
    view.get_by_role("button", name="Fold them away").click()
    assert view.locator(".kk-stage .kk-mark").count() == before


def test_text_is_readable_in_both_themes(notebook: Notebook) -> None:
    page: Any = notebook.page
    for dark in (False, True):
        notebook.dark(dark)
        page.wait_for_timeout(200)
        for name in CELLS:
            notebook.view(name)
            assert page.evaluate(CONTRAST, name) == [], (name, "dark" if dark else "light")
    notebook.dark(False)


def test_a_button_of_the_map_changes_the_cluster(notebook: Notebook) -> None:
    view: Any = notebook.view("cluster_map")
    view.get_by_role("button", name="last record (End)").click()
    view.get_by_role("button", name="kube-scheduler, running").click(force=True)
    view.locator(".kk-insp").get_by_role("button", name="stop", exact=True).click()
    view.get_by_role("heading", name="kube-scheduler is stopped").wait_for(timeout=15_000)
    view.get_by_role("button", name="kube-scheduler, stopped").click(force=True)
    view.locator(".kk-insp").get_by_role("button", name="start", exact=True).click()
    view.get_by_role("heading", name="3 nodes are Ready").wait_for(timeout=15_000)
