"""A notebook's cluster with its door open: the socket's requests and the notebook's own share one engine."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import kubekit
from kubekit.serving.certificates import Authority
from tests.serving.test_door import ask, context


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def cluster(authority: Authority) -> Any:
    return kubekit.up(workers=1, controller_options=authority.controller_options)


@pytest.fixture(scope="module")
def server(cluster: Any, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("served")
    with cluster.serve(
        kubeconfig=folder / "config", announce=lambda text: None, authority=authority, speed=100.0
    ) as running:
        yield running


def test_the_administrator_may_do_everything(server: Any, tmp_path: Path) -> None:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "*", "group": "*", "resource": "*"}},
    }
    status, text, _ = ask(
        server,
        context(server, tmp_path),
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        json.dumps(review).encode(),
    )
    assert status == 201 and json.loads(text)["status"]["allowed"] is True


def test_nobody_in_particular_may_do_little(server: Any, tmp_path: Path) -> None:
    tls = context(server, tmp_path, with_client=False)
    assert ask(server, tls, "GET", "/version")[0] == 200
    status, text, _ = ask(server, tls, "GET", "/api/v1/nodes")
    assert status == 403 and 'User "system:anonymous" cannot list' in json.loads(text)["message"]


def test_what_the_notebook_does_is_seen_through_the_door(cluster: Any, server: Any, tmp_path: Path) -> None:
    connection = http.client.HTTPSConnection(
        "127.0.0.1", server.port, context=context(server, tmp_path), timeout=20
    )
    connection.request("GET", "/api/v1/namespaces/default/pods?watch=true")
    watch = connection.getresponse()
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web"},
            "spec": {"containers": [{"name": "c", "image": "nginx"}]},
        }
    )
    phases = []
    while "Running" not in phases:
        phases.append(json.loads(watch.readline())["object"]["status"]["phase"])
    assert phases[0] == "Pending"
    connection.close()
    cluster.delete("pod", "web")


def test_a_body_beyond_the_limit(server: Any, tmp_path: Path) -> None:
    status, text, _ = ask(
        server, context(server, tmp_path), "POST", "/api/v1/namespaces", b" " * (3 * 1024 * 1024 + 1)
    )
    assert status == 413 and json.loads(text)["message"].startswith("Request entity too large")


def test_forms_that_nobody_speaks(server: Any, tmp_path: Path) -> None:
    connection = http.client.HTTPSConnection(
        "127.0.0.1", server.port, context=context(server, tmp_path), timeout=10
    )
    for accept, status, answered in (
        ("application/vnd.kubernetes.protobuf,application/json", 200, "application/json"),
        ("application/yaml", 200, "application/yaml"),
        ("text/html", 406, "application/json"),
    ):
        connection.request("GET", "/api/v1/nodes/node01", headers={"Accept": accept})
        response = connection.getresponse()
        response.read()
        assert (response.status, response.headers["Content-Type"].split(";")[0]) == (status, answered)
    connection.close()


def test_the_cluster_hands_out_its_ca_and_signs_with_it(cluster: Any, server: Any) -> None:
    authority = server.authority.certificate.decode()
    published = cluster.get("configmap", "kube-root-ca.crt")
    assert published["data"]["ca.crt"] == authority
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "jane")])
    wanted = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    pem = wanted.public_bytes(serialization.Encoding.PEM)
    cluster.apply(
        {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"name": "jane"},
            "spec": {
                "request": base64.b64encode(pem).decode(),
                "signerName": "kubernetes.io/kube-apiserver-client",
                "usages": ["client auth"],
                "expirationSeconds": 3600,
            },
        }
    )
    with cluster.loop.lock:
        request = dict(cluster.client.get("certificatesigningrequests.certificates.k8s.io", "jane"))
        condition = {"type": "Approved", "status": "True", "reason": "Test", "message": "fine"}
        request["status"] = {"conditions": [condition]}
        cluster.client.update(
            "certificatesigningrequests.certificates.k8s.io", request, subresource="approval"
        )
    cluster.advance(2)
    signed = cluster.get("certificatesigningrequest", "jane")["status"]["certificate"]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(signed))
    assert certificate.subject == name
    ca = x509.load_pem_x509_certificate(server.authority.certificate)
    certificate.verify_directly_issued_by(ca)
