"""`kubectl debug`: ephemeral containers, copies of pods, pods on nodes, and the profiles."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import kubekit
from kubekit.terminal.cli.files import MemoryFiles
from kubekit.terminal.kubectl.debug_profiles import PROFILES
from kubekit.terminal.kubectl.program import Kubectl
from kubekit.terminal.kubectl.remote_command import NOT_TERMINAL
from kubekit.terminal.notebook import kubectl_of

POD = """
apiVersion: v1
kind: Pod
metadata: {name: app, labels: {app: app}, annotations: {a: b}}
spec:
  containers:
  - {name: app, image: "nginx:1.28", livenessProbe: {httpGet: {port: 80}}}
  - {name: side, image: busybox, command: [sleep, "3600"]}
"""
CUSTOM = json.dumps({"env": [{"name": "A", "value": "b"}], "securityContext": {"runAsUser": 1000}})


@pytest.fixture(scope="module")
def kubectl() -> Kubectl:
    cluster = kubekit.up(workers=1, seed=3)
    files = MemoryFiles({"app.yaml": POD, "custom.json": CUSTOM, "named.json": '{"name": "x"}'})
    made = kubectl_of(cluster, files)
    made.run(["run", "web", "--image=nginx"])
    made.run(["apply", "-f", "app.yaml"])
    cluster.settle()
    return made


def pod(kubectl: Kubectl, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kubectl.run(["get", "pod", name, "-o", "json"]).stdout)
    return found


def test_an_ephemeral_container(kubectl: Kubectl) -> None:
    words = ["debug", "web", "-it", "--image=busybox", "--target=web", "--", "sh"]
    answer = kubectl.run(words, "hostname\necho hi\n")
    assert answer.exit == 0 and NOT_TERMINAL in answer.stderr
    lines = answer.stdout.splitlines()
    assert lines[0] == (
        'Targeting container "web". If you don\'t see processes from this container it may be because the'
        " container runtime doesn't support this feature."
    )
    name = re.fullmatch(r"Defaulting debug container name to (debugger-[a-z0-9]{5})\.", lines[1])
    assert name is not None and lines[2:] == ["web", "hi"]
    obj = pod(kubectl, "web")
    made = obj["spec"]["ephemeralContainers"][0]
    assert (made["name"], made["targetContainerName"], made["command"]) == (name[1], "web", ["sh"])
    assert made["securityContext"] == {"capabilities": {"add": ["SYS_PTRACE"]}}
    assert (made["stdin"], made["tty"], made["terminationMessagePolicy"]) == (True, True, "File")
    status = obj["status"]["ephemeralContainerStatuses"][0]
    assert status["name"] == name[1] and "running" in status["state"]
    assert kubectl.run(["logs", "web", "-c", name[1]]).stdout == "web\nhi\n"
    # Its input stays open: the next session talks with the same process.
    again = kubectl.run(["attach", "-i", "web", "-c", name[1]], "echo again\n")
    assert (again.exit, again.stdout) == (0, "again\n")
    assert kubectl.run(["exec", "web", "-c", name[1], "--", "hostname"]).stdout == "web\n"
    assert f"{name[1]} (ephem)" in kubectl.run(["exec", "web", "--", "true"]).stderr


def test_without_a_terminal_nothing_is_attached(kubectl: Kubectl) -> None:
    answer = kubectl.run(["debug", "web", "--image=busybox", "-c", "mine", "-q", "--", "sleep", "60"])
    assert (answer.exit, answer.stdout, answer.stderr) == (0, "", "")
    brief = kubectl.run(["debug", "web", "--image=busybox", "-c", "brief", "-i", "--", "echo", "done"])
    assert brief.exit == 0 and "done\n" in brief.stdout
    kubectl.pump.until(lambda: False, 61.0)
    states = {
        one["name"]: one["state"] for one in pod(kubectl, "web")["status"]["ephemeralContainerStatuses"]
    }
    assert states["mine"]["terminated"]["exitCode"] == states["brief"]["terminated"]["exitCode"] == 0


def test_an_image_that_does_not_come(kubectl: Kubectl) -> None:
    answer = kubectl.run(["debug", "web", "--image=does-not-exist", "-i", "-c", "absent"])
    assert answer.exit == 130 and "a cell has to end" in answer.stderr
    assert 'Warning: container absent: Back-off pulling image "does-not-exist"' in answer.stderr


def test_a_copy(kubectl: Kubectl) -> None:
    words = [
        "debug",
        "app",
        "--copy-to=copy",
        "--image=busybox",
        "-c",
        "tools",
        "--same-node",
        "-i",
        "--",
        "sh",
    ]
    answer = kubectl.run(words, "hostname\n")
    assert answer.exit == 0 and answer.stdout == "copy\n"
    obj = pod(kubectl, "copy")
    assert "labels" not in obj["metadata"] and "annotations" not in obj["metadata"]
    assert obj["spec"]["shareProcessNamespace"] is True and obj["spec"]["nodeName"] == "node01"
    names = [one["name"] for one in obj["spec"]["containers"]]
    assert names == ["app", "side", "tools"] and "livenessProbe" not in obj["spec"]["containers"][0]


def test_a_copy_with_other_images_takes_the_place_of_its_original(kubectl: Kubectl) -> None:
    kubectl.run(["debug", "app", "--copy-to=kept", "--set-image=*=httpd,side=alpine"])
    images = [one["image"] for one in pod(kubectl, "kept")["spec"]["containers"]]
    assert images == ["httpd", "alpine"]
    assert pod(kubectl, "kept")["metadata"]["labels"] == {"app": "app"}  # no profile is applied
    words = ["debug", "kept", "--copy-to=changed", "-c", "app", "--replace", "--share-processes=false"]
    assert kubectl.run([*words, "--", "sleep", "9"]).exit == 0
    obj = pod(kubectl, "changed")
    assert obj["spec"]["containers"][0]["command"] == ["sleep", "9"]
    assert obj["spec"]["shareProcessNamespace"] is False
    assert kubectl.run(["get", "pod", "kept"]).exit == 1


def test_a_node(kubectl: Kubectl) -> None:
    answer = kubectl.run(["debug", "node/node01", "-i", "--image=busybox", "--", "sh"], "ls -d /host\n")
    said = re.match(
        r"Creating debugging pod (node-debugger-node01-\w{5}) with container debugger on node node01\.\n",
        answer.stdout,
    )
    assert said is not None and answer.exit == 0
    spec = pod(kubectl, said[1])["spec"]
    assert spec["hostNetwork"] and spec["hostPID"] and spec["hostIPC"] and spec["nodeName"] == "node01"
    assert {"operator": "Exists"} in spec["tolerations"] and spec["restartPolicy"] == "Never"
    assert {"name": "host-root", "hostPath": {"path": "/", "type": ""}} in spec["volumes"]
    mount = {"mountPath": "/host", "name": "host-root"}
    assert mount in spec["containers"][0]["volumeMounts"]


@pytest.mark.parametrize(
    ("profile", "ephemeral", "host"),
    [
        ("legacy", None, True),
        ("general", {"capabilities": {"add": ["SYS_PTRACE"]}}, True),
        ("baseline", None, False),
        (
            "restricted",
            {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            False,
        ),
        ("netadmin", {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}, True),
        ("sysadmin", {"privileged": True}, True),
    ],
)
def test_profiles(kubectl: Kubectl, profile: str, ephemeral: Any, host: bool) -> None:
    assert profile in PROFILES
    words = ["debug", "web", "--image=busybox", f"--profile={profile}", "-c", f"of-{profile}"]
    said = kubectl.run(words)
    assert said.exit == 0 and ("is deprecated" in said.stderr) == (profile == "legacy")
    rows = {one["name"]: one for one in pod(kubectl, "web")["spec"]["ephemeralContainers"]}
    assert rows[f"of-{profile}"].get("securityContext") == ephemeral
    answer = kubectl.run(["debug", "node/node01", "--image=busybox", f"--profile={profile}"])
    name = answer.stdout.split()[3]
    spec = pod(kubectl, name)["spec"]
    assert bool(spec.get("hostPID")) == bool(spec.get("hostNetwork")) == host
    mounted = any(one["name"] == "host-root" for one in spec.get("volumes") or [])
    assert mounted == (host and profile != "netadmin")


def test_a_custom_profile(kubectl: Kubectl) -> None:
    words = ["debug", "web", "--image=busybox", "--custom=custom.json", "-c", "own", "--env=X=y"]
    assert kubectl.run(words).exit == 0
    made = {one["name"]: one for one in pod(kubectl, "web")["spec"]["ephemeralContainers"]}["own"]
    assert made["securityContext"]["runAsUser"] == 1000
    assert made["env"] == [{"name": "X", "value": "y"}, {"name": "A", "value": "b"}]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("debug web", "error: you must specify --image when not using --copy-to."),
        ("debug web --copy-to=x", "error: you must specify --image, --set-image or command arguments."),
        (
            "debug web --copy-to=x -- sh",
            "error: you must specify an existing container or a new image when specifying args.",
        ),
        ("debug web --image=busybox --same-node", "error: --same-node may only be used with --copy-to."),
        ("debug web --image=busybox --replace", "error: --replace may only be used with --copy-to."),
        ("debug web --set-image=a=b", "error: --set-image may only be used with --copy-to."),
        (
            "debug web --copy-to=x --image=b --target=web",
            "error: --target is incompatible with --copy-to. Use --share-processes instead.",
        ),
        ("debug web --image=busybox -t", "error: -i/--stdin is required for containers with -t/--tty=true"),
        ("debug web --image=BAD:x:y", 'error: invalid image name "BAD:x:y": invalid reference format'),
        ("debug web --image=b --profile=foo", "error: unknown profile: foo"),
        ("debug web --image=b --image-pull-policy=x", "error: invalid image pull policy: x"),
        ("debug --image=busybox", "error: NAME or filename is required for debug"),
        ("debug nobody --image=busybox", 'Error from server (NotFound): pods "nobody" not found'),
        ("debug node/nobody --image=busybox", 'Error from server (NotFound): nodes "nobody" not found'),
        (
            "debug web --image=busybox -c web",
            'The Pod "web" is invalid: spec.ephemeralContainers',
        ),
        ("debug svc/kubernetes --image=busybox", 'error: "/v1, Kind=Service" not supported by debug'),
        ("debug web --image=b --custom=none.json", "open none.json: no such file or directory"),
        (
            "debug web --image=b --custom=named.json",
            "error: name, command, image, lifecycle and volume devices are not modifiable via custom profile",
        ),
    ],
)
def test_refused(kubectl: Kubectl, line: str, text: str) -> None:
    answer = kubectl.run(line.split())
    assert answer.exit == 1 and text in answer.stderr, answer
