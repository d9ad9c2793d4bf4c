"""Certificate signing requests: approving the kubelets' own, signing what is approved, clearing away the old.

The signing itself is the `certificate_signer` option's: without it, approved requests wait for another
signer. Source: pkg/controller/certificates (approver, signer, cleaner).
"""

from __future__ import annotations

import base64
from typing import ClassVar

from kubekit.api.meta import Obj, name_of
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.sim import parse_rfc3339, rfc3339

KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
SIGNERS = (
    KUBELET_CLIENT,
    "kubernetes.io/kube-apiserver-client",
    "kubernetes.io/kubelet-serving",
    "kubernetes.io/legacy-unknown",
)
RESOURCE = "certificatesigningrequests.certificates.k8s.io"
HOUR, DAY = 3600.0, 86400.0
CLEANING_PERIOD = HOUR
BOOTSTRAPPERS = "system:bootstrappers"
NODES = "system:nodes"


def has(request: Obj, kind: str) -> bool:
    """Whether the request has a true condition of that type."""
    conditions = (request.get("status") or {}).get("conditions") or ()
    return any(c["type"] == kind and c.get("status", "True") == "True" for c in conditions)


class CertificateApprover(Controller):
    """Approves the client certificates that joining and renewing kubelets ask for."""

    name: ClassVar[str] = "certificatesigningrequest-approving-controller"
    kind: ClassVar[str] = "CertificateSigningRequest"
    base_delay: ClassVar[float] = 0.2

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.requests: Informer

    def set_up(self) -> None:
        self.requests = self.follow(RESOURCE)

    def reconcile(self, key: str) -> None:
        request = self.requests.get(key)
        if request is None or has(request, "Approved") or has(request, "Denied"):
            return
        spec = request["spec"]
        if spec.get("signerName") != KUBELET_CLIENT or (request.get("status") or {}).get("certificate"):
            return
        groups = spec.get("groups") or ()
        joins = BOOTSTRAPPERS in groups or any(group.startswith(f"{BOOTSTRAPPERS}:") for group in groups)
        if not joins and NODES not in groups:
            return
        from kubekit.controllers.certificate_rules import common_name, why_unfit  # as for signing

        if why_unfit(request):
            return
        if NODES in groups and spec.get("username") == common_name(request):
            text = "Auto approving self kubelet client certificate after SubjectAccessReview."
        elif joins:
            text = "Auto approving kubelet client certificate after SubjectAccessReview."
        else:
            return
        now = rfc3339(self.clock.now())
        condition = {
            "type": "Approved",
            "status": "True",
            "reason": "AutoApproved",
            "message": text,
            "lastUpdateTime": now,
            "lastTransitionTime": now,
        }
        status = request.get("status") or {}
        status = {**status, "conditions": [*(status.get("conditions") or ()), condition]}
        self.client.update(RESOURCE, {**request, "status": status}, subresource="approval")


class CertificateSigner(Controller):
    """Signs approved requests."""

    name: ClassVar[str] = "certificatesigningrequest-signing-controller"
    kind: ClassVar[str] = "CertificateSigningRequest"
    base_delay: ClassVar[float] = 0.2

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.requests: Informer

    def set_up(self) -> None:
        self.requests = self.follow(RESOURCE)

    def reconcile(self, key: str) -> None:
        request = self.requests.get(key)
        sign = self.options.certificate_signer
        if request is None or sign is None or request["spec"].get("signerName") not in SIGNERS:
            return
        status = request.get("status") or {}
        if status.get("certificate") or not has(request, "Approved") or has(request, "Denied"):
            return
        if has(request, "Failed"):
            return
        from kubekit.controllers.certificate_rules import why_unfit  # needs what signing needs

        why = why_unfit(request)
        if why:
            now = rfc3339(self.clock.now())
            failed = {
                "type": "Failed",
                "status": "True",
                "reason": "SignerValidationFailure",
                "message": why,
                "lastUpdateTime": now,
            }
            conditions = [*(status.get("conditions") or ()), failed]
            self.client.update(
                RESOURCE, {**request, "status": {**status, "conditions": conditions}}, subresource="status"
            )
            return
        certificate = sign(request)
        if certificate is not None:
            encoded = base64.b64encode(certificate.encode()).decode()
            wanted = {**request, "status": {**status, "certificate": encoded}}
            self.client.update(RESOURCE, wanted, subresource="status")


class CertificateCleaner(Controller):
    """Deletes requests that nobody needs any more."""

    name: ClassVar[str] = "certificatesigningrequest-cleaner-controller"
    kind: ClassVar[str] = "CertificateSigningRequest"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.requests: Informer

    def set_up(self) -> None:
        self.requests = self.informer(RESOURCE)
        self.every(CLEANING_PERIOD, self._look)

    def on_synced(self) -> None:
        self._look()

    def _look(self) -> None:
        for request in self.requests.list():
            if self._is_old(request):
                self.queue.add(name_of(request))

    def _is_old(self, request: Obj) -> bool:
        """Decided an hour ago, or not at all (or without a certificate) for a day, or expired."""
        status, now = request.get("status") or {}, self.clock.now()
        certificate = status.get("certificate")
        conditions = status.get("conditions") or ()
        if not conditions and now - parse_rfc3339(request["metadata"]["creationTimestamp"]) > DAY:
            return True
        for condition in conditions:
            at = condition.get("lastUpdateTime")
            age = now - parse_rfc3339(at) if at else 0.0
            approved = condition["type"] == "Approved"
            if age > (DAY if approved and not certificate else HOUR):
                return True
            if approved and certificate and self._is_expired(certificate, age):
                return True
        return False

    def _is_expired(self, certificate: str, age: float) -> bool:
        if self.options.certificate_signer is None:
            return False
        from kubekit.controllers.certificate_rules import lifetime_of  # needs what signing needs

        return age > lifetime_of(certificate)

    def reconcile(self, key: str) -> None:
        request = self.requests.get(key)
        if request is None or not self._is_old(request):
            return
        try:
            self.client.delete(RESOURCE, key)
        except StatusError as error:
            if error.code != 404:
                raise
