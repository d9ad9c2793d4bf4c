"""Programs that use the network, on a made-up one: each program, in each form, with each outcome."""

from __future__ import annotations

import pytest

from kubekit.kubelet.answers import respond
from kubekit.kubelet.exec_command import NotFound, run_in
from kubekit.kubelet.exec_session import ExecSession
from kubekit.kubelet.network_programs import named_in
from kubekit.kubelet.pod_network import Entry, Reached, Reply
from kubekit.kubelet.runtime import Container, PodBox, Runtime
from kubekit.kubelet.web_site import Answered, Asked, Refused
from kubekit.sim import Loop

OUTCOMES = {
    80: "connected",
    81: "refused",
    82: "timed out",
    83: "unreachable",
    443: "connected",
    6379: "connected",
}
OUTSIDE = "203.0.113.10"
NAMES = {
    "web.default.svc.cluster.local": "10.96.0.80",
    "deb.debian.org": OUTSIDE,
    "dl-cdn.alpinelinux.org": OUTSIDE,
}


class Site:
    secure = False

    def handshake(self, roots: list[object] | None, certificate: object, host: str) -> Refused | None:
        return None

    def answer(self, asked: Asked) -> Answered:
        if asked.target == "/moved":
            return Answered(302, {"Location": "/"})
        if asked.target != "/":
            return Answered(404, {"Server": "nginx"}, b"none\n")
        return Answered(200, {"Server": "nginx"}, b"" if asked.method == "HEAD" else b"hello\n")


class MadeUp:
    """Ports decide what happens; one name server answers."""

    nameserver, upstream, authority = "10.96.0.10", "192.168.0.1", ""

    def connect(
        self, box: PodBox, address: str, port: int, protocol: str = "tcp", asked_for: str = ""
    ) -> Reached:
        if protocol == "icmp":
            return Reached("timed out" if address == "10.96.0.80" else "connected", None, 62)
        return Reached(OUTCOMES[port], Site() if port == 80 else None)

    def ask(self, box: PodBox, server: str, names: tuple[str, ...], kind: str, asked_for: str = "") -> Reply:
        if server != self.nameserver:
            return Reply("", names[-1])
        for name in names:
            if name in NAMES:
                found = (Entry(name, "A", NAMES[name]),) if kind == "A" else ()
                return Reply("NOERROR", name, found)
        return Reply("NXDOMAIN", names[-1])

    def token(self, box: PodBox, account: str) -> str:
        return f"real token of {account}"


def container(image: str, *argv: str) -> tuple[Loop, Container]:
    loop = Loop()
    runtime = Runtime(loop, "node01")
    runtime.network = MadeUp()
    runtime.run_sandbox("u", "default", "client", 0, "10.244.1.2", False)
    made = runtime.create_container("u", "c", 0, image, image, argv)
    runtime.start_container(made)
    return loop, made


BUSYBOX, ALPINE, NGINX, PYTHON = "busybox:1.37", "alpine:3.22", "nginx:1.28", "python:3.12"
SHOOT, OLD = "nicolaka/netshoot", "busybox:1.28"


