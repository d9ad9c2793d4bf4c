"""DefaultIngressClass: an Ingress that names no class gets the default one.

Upstream: plugin/pkg/admission/network/defaultingressclass/admission.go.
"""

from __future__ import annotations

from kubekit.apiserver.admission.plugin import CREATE, AdmissionPlugin, Attributes
from kubekit.apiserver.admission.storage_defaults import is_default

GROUP = "networking.k8s.io"
DEFAULT = ("ingressclass.kubernetes.io/is-default-class",)
OLD_ANNOTATION = "kubernetes.io/ingress.class"


class DefaultIngressClass(AdmissionPlugin):
    """See the module."""

    name = "DefaultIngressClass"
    operations = frozenset({CREATE})
    resources = frozenset({(GROUP, "ingresses")})

    def admit(self, a: Attributes) -> None:
        """Name the newest default class."""
        if a.obj is None:
            return
        spec = a.part("spec")
        if spec.get("ingressClassName") is not None or OLD_ANNOTATION in (
            a.obj["metadata"].get("annotations") or {}
        ):
            return
        defaults = [
            c for c in a.ctx.server.store(GROUP, "ingressclasses").cache.span() if is_default(c, DEFAULT)
        ]
        if defaults:
            newest = max(c["metadata"]["creationTimestamp"] for c in defaults)
            chosen = min(
                c["metadata"]["name"] for c in defaults if c["metadata"]["creationTimestamp"] == newest
            )
            a.change("/spec", spec, "ingressClassName", chosen)
