"""`kubectl wait`: each kind of condition, several of them, and how it gives up."""

from __future__ import annotations

import pytest

from kubekit.cluster.cluster import Cluster, up
from kubekit.terminal.kubectl import Kubectl
from kubekit.terminal.notebook import LoopPump


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return up(workers=1)


@pytest.fixture(scope="module")
def kubectl(cluster: Cluster) -> Kubectl:
    program = Kubectl(cluster.apiserver, clock=cluster.loop.clock, pump=LoopPump(cluster.loop))
    assert program.line("run box --image=busybox --labels=app=box -- sleep infinity").exit == 0
    assert (
        program.line("wait --for=condition=Ready pod/box --timeout=60s").stdout == "pod/box condition met\n"
    )
    return program


def test_all_of_several_conditions_one_after_the_other(kubectl: Kubectl) -> None:
    line = "wait --for=condition=Ready --for=create --for=jsonpath={.status.phase}=Running pod/box"
    assert kubectl.line(line).stdout == "pod/box condition met\n" * 3
    failed = kubectl.line("wait --for=condition=Ready --for=condition=Never pod/box --timeout=1s")
    assert failed.stdout == "pod/box condition met\n"
    assert failed.stderr == "error: timed out waiting for the condition on pods/box\n"


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ("", "error: unrecognized condition: []"),
        ("--for=Condition=Ready", 'error: unrecognized condition: "Condition=Ready"'),
        ("--for=jsonpath={.a}=b=c", "error: jsonpath wait format must be --for=jsonpath="),
        ("--for=jsonpath={.a}=", "error: jsonpath wait has to have a value after equal sign"),
        ("--for=jsonpath=", "error: jsonpath expression cannot be empty"),
        ("--for=jsonpath={.metadata}=x", "error: jsonpath leads to a nested object or list"),
        ("--for=jsonpath={.status.conditions[*].type}", "error: given jsonpath expression matches more than"),
        ("--for=condition=Never --timeout=0", "error: condition not met for pods/box"),
        ("--for=delete --timeout=0", "error: condition not met for pods/box"),
        ("--for=delete --timeout=1s", "error: timed out waiting for the condition on pods/box"),
    ],
)
def test_refusals(kubectl: Kubectl, asked: str, error: str) -> None:
    answer = kubectl.line(f"wait {asked} pod/box")
    assert answer.exit == 1 and answer.stderr.startswith(error)


def test_a_path_with_a_filter(kubectl: Kubectl) -> None:
    path = '{.status.conditions[?(@.type=="Ready")].status}'
    assert kubectl.run(["wait", f"--for=jsonpath={path}=True", "pod/box"]).exit == 0
    assert kubectl.line("wait --for=jsonpath={.status.podIP} pod/box --timeout=0").exit == 0


def test_what_does_not_exist(kubectl: Kubectl) -> None:
    missing = kubectl.line("wait --for=condition=Ready pod/no --timeout=1s")
    assert missing.stderr == 'Error from server (NotFound): pods "no" not found\n'
    assert kubectl.line("wait --for=delete pod/no").exit == 0
    assert kubectl.line("wait --for=create pod/no --timeout=1s").stderr == (
        "error: timed out waiting for the condition\n"
    )
    nothing = kubectl.line("wait --for=condition=Ready pod -l app=none --timeout=1s")
    assert nothing.stderr == "error: no matching resources found\n"


def test_waiting_for_one_who_comes_and_one_who_goes(kubectl: Kubectl, cluster: Cluster) -> None:
    other = Kubectl(cluster.apiserver, clock=cluster.loop.clock)
    lines = {2.0: "run late --image=busybox --labels=app=late", 4.0: "delete pod late --wait=false --now"}
    for seconds, line in lines.items():
        cluster.loop.call_later(seconds, "test", other.line, line, what=line)
    assert kubectl.line("wait --for=create pod -l app=late --timeout=9s").stdout == "pod/late condition met\n"
    assert kubectl.line("wait --for=delete pod/late --timeout=9s").stdout == "pod/late condition met\n"


def test_time_is_shared_by_all_objects(kubectl: Kubectl, cluster: Cluster) -> None:
    started = cluster.loop.clock.now()
    answer = kubectl.line("wait --for=condition=Never pod/box node --timeout=2s")
    assert answer.exit == 1
    answer = kubectl.line("wait --for=condition=Never node --all --timeout=2s")
    assert answer.stderr.count("timed out waiting for the condition on nodes/") == 2
    assert cluster.loop.clock.now() - started < 4
