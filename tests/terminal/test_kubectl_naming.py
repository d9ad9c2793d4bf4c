"""What words for resources mean, and what is said of manifests that cannot be read."""

from __future__ import annotations

import pytest

from kubekit.cluster.cluster import up
from kubekit.terminal.cli.files import MemoryFiles
from kubekit.terminal.kubectl import Kubectl
from tests.terminal.programs import kubectl_of

FILES = {
    "good.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n",
    "second-is-bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: first}\n---\na: [\n",
    "separator.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: lost}\n--- more\na: b\n",
    "typed-list.yaml": "apiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: inner}}]\n",
    "folder/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
}


@pytest.fixture(scope="module")
def kubectl() -> Kubectl:
    cluster = up(workers=0)
    program = kubectl_of(cluster, MemoryFiles(FILES, home="/home/user"))
    program.line("autoscale deploy web --max=3")
    program.line("create deployment web --image=nginx")
    cluster.advance(5)
    return program


@pytest.mark.parametrize(
    "word", ["pods", "pod", "po", "Pod", "PODS", "pods.v1.", "pod.v1.", "deploy.apps", "deployments.v1.apps"]
)
def test_words_that_are_known(kubectl: Kubectl, word: str) -> None:
    assert (
        kubectl.line(f"get {word} -n kube-public").stderr == "No resources found in kube-public namespace.\n"
    )


@pytest.mark.parametrize("word", ["pods.v1", "PO", "pods.v2.", "deployments.extensions", "nope.v1.apps"])
def test_words_that_are_not(kubectl: Kubectl, word: str) -> None:
    """The group is not part of the complaint, and short names are found as they are written."""
    head = word.partition(".")[0]
    assert kubectl.line(f"get {word}").stderr == f'error: the server doesn\'t have a resource type "{head}"\n'


def test_a_group_may_be_cut_short_and_a_short_name_forgets_the_version(kubectl: Kubectl) -> None:
    assert kubectl.line("get horizontalpodautoscalers.auto -A").exit == 0
    assert kubectl.line("get deploy.v1beta1.apps -n kube-public").exit == 0


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("foo", "error validating data: invalid object to validate; if you choose"),
        ("a: b", "error validating data: [apiVersion not set, kind not set]; if you choose"),
        ("kind: Pod", "error validating data: apiVersion not set; if you choose"),
        ('{"kind":"Pod"', "error: error parsing STDIN: unexpected EOF\n"),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y, labels: {a: true}}",
            "cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: x",
            "cannot unmarshal string into Go struct field metadataOnlyObject.metadata of type v1.ObjectMeta",
        ),
        ("apiVersion: v1\nkind: ConfigMap\n\tx: y", "yaml: line 3: found a tab character that violates"),
    ],
)
def test_objects_that_cannot_be_read(kubectl: Kubectl, text: str, error: str) -> None:
    answer = kubectl.run(["create", "-f", "-"], text)
    assert answer.exit == 1 and error in answer.stderr


def test_what_stands_before_a_bad_document_is_made(kubectl: Kubectl) -> None:
    answer = kubectl.line("create -f second-is-bad.yaml")
    assert (
        answer.stdout == "configmap/first created\n" and "error parsing second-is-bad.yaml" in answer.stderr
    )
    answer = kubectl.line("create -f separator.yaml")
    assert "invalid Yaml document separator: more" in answer.stderr and not answer.stdout


def test_a_typed_list_and_a_pattern(kubectl: Kubectl) -> None:
    assert kubectl.line("create -f typed-list.yaml").stdout == "configmap/inner created\n"
    assert kubectl.line("create -f 'folder/*.yaml'").stdout == "configmap/a created\n"


def test_all_files_that_are_missing_are_told(kubectl: Kubectl) -> None:
    wanted = 'the path "x.yaml" does not exist\nthe path "y.yaml" does not exist\n'
    assert kubectl.line("apply -f x.yaml -f y.yaml").stderr == wanted
    assert kubectl.line("get pods -f x.yaml").stderr == 'error: the path "x.yaml" does not exist\n'
    assert "only one of -f or -k" in kubectl.line("apply -f good.yaml -k folder").stderr
    assert kubectl.line("get -k folder").stderr.endswith("in directory '/home/user/folder'\n")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("logs nope", 'error: error from server (NotFound): pods "nope" not found in namespace "default"\n'),
        (
            "logs cm/kube-root-ca.crt",
            "error: cannot get the logs from *v1.ConfigMap: selector for *v1.ConfigMap not implemented\n",
        ),
        ("logs deploy/web --limit-bytes=-1", "error: --limit-bytes must be greater than 0\n"),
        ("logs deploy/web a -c b", "error: only one of -c or an inline [CONTAINER] arg is allowed\n"),
        ("get --raw nope", 'error: --raw must be a valid URL path: parse "nope": invalid URI for request\n'),
        (
            "get cm --subresource=status",
            "error: subresource cannot be used when bulk resources are specified\n",
        ),
        ("events --for nope/x", 'the server doesn\'t have a resource type "nope"\n'),
    ],
)
def test_refusals(kubectl: Kubectl, line: str, error: str) -> None:
    answer = kubectl.line(line)
    assert answer.exit == 1 and answer.stderr.endswith(error)


def test_the_clients_own_columns(kubectl: Kubectl) -> None:
    lines = kubectl.line("get deploy --server-print=false").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", "web"] and lines[0].split() == ["NAME", "AGE"]


def test_events_are_described_of_one_object_only(kubectl: Kubectl) -> None:
    kubectl.line("create deployment web2 --image=nginx")
    assert "Events:" in kubectl.line("describe deploy web2").stdout
    assert "Events:" not in kubectl.line("describe deploy").stdout
    assert "Events:" not in kubectl.line("describe deploy we").stdout
    assert kubectl.line("describe deploy --show-events").stdout.count("Events:") == 2
