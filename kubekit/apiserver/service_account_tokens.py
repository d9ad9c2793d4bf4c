"""ServiceAccount tokens: JSON Web Tokens that this server issues, and knows again.

`issue` makes a token bound to a ServiceAccount (and perhaps to a pod, node or secret); `authenticate`
accepts one as long as it has not expired and everything it is bound to still exists. Upstream:
pkg/serviceaccount (claims.go, jwt.go).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kubekit.api.exchange import UserInfo, encode_json
from kubekit.apiserver.rsa import SigningKey, b64

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]
PREFIX = "system:serviceaccount:"
GROUP = "system:serviceaccounts"
LEGACY_ISSUER = "kubernetes/serviceaccount"
_EXTRA = "authentication.kubernetes.io/"
_LEGACY = "kubernetes.io/serviceaccount/"


class TokenIssuer:
    """Issues and checks tokens with one key."""

    def __init__(self, server: APIServer, key: SigningKey | None = None) -> None:
        self.server = server
        self.key = key if key is not None else SigningKey(server.loop.rng.child("service-account-key"))

    def issue(
        self, account: Obj, audiences: list[str], seconds: int, bound: dict[str, Obj], warn_after: int = 0
    ) -> str:
        """A token for an account; `bound` maps pod, node or secret to {"name", "uid"}."""
        now = int(self.server.loop.clock.now())
        metadata = account["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        inner: Obj = {
            "namespace": namespace,
            **{k: bound[k] for k in ("node", "pod", "secret") if k in bound},
        }
        inner["serviceaccount"] = {"name": name, "uid": metadata["uid"]}
        if warn_after:
            inner["warnafter"] = now + warn_after
        claims: Obj = {
            "aud": audiences,
            "exp": now + seconds,
            "iat": now,
            "iss": self.server.issuer,
            "jti": self.server.loop.rng.uuid(),
            "kubernetes.io": inner,
            "nbf": now,
            "sub": f"{PREFIX}{namespace}:{name}",
        }
        return self._signed(claims)

    def issue_legacy(self, account: Obj, secret: Obj) -> str:
        """The token of a Secret of type service-account-token: it never expires, and goes with the Secret."""
        metadata = account["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        return self._signed(
            {
                "iss": LEGACY_ISSUER,
                f"{_LEGACY}namespace": namespace,
                f"{_LEGACY}secret.name": secret["metadata"]["name"],
                f"{_LEGACY}service-account.name": name,
                f"{_LEGACY}service-account.uid": metadata["uid"],
                "sub": f"{PREFIX}{namespace}:{name}",
            }
        )

    def _signed(self, claims: Obj) -> str:
        header = {"alg": "RS256", "kid": self.key.key_id}
        signed = f"{b64(encode_json(header).strip())}.{b64(encode_json(claims).strip())}"
        return f"{signed}.{b64(self.key.sign(signed.encode()))}"

    def _legacy_user(self, claims: Obj, token: str) -> UserInfo | None:
        """The account behind a Secret's token, while the Secret holds it and the account is the same one."""
        namespace, name = claims[f"{_LEGACY}namespace"], claims[f"{_LEGACY}service-account.name"]
        secret = self.server.store("", "secrets").find(namespace, claims[f"{_LEGACY}secret.name"])
        held = ((secret or {}).get("data") or {}).get("token", "")
        account = self.server.store("", "serviceaccounts").find(namespace, name)
        if account is None or base64.b64encode(token.encode()).decode() != held:
            return None
        uid = account["metadata"]["uid"]
        if uid != claims[f"{_LEGACY}service-account.uid"]:
            return None
        return UserInfo(f"{PREFIX}{namespace}:{name}", uid, (GROUP, f"{GROUP}:{namespace}"))

    def authenticate(self, token: str, audiences: Sequence[str] = ()) -> UserInfo | None:
        """The account behind a token; None when it is not one of ours, has expired, lost what it is bound to,
        or was made for none of `audiences` (without any: for this server)."""
        claims = self.claims(token)
        if claims is None:
            return None
        if claims["iss"] == LEGACY_ISSUER:
            return self._legacy_user(claims, token)
        now = self.server.loop.clock.now()
        if (
            claims["exp"] <= now
            or claims.get("nbf", 0) > now + 1
            or not meant(claims, audiences or (self.server.issuer,))
        ):
            return None
        inner = claims["kubernetes.io"]
        namespace, account = inner["namespace"], inner["serviceaccount"]
        extra: dict[str, list[str]] = {_EXTRA + "credential-id": [f"JTI={claims['jti']}"]}
        wanted = [("serviceaccounts", namespace, account)]
        if "pod" in inner:
            wanted.append(("pods", namespace, inner["pod"]))
            extra[_EXTRA + "pod-name"] = [inner["pod"]["name"]]
            extra[_EXTRA + "pod-uid"] = [inner["pod"]["uid"]]
        if "secret" in inner:
            wanted.append(("secrets", namespace, inner["secret"]))
        if "node" in inner:
            if "pod" not in inner:
                wanted.append(("nodes", "", inner["node"]))
            extra[_EXTRA + "node-name"] = [inner["node"]["name"]]
            if inner["node"].get("uid"):
                extra[_EXTRA + "node-uid"] = [inner["node"]["uid"]]
        if any(self._gone(*one) for one in wanted):
            return None
        name = f"{PREFIX}{namespace}:{account['name']}"
        return UserInfo(name, account["uid"], (GROUP, f"{GROUP}:{namespace}"), extra)

    def _gone(self, plural: str, where: str, reference: Obj) -> str:
        """What became of something that a token is bound to, as errors say it; nothing when it is there."""
        found = self.server.store("", plural).find(where, reference["name"])
        if found is None:
            if plural == "serviceaccounts":
                return f'serviceaccounts "{reference["name"]}" not found'
            return "service account token has been invalidated"
        uid = found["metadata"].get("uid")
        if uid == reference["uid"]:
            return ""
        if plural == "serviceaccounts":
            return f"service account UID ({uid}) does not match claim ({reference['uid']})"
        kind = plural.removesuffix("s")
        return f"{kind} UID ({uid}) does not match service account {kind} ref claim ({reference['uid']})"

    def lapse(self, claims: Obj) -> str:
        """Why a token of ours with good claims is no longer good, or nothing."""
        if claims["iss"] == LEGACY_ISSUER:
            return ""
        if claims["exp"] <= self.server.loop.clock.now():
            return "service account token has expired"
        inner = claims["kubernetes.io"]
        namespace = inner["namespace"]
        wanted = [("serviceaccounts", namespace, inner["serviceaccount"])]
        wanted += [
            (f"{kind}s", namespace if kind != "node" else "", inner[kind])
            for kind in ("secret", "pod", "node")
            if kind in inner and not (kind == "node" and "pod" in inner)
        ]
        return next((text for one in wanted if (text := self._gone(*one))), "")

    def claims(self, token: str) -> Obj | None:
        """The payload of a token with a good signature of ours, or None."""
        parts = token.split(".")
        if len(parts) != 3:
            return None
        try:
            header, payload, signature = (
                base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts
            )
            if json.loads(header).get("kid") != self.key.key_id:
                return None
            claims: Obj = json.loads(payload)
        except (ValueError, AttributeError):
            return None
        ours = claims.get("iss") == self.server.issuer and "kubernetes.io" in claims
        if not ours and claims.get("iss") != LEGACY_ISSUER:
            return None
        return claims if self.key.verifies(f"{parts[0]}.{parts[1]}".encode(), signature) else None

    def jwks(self) -> Obj:
        """The public keys."""
        return {"keys": [self.key.jwk()]}

    def configuration(self) -> Obj:
        """The OpenID discovery document."""
        return {
            "issuer": self.server.issuer,
            "jwks_uri": f"https://{self.server.address}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }


def meant(claims: Obj, audiences: Sequence[str]) -> list[str]:
    """Those of the given audiences that a token was made for."""
    return [one for one in audiences if one in claims["aud"]]
