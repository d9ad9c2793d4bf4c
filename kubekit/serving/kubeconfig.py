"""The kubeconfig file: where the server is, whom to trust, who one is.

Written in the form that kubeadm writes. The user's own ``~/.kube/config`` is never touched: writing there is
refused, because a workshop must not cost anybody the way to their real clusters.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import yaml

from kubekit.serving.certificates import ADMIN, KeyPair


class KubeconfigRefused(ValueError):
    """The file may not be written there; the text says why in one sentence."""


def build(cluster: str, server: str, authority: bytes, client: KeyPair, user: str = ADMIN) -> dict[str, Any]:
    """A kubeconfig with one cluster, one user and one context.

    `server` is the URL, `authority` the CA's certificate as PEM, `client` the user's certificate and key.
    """

    def encoded(pem: bytes) -> str:
        return base64.b64encode(pem).decode()

    context = f"{user}@{cluster}"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": cluster, "cluster": {"certificate-authority-data": encoded(authority), "server": server}}
        ],
        "contexts": [{"name": context, "context": {"cluster": cluster, "user": user}}],
        "current-context": context,
        "preferences": {},
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": encoded(client.certificate),
                    "client-key-data": encoded(client.key),
                },
            }
        ],
    }


def write(path: str | os.PathLike[str], config: dict[str, Any]) -> Path:
    """Write a kubeconfig, readable by its owner only; returns the absolute path.

    Raises `KubeconfigRefused` for the user's own kubeconfig and for a path that cannot be written.
    """
    target = Path(path).expanduser().absolute()
    if target.resolve() == (Path.home() / ".kube" / "config").resolve():
        raise KubeconfigRefused(
            f"kubekit does not write to {target}: it is your own kubeconfig. Name another file."
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # A new file in place of the old one: a client that reads meanwhile sees one or the other, whole.
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            yaml.safe_dump(config, file, sort_keys=False)
        draft.replace(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise KubeconfigRefused(f"the kubeconfig {target} cannot be written: {reason}") from error
    return target
