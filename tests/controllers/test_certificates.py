"""Certificate requests that their signer refuses, and when requests are cleared away."""

from __future__ import annotations

import base64

import pytest

pytest.importorskip("cryptography")

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kubekit.api.exchange import UserInfo
from kubekit.client import Client
from kubekit.cluster.certificates import Authority
from tests.controllers.world import World

REQUESTS = "certificatesigningrequests.certificates.k8s.io"
SIGNING = ["digital signature", "key encipherment"]


def asked(common: str, organization: str = "system:nodes", dns: str = "") -> str:
    names = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        x509.NameAttribute(NameOID.COMMON_NAME, common),
    ]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    if dns:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(dns)]), critical=False)
    made = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


def approve(world: World, name: str) -> None:
    conditions = [{"type": "Approved", "status": "True", "reason": "t", "message": "m"}]
    request = world.get(REQUESTS, name, "")
    world.client.update(REQUESTS, {**request, "status": {"conditions": conditions}}, subresource="approval")
    world.loop.run_ready()


@pytest.mark.parametrize(
    ("signer", "usages", "request_text", "why"),
    [
        (
            "kube-apiserver-client",
            [*SIGNING, "server auth"],
            asked("me"),
            "invalid usage for client certificate: server auth",
        ),
        (
            "kube-apiserver-client",
            SIGNING,
            asked("me"),
            "missing required usage for client certificate: client auth",
        ),
        (
            "kube-apiserver-client-kubelet",
            [*SIGNING, "client auth"],
            asked("me", "users"),
            "subject organization is not system:nodes",
        ),
        (
            "kube-apiserver-client-kubelet",
            [*SIGNING, "client auth"],
            asked("system:node:a", dns="a"),
            "DNS subjectAltNames are not allowed",
        ),
        (
            "kube-apiserver-client-kubelet",
            [*SIGNING, "client auth"],
            asked("me"),
            "subject common name does not begin with system:node:",
        ),
        (
            "kubelet-serving",
            [*SIGNING, "server auth"],
            asked("system:node:a"),
            "DNS or IP subjectAltName is required",
        ),
        (
            "kubelet-serving",
            [*SIGNING, "client auth"],
            asked("system:node:a", dns="a"),
            "usages did not match [digital signature key encipherment server auth]",
        ),
        ("kube-apiserver-client", [*SIGNING, "client auth"], asked("me"), ""),
    ],
)
def test_a_signer_refuses_what_it_does_not_sign(
    signer: str, usages: list[str], request_text: str, why: str
) -> None:
    names = ["certificatesigningrequest-signing-controller"]
    world = World(names, certificate_signer=lambda request: None)
    spec = {"signerName": f"kubernetes.io/{signer}", "usages": usages, "request": request_text}
    world.create(REQUESTS, "r", None, spec=spec)
    approve(world, "r")
    status = world.get(REQUESTS, "r", "")["status"]
    failed = [c for c in status["conditions"] if c["type"] == "Failed"]
    assert [(c["reason"], c["message"]) for c in failed] == (
        [("SignerValidationFailure", why)] if why else []
    )


def test_requests_are_cleared_away_in_time() -> None:
    world = World(["certificatesigningrequest-cleaner-controller"])
    spec = {
        "signerName": "example.com/mine",
        "usages": [*SIGNING, "client auth"],
        "request": asked("me"),
    }
    for name in ("pending", "approved", "denied"):
        world.create(REQUESTS, name, None, spec=spec)
    approve(world, "approved")
    denied = world.get(REQUESTS, "denied", "")
    conditions = [{"type": "Denied", "status": "True", "reason": "t", "message": "m"}]
    world.client.update(REQUESTS, {**denied, "status": {"conditions": conditions}}, subresource="approval")
    world.loop.advance(2 * 3600.0 + 1)
    assert world.names(REQUESTS, None) == ["approved", "pending"]
    world.loop.advance(24 * 3600.0)
    assert world.names(REQUESTS, None) == []


def test_a_request_with_a_short_certificate_goes_with_it() -> None:
    names = ["certificatesigningrequest-cleaner-controller", "certificatesigningrequest-signing-controller"]
    world = World(names, certificate_signer=Authority().sign_request)
    spec = {
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": [*SIGNING, "client auth"],
        "request": asked("me"),
    }
    for name, seconds in (("short", 600), ("long", 86400)):
        world.create(REQUESTS, name, None, spec={**spec, "expirationSeconds": seconds})
    world.loop.advance(2000.0)
    for name in ("short", "long"):
        approve(world, name)
    world.loop.advance(2000.0)
    assert world.names(REQUESTS, None) == ["long"]


@pytest.mark.parametrize(
    ("username", "groups", "common", "message"),
    [
        ("system:bootstrap:abcdef", ["system:bootstrappers:kubeadm"], "system:node:a", "kubelet client"),
        ("system:node:a", ["system:nodes"], "system:node:a", "self kubelet client"),
        ("system:node:a", ["system:nodes"], "system:node:b", ""),
        ("system:bootstrap:abcdef", ["system:bootstrappers:kubeadm"], "me", ""),
        ("me", ["users"], "system:node:a", ""),
    ],
)
def test_which_kubelets_are_approved(username: str, groups: list[str], common: str, message: str) -> None:
    world = World(["certificatesigningrequest-approving-controller"])
    spec = {
        "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
        "usages": [*SIGNING, "client auth"],
        "request": asked(common),
    }
    user = UserInfo(username, groups=(*groups, "system:masters", "system:authenticated"))
    Client(world.api, user=user, name="kubelet").create(REQUESTS, {"metadata": {"name": "r"}, "spec": spec})
    world.loop.run_until_quiet()
    conditions = (world.get(REQUESTS, "r", "").get("status") or {}).get("conditions") or ()
    said = [c["message"] for c in conditions]
    wanted = f"Auto approving {message} certificate after SubjectAccessReview."
    assert said == ([wanted] if message else [])
