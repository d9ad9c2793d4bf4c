"""Shared by all test runs.

A progress file of their own, so that no test reads or writes a learner's; and groups of tests that share a
server, kept together.
"""

from __future__ import annotations

import functools
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

# One folder a test process: notebooks that run side by side never share a progress file.
os.environ["KUBEKIT_PROGRESS"] = str(Path(tempfile.mkdtemp(prefix="kubekit-test-")) / "progress.json")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the groups of `xdist_group`: this pytest ignores the names by which xdist hands them on.

    A test module that names a group goes to one worker as a whole, with the other modules of that group.
    """
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler.loadgroup import LoadGroupScheduling

    class ByGroup(LoadGroupScheduling):  # type: ignore[misc,unused-ignore]
        def _split_scope(self, nodeid: str) -> str:
            return _group_of(config.rootpath / nodeid.partition("::")[0]) or nodeid

    return ByGroup(config, log)


@functools.cache
def _group_of(path: Path) -> str:
    """The group that a test module names, or ""."""
    if path.suffix != ".py" or not path.is_file():
        return ""
    found = re.search(r'xdist_group\("([^"]+)"\)', path.read_text(encoding="utf-8"))
    return found[1] if found else ""
