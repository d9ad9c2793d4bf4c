"""The notebook's kubectl against a cluster: what it prints, and how it fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kubekit.cluster.cluster import Cluster, up
from kubekit.terminal.cli.files import MemoryFiles
from kubekit.terminal.kubectl import Kubectl
from kubekit.terminal.kubectl.completion import complete
from kubekit.terminal.notebook import LoopPump

WEB = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: "nginx:1.28"}]}
"""


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return up(workers=2)


@pytest.fixture
def kubectl(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    program = Kubectl(
        cluster.apiserver,
        clock=cluster.loop.clock,
        pump=LoopPump(cluster.loop),
        files=MemoryFiles({"web.yaml": WEB, "bad.yaml": "a: b\n c: d\n"}),
    )
    namespace = request.node.name.replace("_", "-").replace("[", "-").replace("]", "")[:40].strip("-").lower()
    program.line(f"create namespace {namespace}")
    cluster.advance(1)
    program.line(f"config set-context --current --namespace={namespace}")
    yield program
    program.line(f"delete namespace {namespace} --wait=false")


def test_apply_is_created_then_unchanged_then_configured(kubectl: Kubectl) -> None:
    assert kubectl.line("apply -f web.yaml").stdout == "deployment.apps/web created\n"
    assert kubectl.line("apply -f web.yaml").stdout == "deployment.apps/web unchanged\n"
    changed = WEB.replace("replicas: 2", "replicas: 3")
    assert kubectl.line("apply -f -", changed).stdout == "deployment.apps/web configured\n"
    assert kubectl.line("get deploy web -o jsonpath={.spec.replicas}").stdout == "3"


def test_rollout_status_waits_on_the_virtual_clock(kubectl: Kubectl) -> None:
    kubectl.line("apply -f web.yaml")
    result = kubectl.line("rollout status deploy/web")
    assert result.exit == 0
    assert result.stdout.endswith('deployment "web" successfully rolled out\n')
    assert kubectl.line("get deploy --no-headers").stdout.split()[:4] == ["web", "2/2", "2", "2"]


def test_delete_waits_until_the_pod_is_gone(kubectl: Kubectl) -> None:
    kubectl.line("run box --image=nginx:1.28")
    kubectl.line("wait --for=condition=Ready pod/box")
    result = kubectl.line("delete pod box")
    assert result.stdout.startswith('pod "box" deleted from ')
    assert kubectl.line("get pod box").stderr == 'Error from server (NotFound): pods "box" not found\n'


@pytest.mark.parametrize(
    ("line", "stderr"),
    [
        ("frobnicate", 'error: unknown command "frobnicate" for "kubectl"\n'),
        ("gte pods", 'error: unknown command "gte" for "kubectl"\n\nDid you mean this?\n\tget\n'),
        ("get pods --bogus", "error: unknown flag: --bogus\nSee 'kubectl get --help' for usage.\n"),
        ("get pods -z", "error: unknown shorthand flag: 'z' in -z\nSee 'kubectl get --help' for usage.\n"),
        ("get pods -n", "error: flag needs an argument: 'n' in -n\nSee 'kubectl get --help' for usage.\n"),
        ("get nosuch", 'error: the server doesn\'t have a resource type "nosuch"\n'),
        (
            "scale deploy web --replicas=x",
            'error: invalid argument "x" for "--replicas" flag: strconv.ParseInt: parsing "x": invalid'
            " syntax\n"
            "See 'kubectl scale --help' for usage.\n",
        ),
        (
            "apply -f bad.yaml",
            "error: error parsing bad.yaml: error converting YAML to JSON: yaml: line 2: mapping values are"
            " not"
            " allowed in this context\n",
        ),
        ("apply -f missing.yaml", 'error: the path "missing.yaml" does not exist\n'),
        ("create deployment web", 'error: required flag(s) "image" not set\n'),
        ("get pods -o jsonpath={.items[", None),
        ("", None),
        ("get", None),
        ("exec", None),
        ("logs nope", None),
        ("top pods", None),
        ("edit pod x", None),
        ("get pods -o go-template={{.x", None),
        ("create -f -", None),
        ("label", None),
        ("config set a.b.c", None),
    ],
)
def test_mistakes_get_the_real_words_and_no_traceback(
    kubectl: Kubectl, line: str, stderr: str | None
) -> None:
    result = kubectl.line(line)
    assert "fault of kubekit" not in result.stderr
    if stderr is not None:
        assert result.stderr == stderr
        assert result.exit == 1


def test_labels_columns_and_selectors(kubectl: Kubectl) -> None:
    kubectl.line("create configmap a --from-literal=x=1")
    assert kubectl.line("label cm a tier=front").stdout == "configmap/a labeled\n"
    shown = kubectl.line("get cm -l tier=front -L tier --no-headers").stdout.split()
    assert shown[0] == "a" and shown[-1] == "front"
    assert kubectl.line("get cm -l tier=none").stderr.startswith("No resources found in ")


def test_dry_run_prints_what_would_be_sent(kubectl: Kubectl) -> None:
    text = kubectl.line("create deployment d --image=nginx --dry-run=client -o yaml").stdout
    assert "strategy: {}" in text and "resources: {}" in text and "status: {}" in text
    assert kubectl.line("get deploy d").exit == 1


def test_a_namespace_chosen_stays(kubectl: Kubectl) -> None:
    kubectl.line("config set-context --current --namespace=kube-system")
    assert (
        "kube-system" in kubectl.line("get deploy nothing -o name").stderr or kubectl.line("get cm").exit == 0
    )
    assert kubectl.line("config view --minify -o jsonpath={..namespace}").stdout == "kube-system"


def test_a_patch_says_whether_it_changed_something(kubectl: Kubectl) -> None:
    kubectl.line("create cm c --from-literal=a=b")
    same, other = [f'patch cm c -p \'{{"data":{{"a":"{value}"}}}}\'' for value in "bc"]
    assert kubectl.line(same).stdout == "configmap/c patched (no change)\n"
    assert kubectl.line(same + " --dry-run=server").stdout == "configmap/c patched (no change)\n"
    assert kubectl.line(other + " --dry-run=server").stdout == "configmap/c patched\n"
    assert kubectl.line(other).stdout == "configmap/c patched\n"


def test_explain_reads_the_documentation(kubectl: Kubectl) -> None:
    text = kubectl.line("explain pod.spec.containers.image").stdout
    assert "FIELD: image <string>" in text and "Container image name." in text


def test_a_stopped_server_is_a_connection_refused(kubectl: Kubectl, cluster: Cluster) -> None:
    kubectl.line("get pods")
    cluster.apiserver.stop()
    try:
        result = kubectl.line("get pods")
    finally:
        cluster.apiserver.start()
    assert result.exit == 1
    assert "was refused - did you specify the right host or port?" in result.stderr


@pytest.mark.parametrize(
    ("line", "expected"),
    [("ro", "rollout"), ("rollout st", "status"), ("get po", "pods"), ("get nodes ", "controlplane"),
     ("get pods --al", "--all-namespaces"), ("describe node/node0", "node/node01"), ("get pods -n"
         " kube-s", "kube-system")],
)  # fmt: skip
def test_completion(kubectl: Kubectl, line: str, expected: str) -> None:
    assert expected in complete(kubectl, line)
