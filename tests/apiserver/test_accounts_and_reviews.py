"""What ServiceAccounts limit, what webhooks that cannot be asked answer, and what reviews refuse."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from kubekit.api.exchange import UserInfo
from tests.apiserver.conftest import CORE, Asker, pod

Obj = dict[str, Any]
REVIEWS = "/apis/authorization.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ALICE = UserInfo("alice", "uid-alice", ("dev",))
ENV = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "bad", "key": "x"}}}]
WHY = "is not allowed because service account lim does not reference that"


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"volumes": [{"name": "v", "secret": {"secretName": "ok"}}]}, ""),
        (
            {"volumes": [{"name": "v", "secret": {"secretName": "bad"}}]},
            f'volume with secret.secretName="bad" {WHY} secret',
        ),
        (
            {"containers": [{"name": "c", "image": "i", "env": ENV}]},
            f'container c with envVar A referencing secret.secretName="bad" {WHY} secret',
        ),
        (
            {"initContainers": [{"name": "i", "image": "i", "envFrom": [{"secretRef": {"name": "bad"}}]}]},
            f'init container i with envFrom referencing secret.secretName="bad" {WHY} secret',
        ),
        ({"imagePullSecrets": [{"name": "bad"}]}, f'imagePullSecrets[0].name="bad" {WHY} imagePullSecret'),
    ],
)
def test_an_account_may_limit_secrets(api: Asker, spec: Obj, text: str) -> None:
    annotations = {"kubernetes.io/enforce-mountable-secrets": "true"}
    account = {"metadata": {"name": "lim", "annotations": annotations}, "secrets": [{"name": "ok"}]}
    api.make(f"{CORE}/serviceaccounts", account)
    answer = api.ask("POST", f"{CORE}/pods", pod("p", serviceAccountName="lim", **spec))
    assert answer.status == (403 if text else 201)
    assert not text or answer.json()["message"] == f'pods "p" is forbidden: {text}'


def test_ephemeral_containers_are_limited_too(api: Asker) -> None:
    annotations = {"kubernetes.io/enforce-mountable-secrets": "1"}
    api.make(f"{CORE}/serviceaccounts", {"metadata": {"name": "lim", "annotations": annotations}})
    api.pod("p", serviceAccountName="lim")
    spec = {"ephemeralContainers": [{"name": "e", "image": "i", "env": ENV}]}
    answer = api.ask("PATCH", f"{CORE}/pods/p/ephemeralcontainers", {"spec": spec}, kind="strategic")
    assert answer.status == 500
    head = 'ephemeral container e with envVar A referencing secret.secretName="bad"'
    assert answer.json()["message"] == f"{head} {WHY} secret"


def webhook(api: Asker, config: Obj, **more: Any) -> Obj:
    rules = [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    ]
    hook = {"name": "a.b.c", "clientConfig": config, "rules": rules, "sideEffects": "None", **more}
    body = {"metadata": {"name": "w"}, "webhooks": [{"admissionReviewVersions": ["v1"], **hook}]}
    api.make("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", body)
    return api.ask("POST", f"{CORE}/configmaps", {"metadata": {"name": "c"}}).json()


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (
            {"url": "https://127.0.0.1:1"},
            'failed to call webhook: Post "https://127.0.0.1:1/?timeout=10s": dial',
        ),
        (
            {"service": {"namespace": "default", "name": "gone"}},
            'Post "https://gone.default.svc:443/?timeout=10s": service "gone" not found',
        ),
        (
            {"service": {"namespace": "default", "name": "kubernetes", "port": 8443}},
            'Post "https://kubernetes.default.svc:8443/?timeout=10s": no service port 8443 found for service',
        ),
        (
            {"url": "https://127.0.0.1:1", "caBundle": "Zm9v"},
            "could not get REST client: unable to load root certificates: unable to parse bytes as PEM block",
        ),
    ],
)
def test_webhooks_that_cannot_be_asked(api: Asker, config: Obj, text: str) -> None:
    if (config.get("service") or {}).get("name") == "kubernetes":
        ports = {"metadata": {"name": "kubernetes"}, "spec": {"ports": [{"port": 443}]}}
        api.ask("POST", f"{CORE}/services", ports)
    found = webhook(api, config)
    assert found["code"] == 500 and text in found["message"]


def test_conditions_of_webhooks_that_fail_forbid(api: Asker) -> None:
    condition = {"name": "c", "expression": "object.data.x == 'y'"}
    found = webhook(api, {"url": "https://127.0.0.1:1"}, matchConditions=[condition])
    text = "expression 'object.data.x == 'y'' resulted in error: no such key: data"
    assert (found["code"], found["message"]) == (403, f'configmaps "c" is forbidden: {text}')


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (
            {"spec": {"user": "a", "resourceAttributes": {}, "nonResourceAttributes": {}}},
            ["nonResourceAttributes"],
        ),
        (
            {"spec": {"user": "a", "resourceAttributes": {"fieldSelector": {}, "labelSelector": {}}}},
            [f"resourceAttributes.{one}Selector.requirements" for one in ("field", "label")],
        ),
        (
            {"spec": {"user": "a", "resourceAttributes": {"labelSelector": {"requirements": [
                {"key": "a", "operator": "Foo"}, {"key": "b", "operator": "In"}]}}}},
            ["resourceAttributes.labelSelector.requirements[1].values"],
        ),
    ],
)  # fmt: skip
def test_access_reviews_are_validated(api: Asker, body: Obj, fields: list[str]) -> None:
    found = api.ask("POST", f"{REVIEWS}/subjectaccessreviews", body).json()
    assert [cause["field"] for cause in found["details"]["causes"]] == [f"spec.{one}" for one in fields]


def test_metadata_of_access_reviews_is_empty(api: Asker) -> None:
    spec = {"user": "a", "resourceAttributes": {"verb": "get"}}
    found = api.ask(
        "POST", f"{REVIEWS}/subjectaccessreviews", {"metadata": {"name": "x"}, "spec": spec}
    ).json()
    assert (
        found["code"] == 422 and 'metadata: Invalid value: {"name":"x","managedFields":[' in found["message"]
    )
    other = {"metadata": {"namespace": "other"}, "spec": spec}
    found = api.ask("POST", f"{REVIEWS}/namespaces/default/localsubjectaccessreviews", other).json()
    assert (found["code"], found["reason"]) == (400, "BadRequest")


def test_selectors_that_cannot_be_read_are_told(api: Asker) -> None:
    narrowed = {"verb": "get", "labelSelector": {"rawSelector": "a in (b"}}
    spec = {"user": "a", "resourceAttributes": narrowed}
    status = api.ask("POST", f"{REVIEWS}/subjectaccessreviews", {"spec": spec}).json()["status"]
    assert status["evaluationError"] == "spec.resourceAttributes.labelSelector ignored due to parse error"


def test_what_only_those_with_all_rights_may_grant(api: Asker) -> None:
    rules = [{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["create"]}]
    api.make(f"{RBAC}/clusterroles", {"metadata": {"name": "maker"}, "rules": rules})
    subjects = [{"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"}]
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "maker"}
    api.make(f"{RBAC}/clusterrolebindings", {"metadata": {"name": "m"}, "roleRef": ref, "subjects": subjects})
    wide = {
        "metadata": {"name": "a"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]},
    }
    found = api.ask("POST", f"{RBAC}/clusterroles", wide, user=ALICE).json()
    assert found["message"].endswith("must have cluster-admin privileges to use the aggregationRule")
    gone = {"metadata": {"name": "b"}, "roleRef": {**ref, "name": "nope"}, "subjects": subjects}
    found = api.ask("POST", f"{RBAC}/clusterrolebindings", gone, user=ALICE).json()
    assert found["message"] == 'clusterrolebindings.rbac.authorization.k8s.io "nope" not found'


def test_why_a_token_is_no_longer_good(api: Asker) -> None:
    api.make(f"{CORE}/secrets", {"metadata": {"name": "s"}})
    spec = {"boundObjectRef": {"apiVersion": "v1", "kind": "Secret", "name": "s"}}
    made = api.ask("POST", f"{CORE}/serviceaccounts/default/token", {"spec": spec}).json()
    review = {"spec": {"token": made["status"]["token"]}}
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    assert api.ask("POST", path, review).json()["status"]["authenticated"]
    api.ask("DELETE", f"{CORE}/secrets/s")
    text = "[invalid bearer token, service account token has been invalidated]"
    assert api.ask("POST", path, review).json()["status"]["error"] == text


def test_an_empty_impersonation_is_none(api: Asker) -> None:
    path = f"{CORE}/configmaps"
    assert api.ask("GET", path, headers={"impersonate-user": ""}).status == 200


def test_certificates_that_are_none(api: Asker) -> None:
    from kubekit.apiserver.validation.certificate_signing_request import _certificate_problem

    def encoded(inner: bytes) -> str:
        body = base64.b64encode(inner).decode()
        return base64.b64encode(
            f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n".encode()
        ).decode()

    assert _certificate_problem(encoded(b"foo")) == "x509: malformed certificate"
    assert _certificate_problem(encoded(b"\x30\x01\x00")) == ""
    assert _certificate_problem(encoded(b"\x30\x01\x00\x00")) == "x509: trailing data"


def test_a_job_without_labels_gets_those_of_its_template(api: Asker) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
    body = {"metadata": {"name": "j"}, "spec": {"template": template}}
    made = api.make("/apis/batch/v1/namespaces/default/jobs", body)
    assert made["metadata"]["labels"] == made["spec"]["template"]["metadata"]["labels"]
    assert made["metadata"]["labels"]["job-name"] == "j"


def test_quotas_count_leases(api: Asker) -> None:
    hard = {"count/leases.coordination.k8s.io": "0"}
    quota = api.make(f"{CORE}/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": hard}})
    api.ask("PUT", f"{CORE}/resourcequotas/q/status", {**quota, "status": {"hard": hard, "used": hard}})
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    answer = api.ask("POST", path, {"metadata": {"name": "l"}})
    assert answer.status == 403 and "exceeded quota: q" in answer.json()["message"]


@pytest.mark.parametrize(
    ("resources", "found"),
    [
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({}, "BestEffort"),
    ],
)
def test_resources_of_the_whole_pod_make_its_class(api: Asker, resources: Obj, found: str) -> None:
    assert api.pod("p", resources=resources)["status"]["qosClass"] == found


def test_a_token_after_two_spaces_is_ignored(api: Asker) -> None:
    answer = api.ask("GET", "/version", user=None, headers={"authorization": "Bearer  alice-token"})
    assert (
        answer.status == 200 and "contains extra space before the bearer token" in answer.headers["Warning"]
    )
