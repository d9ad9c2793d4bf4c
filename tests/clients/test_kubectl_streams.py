"""Streams into pods with the real kubectl of every release from 1.27 to 1.33: exec, attach, logs -f,
port-forward, cp, debug.

Releases before 1.31 speak SPDY, newer ones WebSockets; a user sees the same. A terminal is a real
pseudo-terminal.
"""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clients.served import ServedCluster
from tests.programs import need_program

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("clients-kubectl-streams")]

RELEASES = ["1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33"]
PODS = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: nginx, image: "nginx:1.28", ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 8080, targetPort: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: box}
spec:
  containers:
  - {name: ticker, image: busybox, command: [sh, -c, "while true; do echo tick; sleep 1; done"]}
  - {name: other, image: busybox, command: [sleep, "3600"]}
---
apiVersion: v1
kind: Pod
metadata: {name: bare}
spec: {containers: [{name: c, image: "registry.k8s.io/pause:3.10"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: ended}
spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: ["true"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stuck}
spec: {containers: [{name: c, image: does-not-exist}]}
"""


@pytest.fixture(scope="module")
def pods(served: ServedCluster) -> ServedCluster:
    served.ok("apply", "-f", "-", stdin=PODS)
    served.ok("wait", "--for=condition=Ready", "pod/web", "pod/box", "pod/bare", "--timeout=60s")
    return served


@contextmanager
def running(cluster: ServedCluster, release: str, *argv: str) -> Iterator[subprocess.Popen[str]]:
    """A kubectl that goes on by itself; what it prints comes as one text."""
    process = subprocess.Popen(
        [need_program(f"kubectl.{release}"), *argv],
        env=cluster.environment, cwd=cluster.home, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


class Terminal:
    """kubectl on a pseudo-terminal of this machine."""

    def __init__(self, cluster: ServedCluster, release: str, *argv: str) -> None:
        self._fd, inner = pty.openpty()
        self.text = ""
        self.process = subprocess.Popen(
            [need_program(f"kubectl.{release}"), *argv],
            env={**cluster.environment, "TERM": "xterm"}, stdin=inner, stdout=inner, stderr=inner,
            start_new_session=True,
        )  # fmt: skip
        os.close(inner)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._fd, keys.encode())

    def until(self, pattern: str, seconds: float = 15) -> str:
        """Everything shown until a pattern comes."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            ready, _, _ = select.select([self._fd], [], [], 0.2)
            if ready:
                try:
                    self.text += os.read(self._fd, 65536).decode()
                except OSError:
                    break
            assert time.monotonic() < deadline, self.text
        shown, self.text = self.text, ""
        return shown

    def end(self) -> int:
        """Its exit status; closes the terminal."""
        code = self.process.wait(timeout=15)
        os.close(self._fd)
        return code


@pytest.mark.parametrize("release", RELEASES)
def test_exec(pods: ServedCluster, release: str) -> None:
    program = f"kubectl.{release}"
    assert pods.ok("exec", "web", "--", "hostname", program=program).stdout == "web\n"
    answer = pods.kubectl("exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 3", program=program)
    assert (answer.exit, answer.stdout) == (3, "out\n")
    assert answer.stderr == "err\ncommand terminated with exit code 3\n"
    piped = "".join(f"line {n}\n" for n in range(20_000))
    assert pods.ok("exec", "-i", "web", "--", "cat", stdin=piped, program=program).stdout == piped
    typed = pods.kubectl("exec", "-i", "web", "--", "sh", stdin="x=5\necho $x\nexit 4\n", program=program)
    assert (typed.exit, typed.stdout) == (4, "5\n")


@pytest.mark.parametrize("release", ["1.27", "1.33"])
def test_programs_that_use_the_network(pods: ServedCluster, release: str) -> None:
    program, ask = f"kubectl.{release}", ("exec", "box", "-c", "other", "--")
    assert "Welcome to nginx!" in pods.ok(*ask, "wget", "-qO-", "web:8080", program=program).stdout
    refused = pods.kubectl(*ask, "wget", "-qO-", "nope", program=program)
    assert refused.exit == 1
    assert refused.stderr == "wget: bad address 'nope'\ncommand terminated with exit code 1\n"
    late = pods.kubectl(*ask, "wget", "-T", "1", "-qO-", "web:81", program=program)
    assert "wget: download timed out" in late.stderr
    known = 'curl -s --cacert $D/ca.crt -H "Authorization: Bearer $(cat $D/token)"'
    place = "D=/var/run/secrets/kubernetes.io/serviceaccount"
    line = f"{place}; {known} https://kubernetes.default.svc/api"
    assert '"APIVersions"' in pods.ok("exec", "web", "--", "sh", "-c", line, program=program).stdout


@pytest.mark.parametrize("release", ["1.27", "1.33"])
def test_a_command_takes_its_time(pods: ServedCluster, release: str) -> None:
    began = time.monotonic()
    out = pods.ok("exec", "web", "--", "sh", "-c", "sleep 2; echo late", program=f"kubectl.{release}").stdout
    assert out == "late\n" and time.monotonic() - began >= 1.9


@pytest.mark.parametrize("release", ["1.27", "1.30", "1.33"])
def test_refusals(pods: ServedCluster, release: str) -> None:
    def refused(*argv: str) -> str:
        answer = pods.kubectl("exec", *argv, program=f"kubectl.{release}")
        assert (answer.exit, answer.stdout) == (1, ""), answer
        return answer.stderr

    missing = refused("bare", "--", "sh")
    assert "OCI runtime exec failed: exec failed: unable to start container process: exec: " in missing
    assert '"sh": executable file not found in $PATH' in missing
    assert 'exec: "/no/such": stat /no/such: no such file or directory' in refused("web", "--", "/no/such")
    assert "executable file not found" in refused("box", "-c", "other", "--", "bash")
    assert "cannot exec into a container in a completed pod; current phase is Succeeded" in refused(
        "ended", "--", "ls"
    )
    assert refused("stuck", "--", "ls").endswith('unable to upgrade connection: container not found ("c")\n')
    assert "container nope is not valid for pod web" in refused("web", "-c", "nope", "--", "ls")
    assert 'pods "nobody" not found' in refused("nobody", "--", "ls")


def test_the_default_container(pods: ServedCluster) -> None:
    answer = pods.ok("exec", "box", "--", "hostname")
    assert answer.stdout == "box\n"
    assert answer.stderr == 'Defaulted container "ticker" out of: ticker, other\n'


@pytest.mark.parametrize("release", ["1.27", "1.30", "1.33"])
def test_a_terminal(pods: ServedCluster, release: str) -> None:
    terminal = Terminal(pods, release, "exec", "-it", "web", "--", "bash")
    terminal.until(r"root@web:/# ")
    terminal.type("echo $HOSTNAMEx\x7f\r")
    assert "\r\nweb\r\n" in terminal.until(r"web\r\nroot@web:/# ")
    terminal.type("for i in 1 2; do\r")
    terminal.until(r"> ")
    terminal.type("echo n$i; done\r")
    assert "n1\r\nn2\r\n" in terminal.until(r"n2\r\nroot@web:/# ")
    terminal.type("sleep 100\r")
    time.sleep(0.5)
    terminal.type("\x03")
    terminal.until(r"\^C\r\nroot@web:/# ")
    terminal.type("exit 7\r")
    terminal.until(r"exit code 7")
    assert terminal.end() == 7


def test_the_terminals_size(pods: ServedCluster) -> None:
    import fcntl
    import struct
    import termios

    terminal = Terminal(pods, "1.33", "exec", "-it", "web", "--", "sh")
    fcntl.ioctl(terminal._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 120, 0, 0))
    os.killpg(terminal.process.pid, 28)  # SIGWINCH, as the terminal's owner would send
    terminal.until(r"# ")
    time.sleep(0.5)
    terminal.type("echo $LINES $COLUMNS\r")
    assert "33 120" in terminal.until(r"\d+ \d+\r\n# ")
    terminal.type("\x04")
    assert terminal.end() == 0


@pytest.mark.parametrize("release", ["1.27", "1.33"])
def test_run_and_attach(pods: ServedCluster, release: str) -> None:
    name = f"shell-{release.replace('.', '-')}"
    terminal = Terminal(
        pods, release, "run", name, "-it", "--rm", "--restart=Never", "--image=busybox", "--", "sh"
    )
    terminal.until(r"try pressing enter|/ # ")
    terminal.type("\r")
    terminal.until(r"/ # ")
    terminal.type("hostname\r")
    assert f"\r\n{name}\r\n" in terminal.until(rf"{name}\r\n/ # ")
    terminal.type("exit\r")
    terminal.until(rf'pod "{name}" deleted')
    assert terminal.end() == 0
    assert pods.kubectl("get", "pod", name).exit == 1


@pytest.mark.parametrize("release", RELEASES)
def test_attach_and_logs_that_follow(pods: ServedCluster, release: str) -> None:
    with (
        running(pods, release, "attach", "box", "-c", "ticker") as attached,
        running(pods, release, "logs", "-f", "--tail=1", "box", "-c", "ticker") as followed,
    ):
        assert attached.stdout is not None and followed.stdout is not None
        assert "If you don't see a command prompt" in attached.stdout.readline()
        assert [attached.stdout.readline() for _ in range(2)] == ["tick\n", "tick\n"]
        assert [followed.stdout.readline() for _ in range(2)] == ["tick\n", "tick\n"]


def test_logs_end_with_their_container(pods: ServedCluster) -> None:
    script = "echo one; sleep 1; echo two; sleep 1; exit 3"
    pods.ok("run", "brief", "--image=busybox", "--restart=Never", "--", "sh", "-c", script)
    pods.ok("wait", "--for=condition=Ready", "pod/brief", "--timeout=30s")
    assert pods.ok("logs", "-f", "brief").stdout == "one\ntwo\n"
    assert pods.ok("logs", "brief", "--tail=1").stdout == "two\n"
    assert pods.ok("logs", "brief", "--since=1h", "--limit-bytes=5").stdout == "one\nt"


def fetch(address: str, path: str = "/") -> tuple[int, str, str]:
    with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
        return answer.status, answer.headers["X-Served-By"], answer.read().decode()


def forwarded(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"Forwarding from (127\.0\.0\.1:\d+) ->", line)
    assert found, line
    return found[1]


@pytest.mark.parametrize("release", RELEASES)
def test_port_forward(pods: ServedCluster, release: str) -> None:
    with running(pods, release, "port-forward", "svc/web", "0:8080") as forwarding:
        address = forwarded(forwarding)
        for _ in range(3):
            status, pod, page = fetch(address)
            assert (status, pod) == (200, "web") and "Welcome to nginx!" in page
    assert '"GET / HTTP/1.1" 200' in pods.ok("logs", "web", "--tail=1").stdout


@pytest.mark.parametrize("release", ["1.27", "1.33"])
def test_nobody_listens_there(pods: ServedCluster, release: str) -> None:
    with running(pods, release, "port-forward", "pod/web", "0:81") as forwarding:
        address = forwarded(forwarding)
        with pytest.raises(OSError, match=r"closed|reset|refused"):
            fetch(address)
        assert forwarding.stdout is not None
        said = forwarding.stdout.read()
        assert "failed to connect to localhost:81 inside namespace" in said
        assert "dial tcp4 127.0.0.1:81: connect: connection refused" in said
        assert said.endswith("error: lost connection to pod\n")


@pytest.mark.parametrize("release", ["1.27", "1.33"])
def test_the_pod_goes_away(pods: ServedCluster, release: str) -> None:
    name = f"short-{release.replace('.', '-')}"
    pods.ok("run", name, "--image=httpd", "--port=80")
    pods.ok("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
    with running(pods, release, "port-forward", name, "0:80") as forwarding:
        assert "It works!" in fetch(forwarded(forwarding))[2]
        pods.ok("delete", "pod", name, "--now")
        assert forwarding.stdout is not None
        assert forwarding.stdout.read().endswith("error: lost connection to pod\n")
        assert forwarding.wait(timeout=10) == 1


@pytest.mark.parametrize("release", ["1.27", "1.33"])
def test_copies(pods: ServedCluster, release: str, tmp_path: Path) -> None:
    program = f"kubectl.{release}"
    (tmp_path / "sent").write_bytes(b"\x00\xffbytes\n" * 5_000)
    pods.ok("cp", str(tmp_path / "sent"), "web:/tmp/kept", program=program)
    assert pods.ok("exec", "web", "--", "ls", "/tmp", program=program).stdout == "kept\n"
    pods.ok("cp", "web:/tmp/kept", str(tmp_path / "back"), program=program)
    assert (tmp_path / "back").read_bytes() == (tmp_path / "sent").read_bytes()
    pods.ok("exec", "web", "--", "rm", "/tmp/kept", program=program)
    # kubectl prints tar's words, unless its own two halves race; whether it also fails is such a race too.
    for _ in range(5):
        missing = pods.kubectl("cp", "web:/tmp/kept", str(tmp_path / "none"), program=program)
        if said := missing.stdout + missing.stderr:
            break
    assert "tar: /tmp/kept: Cannot stat: No such file or directory" in said
    assert not (tmp_path / "none").exists()
    no_tar = pods.kubectl("cp", "bare:/etc/hosts", str(tmp_path / "none"), program=program)
    assert no_tar.exit == 1 and 'exec: "tar": executable file not found in $PATH' in no_tar.stderr


@pytest.mark.parametrize("release", ["1.27", "1.33"])
def test_copies_of_folders(pods: ServedCluster, release: str, tmp_path: Path) -> None:
    program = f"kubectl.{release}"
    (tmp_path / "d" / "deep").mkdir(parents=True)
    (tmp_path / "d" / "deep" / "b").write_text("B")
    (tmp_path / "d" / "empty").mkdir()
    pods.ok("exec", "web", "--", "mkdir", "-p", f"/data/{release}", program=program)
    pods.ok("cp", str(tmp_path / "d"), f"web:/data/{release}", program=program)
    listed = pods.ok("exec", "web", "--", "find", f"/data/{release}/d", program=program).stdout
    prefix = f"/data/{release}/d"
    assert [line.removeprefix(prefix) for line in listed.split()] == ["", "/deep", "/deep/b", "/empty"]
    said = pods.ok("cp", f"web:/data/{release}/d", str(tmp_path / "back"), program=program).stdout
    assert said == "tar: Removing leading `/' from member names\n"
    assert (tmp_path / "back" / "deep" / "b").read_text() == "B" and (tmp_path / "back" / "empty").is_dir()


@pytest.mark.parametrize("release", ["1.27", "1.30", "1.33"])
def test_debug(pods: ServedCluster, release: str) -> None:
    name = f"tools-{release.replace('.', '-')}"
    terminal = Terminal(
        pods, release, "debug", "web", "-it", "-c", name, "--image=busybox", "--target=nginx", "--", "sh"
    )
    terminal.until(r"try pressing enter|/ # ")
    terminal.type("\r")
    terminal.until(r"/ # ")
    terminal.type("hostname\r")
    assert "\r\nweb\r\n" in terminal.until(r"web\r\n/ # ")
    terminal.type("exit\r")
    assert terminal.end() == 0
    path = f"{{.status.ephemeralContainerStatuses[?(@.name=='{name}')].state.terminated.reason}}"
    deadline = time.monotonic() + 10
    while (shown := pods.ok("get", "pod", "web", "-o", f"jsonpath={path}").stdout) != "Completed":
        assert time.monotonic() < deadline, shown


def test_debug_of_a_node(pods: ServedCluster) -> None:
    node = pods.ok("get", "nodes", "-o", "name").stdout.split()[-1]
    said = pods.ok("debug", node, "--image=busybox", "--", "sleep", "60").stdout
    found = re.match(r"Creating debugging pod (\S+) with container debugger on node (\S+)\.", said)
    assert found is not None and found[2] == node.partition("/")[2]
    pods.ok("wait", "--for=condition=Ready", f"pod/{found[1]}", "--timeout=60s")
    pods.ok("delete", "pod", found[1], "--now")
