"""The one JupyterLab and the one Chromium that all browser tests of a run share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import CHROMIUM_FLAGS, Lab, Notebook
from tests.programs import need_program


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    running = Lab(tmp_path_factory.mktemp("lab"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    chromium = need_program("chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield running
        running.close()


@pytest.fixture
def open_notebook(lab: Lab, browser: Any) -> Iterator[Callable[..., Notebook]]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})

    def open_it(cells: list[str] | None = None, path: Path | None = None) -> Notebook:
        if path is not None:
            name = path.name
            (lab.folder / name).write_bytes(path.read_bytes())
        else:
            name = lab.write(f"test-{len(list(lab.folder.iterdir()))}.ipynb", cells or [])
        return Notebook(context.new_page(), lab, name)

    yield open_it
    context.close()