@pytest.mark.parametrize(
    ("image", "line", "status", "out", "err"),
    [
        (BUSYBOX, "wget -qO- web", 0, "hello\n", ""),
        (BUSYBOX, "wget -q -O /tmp/f web; cat /tmp/f", 0, "hello\n", ""),
        (BUSYBOX, "wget -qO- web/moved", 0, "hello\n", ""),
        (BUSYBOX, "wget -O- nope", 1, "", "wget: bad address 'nope'\n"),
        (
            BUSYBOX,
            "wget -qO- web:81",
            1,
            "",
            "wget: can't connect to remote host (10.96.0.80): Connection refused\n",
        ),
        (
            BUSYBOX,
            "wget -qO- web:82",
            1,
            "",
            "wget: can't connect to remote host (10.96.0.80): Connection timed out\n",
        ),
        (
            ALPINE,
            "wget -qO- web:82",
            1,
            "",
            "wget: can't connect to remote host (10.96.0.80): Operation timed out\n",
        ),
        (
            ALPINE,
            "wget -qO- web:83",
            1,
            "",
            "wget: can't connect to remote host (10.96.0.80): Host is unreachable\n",
        ),
        (BUSYBOX, "wget -T 2 web:82", 1, "", "Connecting to web (10.96.0.80:82)\nwget: download timed out\n"),
        (BUSYBOX, "wget -q web/x", 1, "", "wget: server returned error: HTTP/1.1 404 Not Found\n"),
        (BUSYBOX, "wget --spider web", 0, "", "Connecting to web (10.96.0.80:80)\nremote file exists\n"),
        (PYTHON, "wget -nv nope", 4, "", None),
        (PYTHON, "wget -q web/x", 8, "", ""),
        (NGINX, "curl -s web", 0, "hello\n", ""),
        (NGINX, "curl -sL web/moved", 0, "hello\n", ""),
        (NGINX, "curl -s -o /dev/null -w '%{http_code}' web/x", 0, "404", ""),
        (NGINX, "curl -fsS web/x", 22, "", "curl: (22) The requested URL returned error: 404\n"),
        (NGINX, "curl nope", 6, "", "curl: (6) Could not resolve host: nope\n"),
        (
            NGINX,
            "curl web:81",
            7,
            "",
            "curl: (7) Failed to connect to web port 81 after 0 ms: Couldn't connect to server\n",
        ),
        (NGINX, "curl -m 2 web:82", 28, "", "curl: (28) Connection timed out after 2001 milliseconds\n"),
        (
            NGINX,
            "curl web:82",
            28,
            "",
            "curl: (28) Failed to connect to web port 82 after 130400 ms: Couldn't connect to server\n",
        ),
        (NGINX, "curl web:6379", 52, "", "curl: (52) Empty reply from server\n"),
        (BUSYBOX, "nc -zv web 80", 0, "", "web (10.96.0.80:80) open\n"),
        (BUSYBOX, "nc -zv web 81", 1, "", "nc: web (10.96.0.80:81): Connection refused\n"),
        (BUSYBOX, "nc -zv -w 1 web 82", 1, "", "nc: web (10.96.0.80:82): Connection timed out\n"),
        (BUSYBOX, "nc -zv nope 80", 1, "", "nc: bad address 'nope'\n"),
        (SHOOT, "nc -zv web 80", 0, "", "Connection to web (10.96.0.80) 80 port [tcp/http] succeeded!\n"),
        (
            SHOOT,
            "nc -zv web 81",
            1,
            "",
            "nc: connect to web (10.96.0.80) port 81 (tcp) failed: Connection refused\n",
        ),
        (
            SHOOT,
            "nc -zv -w1 web 82",
            1,
            "",
            "nc: connect to web (10.96.0.80) port 82 (tcp) timed out: Operation now in progress\n",
        ),
        (BUSYBOX, "printf 'GET / HTTP/1.0\\n\\n' | nc web 80 | tail -n 1", 0, "hello\n", ""),
        (NGINX, "getent hosts web", 0, "10.96.0.80      web.default.svc.cluster.local\n", ""),
        (NGINX, "getent hosts nope", 2, "", ""),
        (SHOOT, "dig +short web", 0, "", ""),
        (SHOOT, "dig +short +search web", 0, "10.96.0.80\n", ""),
        (SHOOT, "host nope", 1, "Host nope not found: 3(NXDOMAIN)\n", ""),
        (SHOOT, "nslookup nope | tail -n 2", 0, "** server can't find nope: NXDOMAIN\n\n", ""),
        (
            OLD,
            "nslookup nope",
            1,
            "Server:    10.96.0.10\nAddress 1: 10.96.0.10\n\n",
            "nslookup: can't resolve 'nope'\n",
        ),
        (OLD, "nslookup web | tail -n 2", 0, "Name:      web\nAddress 1: 10.96.0.80\n", ""),
        (SHOOT, "nslookup web 8.8.8.8", 1, ";; connection timed out; no servers could be reached\n\n", ""),
        (BUSYBOX, "ping -c 1 nope", 1, "", "ping: bad address 'nope'\n"),
        (
            BUSYBOX,
            "ping -c 1 web | grep loss",
            0,
            "1 packets transmitted, 0 packets received, 100% packet loss\n",
            "",
        ),
        (
            BUSYBOX,
            "ping -c 2 10.244.2.2 | grep loss",
            0,
            "2 packets transmitted, 2 packets received, 0% packet loss\n",
            "",
        ),
        (
            SHOOT,
            "ping -c 2 10.244.2.2 | grep loss",
            0,
            "2 packets transmitted, 2 received, 0% packet loss, time 1000ms\n",
            "",
        ),
        (BUSYBOX, "timeout 5 wget -qO- web:82", 143, "", ""),
        (
            BUSYBOX,
            "telnet web 81",
            1,
            "",
            "telnet: can't connect to remote host (10.96.0.80): Connection refused\n",
        ),
        (NGINX, "apt-get install -y wget", 100, None, "E: Unable to locate package wget\n"),
        (
            NGINX,
            "apt-get update >/dev/null && apt-get install -y wget >/dev/null; wget -qO- web",
            0,
            "hello\n",
            "",
        ),
        (ALPINE, "apk add curl >/dev/null && curl -s web", 0, "hello\n", ""),
        (BUSYBOX, "apk add curl", 127, "", "sh: apk: not found\n"),
        (BUSYBOX, "ip route | head -n 1", 0, "default via 10.244.1.1 dev eth0\n", ""),
        (BUSYBOX, "ip a show eth0 | grep -c 10.244.1.2/24", 0, "1\n", ""),
        (
            BUSYBOX,
            "for i in 1 2 3; do if wget -q -O /dev/null web; then break; fi; done; echo $i",
            0,
            "1\n",
            "",
        ),
    ],
)
def test_what_programs_say(image: str, line: str, status: int, out: str | None, err: str | None) -> None:
    _, made = container(image)
    code, stdout, stderr = run_in(made, ["sh", "-c", line], 1.0, strict=True)
    assert code == status
    assert out is None or stdout == out
    assert err is None or stderr == err


