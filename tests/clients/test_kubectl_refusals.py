"""What the real kubectl says when something is wrong: the right text, the right exit status."""

from __future__ import annotations

import pytest

from tests.clients.served import ServedCluster

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("clients-kubectl")]

POD = """
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{name: c, image: nginx}]}
"""

REFUSED: list[tuple[list[str], str | None, str]] = [
    (
        ["apply", "-f", "-"],
        POD.replace("image:", "imagge:"),
        'Error from server (BadRequest): error when creating "STDIN": Pod in version "v1" cannot be handled '
        'as a Pod: strict decoding error: unknown field "spec.containers[0].imagge"',
    ),
    (
        ["apply", "-f", "-"],
        "a: b: c",
        "error: error parsing STDIN: error converting YAML to JSON: yaml: mapping values are not allowed "
        "in this context",
    ),
    (
        ["apply", "-f", "-"],
        "apiVersion: example.com/v1\nkind: Nope\nmetadata: {name: x}",
        'error: resource mapping not found for name: "x" namespace: "" from "STDIN": no matches for kind '
        '"Nope" in version "example.com/v1"\nensure CRDs are installed first',
    ),
    (
        ["create", "-f", "-"],
        POD.replace("{name: p}", "{name: P_}"),
        'The Pod "P_" is invalid: metadata.name: Invalid value: "P_": a lowercase RFC 1123 subdomain '
        "must consist of",
    ),
    (["get", "nosuch"], None, 'error: the server doesn\'t have a resource type "nosuch"'),
    (["get", "pod", "nope"], None, 'Error from server (NotFound): pods "nope" not found'),
    (
        ["-n", "nowhere", "create", "configmap", "c"],
        None,
        'error: failed to create configmap: namespaces "nowhere" not found',
    ),
    (
        ["get", "secrets", "--as=jane"],
        None,
        'Error from server (Forbidden): secrets is forbidden: User "jane" cannot list resource "secrets" in '
        'API group "" in the namespace "default"',
    ),
    (
        ["logs", "nope"],
        None,
        'error: error from server (NotFound): pods "nope" not found in namespace "default"',
    ),
    (["scale", "deploy/nope", "--replicas=1"], None, "error: no objects passed to scale"),
    (
        ["delete", "namespace", "default"],
        None,
        'Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be deleted',
    ),
]


@pytest.mark.parametrize(("argv", "stdin", "text"), REFUSED, ids=[" ".join(one[0]) for one in REFUSED])
def test_refused(served: ServedCluster, argv: list[str], stdin: str | None, text: str) -> None:
    answer = served.kubectl(*argv, stdin=stdin)
    assert answer.exit == 1
    assert answer.stderr.startswith(text), answer.stderr


def test_a_stale_version(served: ServedCluster) -> None:
    served.ok("create", "configmap", "stale", "--from-literal=a=1")
    manifest = served.ok("get", "configmap", "stale", "-o", "json").stdout
    served.ok("label", "configmap", "stale", "x=y")
    answer = served.kubectl("replace", "-f", "-", stdin=manifest)
    assert answer.exit == 1
    assert answer.stderr == (
        'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on '
        'configmaps "stale": the object has been modified; please apply your changes to the latest version '
        "and try again\n"
    )


def test_a_full_quota(served: ServedCluster) -> None:
    served.ok("create", "namespace", "small")
    served.ok("-n", "small", "create", "quota", "q", "--hard=configmaps=1")
    answer = served.kubectl("-n", "small", "create", "configmap", "c")
    assert answer.exit == 1
    assert 'configmaps "c" is forbidden: exceeded quota: q' in answer.stderr


def test_a_body_that_is_too_large(served: ServedCluster) -> None:
    data = "x" * (3 * 1024 * 1024)
    manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: big}}\ndata: {{x: {data}}}\n"
    answer = served.kubectl("create", "-f", "-", stdin=manifest)
    assert answer.exit == 1
    assert "Request entity too large: limit is 3145728" in answer.stderr
