"""Clients of older releases on the same cluster: they ask for other forms, and understand what they get."""

from __future__ import annotations

import pytest

from tests.clients.served import ServedCluster

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("clients-skew")]

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME}
spec:
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec: {containers: [{name: c, image: nginx}]}
"""


@pytest.mark.parametrize("release", ["1.27", "1.30", "1.33"])
def test_a_handful_of_commands(served: ServedCluster, release: str) -> None:
    program, name = f"kubectl.{release}", f"web-{release.replace('.', '-')}"
    manifest = MANIFEST.replace("NAME", name)

    def ok(*argv: str, stdin: str | None = None) -> str:
        return served.ok(*argv, stdin=stdin, program=program).stdout

    assert ok("apply", "-f", "-", stdin=manifest) == f"deployment.apps/{name} created\n"
    assert ok("apply", "-f", "-", stdin=manifest) == f"deployment.apps/{name} unchanged\n"
    assert "successfully rolled out" in ok("rollout", "status", f"deploy/{name}", "--timeout=60s")
    assert ok("get", "deploy", name).splitlines()[0].split() == [
        "NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE",
    ]  # fmt: skip
    assert f"Name:                   {name}" in ok("describe", "deploy", name)
    assert ok("create", "configmap", name, "--from-literal=a=b") == f"configmap/{name} created\n"
    assert ok("auth", "can-i", "get", "pods") == "yes\n"
    assert "KIND:       Pod" in ok("explain", "pod.spec")
    refused = served.kubectl("create", "-f", "-", stdin=manifest, program=program)
    assert refused.exit == 1 and "already exists" in refused.stderr
    assert ok("delete", "deploy", name).startswith(f'deployment.apps "{name}" deleted')
    assert "v1.36" in ok("version")
