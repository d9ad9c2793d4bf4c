"""Chapter: defaulting - what the API fills in when a manifest says nothing.

`apply_defaults(obj)` completes a decoded object in place, right after decoding and before admission, as the
original does; a kind without an entry stays as it is. Defaulting twice changes nothing more.

One module a group, one function a kind, one line in the module's `DEFAULTS`. Modules are imported when one
of their kinds is first met. Reading order: `pod_spec` (shared by pods and all templates), `core`, `apps`,
`batch`, then the short ones.

Left out against the original: versions that are not served, and defaults behind feature gates that are off.
What a registry strategy sets (a pod's phase and QoS class, a Service's address) is not a default and lives in
the API server's registry.
Source: pkg/apis/*/v1/defaults.go and the generated zz_generated.defaults.go.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from kubekit.api.meta import Obj

__all__ = ["apply_defaults"]

Default = Callable[[Obj], None]

_MODULES = {
    "v1": "core",
    "apps/v1": "apps",
    "batch/v1": "batch",
    "autoscaling/v1": "autoscaling",
    "autoscaling/v2": "autoscaling",
    "networking.k8s.io/v1": "networking",
    "discovery.k8s.io/v1": "networking",
    "rbac.authorization.k8s.io/v1": "rbac",
    "scheduling.k8s.io/v1": "scheduling",
    "storage.k8s.io/v1": "storage",
    "admissionregistration.k8s.io/v1": "admissionregistration",
    "apiextensions.k8s.io/v1": "extensions",
    "apiregistration.k8s.io/v1": "extensions",
    "flowcontrol.apiserver.k8s.io/v1": "flowcontrol",
    "certificates.k8s.io/v1": "extensions",
    "authentication.k8s.io/v1": "extensions",
    "resource.k8s.io/v1": "resource",
}
_found: dict[tuple[str, str], Default | None] = {}


def apply_defaults(obj: Obj) -> None:
    """Fills in what is missing, in place. `obj` is decoded (`schema`), private to the caller, and knows its
    kind."""
    key = (obj.get("apiVersion", ""), obj.get("kind", ""))
    try:
        function = _found[key]
    except KeyError:
        function = _found[key] = _find(*key)
    if function is not None:
        function(obj)


def _find(api_version: str, kind: str) -> Default | None:
    module = _MODULES.get(api_version)
    if module is None:
        return None
    table: dict[str, Default] = importlib.import_module(f"kubekit.api.defaults.{module}").DEFAULTS
    return table.get(f"{api_version} {kind}", table.get(kind))
