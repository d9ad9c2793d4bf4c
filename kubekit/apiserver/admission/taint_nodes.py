"""TaintNodesByCondition: a new node is tainted not-ready until the node lifecycle controller sees it ready.

Upstream: plugin/pkg/admission/nodetaint/admission.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.apiserver.admission.plugin import CREATE, AdmissionPlugin, Attributes

Obj = dict[str, Any]
NOT_READY = "node.kubernetes.io/not-ready"


class TaintNodesByCondition(AdmissionPlugin):
    """See the module."""

    name = "TaintNodesByCondition"
    operations = frozenset({CREATE})
    resources = frozenset({("", "nodes")})

    def admit(self, a: Attributes) -> None:
        """Add the taint unless it is there."""
        if a.obj is None:
            return
        spec = a.part("spec")
        taints: list[Obj] = spec.get("taints") or []
        for taint in taints:
            if taint.get("key") == NOT_READY and taint.get("effect") == "NoSchedule":
                return
        a.change("/spec", spec, "taints", [*taints, {"key": NOT_READY, "effect": "NoSchedule"}])
