"""Streams that end, in a notebook: exec with a cell's body, attach, `run -i`, and refusals."""

from __future__ import annotations

import pytest

import kubekit
from kubekit.terminal.kubectl.attach_verb import PRESS_ENTER
from kubekit.terminal.kubectl.program import Kubectl
from kubekit.terminal.kubectl.remote_command import NO_KEYS, NOT_TERMINAL
from kubekit.terminal.notebook import kubectl_of

TICKER = "while true; do echo tick; sleep 1; done"


@pytest.fixture(scope="module")
def kubectl() -> Kubectl:
    cluster = kubekit.up(workers=1, seed=3)
    made = kubectl_of(cluster)
    made.run(["run", "web", "--image=nginx"])
    made.run(["run", "bare", "--image=registry.k8s.io/pause:3.10"])
    made.run(["run", "ticker", "--image=busybox", "--", "sh", "-c", TICKER])
    made.run(["run", "stuck", "--image=does-not-exist"])
    made.run(["run", "ended", "--image=busybox", "--restart=Never", "--", "true"])
    made.run(["create", "role", "looks", "--verb=get", "--resource=pods"])
    made.run(["create", "rolebinding", "looks", "--role=looks", "--user=jane"])
    cluster.settle()
    return made


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("attach nobody", 'pods "nobody" not found'),
        ("attach ended", "cannot attach a container in a completed pod; current phase is Succeeded"),
        (
            "attach web -c nope",
            "error: cannot attach to the container: container nope is not valid for pod web out of: web",
        ),
        ("attach stuck", 'error: unable to upgrade connection: container not found ("stuck")'),
        ("attach web --as=jane", 'User "jane" cannot create resource "pods/attach"'),
        (
            "port-forward stuck 80",
            "unable to forward port because pod is not running. Current status=Pending",
        ),
        ("port-forward web x:y:z", "invalid port format 'x:y:z'"),
        ("port-forward web", "TYPE/NAME and list of ports are required for port-forward"),
        ("exec web -- nosuch", 'exec: "nosuch": executable file not found in $PATH: unknown'),
        ("exec bare -- sh", 'exec: "sh": executable file not found in $PATH: unknown'),
        ("exec stuck -- ls", 'error: unable to upgrade connection: container not found ("stuck")'),
        (
            "exec web --as=jane -- ls",
            'pods "web" is forbidden: User "jane" cannot create resource "pods/exec"',
        ),
        ("exec ended -- ls", "cannot exec into a container in a completed pod; current phase is Succeeded"),
    ],
)
def test_refused(kubectl: Kubectl, line: str, text: str) -> None:
    answer = kubectl.run(line.split())
    assert answer.exit == 1 and text in answer.stderr, answer


def test_the_cells_body_is_the_input(kubectl: Kubectl) -> None:
    answer = kubectl.run(["exec", "-i", "web", "--", "sh"], "cd /tmp\necho hi > note\nls\npwd\nexit 3\n")
    assert (answer.exit, answer.stdout) == (3, "note\n/tmp\n")
    assert answer.stderr == "command terminated with exit code 3\n"
    many = "".join(f"line {number}\n" for number in range(5_000))
    assert kubectl.run(["exec", "-i", "web", "--", "cat"], many).stdout == many


def test_bytes_pass_unchanged(kubectl: Kubectl) -> None:
    text = bytes(range(256)).decode(errors="surrogateescape")
    assert kubectl.run(["exec", "-i", "web", "--", "cat"], text).stdout == text


def test_a_terminal_is_not_there(kubectl: Kubectl) -> None:
    answer = kubectl.run(["exec", "-it", "web", "--", "hostname"])
    assert (answer.exit, answer.stdout, answer.stderr) == (0, "web\n", f"{NOT_TERMINAL}\n")
    shell = kubectl.run(["exec", "-it", "web", "--", "bash"])
    assert shell.exit == 0 and NO_KEYS in shell.stderr
    assert NO_KEYS not in kubectl.run(["exec", "-it", "web", "--", "bash"], "true\n").stderr


def test_a_command_takes_the_clusters_time(kubectl: Kubectl) -> None:
    before = kubectl.clock.now()
    assert kubectl.run(["exec", "web", "--", "sh", "-c", "sleep 20; echo late"]).stdout == "late\n"
    assert 19.9 < kubectl.clock.now() - before < 21
    endless = kubectl.run(["exec", "web", "--", "tail", "-f", "/etc/hostname"])
    assert (endless.exit, endless.stdout) == (130, "web\n") and "a cell has to end" in endless.stderr


def test_attach_shows_what_is_written_from_now_on(kubectl: Kubectl) -> None:
    answer = kubectl.run(["attach", "ticker"])
    assert answer.exit == 0 and set(answer.stdout.split()) == {"tick"}
    assert 9 <= answer.stdout.count("tick") <= 11
    assert PRESS_ENTER in answer.stderr and "kubectl logs ticker -c ticker has all it wrote" in answer.stderr


def test_run_gives_the_body_and_the_exit_status(kubectl: Kubectl) -> None:
    words = ["run", "-i", "--rm", "--restart=Never", "job", "--image=busybox", "--", "sh"]
    answer = kubectl.run(words, "echo hello\nexit 2\n")
    assert answer.exit == 2 and "pod default/job terminated (Error)" in answer.stderr
    assert answer.stdout == 'hello\npod "job" deleted from default namespace\n'
    script = ["sh", "-c", "echo one; sleep 3; echo two"]
    answer = kubectl.run(["run", "-i", "--restart=Never", "two", "--image=busybox", "--", *script])
    assert (answer.exit, answer.stdout) == (0, "one\ntwo\n")
    assert kubectl.run(["logs", "two"]).stdout == "one\ntwo\n"
    brief = ["run", "-i", "--restart=Never", "brief", "--image=busybox", "--", "false"]
    assert kubectl.run(brief).exit == 1


def test_what_a_session_printed_is_in_the_log(kubectl: Kubectl) -> None:
    kubectl.run(["run", "-i", "--restart=Never", "talk", "--image=busybox", "--", "sh"], "echo said\n")
    assert kubectl.run(["logs", "talk"]).stdout == "said\n"


def test_logs_that_follow_show_what_is_there(kubectl: Kubectl) -> None:
    assert kubectl.run(["logs", "-f", "web"]).stdout == kubectl.run(["logs", "web"]).stdout != ""
