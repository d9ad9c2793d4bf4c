"""Validation of CertificateSigningRequests: the request's form, usages, signer, conditions.

Called through the registry. The request must be a PEM block; whether it is a sound PKCS #10 request is
looked at only as far as DER can be told apart from noise. Source: pkg/apis/certificates/validation,
pkg/apis/core/validation/names.go (ValidateSignerName).
"""

from __future__ import annotations

import base64
import re

from kubekit.api import formats
from kubekit.api.field_path import (
    FieldError,
    Path,
    duplicate,
    forbidden,
    go_quote,
    invalid,
    not_supported,
    required,
    too_long,
)
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.object_meta import validate_object_meta, validate_object_meta_update
from kubekit.apiserver.validation.pod_update import difference

SPEC = Path("spec")
_CONDITIONS = Path("status").child("conditions")
_CERTIFICATE = Path("status").child("certificate")
_USAGES = tuple(
    sorted(
        (
            "signing", "digital signature", "content commitment", "key encipherment", "key agreement",
            "data encipherment", "cert sign", "crl sign", "encipher only", "decipher only", "any",
            "server auth",
            "client auth", "code signing", "email protection", "s/mime", "ipsec end system", "ipsec tunnel",
            "ipsec user", "timestamping", "ocsp signing", "microsoft sgc", "netscape sgc",
        )
    )
)  # fmt: skip
_FORM = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
_PEM = re.compile(rb"-----BEGIN ([^-]*)-----\s(.*?)-----END \1-----", re.S)


def signer_name(name: str, path: Path) -> list[FieldError]:
    """`example.com/signer`."""
    if not name:
        return [required(path)]
    parts = name.split("/")
    if len(parts) != 2:
        return [invalid(path, name, _FORM)]
    errors: list[FieldError] = []
    domain, rest = parts
    if len(domain) > 253:
        errors.append(too_long(path, 253))
    labels = domain.split(".")
    for label in labels:
        if wrong := formats.dns1123_label(label):
            errors += [invalid(path, domain, f"validating label {go_quote(label)}: {text}") for text in wrong]
            break
    if len(labels) < 2:
        text = "should be a domain with at least two segments separated by dots"
        errors.append(invalid(path, domain, text))
    for label in rest.split("."):
        if wrong := formats.dns1123_subdomain(label):
            errors += [invalid(path, rest, f"validating label {go_quote(label)}: {text}") for text in wrong]
            break
    if len(name) > 571:
        errors.append(too_long(path, 571))
    return errors


