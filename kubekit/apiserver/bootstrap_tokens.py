"""Bootstrap tokens: what a new node has in hand before it has a certificate (kubeadm join --token ...).

A token ``abcdef.0123456789abcdef`` is known by the Secret ``bootstrap-token-abcdef`` of type
``bootstrap.kubernetes.io/token`` in kube-system, as long as it has not expired and may be used for
authentication. Who has it is ``system:bootstrap:abcdef`` in the group ``system:bootstrappers``, and in those
that the Secret names beside it. Upstream: plugin/pkg/auth/authenticator/token/bootstrap,
cluster-bootstrap/token/util.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from typing import TYPE_CHECKING, Any

from kubekit.api.exchange import UserInfo
from kubekit.api.status_error import StatusError
from kubekit.sim import parse_rfc3339

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]

NAMESPACE = "kube-system"
TYPE = "bootstrap.kubernetes.io/token"
GROUP = "system:bootstrappers"
_TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_EXTRA_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")


class BootstrapTokens:
    """Knows the bootstrap tokens of one server's cluster."""

    def __init__(self, server: APIServer) -> None:
        self._server = server

    def authenticate(self, token: str) -> UserInfo | None:
        """Whose token this is; None when it is no bootstrap token that may be used now."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            return None
        try:
            secret = self._server.store("", "secrets").find(NAMESPACE, f"bootstrap-token-{found[1]}")
        except StatusError:
            return None
        if secret is None or secret.get("type") != TYPE or secret["metadata"].get("deletionTimestamp"):
            return None
        data = {key: _text(value) for key, value in (secret.get("data") or {}).items()}
        if not hmac.compare_digest(data.get("token-secret", "").encode(), found[2].encode()):
            return None
        if data.get("token-id") != found[1] or data.get("usage-bootstrap-authentication") != "true":
            return None
        if self._expired(data.get("expiration", "")):
            return None
        groups = groups_of(data.get("auth-extra-groups", ""))
        return None if groups is None else UserInfo(f"system:bootstrap:{found[1]}", "", groups)

    def _expired(self, expiration: str) -> bool:
        """Whether the time is over; one that cannot be read is over too."""
        if not expiration:
            return False
        try:
            return parse_rfc3339(expiration) <= self._server.loop.clock.now()
        except ValueError:
            return True


def groups_of(extra: str) -> tuple[str, ...] | None:
    """The groups of a token, sorted; None when one is not below ``system:bootstrappers:``."""
    names = extra.split(",") if extra else []
    if not all(_EXTRA_GROUP.fullmatch(name) for name in names):
        return None
    return tuple(sorted({GROUP, *names}))


def _text(value: str) -> str:
    try:
        return base64.b64decode(value).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
