"""Who may do what: RBAC, escalation, impersonation, tokens."""

from __future__ import annotations

from typing import Any

from kubekit.api.exchange import UserInfo
from tests.apiserver.conftest import ADMIN, CORE, Asker

ALICE = UserInfo("alice", "", ("dev", "system:authenticated"))
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def grant(api: Asker, name: str, rules: list[dict[str, Any]], group: str = "dev") -> None:
    """Let a group do something everywhere."""
    api.make(f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": rules})
    subject = {"kind": "Group", "name": group, "apiGroup": "rbac.authorization.k8s.io"}
    ref = {"kind": "ClusterRole", "name": name, "apiGroup": "rbac.authorization.k8s.io"}
    body = {"metadata": {"name": name}, "subjects": [subject], "roleRef": ref}
    api.make(f"{RBAC}/clusterrolebindings", body)


def test_no_opinion_is_no(api: Asker) -> None:
    refused = api.ask("GET", f"{CORE}/pods", user=ALICE)
    assert refused.status == 403
    assert refused.json()["message"] == (
        'pods is forbidden: User "alice" cannot list resource "pods" in API group "" in the namespace '
        '"default"'
    )
    grant(api, "see-pods", [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}])
    assert api.ask("GET", f"{CORE}/pods", user=ALICE).status == 200
    assert api.ask("DELETE", f"{CORE}/pods/x", user=ALICE).status == 403


def test_who_asks_can_ask_what_he_may(api: Asker) -> None:
    grant(api, "see-pods", [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}])
    body = {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "x"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    review = api.ask("POST", path, body, user=ALICE).json()
    assert review["status"]["allowed"] is True
    assert "see-pods" in review["status"]["reason"]
    who = api.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, user=ALICE).json()
    assert who["status"]["userInfo"]["username"] == "alice"


def test_nobody_grants_more_than_he_has(api: Asker) -> None:
    grant(
        api,
        "roles",
        [{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["create"]}],
    )
    role = {
        "metadata": {"name": "r"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
    }
    refused = api.ask("POST", f"{RBAC}/namespaces/default/roles", role, user=ALICE)
    assert (
        refused.status == 403
        and "attempting to grant RBAC permissions not currently held" in refused.json()["message"]
    )


def test_impersonation(api: Asker) -> None:
    headers = {"impersonate-user": "alice"}
    assert api.ask("GET", f"{CORE}/pods", user=ADMIN, headers=headers).status == 403, (
        "as alice, who may nothing"
    )
    refused = api.ask("GET", f"{CORE}/pods", user=ALICE, headers={"impersonate-user": "bob"})
    assert "cannot impersonate-on:user-info:list" in refused.json()["message"]
    rule = {"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"], "resourceNames": ["bob"]}
    grant(api, "be-bob", [rule])
    assert (
        "bob"
        in api.ask("GET", f"{CORE}/pods", user=ALICE, headers={"impersonate-user": "bob"}).json()["message"]
    )


def test_static_and_anonymous(api: Asker) -> None:
    assert api.ask("GET", "/version", user=None).status == 200
    assert api.ask("GET", f"{CORE}/pods", user=None).status == 403
    assert api.ask("GET", "/version", user=None, headers={"authorization": "Bearer nonsense"}).status == 401


def test_service_account_tokens(api: Asker) -> None:
    path = f"{CORE}/serviceaccounts/default/token"
    token = api.ask("POST", path, {"spec": {"expirationSeconds": 600}}).json()["status"]["token"]
    headers = {"authorization": f"Bearer {token}"}
    refused = api.ask("GET", f"{CORE}/pods", user=None, headers=headers).json()
    assert 'User "system:serviceaccount:default:default"' in refused["message"]
    review = {"spec": {"token": token}}
    known = api.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review).json()["status"]
    assert known["authenticated"] and "system:serviceaccounts:default" in known["user"]["groups"]
    api.loop.advance(700)
    assert api.ask("GET", f"{CORE}/pods", user=None, headers=headers).status == 401, "it has expired"


def test_a_review_says_for_whom_a_token_was_made(api: Asker) -> None:
    def token(**spec: Any) -> str:
        path = f"{CORE}/serviceaccounts/default/token"
        return str(api.ask("POST", path, {"spec": spec}).json()["status"]["token"])

    def review(**spec: Any) -> Any:
        path = "/apis/authentication.k8s.io/v1/tokenreviews"
        return api.ask("POST", path, {"spec": spec}).json()["status"]

    own, vault = token(), token(audiences=["vault", "other"])
    issuer = "https://kubernetes.default.svc.cluster.local"
    assert review(token=own)["audiences"] == [issuer]
    assert "system:authenticated" in review(token=own)["user"]["groups"]
    found = review(token=vault, audiences=["vault", "nobody"])
    assert found["authenticated"] and found["audiences"] == ["vault"]
    refused = review(token=vault)
    wrong = f'token audiences ["vault" "other"] is invalid for the target audiences ["{issuer}"]'
    assert "authenticated" not in refused and refused["error"] == f"[invalid bearer token, {wrong}]"
    assert review(token="nonsense")["error"] == "invalid bearer token"
