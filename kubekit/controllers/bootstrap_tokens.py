"""Bootstrap tokens: removed when their time is over, and what joining nodes believe is signed with each.

A token is a Secret `bootstrap-token-<id>` in kube-system. The signer adds a signature for each of them to the
ConfigMap `cluster-info` in kube-public (if there is one): a node that knows a token can tell from it that the
certificate it reads there, before it trusts anybody, is the cluster's. As with kubeadm both run by default.
Source: pkg/controller/bootstrap, k8s.io/cluster-bootstrap.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from typing import ClassVar

from kubekit.api.meta import Obj, key_of, name_of
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.sim import parse_rfc3339

TYPE = "bootstrap.kubernetes.io/token"
TOKENS, PUBLIC, INFO = "kube-system", "kube-public", "cluster-info"
CONTENT, SIGNATURE = "kubeconfig", "jws-kubeconfig-"
_NAME = re.compile(r"bootstrap-token-([a-z0-9]{6})")


class BootstrapTokenController(Controller):
    """What the two have in common: the secrets."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.secrets: Informer

    def follow_tokens(self) -> None:
        """Hear of the tokens."""
        self.secrets = self.informer("secrets")
        self.watch(
            self.secrets,
            lambda secret: self._secret_changed("ADDED", secret),
            lambda old, new: self._secret_changed("MODIFIED", new),
            lambda secret: self._secret_changed("DELETED", secret),
        )

    def _secret_changed(self, event: str, secret: Obj) -> None:
        if is_token(secret):
            self.token_changed(event, secret)

    def token_changed(self, event: str, secret: Obj) -> None:
        """A token came, changed or went."""
        self.enqueue(key_of(secret), event, secret)


class TokenCleaner(BootstrapTokenController):
    """Deletes the tokens whose time is over."""

    name: ClassVar[str] = "token-cleaner-controller"
    kind: ClassVar[str] = "Secret"

    def set_up(self) -> None:
        self.follow_tokens()

    def reconcile(self, key: str) -> None:
        secret = self.secrets.get(key)
        if secret is None:
            return
        left = time_left(secret, self.clock.now())
        if left is None:
            return
        if left > 0:
            self.queue.add_after(key, left, background=True)
            return
        meta = secret["metadata"]
        try:
            self.client.delete("secrets", meta["name"], meta["namespace"], uid=meta["uid"])
        except StatusError:
            return  # the next change of the secret is the next occasion


class BootstrapSigner(BootstrapTokenController):
    """Keeps the signatures of `cluster-info`."""

    name: ClassVar[str] = "bootstrap-signer-controller"
    kind: ClassVar[str] = "ConfigMap"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.maps: Informer

    def set_up(self) -> None:
        self.follow_tokens()
        self.maps = self.informer("configmaps")
        self.watch(
            self.maps,
            lambda obj: self._map_changed("ADDED", obj),
            lambda old, new: self._map_changed("MODIFIED", new),
        )

    def _map_changed(self, event: str, obj: Obj) -> None:
        if key_of(obj) == f"{PUBLIC}/{INFO}":
            self.enqueue(key_of(obj), event, obj)

    def token_changed(self, event: str, secret: Obj) -> None:
        if self.maps.get(f"{PUBLIC}/{INFO}") is not None:
            self.enqueue(f"{PUBLIC}/{INFO}", event, secret)

    def reconcile(self, key: str) -> None:
        info = self.maps.get(key)
        data: dict[str, str] = dict((info or {}).get("data") or {})
        if info is None or CONTENT not in data:
            return
        now = self.clock.now()
        secrets = [secret for secret in self.secrets.list() if is_token(secret)]
        tokens = [found for secret in secrets if (found := signing_token(secret, now))]
        kept = {name: value for name, value in data.items() if not name.startswith(SIGNATURE)}
        signed = {f"{SIGNATURE}{one}": detached_signature(data[CONTENT], one, it) for one, it in tokens}
        if {**kept, **signed} == data:
            return
        try:
            self.client.update("configmaps", {**info, "data": {**kept, **signed}})
        except StatusError:
            return  # not tried again: whoever was quicker has written, and that wakes the signer


def is_token(secret: Obj) -> bool:
    """Whether a secret is a bootstrap token, as far as its type and its place tell."""
    return secret.get("type") == TYPE and secret["metadata"]["namespace"] == TOKENS


def field_of(secret: Obj, name: str) -> str:
    """A field of a token; empty when it is not there or no text."""
    try:
        return base64.b64decode((secret.get("data") or {}).get(name, "")).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def time_left(secret: Obj, now: float) -> float | None:
    """Seconds for which the token may be used; None: for ever. A time that cannot be read is over."""
    text = field_of(secret, "expiration")
    if not text:
        return None
    try:
        return max(0.0, parse_rfc3339(text) - now)
    except ValueError:
        return 0.0


def signing_token(secret: Obj, now: float) -> tuple[str, str] | None:
    """(id, secret) of a token that may be signed with."""
    named = _NAME.fullmatch(name_of(secret))
    token, value = field_of(secret, "token-id"), field_of(secret, "token-secret")
    if named is None or named[1] != token or not value or time_left(secret, now) == 0.0:
        return None
    return (token, value) if field_of(secret, "usage-bootstrap-signing") == "true" else None


def detached_signature(content: str, token: str, secret: str) -> str:
    """The JSON web signature (HS256) of a text, without the text.

    >>> detached_signature("clusters", "abcdef", "0123456789abcdef").partition("..")[2]
    '7t4sqt8oxXVr1Qq5swCF5NjBj0DyHSpBMPLlH7yADv0'
    """
    header = _base64(json.dumps({"alg": "HS256", "kid": token}, separators=(",", ":")).encode())
    text = f"{header}.{_base64(content.encode())}"
    return f"{header}..{_base64(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
