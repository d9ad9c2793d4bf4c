"""The same folders through the real kubectl's kustomize and through the notebook's: the same text."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kubekit.terminal.cli import yaml_text
from kubekit.terminal.cli.files import FolderFiles
from kubekit.terminal.kustomize import build
from tests.programs import need_program
from tests.terminal.kustomize_tree import TREE

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("clients-kubectl-kustomize")]


@pytest.mark.parametrize("folder", ["base", "over", "one", "three"])
def test_kustomize(folder: str, tmp_path: Path) -> None:
    for path, text in TREE.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    program = [need_program("kubectl"), "kustomize", folder]
    real = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True)
    own = "---\n".join(yaml_text.dump(obj) for obj in build(FolderFiles(tmp_path), folder))
    assert own == real.stdout
