"""Certificates: a cluster CA, what the API server shows, and what the administrator shows.

Made with the `cryptography` package, as kubeadm makes them: the user's name is the subject's common name and
the groups are its organisations. Validity is in real time, because real programs check it. Keys live in
memory and in the kubeconfig file only.
"""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kubekit.sim import WallClock

CA_YEARS = 10
LEAF_YEARS = 1
BACKDATE = timedelta(minutes=5)
"""How far certificates reach back, for clocks that disagree a little (kubeadm does the same)."""

ADMIN = "kubernetes-admin"
ADMIN_GROUP = "kubeadm:cluster-admins"


USAGES = {
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
}
SIGNERS = (
    "kubernetes.io/kube-apiserver-client",
    "kubernetes.io/kube-apiserver-client-kubelet",
    "kubernetes.io/kubelet-serving",
)
"""The signers whose requests the cluster's own CA signs, and what a request may ask for."""


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key, both as PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """The cluster's certificate authority (kubeadm's ``ca.crt`` and ``ca.key``)."""

    def __init__(self, name: str = "kubernetes") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(True, False, True, False, False, True, False, False, False)
        self._certificate = (
            _builder(subject, subject, self._key.public_key(), timedelta(days=365 * CA_YEARS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def certificate(self) -> bytes:
        """The CA's own certificate as PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def controller_options(self) -> dict[str, Any]:
        """What a controller manager needs to hand out this CA and to sign with it."""
        return {"root_ca": self.certificate.decode(), "certificate_signer": self.sign_request}

    def server(self, common_name: str, names: list[str], addresses: list[str]) -> KeyPair:
        """A serving certificate for these DNS names and IP addresses."""
        sans: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        sans += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        return self._issue(common_name, (), [ExtendedKeyUsageOID.SERVER_AUTH], sans)

    def peer(self, common_name: str, names: list[str], addresses: list[str]) -> KeyPair:
        """A certificate for a server that is also a client of its like, as etcd's members are."""
        sans: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        sans += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return self._issue(common_name, (), both, sans)

    def client(self, user: str, groups: tuple[str, ...] = ()) -> KeyPair:
        """A client certificate: `user` becomes the common name, `groups` the organisations."""
        return self._issue(user, groups, [ExtendedKeyUsageOID.CLIENT_AUTH], [])

    def sign_request(self, request: dict[str, Any]) -> str | None:
        """The PEM certificate for an approved CertificateSigningRequest object, or None when it is not ours.

        Signs for the API server's clients and for kubelets, as the controller manager does with the cluster's
        CA; the certificate holds for `expirationSeconds`, else a year.
        """
        spec = request["spec"]
        if spec.get("signerName") not in SIGNERS:
            return None
        wanted = x509.load_pem_x509_csr(base64.b64decode(spec["request"]))
        seconds = spec.get("expirationSeconds") or LEAF_YEARS * 365 * 86_400
        purposes = [USAGES[usage] for usage in spec.get("usages") or () if usage in USAGES]
        builder = self._leaf(wanted.subject, wanted.public_key(), purposes, timedelta(seconds=seconds))
        for extension in wanted.extensions:
            if isinstance(extension.value, x509.SubjectAlternativeName):
                builder = builder.add_extension(extension.value, critical=extension.critical)
        certificate = builder.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM).decode()

    def _issue(
        self,
        common_name: str,
        organisations: tuple[str, ...],
        purposes: list[x509.ObjectIdentifier],
        sans: list[x509.GeneralName],
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organisations]
        subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = self._leaf(subject, key.public_key(), purposes, timedelta(days=365 * LEAF_YEARS))
        if sans:
            builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return KeyPair(
            certificate.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            ),
        )

    def _leaf(
        self,
        subject: x509.Name,
        key: Any,
        purposes: list[x509.ObjectIdentifier],
        validity: timedelta,
    ) -> x509.CertificateBuilder:
        usage = x509.KeyUsage(True, False, True, False, False, False, False, False, False)
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            _builder(subject, self._certificate.subject, key, validity)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(authority_key, critical=False)
        )
        return builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False) if purposes else builder


def subject_of(der: bytes) -> tuple[str, tuple[str, ...]]:
    """(common name, organisations) of a DER certificate: the user and the groups it stands for."""
    subject = x509.load_der_x509_certificate(der).subject
    names = [str(a.value) for a in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    groups = [str(a.value) for a in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    return (names[0] if names else "", tuple(groups))


def _builder(subject: x509.Name, issuer: x509.Name, key: Any, validity: timedelta) -> x509.CertificateBuilder:
    # Real programs look at them too, and go by their own clock.
    now = datetime.fromtimestamp(WallClock().now(), UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + validity)
    )
