"""The first chapter's lab as a learner opens it: it runs in a real JupyterLab, draws, and is clean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import Notebook

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("jupyterlab")]

LAB = Path(__file__).parents[2] / "labs" / "00-start-here.ipynb"
HALF = """() => [...document.querySelectorAll("section.kk-view")].filter((view) => {
    const say = view.querySelector(".kk-say"), steps = view.querySelector(".kk-steps");
    return (!say.hidden && say.offsetHeight < 20) || (steps.hidden && steps.offsetHeight > 0);
}).map((view) => view.dataset.kkView)"""
NARROW = "(view) => view.scrollWidth <= view.clientWidth + 1"


@pytest.fixture(scope="module")
def notebook(lab: Any, browser: Any) -> Iterator[Notebook]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    (lab.folder / LAB.name).write_bytes(LAB.read_bytes())
    opened = Notebook(context.new_page(), lab, LAB.name)
    opened.problems = []
    opened.page.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.run_all()
    yield opened
    context.close()


def test_the_lab_runs_without_an_error(notebook: Notebook) -> None:
    assert notebook.errors() == [] and notebook.problems == []


def test_the_cluster_map_is_there(notebook: Notebook) -> None:
    view = notebook.view("cluster_map")
    assert "3 nodes are Ready" in view.get_by_role("heading").first.text_content()
    box = view.bounding_box()
    assert box["height"] > 200 and box["width"] > 400


@pytest.mark.parametrize("name", ["cluster_map", "life_of_a_pod", "graph", "check_card", "question"])
def test_no_view_is_wider_than_the_page(notebook: Notebook, name: str) -> None:
    assert notebook.view(name).evaluate(NARROW)


def test_no_view_shows_half_of_itself(notebook: Notebook) -> None:
    # JupyterLab does not lay out cells out of sight; what they show when they come into sight must be whole.
    for name in ("cluster_map", "question", "check_card"):
        notebook.view(name)
        notebook.page.wait_for_timeout(300)
        assert notebook.page.evaluate(HALF) == []


def test_the_checks_wait_for_the_learner(notebook: Notebook) -> None:
    card = notebook.view("check_card")
    assert "waits for you" in card.get_by_role("heading").first.text_content()


def test_a_guess_is_kept_by_a_click(notebook: Notebook) -> None:
    question = notebook.view("question")
    question.get_by_text("5: the Deployment, a ReplicaSet and 3 pods").click()
    question.get_by_text("Your guess is kept").wait_for(timeout=10_000)


def test_an_exercise_is_solved_in_the_page(notebook: Notebook) -> None:
    page = notebook.page
    stub = page.locator(".jp-CodeCell", has_text="Your turn: the command is one line").first
    stub.scroll_into_view_if_needed()
    stub.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("%kubectl scale deployment web --replicas=5")
    page.keyboard.press("Shift+Enter")
    stub_output = page.get_by_text("deployment.apps/web scaled").first
    stub_output.wait_for(timeout=30_000)
    assert notebook.errors() == []
