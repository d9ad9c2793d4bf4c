"""NamespaceLifecycle: nothing is created in a namespace that does not exist or is going; three never go.

Upstream: apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go.
"""

from __future__ import annotations

from kubekit.api import status_error as errors
from kubekit.apiserver.admission.plugin import CREATE, DELETE, UPDATE, AdmissionPlugin, Attributes

IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
TERMINATING = "NamespaceTerminating"


class NamespaceLifecycle(AdmissionPlugin):
    """See the module."""

    name = "NamespaceLifecycle"
    operations = frozenset({CREATE, UPDATE, DELETE})

    def admit(self, a: Attributes) -> None:
        """Refuse what the namespace's state does not allow."""
        if a.resource.plural == "namespaces" and not a.resource.group:
            if a.operation == DELETE and a.name in IMMORTAL:
                raise errors.forbidden(a.resource, a.name, "this namespace may not be deleted")
            return
        if not a.namespace or a.operation != CREATE:
            return
        if a.resource.plural == "localsubjectaccessreviews":
            return
        namespace = a.ctx.server.store("", "namespaces").get("", a.namespace)
        if (namespace.get("status") or {}).get("phase") != "Terminating":
            return
        text = f"unable to create new content in namespace {a.namespace} because it is being terminated"
        error = a.forbidden(text)
        cause = {
            "reason": TERMINATING,
            "message": f"namespace {a.namespace} is being terminated",
            "field": "metadata.namespace",
        }
        error.status.setdefault("details", {}).setdefault("causes", []).append(cause)
        raise error
