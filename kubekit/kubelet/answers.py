"""What a simulated server answers: on which ports it listens, and what it says to an HTTP request.

An image's own program listens on the ports of its container's spec and on those its image is known for; a
container that runs a script listens nowhere. Probes ask here, and so may everything that delivers a request
to a pod (`respond`). Answers depend on the container alone; nothing here walks a network.
"""

from __future__ import annotations

from typing import NamedTuple

from kubekit.api.meta import Obj
from kubekit.kubelet.runtime import Container, Runtime
from kubekit.sim import rfc3339

KNOWN_PORTS = {
    "nginx": (80,),
    "httpd": (80,),
    "redis": (6379,),
    "postgres": (5432,),
    "mysql": (3306,),
    "mariadb": (3306,),
    "mongo": (27017,),
    "echoserver": (8080,),
    "agnhost": (8080,),
    "hello-app": (8080,),
    "http-echo": (5678,),
    "whoami": (80,),
    "nginx-unprivileged": (8080,),
}

WEB_ROOTS = {
    "nginx": "/usr/share/nginx/html",
    "nginx-unprivileged": "/usr/share/nginx/html",
    "httpd": "/usr/local/apache2/htdocs",
}

PAGES = {
    "nginx": "<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n"
    "<body>\n<h1>Welcome to nginx!</h1>\n</body>\n</html>\n",
    "httpd": "<html><body><h1>It works!</h1></body></html>\n",
}


class Answer(NamedTuple):
    """An HTTP answer: status code and text."""

    status: int
    text: str


def program_of(image: str) -> str:
    """The last word of an image's name: ``docker.io/library/nginx:1.28`` is ``nginx``."""
    return image.split("@")[0].rsplit("/", 1)[-1].split(":")[0]


def ports_of(spec: Obj, image: str) -> tuple[tuple[str, int], ...]:
    """The (protocol, port) pairs on which a container of this spec listens while it serves."""
    ports = {
        (str(p.get("protocol", "TCP")).lower(), int(p["containerPort"])): 1 for p in spec.get("ports") or ()
    }
    ports |= {("tcp", number): 1 for number in KNOWN_PORTS.get(program_of(image), ())}
    return tuple(ports)


def listens(container: Container, port: int, protocol: str = "tcp") -> bool:
    """Whether something accepts connections on that port of the container now."""
    if not container.running:
        return False
    place = (protocol, port)
    return (container.program.is_server and place in container.ports) or place in container.opened


def host_network_listens(runtime: Runtime, protocol: str, port: int) -> bool:
    """Whether a container in the node's own network listens on a port of the node."""
    return any(
        listens(container, port, protocol)
        for box in runtime.pods.values()
        if box.sandboxes and box.sandboxes[0].host_network
        for container in box.containers
    )


def respond(container: Container, path: str, now: float, client: str = "") -> Answer:
    """What the container's server says to ``GET path``; the request shows up in its log."""
    program = program_of(container.image)
    answer = _answer(container, program, path.split("?")[0] or "/", now)
    if client:
        stamp = rfc3339(now)
        container.write_log(now, f'{client} - - [{stamp}] "GET {path} HTTP/1.1" {answer.status}')
    return answer


def stable_until(container: Container) -> float | None:
    """The time at which an answer may change by itself, or None."""
    if _is_liveness_sample(container):
        return container.status.started_at + 10.0
    return None


def _answer(container: Container, program: str, path: str, now: float) -> Answer:
    root = WEB_ROOTS.get(program)
    if root is not None:
        text = container.file(root + ("/index.html" if path == "/" else path), now)
        if text is not None:
            return Answer(200, text)
        if path in ("/", "/index.html"):
            return Answer(200, PAGES[program.removesuffix("-unprivileged")])
        return Answer(404, "404 Not Found\n")
    if _is_liveness_sample(container) and path == "/healthz":
        return Answer(200, "ok") if container.age(now) <= 10.0 else Answer(500, "error: 10 seconds are over")
    host = container.pod.hostname
    if program == "http-echo":
        return Answer(200, f"{_echoed(container.argv)}\n")
    if program == "hello-app":
        return Answer(200, f"Hello, world!\nVersion: 1.0.0\nHostname: {host}\n")
    return Answer(200, f"Hostname: {host}\n" if program == "whoami" else f"{host}\n")


def _echoed(argv: tuple[str, ...]) -> str:
    """What http-echo was told to say: ``-text=hello`` or ``-text hello``."""
    for at, word in enumerate(argv):
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name == "text":
            return value if equals else "".join(argv[at + 1 : at + 2])
    return "hello-world"


def _is_liveness_sample(container: Container) -> bool:
    """The sample server of the documentation, which turns unhealthy after ten seconds."""
    return "liveness" in container.argv or program_of(container.image) == "liveness"
