"""openssl on a node: a key, a request, and a new user's way from there to an answer of the API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import kubekit
from kubekit.terminal.cli.result import Result
from kubekit.terminal.sessions import sessions_of

CSR = """cat > csr.yaml <<EOF
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: anna}
spec:
  request: $(base64 -w0 anna.csr)
  signerName: kubernetes.io/kube-apiserver-client
  usages: [client auth]
EOF
kubectl apply -f csr.yaml
kubectl certificate approve anna"""
Sh = Callable[[str], Result]


@pytest.fixture(scope="module")
def cluster() -> Any:
    return kubekit.up(workers=0, seed=3, name="ssl")


@pytest.fixture(scope="module")
def sh(cluster: Any) -> Sh:
    return sessions_of(cluster).node("controlplane").run


def test_from_a_key_to_an_answer(cluster: Any, sh: Sh) -> None:
    made = sh(
        "openssl genrsa -out anna.key 2048\n"
        'openssl req -new -key anna.key -subj "/O=web/CN=anna" -out anna.csr'
    )
    assert (made.exit, made.stdout, made.stderr) == (0, "", "")
    assert sh("openssl req -in anna.csr -noout -subject").stdout == "subject=O = web, CN = anna\n"
    assert "anna approved" in sh(CSR).stdout
    cluster.settle()
    sh("kubectl get csr anna -o jsonpath='{.status.certificate}' | base64 -d > anna.crt")
    said = sh("openssl x509 -in anna.crt -noout -subject -issuer").stdout
    assert said == "subject=O = web, CN = anna\nissuer=CN = kubernetes\n"
    call = "curl -s --cacert /etc/kubernetes/pki/ca.crt --cert anna.crt --key {} https://controlplane:6443/api/v1/pods"
    assert 'User \\"anna\\" cannot list' in sh(call.format("anna.key")).stdout
    sh("openssl genrsa -out other.key")
    assert sh(call.format("other.key")).exit == 58, "a certificate does not open with another key"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("openssl dance", "Invalid command 'dance'; type \"help\" for a list."),
        (
            "openssl req -new -key none.key -subj /CN=a",
            'Can\'t open "none.key" for reading, No such file or directory',
        ),
        ("openssl req -new", "req: -new needs the key that shall be certified: -key FILE"),
        (
            "openssl x509 -in /etc/hostname2 -noout",
            'Can\'t open "/etc/hostname2" for reading, No such file or directory',
        ),
        ("echo x | openssl x509 -noout -subject", "Could not read certificate from <stdin>"),
        ("openssl genrsa 12", 'genrsa: Can\'t parse "12" as a number of bits from 1024 to 4096'),
    ],
)
def test_what_it_refuses(sh: Sh, line: str, said: str) -> None:
    result = sh(line)
    assert (result.exit, result.stderr.strip()) == (1, said)


def test_a_subject_that_is_none(sh: Sh) -> None:
    sh("openssl genrsa -out k.key 1024")
    assert "is not in that format: 'CN=a'" in sh("openssl req -new -key k.key -subj CN=a").stderr
    assert "'XX' is not known here" in sh("openssl req -new -key k.key -subj /XX=a").stderr
