"""Writing verbs with flags that contradict, files that miss and objects that refuse: what kubectl says."""

from __future__ import annotations

import pytest

from kubekit.cluster.cluster import up
from kubekit.terminal.cli.files import MemoryFiles
from kubekit.terminal.kubectl import Kubectl
from tests.terminal.programs import kubectl_of

WEB = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: nginx, image: "nginx:1.27"}]}}
"""
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, labels: {set: x}}\ndata: {a: b}\n"
FILES = {
    "web.yaml": WEB,
    "c.yaml": CONFIG,
    "mixed.yaml": CONFIG.replace("name: c", "name: m")
    + "---\napiVersion: v1\nkind: Nope\nmetadata: {name: nope}\n",
}


@pytest.fixture
def kubectl() -> Kubectl:
    cluster = up(workers=0)
    program = kubectl_of(cluster, MemoryFiles(FILES))
    program.line("apply -f web.yaml -f c.yaml")
    cluster.advance(2)
    return program


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            "set image cm/c nginx=x",
            "error: configmaps/c the object is not a pod or does not have a pod template",
        ),
        ("set resources deploy/web -c nope --limits=cpu=1", "error: unable to find container named nope\n"),
        (
            "set resources deploy/web --limits=cpu=1 --requests=cpu=2",
            'error: failed to patch resources update to pod template Deployment.apps "web" is invalid',
        ),
        (
            "set env deploy/web 'a b=1'",
            'error: "a b" is not a valid key name: a valid environment variable name',
        ),
        ("set selector svc/x 'a in (b)'", 'services "x" not found'),
        (
            "set subject cm c --user=x",
            "error: configmaps/c setting subjects is only supported for RoleBinding",
        ),
        (
            "set env deploy/web X=1 --local",
            "error: You must provide one or more resources by argument or filename",
        ),
        ("label cm c =x", "error: at least one label update is required\n"),
        ("label cm c a=b=c", "error: invalid label spec: a=b=c\n"),
        ("label cm --all -l a=b z=1", "error: cannot set --all and --selector at the same time\n"),
        (
            "label cm --all z=1 --resource-version=1",
            "--resource-version may only be used with a single resource\n",
        ),
        ("annotate", "error: one or more resources must be specified as <resource> <name>"),
        ("apply -f c.yaml --force --server-side", "error: --force cannot be used with --server-side\n"),
        (
            "apply -f c.yaml --prune --all --prune-allowlist=x",
            "error: invalid GroupVersionKind format: x, please",
        ),
        ("apply set-last-applied", "error: You must provide one or more resources by argument or filename"),
        (
            "apply view-last-applied cm c -o wide",
            "error: Unexpected -o output mode: wide, the flag 'output' must",
        ),
        ("delete cm c -o yaml", "error: unexpected -o output mode: yaml. We only support '-o name'\n"),
        ("delete --raw=/x -f nope", "error: open nope: no such file or directory\n"),
        (
            "replace --force -f c.yaml --dry-run=client",
            "error: --dry-run can not be used when --force is set\n",
        ),
        ("rollout status cm/c", "error: no status viewer has been implemented for ConfigMap\n"),
        ("rollout history cm/c", 'history for "ConfigMap", no visitor method exists for { ConfigMap}\n'),
        ("top pods --sort-by=x", "error: --sort-by accepts only cpu or memory\n"),
        (
            "autoscale cm c --max=3",
            "could not find scale subresource for /v1, Resource=configmaps in discovery",
        ),
        ("expose deploy web --port=80 --overrides=x", "error: Invalid JSON Patch\n"),
        (
            "create cm d --dry-run=maybe",
            'error: Invalid dry-run value (maybe). Must be "none", "server", or "client"',
        ),
    ],
)
def test_refusals(kubectl: Kubectl, line: str, error: str) -> None:
    answer = kubectl.line(line)
    assert answer.exit == 1 and error in answer.stderr


def test_a_dry_run_in_the_old_way(kubectl: Kubectl) -> None:
    answer = kubectl.line("create cm d --dry-run")
    assert answer.stdout == "configmap/d created (dry run)\n"
    assert answer.stderr.endswith("--dry-run is deprecated and can be replaced with --dry-run=client.\n")
    answer = kubectl.line("create cm d --dry-run=false")
    assert answer.stdout == "configmap/d created\n" and "(boolean value)" in answer.stderr


def test_what_is_changed_here_and_not_by_the_server(kubectl: Kubectl) -> None:
    shown = kubectl.line("""patch deploy web -p '{"spec":{"replicas":7}}' --dry-run=client -o yaml""")
    assert "replicas: 7" in shown.stdout
    local = kubectl.line("""patch -f c.yaml --local --type=merge -p '{"data":{"a":"z"}}' -o yaml""").stdout
    assert "a: z" in local and "namespace" not in local
    assert "namespace" not in kubectl.line("label -f c.yaml q=r --local -o yaml").stdout
    set_ = kubectl.line("set image -f web.yaml nginx=nginx:2 --local -o yaml").stdout
    assert "image: nginx:2" in set_ and "resources: {}" in set_ and "namespace" not in set_


def test_labels_that_come_and_go(kubectl: Kubectl) -> None:
    assert kubectl.line("label cm c a=1 set-").stdout == "configmap/c modified\n"
    assert kubectl.line("label cm c a-").stdout == "configmap/c unlabeled\n"
    assert kubectl.line("label cm c a-").stdout == 'label "a" not found.\nconfigmap/c not labeled\n'


def test_deleting(kubectl: Kubectl) -> None:
    assert "warning: --cascade=true is deprecated" in kubectl.line("delete cm c --cascade=true").stderr
    kubectl.line("create -f mixed.yaml")
    answer = kubectl.line("delete -f mixed.yaml")
    assert 'configmap "m" deleted' in answer.stdout and "resource mapping not found" in answer.stderr
    assert kubectl.run(["delete", "deploy", "web", "-i"], "n\n").stdout.endswith("deletion is cancelled\n")
    assert 'deployment.apps "web" deleted' in kubectl.run(["delete", "deploy", "web", "-i"], "y\n").stdout


def test_several_failures(kubectl: Kubectl) -> None:
    """What can be done is done; each failure stands for itself, an invalid one in the words of the server."""
    answer = kubectl.line("scale deploy/web deploy/nope --replicas=2")
    assert answer.stdout == "deployment.apps/web scaled\n" and "nope" in answer.stderr
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: {containers: []}\n"
    answer = kubectl.run(["create", "-f", "-"], f"{text}---\n{text}")
    assert answer.stderr.count("Error from server (Invalid): error when creating") == 2


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            "create cm d --validate=x",
            'invalid - validate option "x"; must be one of: strict (or true), warn, ignore',
        ),
        ("create role r --verb=use --resource=pods", "error: can not perform 'use' on 'pods' in group ''\n"),
        ("create role r --verb=get --resource=pods,/", "resource must be specified if apiGroup/subresource"),
        ("create clusterrole r --aggregation-rule=a", "malformed pair, expect string=string\n"),
        (
            "create pdb p --selector='a in' --min-available=1",
            'couldn\'t parse the selector string "a in": unable',
        ),
        ("create priorityclass p --value=9999999999", 'parsing "9999999999": value out of range\n'),
        ("create job j --from=pod/x", 'Error from server (NotFound): pods "x" not found\n'),
        ("create deploy d --image='a b'", 'Invalid value: "a b": a lowercase RFC 1123 label must consist'),
        ("create -f c.yaml cm x", "unknown shorthand flag: 'f' in -f\n"),
        ("create -f c.yaml -l a=z", "error: no objects passed to create\n"),
        ("delete cm c --all", "error: name cannot be provided when a selector is specified\n"),
        ("delete --all", "error: at least one resource must be specified to use a selector\n"),
        ("delete cm --all -l a=b", "error: setting 'all' parameter but found a non empty selector. \n"),
        (
            "apply -f c.yaml --cascade=x",
            'error: invalid cascade value (x). Must be "background", "foreground"',
        ),
        (
            "set env deploy/web A=2 --overwrite=false",
            "error: deployments/web 'A' already has a value (1), and",
        ),
    ],
)
def test_more_refusals(kubectl: Kubectl, line: str, error: str) -> None:
    kubectl.line("set env deploy/web A=1")
    answer = kubectl.line(line)
    assert answer.exit == 1 and error in answer.stderr


def test_what_generators_note_is_written_as_go_writes_it(kubectl: Kubectl) -> None:
    shown = kubectl.line("create cm d --from-literal=x=y --save-config --dry-run=client -o yaml").stdout
    assert '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"d"},"data":{"x":"y"}}' in shown


def test_the_name_of_a_container(kubectl: Kubectl) -> None:
    show = "create deploy d --image={0} --dry-run=client -o jsonpath={{..containers[0].name}}"
    assert kubectl.line(show.format("quay.io/a/web:1")).stdout == "web"
    name = kubectl.line(show.format("my_web.app")).stdout
    assert name.startswith("my-web-app-") and len(name) == len("my-web-app-") + 5


def test_raw_requests(kubectl: Kubectl) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"raw"}}'
    assert '"name":"raw"' in kubectl.run(["create", f"--raw={path}", "-f", "-"], body).stdout
    assert '"name":"raw"' in kubectl.run(["replace", f"--raw={path}/raw", "-f", "-"], body).stdout
    assert kubectl.line(f"delete --raw={path}/raw").exit == 0


def test_pruning_says_what_it_will_not_do_for_ever(kubectl: Kubectl) -> None:
    kubectl.run(["apply", "-f", "-"], CONFIG.replace("name: c", "name: old"))
    answer = kubectl.line("apply -f c.yaml --prune -l set=x --prune-allowlist=core/v1/ConfigMap")
    assert "configmap/old pruned" in answer.stdout and not answer.stderr
    assert "Deprecated: kubectl apply will no longer" in kubectl.line("apply -f c.yaml --prune --all").stderr


def test_a_selector_chooses_among_the_objects_of_files(kubectl: Kubectl) -> None:
    assert kubectl.line("apply -f c.yaml -l set=x").stdout == "configmap/c unchanged\n"
    assert kubectl.line("apply -f c.yaml -l set=y").stderr == "error: no objects passed to apply\n"
    assert 'the provided selector "a in" is not valid' in kubectl.line("apply -f c.yaml -l 'a in'").stderr


def test_why_something_changed_may_be_said_anew(kubectl: Kubectl) -> None:
    for cause in ("one", "two"):
        answer = kubectl.line(f"annotate deploy/web kubernetes.io/change-cause={cause}")
        assert answer.stdout == "deployment.apps/web annotated\n"
    kubectl.line("annotate deploy/web a=1")
    assert kubectl.line("annotate deploy/web a=2").exit == 1


def test_undoing_as_a_trial_shows_the_template(kubectl: Kubectl) -> None:
    assert "no rollout history found" in kubectl.line("rollout undo deploy/web").stderr
    kubectl.line("set image deploy/web nginx=nginx:1.28")
    kubectl.pump.until(lambda: False, 2.0)
    shown = kubectl.line("rollout undo deploy/web --dry-run=client").stdout
    assert shown.startswith("deployment.apps/web Pod Template:\n") and "nginx:1.27" in shown
    assert shown.endswith("\n (dry run)\n")
    kubectl.line("rollout pause deploy/web")
    assert "you cannot rollback a paused deployment" in kubectl.line("rollout undo deploy/web").stderr
