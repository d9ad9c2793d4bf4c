"""%kubectl in a real IPython shell (without a terminal)."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("IPython")

from IPython.core.interactiveshell import InteractiveShell

from kubekit.cluster.cluster import up
from kubekit.terminal import magics


@pytest.fixture(scope="module")
def shell() -> Iterator[Any]:
    up(workers=1)
    found = InteractiveShell.instance()
    magics.load_ipython_extension(found)
    yield found
    InteractiveShell.clear_instance()


def test_line_magic_prints_and_leaves_braces_alone(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_line_magic("kubectl", "get nodes -o jsonpath={.items[*].metadata.name}")
    assert capsys.readouterr().out == "controlplane node01"
    assert shell.user_ns["_exit_code"] == 0


def test_cell_magic_gives_its_body_as_input(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: b}\n"
    shell.run_cell_magic("kubectl", "apply", body)
    assert capsys.readouterr().out == "configmap/m created\n"


def test_cell_of_command_lines(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell_magic(
        "kubectl", "", "# two\nkubectl create cm x \\\n  --from-literal=a=1\nget cm x -o name\n"
    )
    assert capsys.readouterr().out == "configmap/x created\nconfigmap/x\n"


def test_completion_of_the_magic(shell: Any) -> None:
    assert "rollout" in magics.completions(shell, SimpleNamespace(line="%kubectl ro"))
