"""What each built-in signer demands of a certificate request, and for how long a certificate holds.

Source: pkg/apis/certificates/helpers.go and pkg/controller/certificates/signer.
"""

from __future__ import annotations

import base64

from cryptography import x509
from cryptography.x509.oid import NameOID

from kubekit.api.meta import Obj

CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
SIGNING, ENCRYPTING = "digital signature", "key encipherment"

_NAMES: tuple[tuple[type[x509.GeneralName], str], ...] = (
    (x509.DNSName, "DNS"),
    (x509.RFC822Name, "Email"),
    (x509.IPAddress, "IP"),
    (x509.UniformResourceIdentifier, "URI"),
)


def why_unfit(request: Obj) -> str:
    """Why the signer that is asked refuses the request; empty when it does not."""
    spec = request["spec"]
    signer, usages = spec.get("signerName"), list(spec.get("usages") or ())
    if signer == CLIENT:
        return _client_usages(usages)
    if signer not in (KUBELET_CLIENT, KUBELET_SERVING):
        return ""
    wanted = x509.load_pem_x509_csr(base64.b64decode(spec["request"]))
    organizations = [
        str(one.value) for one in wanted.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    ]
    common = [str(one.value) for one in wanted.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    kinds = _kinds_of_names(wanted)
    if organizations != ["system:nodes"]:
        return "subject organization is not system:nodes"
    serving = signer == KUBELET_SERVING
    if serving and not kinds & {"DNS", "IP"}:
        return "DNS or IP subjectAltName is required"
    for _, kind in _NAMES:
        if kind in kinds and not (serving and kind in ("DNS", "IP")):
            return f"{kind} subjectAltNames are not allowed"
    named = bool(common) and common[-1].startswith("system:node:")
    unnamed = "" if named else "subject common name does not begin with system:node:"
    needed = [SIGNING, ENCRYPTING, "server auth" if serving else "client auth"]
    fits = set(usages) in (set(needed), set(needed) - {ENCRYPTING})
    unused = "" if fits else f"usages did not match [{' '.join(sorted(needed))}]"
    return (unused or unnamed) if serving else (unnamed or unused)


def common_name(request: Obj) -> str:
    """Whom the certificate would name."""
    wanted = x509.load_pem_x509_csr(base64.b64decode(request["spec"]["request"]))
    names = [str(one.value) for one in wanted.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return names[-1] if names else ""


def _client_usages(usages: list[str]) -> str:
    for usage in usages:
        if usage not in (SIGNING, ENCRYPTING, "client auth"):
            return f"invalid usage for client certificate: {usage}"
    return "" if "client auth" in usages else "missing required usage for client certificate: client auth"


def _kinds_of_names(wanted: x509.CertificateSigningRequest) -> set[str]:
    try:
        names = wanted.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {kind for name in names for form, kind in _NAMES if isinstance(name, form)}


def lifetime_of(certificate: str) -> float:
    """For how many seconds a certificate (base64 of its PEM form) holds.

    Its dates are those of the world outside, which need not be the cluster's.
    """
    found = x509.load_pem_x509_certificate(base64.b64decode(certificate))
    return (found.not_valid_after_utc - found.not_valid_before_utc).total_seconds()
