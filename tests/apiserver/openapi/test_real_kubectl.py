"""Real clients of every release read the documents: `explain` in both versions, and strict manifests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kubekit.cluster.cluster import up
from kubekit.terminal.kubectl import Kubectl
from tests.clients.served import ServedCluster
from tests.programs import need_program

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("openapi-kubectl")]

RELEASES = ["1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33"]
POD = """apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: c, imagee: nginx}]}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCluster]:
    need_program("kubectl")
    cluster = ServedCluster(tmp_path_factory.mktemp("served") / "home", ["--workers", "1", "--seed", "7"])
    assert cluster.process.poll() is None, cluster.said
    yield cluster
    assert cluster.stop() == 0, cluster.said


@pytest.mark.parametrize("release", RELEASES)
def test_documents(served: ServedCluster, release: str) -> None:
    program = f"kubectl.{release}"
    explained = served.ok("explain", "pod.spec.containers", program=program).stdout
    assert explained.startswith("KIND:       Pod\nVERSION:    v1\n\nFIELD: containers <[]Container>")
    assert "List of containers belonging to the pod." in explained
    assert "  name\t<string> -required-" in explained
    everything = served.ok("explain", "deployment.spec", "--recursive", program=program).stdout
    assert "requiredDuringSchedulingIgnoredDuringExecution" in everything
    older = served.ok("explain", "deployment.spec", "--output=plaintext-openapiv2", program=program).stdout
    assert older.startswith("KIND:     Deployment\nVERSION:  apps/v1\n\nRESOURCE: spec <Object>")
    refused = served.kubectl("apply", "-f", "-", stdin=POD, program=program)
    assert 'strict decoding error: unknown field "spec.containers[0].imagee"' in refused.stderr


EXPLAINED = [
    "pods",
    "pod.spec.containers.resources.limits",
    "pod.spec.restartPolicy",
    "pod.spec.volumes.hostPath",
    "deploy --recursive",
    "crd.spec.versions.schema.openAPIV3Schema",
    "crd --recursive",
    "validatingwebhookconfigurations.webhooks.rules.operations",
    "hpa --api-version=autoscaling/v1",
    "events.events.k8s.io",
    "pod.spec.nope.more",
    "pod.spec.containers[0].image",
    "pod.spec --output=plaintext-openapiv2",
    "pod.metadata.managedFields.fieldsV1 --output=plaintext-openapiv2",
    "cm.data --output=plaintext-openapiv2",
    "crd --recursive --output=plaintext-openapiv2",
]


def test_the_kit_s_own_explain_prints_the_same(served: ServedCluster) -> None:
    own = Kubectl(up(workers=0).apiserver)
    for line in EXPLAINED:
        mine = own.line(f"explain {line}")
        real = served.kubectl("explain", *line.split(), program="kubectl.1.33")
        assert (mine.exit, mine.stdout, mine.stderr) == (real.exit, real.stdout, real.stderr), line
