"""An operator written with kopf runs unchanged: it watches, patches, adds finalizers and events."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.served import ServedCluster

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("clients-kopf")]

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: cakes.bakery.example}
spec:
  group: bakery.example
  scope: Namespaced
  names: {plural: cakes, singular: cake, kind: Cake}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {layers: {type: integer, minimum: 1}}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""
CAKE = "apiVersion: bakery.example/v1\nkind: Cake\nmetadata: {name: torte}\nspec: {layers: 3}\n"


@pytest.fixture
def operator(served: ServedCluster, tmp_path: Path) -> Iterator[Path]:
    pytest.importorskip("kopf")
    served.ok("apply", "-f", "-", stdin=CRD)
    served.ok("wait", "--for=condition=Established", "crd/cakes.bakery.example", "--timeout=30s")
    log = tmp_path / "operator.log"
    script = Path(__file__).with_name("bakery_operator.py")
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "kopf", "run", "--namespace=default", "--standalone", str(script)],
            env=served.environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        yield log
        running = process.poll() is None
        process.terminate()
        process.wait(timeout=20)
    assert running, log.read_text()


def test_an_operator(served: ServedCluster, operator: Path) -> None:
    served.ok("apply", "-f", "-", stdin=CAKE)
    waited = served.kubectl("wait", "--for=jsonpath={.status.bake.baked}=3", "cake/torte", "--timeout=30s")
    assert waited.exit == 0, operator.read_text()
    recipe = served.ok(
        "get",
        "configmap",
        "torte-recipe",
        "-o",
        "jsonpath={.data.layers} {.metadata.ownerReferences[0].kind}",
    )
    assert recipe.stdout == "3 Cake"
    finalizers = served.ok("get", "cake", "torte", "-o", "jsonpath={.metadata.finalizers}").stdout
    assert "kopf.zalando.org" in finalizers

    served.ok("patch", "cake", "torte", "--type=merge", "-p", '{"spec":{"layers":5}}')
    served.ok("wait", "--for=jsonpath={.status.height}=3 -> 5", "cake/torte", "--timeout=30s")
    assert served.ok("get", "configmap", "torte-recipe", "-o", "jsonpath={.data.layers}").stdout == "5"

    served.ok("delete", "cake", "torte", "--timeout=30s")
    served.ok("get", "configmap", "torte-was-eaten")
    served.ok("wait", "--for=delete", "configmap/torte-recipe", "--timeout=30s")
    events = served.ok(
        "get", "events", "-o", "jsonpath={range .items[*]}{.reason} {.message}{'\\n'}{end}"
    ).stdout
    assert "Baked torte is in the oven no more" in events, operator.read_text()
