"""TLS: whether a client and a member's port would come to an understanding, and what goes wrong if not.

`load` reads the files that --cacert, --cert and --key name, as Go would; `handshake` says what a connection
between such a client and a port ends with: None, or the trouble in the words of Go's libraries. Nothing is
encrypted here: the question is only who trusts whom.
Source: client/pkg/transport/listener.go, client/v3/client.go, Go's crypto/tls and crypto/x509.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kubekit.terminal.etcdctl.exits import bad_args

UNKNOWN_AUTHORITY = "x509: certificate signed by unknown authority"


@dataclass(frozen=True, slots=True)
class ClientTLS:
    """What a client brings: its certificate (DER objects), whom it trusts (None: the system), its laxness."""

    certificate: Any = None
    roots: tuple[Any, ...] | None = None
    skip_verify: bool = False


@dataclass(frozen=True, slots=True)
class ServerTLS:
    """What a port brings: PEM of its certificate, and of the CA that clients need a certificate of."""

    certificate: bytes
    client_ca: bytes = b""
    _parsed: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def parsed(self) -> tuple[Any, tuple[Any, ...]]:
        """The certificate and the CAs as objects; read once."""
        if not self._parsed:
            self._parsed["own"] = parsed_certificates(self.certificate)[0]
            self._parsed["ca"] = tuple(parsed_certificates(self.client_ca)) if self.client_ca else ()
        return self._parsed["own"], self._parsed["ca"]


def parsed_certificates(pem: bytes) -> list[Any]:
    """The certificates of a PEM file; none when there is no such block. Raises ValueError."""
    from cryptography import x509

    return x509.load_pem_x509_certificates(pem) if b"-----BEGIN CERTIFICATE-----" in pem else []


def load(
    cert: str, key: str, cacert: str, skip_verify: bool, insecure: bool, read: Callable[[str], bytes]
) -> ClientTLS | None:
    """The client's side from file names; None for a client without TLS settings. Raises Exit(128)."""
    if not (cert or key or cacert):
        return None if insecure else ClientTLS(skip_verify=skip_verify)
    own = None
    if cert or key:
        if not (cert and key):
            raise bad_args(f"KeyFile and CertFile must both be present[key: {key}, cert: {cert}]")
        own = _pair(_file(cert, read), _file(key, read))
    roots: tuple[Any, ...] | None = None
    if cacert:
        data = _file(cacert, read)
        try:
            roots = tuple(parsed_certificates(data))
        except ValueError:
            raise bad_args("x509: malformed certificate") from None
    return ClientTLS(own, roots, skip_verify)


def _file(path: str, read: Callable[[str], bytes]) -> bytes:
    try:
        return read(path)
    except FileNotFoundError:
        raise bad_args(f"open {path}: no such file or directory") from None
    except IsADirectoryError:
        raise bad_args(f"read {path}: is a directory") from None
    except PermissionError:
        raise bad_args(f"open {path}: permission denied") from None


def _pair(cert: bytes, key: bytes) -> Any:
    """The certificate when the key belongs to it."""
    from cryptography.hazmat.primitives import serialization

    try:
        found = parsed_certificates(cert)
    except ValueError:
        raise bad_args("x509: malformed certificate") from None
    if not found:
        kind = b"PRIVATE KEY-----" in cert
        raise bad_args(
            "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM"
            " inputs may have been switched"
            if kind
            else "tls: failed to find any PEM data in certificate input"
        )
    if b"PRIVATE KEY-----" not in key:
        raise bad_args(
            "tls: found a certificate rather than a key in the PEM for the private key"
            if b"-----BEGIN CERTIFICATE-----" in key
            else "tls: failed to find any PEM data in key input"
        )
    try:
        private = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError):
        raise bad_args("tls: failed to parse private key") from None
    public = found[0].public_key()
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if private.public_key().public_bytes(*form) != public.public_bytes(*form):
        raise bad_args("tls: private key does not match public key")
    return found[0]


def signed_by(certificate: Any, authorities: tuple[Any, ...]) -> bool:
    """Whether one of the authorities signed a certificate."""
    for authority in authorities:
        if authority.subject != certificate.issuer:
            continue
        try:
            certificate.verify_directly_issued_by(authority)
        except Exception:
            continue
        return True
    return False


def _names(certificate: Any) -> tuple[list[str], list[str]]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [], []
    addresses = [str(one) for one in names.get_values_for_type(x509.IPAddress)]
    return list(names.get_values_for_type(x509.DNSName)), addresses


def host_trouble(host: str, certificate: Any) -> str | None:
    """Why a certificate does not stand for a host; None when it does."""
    names, addresses = _names(certificate)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if host in names:
            return None
        valid = f"is valid for {', '.join(names)}, not {host}" if names else "is not valid for any names"
        return f"x509: certificate {valid}"
    if host in addresses:
        return None
    if not addresses:
        return f"x509: cannot validate certificate for {host} because it doesn't contain any IP SANs"
    return f"x509: certificate is valid for {', '.join(addresses)}, not {host}"


def handshake(client: ClientTLS | None, server: ServerTLS | None, host: str) -> str | None:
    """What keeps the two from talking, in Go's words; None when nothing does."""
    if client is None:
        return None if server is None else 'connection error: desc = "error reading server preface: EOF"'
    refused = 'connection error: desc = "error reading server preface: remote error: tls: {}"'
    failed = 'connection error: desc = "transport: authentication handshake failed: {}"'
    if server is None:
        return failed.format("tls: first record does not look like a TLS handshake")
    own, authorities = server.parsed
    if not client.skip_verify:
        if client.roots is None or not signed_by(own, client.roots):
            return failed.format(f"tls: failed to verify certificate: {UNKNOWN_AUTHORITY}")
        if trouble := host_trouble(host, own):
            return failed.format(f"tls: failed to verify certificate: {trouble}")
    if authorities:
        if client.certificate is None:
            return refused.format("certificate required")
        if not signed_by(client.certificate, authorities):
            return refused.format("bad certificate")
    return None
