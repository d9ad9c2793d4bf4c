"""Properties of a kubeconfig as `kubectl config set` and `unset` name them: `users.bob.token`.

Source: k8s.io/kubectl/pkg/cmd/config/navigation_step_parser.go, set.go.
"""

from __future__ import annotations

import base64
from typing import Any

from kubekit.api.exchange import Obj
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.kubectl import kubeconfig

TOP = {*kubeconfig.PARTS, "apiVersion", "kind", "preferences", "current-context", "extensions"}
"""The fields of a kubeconfig."""


def place_of(config: Obj, path: str) -> tuple[Obj, str]:
    """The dictionary and the key that `users.bob.token` means, made on the way."""
    parts = path.split(".")
    if parts[0] not in TOP:
        raise CommandError(f"unable to parse {path} after [] at api.Config")
    if len(parts) == 1:
        return config, parts[0]
    if parts[0] not in kubeconfig.PARTS or len(parts) < 3:
        raise CommandError(f"unable to locate path {path}")
    name, key = ".".join(parts[1:-1]), parts[-1]
    if kubeconfig.entry(config, parts[0], name) is None:
        kubeconfig.put(config, parts[0], name, {})
    found = kubeconfig.entry(config, parts[0], name)
    return found if found is not None else {}, key


def value_of(key: str, text: str) -> Any:
    """The value of a property, read as its kind wants it."""
    if key == "insecure-skip-tls-verify":
        if text.lower() not in ("true", "false", "t", "f", "1", "0"):
            raise CommandError(f'strconv.ParseBool: parsing "{text}": invalid syntax')
        return text.lower() in ("true", "t", "1")
    if key.endswith("-data"):
        try:
            base64.b64decode(text, validate=True)
        except ValueError:
            at = len(text) - len(text) % 4
            raise CommandError(
                f"error decoding input value: illegal base64 data at input byte {at}"
            ) from None
    return text
