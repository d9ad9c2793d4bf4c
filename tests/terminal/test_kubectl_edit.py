"""`kubectl edit`: the file from a cell, from a command in KUBE_EDITOR, and what is said when it is wrong."""

from __future__ import annotations

import pytest

import kubekit
from kubekit.terminal.kubectl.edit import HEADER
from kubekit.terminal.kubectl.program import Kubectl
from kubekit.terminal.notebook import kubectl_of
from kubekit.terminal.sessions import sessions_of

EDIT = ["edit", "deployment/web"]


@pytest.fixture
def kubectl(monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    monkeypatch.delenv("KUBE_EDITOR", raising=False)
    cluster = kubekit.up(workers=1, seed=3)
    made = kubectl_of(cluster)
    made.run(["create", "deployment", "web", "--image=nginx:1.27"])
    cluster.settle()
    return made


def replicas(kubectl: Kubectl) -> str:
    return kubectl.run(["get", "deployment", "web", "-o", "jsonpath={.spec.replicas} {..image}"]).stdout


def test_the_file_is_shown_and_taken_from_a_cell(kubectl: Kubectl) -> None:
    shown = kubectl.run(EDIT)
    assert shown.exit == 1 and shown.stdout.startswith(HEADER) and "managedFields" not in shown.stdout
    assert "%%kubectl edit deployment.apps/web" in shown.stderr
    same = kubectl.run(EDIT, shown.stdout)
    assert (same.exit, same.stderr) == (0, "Edit cancelled, no changes made.\n")
    changed = shown.stdout.replace("replicas: 1\n  rev", "replicas: 3\n  rev")
    answer = kubectl.run([*EDIT, "--output-patch"], changed)
    assert answer.stdout == 'Patch: {"spec":{"replicas":3}}\ndeployment.apps/web edited\n'
    assert replicas(kubectl) == "3 nginx:1.27"
    # The copy is older than the object now.
    stale = kubectl.run(EDIT, changed.replace("replicas: 3", "replicas: 4"))
    assert stale.exit == 1 and 'error: deployments.apps "web" could not be patched: ' in stale.stderr


def test_a_command_edits(kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBE_EDITOR", "sed -i s/1.27/1.28/")
    assert kubectl.run(EDIT).stdout == "deployment.apps/web edited\n"
    assert kubectl.run(EDIT).stderr == "Edit cancelled, no changes made.\n"
    monkeypatch.setenv("KUBE_EDITOR", "vim")
    refused = kubectl.run(EDIT)
    assert refused.exit == 1 and refused.stderr.startswith('error: unable to launch the editor "vim": ')
    shell = sessions_of(kubekit.current()).node("controlplane")
    assert shell.run("KUBE_EDITOR='sed -i s/1.28/1.29/' kubectl edit deploy web").stdout.endswith("edited\n")
    assert replicas(kubectl) == "1 nginx:1.29"


def test_what_is_wrong_is_said(kubectl: Kubectl) -> None:
    text = kubectl.run(EDIT).stdout
    assert kubectl.run(EDIT, "# nothing\n").stderr == "Edit cancelled, saved file was empty.\n"
    invalid = kubectl.run(EDIT, text.replace("replicas: 1\n  rev", "replicas: -1\n  rev"))
    assert invalid.exit == 1
    assert invalid.stderr == (
        'error: deployments.apps "web" is invalid\n# deployments.apps "web" was not valid:\n'
        "# * spec.replicas: Invalid value: -1: must be greater than or equal to 0\n"
        "error: Edit cancelled, no valid changes were saved.\n"
    )
    for wrong, said in (
        (
            text.replace("  name: web\n", "  name: wob\n", 1),
            "At least one of apiVersion, kind and name was changed",
        ),
        (text.replace("uid: ", "uid: x"), "no original object found for Deployment web"),
        ("a: b: c\n", "The edited file had a syntax error: "),
        ("- a\n", "The edited file failed validation: "),
    ):
        answer = kubectl.run(EDIT, wrong)
        assert answer.exit == 1 and answer.stderr.startswith(f"error: {said}"), answer
