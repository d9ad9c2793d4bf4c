"""A view in a real JupyterLab: clicked, typed into, in both themes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.lab import Notebook

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("jupyterlab")]

ASK = """from kubekit.course import predict
guess = predict('99.p1', 'Which `phase`?', ['Pending', 'Running'])
guess"""


def test_a_click_is_kept_and_keys_stay_inside(open_notebook: Callable[..., Notebook]) -> None:
    notebook = open_notebook([ASK, "1 + 1"])
    notebook.run_all()
    view: Any = notebook.view("question")
    view.get_by_role("button", name="Running").click()
    view.get_by_role("button", name="Running", pressed=True).wait_for(timeout=60_000)
    assert "Your guess is kept" in view.locator("[role=status]").inner_text()
    before = notebook.cells()
    view.get_by_role("button", name="Running").focus()
    notebook.page.keyboard.press("d")
    notebook.page.keyboard.press("d")
    notebook.page.wait_for_timeout(300)
    assert notebook.cells() == before == 2


def test_both_themes_are_followed(open_notebook: Callable[..., Notebook]) -> None:
    notebook = open_notebook([ASK])
    notebook.run_all()
    view = notebook.view("question")
    ground = "e => getComputedStyle(e).backgroundColor"
    light = view.evaluate(ground)
    notebook.dark()
    notebook.page.wait_for_timeout(200)
    dark = view.evaluate(ground)
    assert light == "rgb(255, 255, 255)" and dark == "rgb(17, 17, 17)"
