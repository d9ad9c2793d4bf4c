"""The HTTPS door: certificates, users, bodies, watches, ports and the kubeconfig file."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import json
import ssl
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubekit.serving import Server, serve
from kubekit.serving.kubeconfig import KubeconfigRefused
from kubekit.serving.server import PortInUse
from tests.serving.conftest import Echo


def context(server: Server, tmp_path: Path, with_client: bool = True) -> ssl.SSLContext:
    config = yaml.safe_load(server.kubeconfig.read_text())
    authority = base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"])
    made = ssl.create_default_context(cadata=authority.decode())
    if with_client:
        user = config["users"][0]["user"]
        pem = tmp_path / "client.pem"
        pem.write_bytes(
            base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"])
        )
        made.load_cert_chain(pem)
    return made


def ask(server: Server, tls: ssl.SSLContext, method: str, path: str, body: bytes | None = None) -> Any:
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=tls, timeout=10)
    connection.request(method, path, body=body, headers={"User-Agent": "tester/1.0"})
    response = connection.getresponse()
    text = response.read()
    warnings = response.headers.get_all("Warning")
    connection.close()
    return response.status, text, warnings


def test_the_admin_certificate_becomes_user_and_groups(server: Server, tmp_path: Path) -> None:
    status, text, warnings = ask(server, context(server, tmp_path), "GET", "/api/v1/pods?limit=5&x=a%20b&x=")
    seen = json.loads(text)
    assert status == 200 and warnings == ['299 - "one"', '299 - "two"']
    assert seen["user"] == ["kubernetes-admin", "kubeadm:cluster-admins", "system:authenticated"]
    assert seen["query"] == {"limit": ["5"], "x": ["a b", ""]} and seen["source"] == "tester"


def test_without_a_certificate_the_user_is_unknown(server: Server, tmp_path: Path) -> None:
    _, text, _ = ask(server, context(server, tmp_path, with_client=False), "GET", "/version")
    assert json.loads(text)["user"] is None


def test_a_certificate_of_another_authority_is_refused(server: Server, tmp_path: Path) -> None:
    from kubekit.serving.certificates import Authority

    pair = Authority("other").client("mallory")
    pem = tmp_path / "other.pem"
    pem.write_bytes(pair.certificate + pair.key)
    tls = context(server, tmp_path, with_client=False)
    tls.load_cert_chain(pem)
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        ask(server, tls, "GET", "/version")


def test_an_endless_body_is_read_no_further_than_needed(server: Server, tmp_path: Path) -> None:
    _, text, _ = ask(server, context(server, tmp_path), "POST", "/x", b"x" * (3 * 1024 * 1024 + 1))
    assert json.loads(text)["body"] > 3 * 1024 * 1024


def test_a_watch_streams_as_time_passes(server: Server, tmp_path: Path) -> None:
    _, text, _ = ask(server, context(server, tmp_path), "GET", "/x?watch=true")
    assert [json.loads(line)["object"]["left"] for line in text.splitlines()] == [3, 2, 1]


def test_a_watcher_that_leaves_is_forgotten(server: Server, echo: Echo, tmp_path: Path) -> None:
    tls = context(server, tmp_path)
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=tls, timeout=10)
    connection.request("GET", "/x?watch=true")
    connection.getresponse().fp.readline()
    connection.close()
    server.stop()
    assert echo.streams[0].closed


def test_the_second_server_takes_another_port_and_says_so(server: Server, tmp_path: Path) -> None:
    said: list[str] = []
    first = Echo()
    with serve(first, kubeconfig=tmp_path / "a", announce=said.append) as one:
        with serve(Echo(), kubeconfig=tmp_path / "b", announce=said.append) as two:
            assert len({server.port, one.port, two.port}) == 3
        with pytest.raises(PortInUse, match=f"port {one.port} on 127.0.0.1 is in use"):
            serve(Echo(), port=one.port, kubeconfig=tmp_path / "c")
    assert said[-1].startswith("Port 6443 is in use; this cluster takes port ")


def test_the_kubeconfig_is_private_and_never_the_users_own(
    server: Server, tmp_path: Path, monkeypatch: Any
) -> None:
    assert stat.S_IMODE(server.kubeconfig.stat().st_mode) == 0o600
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(KubeconfigRefused, match="it is your own kubeconfig"):
        serve(Echo(), kubeconfig=tmp_path / ".kube" / "config", announce=lambda text: None)
    assert not (tmp_path / ".kube").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(KubeconfigRefused, match="cannot be written"):
        serve(Echo(), kubeconfig=tmp_path / "file" / "config", announce=lambda text: None)


def test_it_says_where_it_answers_and_when_it_does_not(server: Server) -> None:
    assert repr(server).splitlines()[1] == f"export KUBECONFIG={server.kubeconfig}"
    server.stop()
    assert "not served any more" in repr(server) and not server.running


def test_a_bug_of_the_engine_says_that_it_is_one(server: Server, tmp_path: Path, capsys: Any) -> None:
    status, text, _ = ask(server, context(server, tmp_path), "GET", "/bug")
    seen = json.loads(text)
    assert status == 500 and seen["reason"] == "InternalError"
    assert seen["message"] == (
        "Internal error occurred: this is a bug of kubekit, not of your request: KeyError: 'lost'"
    )
    assert "Traceback" in capsys.readouterr().err


def test_a_stopped_api_server_drops_the_connection(server: Server, tmp_path: Path) -> None:
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        ask(server, context(server, tmp_path), "GET", "/down")


def test_large_answers_are_compressed_for_those_who_ask(server: Server, tmp_path: Path) -> None:
    connection = http.client.HTTPSConnection(
        "127.0.0.1", server.port, context=context(server, tmp_path), timeout=10
    )
    for headers, encoding in (({}, None), ({"Accept-Encoding": "gzip, br"}, "gzip")):
        connection.request("GET", "/large", headers=headers)
        response = connection.getresponse()
        body = response.read()
        assert response.headers["Content-Encoding"] == encoding
        assert (gzip.decompress(body) if encoding else body) == b"x" * 200_000
        assert "Server" not in response.headers
    connection.request("GET", "/small", headers={"Accept-Encoding": "gzip"})
    assert connection.getresponse().headers["Content-Encoding"] is None
    connection.close()


def test_the_credential_is_named_by_the_certificates_hash(server: Server, tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from kubekit.serving.https import user_of_certificate

    pair = server.admin()
    der = x509.load_pem_x509_certificate(pair.certificate).public_bytes(Encoding.DER)
    user = user_of_certificate(der)
    (credential,) = user.extra["authentication.kubernetes.io/credential-id"]
    assert credential == f"X509SHA256={hashlib.sha256(der).hexdigest()}"
