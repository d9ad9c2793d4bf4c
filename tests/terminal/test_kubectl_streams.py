"""What would stay open, in a notebook: refused as the original refuses, or ended with a word why."""

from __future__ import annotations

import pytest

import kubekit
from kubekit.terminal.kubectl.program import Kubectl
from kubekit.terminal.notebook import kubectl_of


@pytest.fixture(scope="module")
def kubectl() -> Kubectl:
    cluster = kubekit.up(workers=1, seed=3)
    made = kubectl_of(cluster)
    made.run(["run", "web", "--image=nginx"])
    made.run(["run", "stuck", "--image=does-not-exist"])
    made.run(["run", "ended", "--image=busybox", "--restart=Never", "--", "true"])
    cluster.settle()
    return made


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("attach web", "a notebook does not have: see kubectl logs web"),
        ("attach nobody", 'pods "nobody" not found'),
        ("attach ended", "cannot attach a container in a completed pod; current phase is Succeeded"),
        ("attach web -c nope", "container nope is not valid for pod web out of: web"),
        ("port-forward web 8080:80", "send packets with cluster.send"),
        (
            "port-forward stuck 80",
            "unable to forward port because pod is not running. Current status=Pending",
        ),
        ("port-forward web x:y:z", "invalid port format 'x:y:z'"),
        ("port-forward web", "TYPE/NAME and list of ports are required for port-forward"),
        ("proxy", "see kubectl get --raw"),
        ("exec web -- nosuch", 'exec: "nosuch": executable file not found in $PATH'),
        ("exec stuck -- ls", 'unable to upgrade connection: container not found ("stuck")'),
    ],
)
def test_refused(kubectl: Kubectl, line: str, text: str) -> None:
    answer = kubectl.run(line.split())
    assert answer.exit == 1 and text in answer.stderr, answer


def test_a_shell_without_keys_says_so(kubectl: Kubectl) -> None:
    answer = kubectl.run(["exec", "-it", "web", "--", "bash"])
    assert answer.exit == 0 and "a notebook waits for no keys" in answer.stderr


def test_logs_that_follow_show_what_is_there(kubectl: Kubectl) -> None:
    assert kubectl.run(["logs", "-f", "web"]).stdout == kubectl.run(["logs", "web"]).stdout != ""
