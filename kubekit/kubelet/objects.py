"""ConfigMaps, Secrets and claims as the kubelet reads them: by name, for the pods that refer to them.

A found object is kept for a minute, so a thousand pods with the same ConfigMap ask once; a missing one, and
a claim, is asked for again each time. Raises `Missing` with the words that the kubelet's messages use.
"""

from __future__ import annotations

import base64
import binascii

from kubekit.api.meta import Obj
from kubekit.api.status_error import StatusError
from kubekit.client import Client
from kubekit.sim import Loop

KEEP_SECONDS = 60.0


class Missing(Exception):
    """An object or a key that a pod needs is not there; the text says which."""


class ObjectCache:
    """Reads objects for one kubelet."""

    def __init__(self, loop: Loop, client: Client) -> None:
        self._loop = loop
        self._client = client
        self._kept: dict[tuple[str, str, str], tuple[float, Obj]] = {}

    def data(self, kind: str, namespace: str, name: str) -> dict[str, str]:
        """The entries of a "configmap" or "secret" as texts; raises `Missing`."""
        return _texts(kind, self.read(kind, namespace, name))

    def read(self, kind: str, namespace: str, name: str) -> Obj:
        """The object itself; raises `Missing`, or OSError when the server does not answer."""
        key = (kind, namespace, name)
        now = self._loop.clock.now()
        kept = self._kept.get(key)
        if kept is not None and now - kept[0] < KEEP_SECONDS:
            return kept[1]
        try:
            found = self._client.get(f"{kind}s", name, namespace)
        except StatusError as error:
            self._kept.pop(key, None)
            raise Missing(f'{kind} "{name}" not found' if error.code == 404 else error.message) from None
        self._kept[key] = (now, found)
        return found

    def claim(self, namespace: str, name: str) -> Obj:
        """A PersistentVolumeClaim as it is now; raises `Missing`, or OSError."""
        try:
            return self._client.get("persistentvolumeclaims", name, namespace)
        except StatusError as error:
            raise Missing(f"failed to fetch PVC from API server: {error.message}") from None


def _texts(kind: str, obj: Obj) -> dict[str, str]:
    out: dict[str, str] = {}
    for key, value in (obj.get("data") or {}).items():
        out[key] = _decoded(value) if kind == "secret" else value
    for key, value in (obj.get("binaryData") or {}).items():
        out[key] = _decoded(value)
    return out


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value).decode(errors="replace")
    except (binascii.Error, ValueError):
        return value
