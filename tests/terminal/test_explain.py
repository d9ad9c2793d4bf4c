"""`kubectl explain`: pages of kinds and fields, from both versions of the server's own description."""

from __future__ import annotations

import pytest

from kubekit.cluster.cluster import up
from kubekit.terminal.cli.files import MemoryFiles
from kubekit.terminal.kubectl import Kubectl
from kubekit.terminal.kubectl.explain_old import fold
from tests.terminal.programs import kubectl_of

CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: cakes.shop.io}
spec:
  group: shop.io
  scope: Namespaced
  names: {plural: cakes, singular: cake, kind: Cake}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            externalDocs: {description: The cookbook, url: "https://shop.io/book"}
            properties:
              icing: {type: string, enum: ["", a, b, c, d], description: What is on it.}
"""


@pytest.fixture(scope="module")
def kubectl() -> Kubectl:
    cluster = up(workers=0)
    program = kubectl_of(cluster, MemoryFiles({"crd.yaml": CRD}))
    assert program.line("apply -f crd.yaml").exit == 0
    cluster.advance(2)
    return program


def test_values_of_an_enumeration_stand_below_the_field(kubectl: Kubectl) -> None:
    text = kubectl.line("explain service.spec.type").stdout
    assert "FIELD: type <string>\nENUM:\n    ClusterIP\n    ExternalName\n    LoadBalancer\n" in text
    assert '\n    Possible enum values:\n     - `"ClusterIP"`\n' in text


def test_a_list_of_fields_shows_four_values(kubectl: Kubectl) -> None:
    text = kubectl.line("explain svc.spec.ports").stdout
    assert "  protocol\t<string>\n  enum: SCTP, TCP, UDP\n" in text
    text = kubectl.line("explain pod.spec.volumes.hostPath").stdout
    assert '  enum: "", BlockDevice, CharDevice, Directory, ....\n' in text
    assert "        enum: " in kubectl.line("explain pod.spec --recursive").stdout


def test_custom_kinds(kubectl: Kubectl) -> None:
    text = kubectl.line("explain cake.spec").stdout
    assert "EXTERNAL DOCS:\n    The cookbook\n    URL: https://shop.io/book\n" in text
    assert '  icing\t<string>\n  enum: "", a, b, c, ....\n    What is on it.\n' in text


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("explain pod.spec.nope.more", 'field "more" does not exist'),
        ("explain pod --api-version=v2", 'couldn\'t find resource for "/v2, Resource=pods"'),
        ("explain pod.spec.containers[0].image", "invalid jsonpath syntax, first node must be field node"),
        ("explain pods --output=json", "unrecognized format: json"),
        ("explain pod.nope --output=plaintext-openapiv2", 'field "nope" does not exist'),
    ],
)
def test_refusals(kubectl: Kubectl, line: str, error: str) -> None:
    answer = kubectl.line(line)
    assert answer.exit == 1 and answer.stderr == f"error: {error}\n"


def test_the_longest_resource_that_the_words_begin_with(kubectl: Kubectl) -> None:
    assert "FIELD: replicas <integer>" in kubectl.line("explain deployments.apps.spec.replicas").stdout
    # `events` alone is a resource too, and comes first.
    assert 'field "io" does not exist' in kubectl.line("explain events.events.k8s.io").stderr


def test_the_page_of_openapi_v2(kubectl: Kubectl) -> None:
    text = kubectl.line("explain deployment.spec --output=plaintext-openapiv2").stdout
    assert text.startswith(
        "KIND:     Deployment\nVERSION:  apps/v1\n\nRESOURCE: spec <Object>\n\nDESCRIPTION:\n"
    )
    assert "\nFIELDS:\n   minReadySeconds\t<integer>\n     Minimum number of seconds" in text
    tree = kubectl.line("explain crd.spec --output=plaintext-openapiv2 --recursive").stdout
    assert tree.count("allOf\t<[]Object>") == 1, "a structure does not appear inside itself"


def test_folding_keeps_lists_code_and_empty_lines() -> None:
    text = "Some words here:\nnext line\n\n- one\n- two\n    code  stays\nend of it all"
    assert [*fold(text, 12)] == [
        "Some words",
        "here:",
        "next line",
        "",
        "- one",
        "- two",
        "    code  stays",
        "end of it",
        "all",
    ]