def test_nslookup_of_busybox_asks_for_each_search_domain() -> None:
    _, made = container(BUSYBOX)
    code, out, _ = run_in(made, ["nslookup", "web"], 1.0)
    assert code == 1
    assert out.startswith("Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n")
    assert "Name:\tweb.default.svc.cluster.local\nAddress: 10.96.0.80\n" in out
    assert out.count("** server can't find web.cluster.local: NXDOMAIN") == 2
    assert run_in(made, ["nslookup", "web.default.svc.cluster.local"], 1.0)[0] == 0


@pytest.mark.parametrize(
    ("image", "has", "lacks"),
    [
        (BUSYBOX, "wget nslookup nc ping", "curl dig bash getent"),
        (ALPINE, "wget nslookup nc ping getent", "curl dig bash"),
        (NGINX, "curl getent", "wget nslookup nc ping dig"),
        ("nginx:1.28-alpine", "curl wget nslookup nc ping", "bash dig"),
        ("curlimages/curl", "curl wget nslookup", "dig"),
        ("redis:7", "getent", "curl wget nc ping nslookup"),
        ("registry.k8s.io/e2e-test-images/agnhost:2.53", "curl wget dig nslookup nc", "bash"),
        ("python:3.12-slim", "getent", "curl wget"),
        (PYTHON, "curl wget", "nc ping"),
    ],
)
def test_which_image_has_which(image: str, has: str, lacks: str) -> None:
    _, made = container(image, "sleep", "3600")
    for name in has.split():
        run_in(made, [name, "--nothing"], 1.0, strict=True)
    for name in lacks.split():
        with pytest.raises(NotFound, match="executable file not found in"):
            run_in(made, [name], 1.0, strict=True)


def test_seconds_pass_in_a_session_and_ping_is_interrupted() -> None:
    loop, made = container(BUSYBOX, "sleep", "3600")
    printed: list[bytes] = []
    ended: list[object] = []
    session = ExecSession(loop, made, ["wget", "-T", "7", "web:82"], stdin=False, tty=False)
    session.listen(lambda channel, data: printed.append(data), ended.append)
    loop.advance(6.0)
    assert b"".join(printed) == b"Connecting to web (10.96.0.80:82)\n" and not ended
    loop.advance(1.5)
    assert b"download timed out" in b"".join(printed) and ended
    printed.clear()
    session = ExecSession(loop, made, ["ping", "10.244.2.2"], stdin=True, tty=True)
    session.listen(lambda channel, data: printed.append(data), ended.append)
    loop.advance(2.5)
    session.write(b"\x03")
    assert b"3 packets transmitted, 3 packets received, 0% packet loss" in b"".join(printed)
    assert len(ended) == 2


def test_tokens_are_asked_for_when_they_are_read() -> None:
    _, made = container(BUSYBOX)
    made.files["/token"] = "token of default/default"
    assert run_in(made, ["cat", "/token"], 1.0)[1].strip() == "real token of default/default"


def test_what_calls_a_program_of_the_network() -> None:
    yes = [
        "wget -q web",
        "while true; do curl web; done",
        "x=$(curl web)",
        "a && nc -z b 1",
        "timeout 3 nc -z b 1",
    ]
    no = ["echo wget", "sleep 5 # curl", "cat /tmp/wget", "curler"]
    assert all(named_in(["sh", "-c", text]) for text in yes)
    assert not any(named_in(["sh", "-c", text]) for text in no)
    assert named_in(["/bin/ping", "web"]) and not named_in(["echo", "ping"]) and not named_in([])


@pytest.mark.parametrize(
    ("image", "argv", "text"),
    [
        ("hashicorp/http-echo", ("-text=hello there",), "hello there\n"),
        ("hashicorp/http-echo", ("-listen=:80", "-text", "two"), "two\n"),
        ("gcr.io/google-samples/hello-app:1.0", (), "Hello, world!\nVersion: 1.0.0\nHostname: client\n"),
        ("traefik/whoami", (), "Hostname: client\n"),
    ],
)
def test_what_sample_servers_say(image: str, argv: tuple[str, ...], text: str) -> None:
    _, made = container(image, *argv)
    assert respond(made, "/", 1.0).text == text
