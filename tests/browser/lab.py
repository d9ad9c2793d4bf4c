"""One JupyterLab, one Chromium: open notebooks in a real browser, run them, press keys, look.

`Lab` starts a server in a folder of its own with an empty home; `Page` drives one notebook. All browser tests
share one of each (they carry the same xdist group).
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 240.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Lab:
    """A JupyterLab server in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = secrets.token_hex(16)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        home = folder / "home"
        home.mkdir()
        # Nobody is there to answer the question about news, and it would lie over the page.
        quiet = home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension"
        quiet.mkdir(parents=True)
        (quiet / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("JUPYTER_")},
            "HOME": str(home),
            "KUBEKIT_PROGRESS": str(home / "progress.json"),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        self._log = (folder / "jupyter.log").open("w")
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyterlab",
                "--no-browser",
                "--allow-root",
                f"--port={self.port}",
                f"--IdentityProvider.token={self.token}",
                f"--ServerApp.root_dir={folder}",
                "--LabApp.expose_app_in_browser=True",
                "--LabApp.news_url=",
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            ],
            env=environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/api?token={self.token}", timeout=2).close()
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise RuntimeError((folder / "jupyter.log").read_text()[-2000:])
            time.sleep(0.2)

    def write(self, name: str, cells: Sequence[str]) -> str:
        """Write a notebook of code cells; returns its name."""
        notebook = {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "metadata": {},
                    "execution_count": None,
                    "outputs": [],
                    "source": source,
                }
                for number, source in enumerate(cells)
            ],
            "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.folder / name).write_text(json.dumps(notebook))
        return name

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


class Notebook:
    """One notebook open in the browser."""

    problems: list[str]

    def __init__(self, page: Any, lab: Lab, name: str) -> None:
        self.page = page
        # On a busy machine JupyterLab may not know its kernels in time, and asks which one to take.
        question = page.locator(".jp-Dialog", has_text="Select Kernel")
        page.add_locator_handler(
            question, lambda dialog: dialog.get_by_role("button", name="Select", exact=True).click()
        )
        page.goto(f"{lab.url}/doc/tree/{name}?token={lab.token}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=240_000)
        page.wait_for_function(
            "document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'",
            timeout=240_000,
        )

    def run_all(self, seconds: float = 400) -> None:
        """Run every cell and wait for the kernel to be idle again."""
        cells = self.page.locator(".jp-Notebook .jp-CodeCell")
        self.page.locator(".jp-Notebook .jp-Cell").first.click()
        self.page.keyboard.press("Escape")
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.page.wait_for_function(
            """() => {
                const prompts = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')];
                return prompts.length && prompts.every((p) => /\\[\\d+\\]/.test(p.textContent));
            }""",
            timeout=seconds * 1000,
        )
        assert cells.count() > 0

    def cells(self) -> int:
        return int(self.page.locator(".jp-Notebook .jp-Cell").count())

    def view(self, name: str) -> Any:
        """The first view of this name on the page, scrolled to."""
        found = self.page.locator(f"section.kk-view[data-kk-view='{name}']").first
        found.wait_for(timeout=120_000)
        found.scroll_into_view_if_needed()
        return found

    def errors(self) -> list[str]:
        jupyter = "[data-mime-type='application/vnd.jupyter.{}']"
        failed = f"{jupyter.format('stderr')}, {jupyter.format('error')}"
        return [str(text) for text in self.page.locator(failed).all_inner_texts()]

    def dark(self, on: bool = True) -> None:
        """Switch JupyterLab's theme through its own command."""
        theme = "JupyterLab Dark" if on else "JupyterLab Light"
        self.page.evaluate(
            "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme
        )
        wanted = "false" if on else "true"
        self.page.wait_for_selector(f"body[data-jp-theme-light='{wanted}']", state="attached")
