"""Certificate requests: who may approve and sign for a signer, and what a client certificate may not ask for.

Approval and signing need the verbs `approve` and `sign` on `signers` with the signer's name (or its domain
and ``/*``). A request to kube-apiserver-client may not name the organisation system:masters. Upstream:
plugin/pkg/admission/certificates.
"""

from __future__ import annotations

import base64
from typing import Any

from kubekit.apiserver.admission.plugin import CREATE, UPDATE, AdmissionPlugin, Attributes
from kubekit.apiserver.authorization import Attributes as Asked

Obj = dict[str, Any]
GROUP = "certificates.k8s.io"
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


def may(a: Attributes, verb: str, signer: str) -> bool:
    """Whether the user has a verb on a signer, by its name or its whole domain."""
    decide = a.ctx.server.authorization.decide
    names = [signer, f"{signer.partition('/')[0]}/*"]
    return any(decide(Asked(a.user, verb, GROUP, "*", "signers", "", "", name)).allowed for name in names)


class CertificateApproval(AdmissionPlugin):
    """See the module."""

    name = "CertificateApproval"
    operations = frozenset({UPDATE})
    resources = frozenset({(GROUP, "certificatesigningrequests/approval")})

    def validate(self, a: Attributes) -> None:
        """Approving needs the verb `approve`."""
        signer = ((a.old or {}).get("spec") or {}).get("signerName", "")
        if not may(a, "approve", signer):
            raise a.forbidden(f'user not permitted to approve requests with signerName "{signer}"')


class CertificateSigning(AdmissionPlugin):
    """See the module."""

    name = "CertificateSigning"
    operations = frozenset({UPDATE})
    resources = frozenset({(GROUP, "certificatesigningrequests/status")})

    def validate(self, a: Attributes) -> None:
        """A certificate, or that there will be none, needs the verb `sign`."""
        old, new = a.old or {}, a.obj or {}
        before, after = old.get("status") or {}, new.get("status") or {}
        if before.get("certificate") == after.get("certificate") and _failed(before) == _failed(after):
            return
        signer = (old.get("spec") or {}).get("signerName", "")
        if not may(a, "sign", signer):
            raise a.forbidden(f'user not permitted to sign requests with signerName "{signer}"')


def _failed(status: Obj) -> list[Obj]:
    return [c for c in status.get("conditions") or () if c.get("type") == "Failed"]


class CertificateSubjectRestriction(AdmissionPlugin):
    """See the module."""

    name = "CertificateSubjectRestriction"
    operations = frozenset({CREATE})
    resources = frozenset({(GROUP, "certificatesigningrequests")})

    def validate(self, a: Attributes) -> None:
        """No certificate for the group that may do everything."""
        spec = (a.obj or {}).get("spec") or {}
        if spec.get("signerName") == CLIENT_SIGNER and "system:masters" in organisations(
            spec.get("request", "")
        ):
            raise a.forbidden(f"use of {CLIENT_SIGNER} signer with system:masters group is not allowed")


_ORGANISATION = bytes((0x55, 0x04, 0x0A))
"""2.5.4.10 as it is encoded."""


def organisations(request: str) -> list[str]:
    """The organisations in the subject of a request (base64 of PEM); [] when it cannot be read."""
    try:
        pem = base64.b64decode(request).decode("ascii")
        body = base64.b64decode(
            "".join(line for line in pem.splitlines() if line and not line.startswith("-----"))
        )
        information = _children(_children(body)[0][1])[0][1]
        subject = _children(information)[1][1]
        pairs = [_children(pair)[:2] for _, names in _children(subject) for _, pair in _children(names)]
    except (ValueError, IndexError):
        return []
    return [value[1].decode("utf-8", "replace") for kind, value in pairs if kind[1] == _ORGANISATION]


def _children(data: bytes) -> list[tuple[int, bytes]]:
    """The (tag, content) pairs of a DER value."""
    found: list[tuple[int, bytes]] = []
    place = 0
    while place < len(data):
        tag, length = data[place], data[place + 1]
        place += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[place : place + size], "big")
            place += size
        found.append((tag, data[place : place + length]))
        place += length
    return found
