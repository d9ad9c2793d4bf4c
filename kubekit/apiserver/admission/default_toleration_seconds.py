"""DefaultTolerationSeconds: a pod stays 300 s on a node that is not ready or unreachable, unless it says
else.

Upstream: plugin/pkg/admission/defaulttolerationseconds/admission.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubekit.apiserver.admission.plugin import CREATE, UPDATE, AdmissionPlugin, Attributes

Obj = dict[str, Any]
SECONDS = 300
_KEYS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_DEFAULTS: dict[str, Obj] = {
    key: {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS}
    for key in _KEYS
}


class DefaultTolerationSeconds(AdmissionPlugin):
    """See the module."""

    name = "DefaultTolerationSeconds"
    operations = frozenset({CREATE, UPDATE})
    resources = frozenset({("", "pods")})

    def admit(self, a: Attributes) -> None:
        """Add the two tolerations that are missing."""
        if a.obj is None:
            return
        spec = a.part("spec")
        present: list[Obj] = spec.get("tolerations") or []
        missing: Sequence[str] = _KEYS
        if present:
            missing = [key for key in _KEYS if not any(_tolerates(toleration, key) for toleration in present)]
        if missing:
            a.change("/spec", spec, "tolerations", [*present, *[_DEFAULTS[key] for key in missing]])


def _tolerates(toleration: Obj, key: str) -> bool:
    if toleration.get("key", "") not in ("", key):
        return False
    return toleration.get("effect", "") in ("", "NoExecute")
