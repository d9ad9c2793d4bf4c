"""config, auth, taint, run and their like, called with what does not fit."""

from __future__ import annotations

import base64

import pytest

from kubekit.cluster.cluster import up
from kubekit.terminal.cli.files import MemoryFiles
from kubekit.terminal.kubectl import Kubectl
from kubekit.terminal.notebook import LoopPump

KUBECONFIG = """apiVersion: v1
kind: Config
current-context: a
clusters: [{name: c, cluster: {server: "https://127.0.0.1:6443"}}]
contexts: [{name: a, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: secret}}]
"""


@pytest.fixture(scope="module")
def kubectl() -> Kubectl:
    cluster = up(workers=1)
    return Kubectl(
        cluster.apiserver,
        clock=cluster.loop.clock,
        pump=LoopPump(cluster.loop),
        files=MemoryFiles({"kc": KUBECONFIG}),
    )


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("config view x", "error: unexpected arguments: [x]\n"),
        (
            "config get-contexts -o yaml",
            "error: --output yaml is not available in kubectl config get-contexts",
        ),
        (
            "--kubeconfig=kc config set-context a --current",
            "error: you cannot specify both a context name and",
        ),
        (
            "--kubeconfig=kc config set-credentials u --token=t --username=x",
            "error: you cannot specify more than one authentication method at the same time: --token,",
        ),
        (
            "--kubeconfig=kc config set clusters.c.certificate-authority-data zzz",
            "error: error decoding input value: illegal base64 data at input byte 0\n",
        ),
        (
            "--kubeconfig=kc config set clusters.c.insecure-skip-tls-verify maybe",
            'error: strconv.ParseBool: parsing "maybe": invalid syntax\n',
        ),
        ("--kubeconfig=kc get pods --user=zzz", 'error: auth info "zzz" does not exist\n'),
        ("auth can-i get pods x", "error: you must specify two arguments: verb resource or verb resource/"),
        ("auth can-i get pods --no-headers", "error: --no-headers cannot be set without --list specified\n"),
        (
            "auth can-i --list -A",
            "error: list option can't be specified with neither quiet, all-namespaces nor",
        ),
        ("taint nodes node01 a=b:NoSchedule a=b:NoSchedule", "same key and effect: {a b NoSchedule <nil>}\n"),
        ("taint nodes node01 a=b:NoSchedule a-", "following taint(s) in the same command: a=\n"),
        ("taint pods x a=b:NoSchedule", "error: invalid resource type pods, only node types are supported\n"),
        (
            "drain node01 -l a=b",
            "error: cannot specify both a node name and a --selector option\nSee 'kubectl d",
        ),
        ("run p --image=", "error: --image is required\n"),
        (
            "run p --image=x --image-pull-policy=Bogus",
            "error: invalid image pull policy: Bogus\nSee 'kubectl run",
        ),
        ("run p --image=x --overrides=x --dry-run=client", "error: Invalid JSON Patch\n"),
        ("run p --image=x --override-type=x --overrides={}", "error: invalid override type: x\n"),
    ],
)
def test_refusals(kubectl: Kubectl, line: str, error: str) -> None:
    answer = kubectl.line(line)
    assert answer.exit == 1 and error in answer.stderr


def test_a_flattened_kubeconfig_hides_nothing(kubectl: Kubectl) -> None:
    assert "token: secret" in kubectl.line("--kubeconfig=kc config view --flatten").stdout
    assert "token: REDACTED" in kubectl.line("--kubeconfig=kc config view").stdout


def test_overrides_may_be_a_json_patch(kubectl: Kubectl) -> None:
    patch = """[{"op":"add","path":"/metadata/labels/x","value":"y"}]"""
    line = f"run p --image=x --override-type=json --overrides='{patch}' --dry-run=client -o yaml"
    assert '    x: "y"\n' in kubectl.line(line).stdout


def test_token_secrets_hold_the_authority_that_pods_trust(kubectl: Kubectl) -> None:
    text = (
        "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/service-account-token\n"
        "metadata: {name: t, annotations: {kubernetes.io/service-account.name: default}}\n"
    )
    assert kubectl.run(["apply", "-f", "-"], text).exit == 0
    kubectl.pump.until(lambda: False, 2.0)
    assert kubectl.line("get secret t --no-headers").stdout.split()[2] == "3"
    kept = kubectl.line("get secret t -o jsonpath={.data.ca\\\\.crt}").stdout
    assert base64.b64decode(kept).startswith(b"-----BEGIN CERTIFICATE-----")
    shown = kubectl.line("get cm kube-root-ca.crt -o jsonpath={.data.ca\\\\.crt}").stdout
    assert shown == base64.b64decode(kept).decode()


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("version x", "error: extra arguments: [x]\n"),
        ("certificate approve csr/nope", 'certificatesigningrequests.certificates.k8s.io "nope" not found\n'),
        ("exec nope", "error: you must specify at least one command for the container\n"),
        (
            "get pods --as-group=x",
            "requesting uid, groups or user-extra for kubernetes-admin without impersonating",
        ),
    ],
)
def test_more_refusals(kubectl: Kubectl, line: str, error: str) -> None:
    answer = kubectl.line(line)
    assert answer.exit == 1 and answer.stderr.startswith(("error: ", "Error from server"))
    assert error in answer.stderr


def test_names_that_are_none(kubectl: Kubectl) -> None:
    assert kubectl.line("auth whoami -o name").stdout == "selfsubjectreview.authentication.k8s.io/<unknown>\n"
    answer = kubectl.line("config delete-context")
    assert answer.exit == 0 and answer.stdout.startswith("Delete")


def test_a_pod_and_its_service_are_two_documents(kubectl: Kubectl) -> None:
    shown = kubectl.line("run p --image=x --expose --port=80 --dry-run=client -o yaml").stdout
    assert shown.count("---\n---\n") == 1


def test_reconciling_says_all_that_went_wrong(kubectl: Kubectl) -> None:
    rule = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r}\nrules: []\n"
    answer = kubectl.run(["auth", "reconcile", "-f", "-"], f"{rule}---\n{rule}")
    assert answer.exit == 1 and answer.stderr == "resource name may not be empty\n" * 2
