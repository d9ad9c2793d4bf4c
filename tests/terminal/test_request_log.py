"""`kubectl -v=6` and more: what is said of a request, and no token with it; `--token` is who asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import kubekit
from kubekit.terminal.cli.result import Result
from kubekit.terminal.notebook import kubectl_of

Kubectl = Callable[[str], Result]
URL = "https://192.168.0.10:6443/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def cluster() -> Any:
    return kubekit.up(workers=0, seed=3, name="log")


@pytest.fixture
def kubectl(cluster: Any) -> Kubectl:
    program = kubectl_of(cluster)
    program.line("get configmaps")  # what is served is known from here on
    return program.line


def test_level_6_is_a_line_an_exchange(kubectl: Kubectl) -> None:
    lines = kubectl("-v=6 get configmaps").stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("I0101 00:00:0")
    assert lines[0].endswith(f'] "Response" verb="GET" url="{URL}?limit=500" status="200 OK" milliseconds=0')
    assert kubectl("-v=5 get configmaps").stderr == ""


def test_level_7_has_the_request_first_and_masks_the_token(kubectl: Kubectl) -> None:
    said = kubectl("-v 7 get configmap none --token=secret.of.mine").stderr
    assert f'"Request" verb="GET" url="{URL}/none" headers=<\n\tAccept: ' in said
    assert "\tAuthorization: Bearer <masked>\n" in said and "secret.of.mine" not in said
    assert '"Response" status="401 Unauthorized" milliseconds=0\n' in said
    assert said.endswith("error: You must be logged in to the server (Unauthorized)\n")


def test_level_8_has_both_bodies_and_cuts_the_long_one(kubectl: Kubectl) -> None:
    said = kubectl("-v=8 create configmap small --from-literal=a=b").stderr
    assert '"Request Body" body=<\n\t{"apiVersion":"v1","kind":"ConfigMap"' in said
    answer = said.partition('"Response" status="201 Created" headers=<\n')[2].partition("\n > milli")[0]
    assert "\tContent-Type: application/json" in answer.splitlines()
    long = kubectl("-v=8 get configmaps").stderr
    assert '"Request Body" body=""\n' in long
    assert " [truncated " in long and '"Response Body" body="{\\"kind\\":\\"Table\\"' in long
    assert " [truncated " not in kubectl("-v=10 get configmaps").stderr


def test_level_9_has_the_curl_command(kubectl: Kubectl) -> None:
    said = kubectl("-v=9 get configmap small").stderr
    assert 'curlCommand="curl -v -XGET  -H \\"Accept: ' in said and f"'{URL}/small'\"\n" in said


def test_a_token_decides_who_asks(kubectl: Kubectl) -> None:
    token = kubectl("create token default").stdout
    said = kubectl(f"get pods --token={token}").stderr
    assert 'User "system:serviceaccount:default:default" cannot list resource "pods"' in said
    kubectl(f"config set-credentials bot --token={token}")
    assert "system:serviceaccount:default:default" in kubectl("auth whoami --user=bot").stdout
    assert "kubernetes-admin" in kubectl("auth whoami").stdout