def _request_problem(encoded: str | None) -> str:
    found = _PEM.search(base64.b64decode(encoded or ""))
    if found is None or found[1] not in (b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST"):
        return "PEM block type must be CERTIFICATE REQUEST"
    try:
        der = base64.b64decode(found[2], validate=False)
    except ValueError:
        der = b""
    return _der_problem(der)


def _der_problem(der: bytes) -> str:
    """What a DER reader says of the outermost element: a SEQUENCE that must be there in full."""
    if len(der) < 2:
        return (
            "asn1: syntax error: truncated tag or length" if der else "asn1: syntax error: sequence truncated"
        )
    octets = der[1] & 0x7F if der[1] & 0x80 else 0
    length = int.from_bytes(der[2 : 2 + octets], "big") if octets else der[1]
    if 2 + octets + length > len(der):
        return "asn1: syntax error: data truncated"
    if der[0] != 0x30:
        return "asn1: structure error: tags don't match"
    return ""


def _conditions(obj: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    kinds: list[str] = []
    conditions = (obj.get("status") or {}).get("conditions") or []
    for position, one in enumerate(conditions):
        at, kind, status = _CONDITIONS.index(position), one.get("type", ""), one.get("status", "")
        if not kind:
            errors.append(required(at.child("type")))
        if not status:
            errors.append(required(at.child("status")))
        elif kind in ("Approved", "Denied", "Failed"):
            if status != "True":
                errors.append(not_supported(at.child("status"), status, ("True",)))
        elif status not in ("True", "False", "Unknown"):
            errors.append(not_supported(at.child("status"), status, ("False", "True", "Unknown")))
        if kind in ("Approved", "Denied"):
            other = "Denied" if kind == "Approved" else "Approved"
            if other in kinds:
                errors.append(
                    invalid(_CONDITIONS, kind, "Approved and Denied conditions are mutually exclusive")
                )
        if kind in kinds:
            errors.append(duplicate(at.child("type"), kind))
        kinds.append(kind)
    return errors


def _listed(obj: Obj, kind: str) -> list[Obj]:
    return [one for one in (obj.get("status") or {}).get("conditions") or () if one.get("type") == kind]


def _changed_conditions(obj: Obj, old: Obj, approving: bool) -> list[FieldError]:
    """Decisions stay; only approval makes them."""
    texts = []
    for kind in ("Approved", "Denied", "Failed"):
        if len(_listed(obj, kind)) < len(_listed(old, kind)):
            texts.append(f"updates may not remove a condition of type {go_quote(kind)}")
    for kind in ("Approved", "Denied") if not approving else ():
        now, before = _listed(obj, kind), _listed(old, kind)
        if len(now) > len(before):
            texts.append(f"updates may not add a condition of type {go_quote(kind)}")
        elif len(now) == len(before) and now != before:
            shown = difference("[]certificates.CertificateSigningRequestCondition", before, now)
            texts.append(f"updates may not modify a condition of type {go_quote(kind)}\n{shown}")
    return [forbidden(_CONDITIONS, text) for text in texts]


def _certificate_problem(encoded: str) -> str:
    """What is wrong with an issued certificate; of each certificate only the outermost frame is read."""
    text, blocks = base64.b64decode(encoded), 0
    for found in _PEM.finditer(text):
        kind = found[1].decode()
        if kind != "CERTIFICATE":
            return f"only CERTIFICATE PEM blocks are allowed, found {go_quote(kind)}"
        if problem := _frame_problem(base64.b64decode(found[2])):
            return problem
        blocks += 1
    return "" if blocks or not text else "must contain at least one CERTIFICATE PEM block"


def _frame_problem(der: bytes) -> str:
    """Whether this is one sequence in DER, nothing less and nothing more."""
    if len(der) < 2 or der[0] != 0x30:
        return "x509: malformed certificate"
    more = der[1] & 0x7F if der[1] & 0x80 else 0
    size = int.from_bytes(der[2 : 2 + more], "big") if more else der[1]
    end = 2 + more + size
    if end > len(der):
        return "x509: malformed certificate"
    return "x509: trailing data" if end < len(der) else ""


def _any_name(name: str, prefix: bool = False) -> list[str]:
    """The signer, not the API, says what a request may be called."""
    return []


def _request(obj: Obj, old: Obj | None) -> list[FieldError]:
    errors = validate_object_meta(obj["metadata"], False, _any_name)
    spec = obj.get("spec") or {}
    if problem := _request_problem(spec.get("request")):
        errors.append(invalid(SPEC.child("request"), spec.get("request"), problem))
    usages, at = spec.get("usages") or [], SPEC.child("usages")
    if not usages:
        errors.append(required(at))
    for position, usage in enumerate(usages):
        if usage not in _USAGES:
            errors.append(not_supported(at.index(position), usage, _USAGES))
    for position, usage in enumerate(usages):
        if usage in usages[:position]:
            errors.append(duplicate(at.index(position), usage))
    name = spec.get("signerName", "")
    if name == "kubernetes.io/legacy-unknown":
        text = "the legacy signerName is not allowed via this API version"
        errors.append(invalid(SPEC.child("signerName"), name, text))
    else:
        errors += signer_name(name, SPEC.child("signerName"))
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < 600:
        text = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(invalid(SPEC.child("expirationSeconds"), seconds, text))
    errors += _conditions(obj)
    certificate = (obj.get("status") or {}).get("certificate") or ""
    before = ((old or {}).get("status") or {}).get("certificate") or ""
    if certificate and certificate != before and (problem := _certificate_problem(certificate)):
        errors.append(invalid(_CERTIFICATE, "<certificate data>", problem))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new request."""
    return _request(obj, None)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed request, also through its status and approval."""
    errors = _request(obj, old) + _changed_conditions(obj, old, subresource == "approval")
    before = (old.get("status") or {}).get("certificate") or ""
    if ((obj.get("status") or {}).get("certificate") or "") != before:
        if subresource != "status":
            errors.append(forbidden(_CERTIFICATE, "updates may not set certificate content"))
        elif before:
            errors.append(forbidden(_CERTIFICATE, "updates may not modify existing certificate content"))
    return errors + validate_object_meta_update(obj["metadata"], old["metadata"])
