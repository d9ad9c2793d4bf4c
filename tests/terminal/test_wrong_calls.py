"""Commands called in a wrong or empty way: what they say, on which stream, and how they end."""

from __future__ import annotations

import pytest

from kubekit.cluster.cluster import up
from kubekit.terminal.cli.files import MemoryFiles
from kubekit.terminal.kubectl import Kubectl
from tests.terminal.programs import kubectl_of

CONFIG = """apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {a: b}
"""

NAMELESS = """apiVersion: v1
kind: ConfigMap
data: {a: b}
"""


@pytest.fixture(scope="module")
def kubectl() -> Kubectl:
    cluster = up(workers=0)
    program = kubectl_of(cluster, MemoryFiles({"c.yaml": CONFIG, "nameless.yaml": NAMELESS}))
    assert program.line("create deployment web --image=nginx").exit == 0
    assert program.line("apply -f c.yaml").exit == 0
    cluster.advance(2)
    return program


@pytest.mark.parametrize("group", ["auth", "config", "set", "top", "create secret", "create service"])
def test_a_group_without_a_command_fails_with_its_help(kubectl: Kubectl, group: str) -> None:
    answer = kubectl.line(group)
    assert answer.exit == 1 and not answer.stdout and "Available Commands:" in answer.stderr
    wrong = kubectl.line(f"{group} bogus")
    assert wrong.stderr.startswith('error: unknown command "bogus"\nSee \'kubectl ')


def test_two_groups_differ(kubectl: Kubectl) -> None:
    rollout, certificate, top = (kubectl.line(line) for line in ("rollout", "certificate", ""))
    assert rollout.exit == 1 and "Available Commands:" in rollout.stdout and not rollout.stderr
    assert certificate.exit == 0 and "Available Commands:" in certificate.stdout
    assert top.exit == 0 and not top.stderr


@pytest.mark.parametrize(
    ("line", "status", "error"),
    [
        ("create role r --verb=get --resource=nope", 1, 'the server doesn\'t have a resource type "nope"'),
        ("create pdb p --min-available=1", 1, "error: a selector must be specified"),
        ("set resources deploy web --limits=x", 1, "error: Invalid argument syntax x, expected <resource>="),
        ("get --raw /version -o json", 1, "error: --raw and --output are mutually exclusive"),
        ("describe", 1, "error: You must specify the type of resource to describe. Use"),
        ("auth can-i get pods --list", 1, "error: list option must be specified with no arguments"),
        ("config unset", 1, "error: Unexpected args: []"),
        ("config set a", 1, "error: Unexpected args: [a]"),
        ("config set bogus.x 1", 1, "error: unable to parse bogus.x after [] at api.Config"),
        ("diff", 2, "error: must specify one of -f and -k"),
        ("diff -f nope.yaml", 2, 'error: the path "nope.yaml" does not exist'),
    ],
)
def test_refusals(kubectl: Kubectl, line: str, status: int, error: str) -> None:
    answer = kubectl.line(line)
    assert answer.exit == status and answer.stderr.startswith(error)
    assert "-h' for help" not in answer.stderr


def test_what_has_nothing_to_do_says_nothing(kubectl: Kubectl) -> None:
    for line in ("set env deploy/web", "auth reconcile -f c.yaml"):
        answer = kubectl.line(line)
        assert (answer.exit, answer.stdout, answer.stderr) == (0, "", "")


def test_set_last_applied_a_second_time_changes_nothing(kubectl: Kubectl) -> None:
    assert kubectl.line("apply set-last-applied -f c.yaml").stdout == "configmap/c configured\n"
    again = kubectl.line("apply set-last-applied -f c.yaml").stdout
    assert again == "set-last-applied c: no changes required.\n"


def test_an_object_without_a_name(kubectl: Kubectl) -> None:
    reading = kubectl.line("apply -f nameless.yaml").stderr
    assert reading.startswith(
        'error: error when retrieving current configuration of:\nResource: "/v1, Resource='
    )
    assert reading.endswith('from server for: "nameless.yaml": resource name may not be empty\n')
    replacing = kubectl.line("replace -f nameless.yaml").stderr
    assert replacing == 'error: error when replacing "nameless.yaml": resource name may not be empty\n'


def test_keys_that_become_variables_are_told(kubectl: Kubectl) -> None:
    answer = kubectl.line("set env deploy/web --from=cm/c")
    assert answer.stderr == "Warning: key a transferred to A\n" and answer.exit == 0


def test_the_template_of_a_revision_keeps_its_tabs(kubectl: Kubectl) -> None:
    text = kubectl.line("rollout history deploy/web --revision=1").stdout
    assert "Pod Template:\n  Labels:\tapp=web\n\tpod-template-hash=" in text


def test_a_list_of_a_json_patch_is_read_as_yaml(kubectl: Kubectl) -> None:
    patch = "[{op: replace, path: /spec/replicas, value: 3}]"
    assert kubectl.run(["patch", "deploy", "web", "--type=json", "-p", patch]).exit == 0
    assert kubectl.line("get deploy web -o jsonpath={.spec.replicas}").stdout == "3"
