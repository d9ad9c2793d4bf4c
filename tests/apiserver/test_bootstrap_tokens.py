"""Bootstrap tokens and the discovery documents of the ServiceAccount issuer: who is it, who may read them."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.api.exchange import UserInfo
from tests.apiserver.conftest import CORE, Asker

TOKEN = "abcdef.0123456789abcdef"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


def made(api: Asker, type: str = "bootstrap.kubernetes.io/token", **changed: str) -> None:
    data = {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-authentication": "true",
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    body: dict[str, Any] = {"metadata": {"name": "bootstrap-token-abcdef"}, "type": type, "stringData": data}
    api.make("/api/v1/namespaces/kube-system/secrets", body)


def reviewed(api: Asker, token: str = TOKEN) -> dict[str, Any]:
    status: dict[str, Any] = api.ask("POST", REVIEWS, {"spec": {"token": token}}).json()["status"]
    return status


def test_who_has_the_token(api: Asker) -> None:
    made(api, auth_extra_groups="system:bootstrappers:kubeadm:default-node-token")
    user = reviewed(api)["user"]
    assert user["username"] == "system:bootstrap:abcdef"
    assert user["groups"] == [
        "system:bootstrappers",
        "system:bootstrappers:kubeadm:default-node-token",
        "system:authenticated",
    ]
    headers = {"authorization": f"Bearer {TOKEN}"}
    refused = api.ask("GET", f"{CORE}/pods", user=None, headers=headers)
    assert refused.status == 403 and 'User "system:bootstrap:abcdef"' in refused.json()["message"]


@pytest.mark.parametrize(
    "changed",
    [
        {"token_secret": "0123456789abcdee"},
        {"token_id": "abcdee"},
        {"usage_bootstrap_authentication": "false"},
        {"expiration": "2020-01-01T00:00:00Z"},
        {"auth_extra_groups": "system:masters"},
        {"type": "Opaque"},
    ],
)
def test_tokens_that_nobody_vouches_for(api: Asker, changed: dict[str, str]) -> None:
    made(api, **changed)
    assert reviewed(api) == {"user": {}, "error": "invalid bearer token"}


def test_a_token_expires(api: Asker) -> None:
    from kubekit.sim import rfc3339

    made(api, expiration=rfc3339(api.loop.clock.now() + 60))
    assert reviewed(api)["authenticated"]
    api.loop.advance(61.0)
    assert "authenticated" not in reviewed(api)


def test_what_is_no_bootstrap_token(api: Asker) -> None:
    made(api)
    for token in ("ABCDEF.0123456789abcdef", TOKEN + "0", "abcdef"):
        assert reviewed(api, token)["error"] == "invalid bearer token"


def test_the_issuers_documents_are_for_service_accounts(api: Asker) -> None:
    account = UserInfo("system:serviceaccount:default:default", groups=("system:serviceaccounts",))
    for path in ("/.well-known/openid-configuration", "/openid/v1/jwks"):
        assert api.ask("GET", path, user=account).status == 200
        assert api.ask("GET", path, user=UserInfo("eve")).status == 403
        assert api.ask("GET", path, user=None).status == 403
    found = api.ask("GET", "/.well-known/openid-configuration", user=account).json()
    assert found["issuer"] == "https://kubernetes.default.svc.cluster.local"
    assert found["jwks_uri"].endswith("/openid/v1/jwks")
    (key,) = api.ask("GET", "/openid/v1/jwks", user=account).json()["keys"]
    assert key["kty"] == "RSA" and key["use"] == "sig" and key["alg"] == "RS256"
