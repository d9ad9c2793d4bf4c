"""The parts that need no cluster: scripts, back-off, images, the status patch, tasks."""

from __future__ import annotations

import doctest
from collections.abc import Iterator
from typing import Any

import pytest

from kubekit.kubelet import backoff, images, manifests, script, status_patch
from kubekit.kubelet.images import ImageStore, PullError, canonical
from kubekit.kubelet.script import Program
from kubekit.kubelet.task import Gather, Pause, run
from kubekit.sim import Loop


@pytest.mark.parametrize("module", [backoff, images, manifests, script, status_patch])
def test_examples_in_docstrings(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("argv", "lifetime", "exit_code"),
    [
        ([], None, 0),
        (["sleep", "10"], 10.3, 0),
        (["sleep", "infinity"], None, 0),
        (["sleep", "1m"], 60.3, 0),
        (["true"], 0.3, 0),
        (["false"], 0.3, 1),
        (["sh", "-c", "exit 7"], 0.3, 7),
        (["sh", "-c", "sleep 1; sleep 2; exit 3"], 3.3, 3),
        (["sh", "-c", "sleep 1 && exit 3"], 1.3, 3),
        (["sh", "-c", "false || exit 4"], 0.3, 4),
        (["sh", "-c", "true || exit 4"], 0.3, 0),
        (["sh", "-c", "while true; do echo hi; sleep 5; done"], None, 0),
        (["sh", "-c", "for i in 1 2 3; do sleep 1; done; exit 2"], 3.3, 2),
        (["sh", "-c", "for i in $(seq 1 4); do echo $i; sleep 1; done"], 4.3, 0),
        (["/bin/bash", "-c", "echo 'a; b' > /tmp/x; sleep 000"], 0.3, 0),
        (["nginx", "-g", "daemon off;"], None, 0),
        (["perl", "-wle", "print bpi(2000)"], 5.3, 0),
    ],
)
def test_how_long_a_command_runs(argv: list[str], lifetime: float | None, exit_code: int) -> None:
    program = Program.parse(argv)
    assert program.lifetime == (None if lifetime is None else pytest.approx(lifetime))
    assert program.exit_code == exit_code


def test_what_a_loop_prints() -> None:
    program = Program.parse(["sh", "-c", "echo start; while true; do echo tick; sleep 5; done"])
    assert [(act.at, act.text) for act in program.acts_until(11)] == [
        (0.0, "start"),
        (0.0, "tick"),
        (5.0, "tick"),
        (10.0, "tick"),
    ]


def test_names_of_images() -> None:
    assert canonical("nginx") == "docker.io/library/nginx:latest"
    assert canonical("org/app:1") == "docker.io/org/app:1"
    assert canonical("localhost:5000/app") == "localhost:5000/app:latest"
    with pytest.raises(ValueError, match="invalid reference format"):
        canonical("nginx:")
    with pytest.raises(ValueError, match="repository name must be lowercase"):
        canonical("Nginx")


def test_a_faulty_registry() -> None:
    loop = Loop()
    store = ImageStore(loop)
    loop.faults.set("image-not-found", ["nginx"])
    with pytest.raises(PullError, match="NotFound"):
        next(iter(store.pull("nginx:1")))


def test_a_task_takes_its_time_and_can_be_cancelled() -> None:
    loop = Loop()
    done: list[Any] = []

    def wait(seconds: float) -> Iterator[Any]:
        yield Pause(seconds, "the test")
        return seconds

    def both() -> Iterator[Any]:
        found = yield Gather([wait(3), wait(1)])
        return found

    run(loop, "test", both(), done.append)
    cancelled = run(loop, "test", wait(2), done.append)
    cancelled.cancel()
    loop.run_until_quiet()
    assert done == [[3, 1]] and loop.clock.elapsed() == 3
