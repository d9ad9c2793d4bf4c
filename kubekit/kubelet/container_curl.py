"""curl in a container: the program of `curl`, with the container's files, names and network.

What it prints is collected and shown when the time has passed that its connections take.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from kubekit.api.streams import STDERR, STDOUT
from kubekit.kubelet import image_files
from kubekit.kubelet.curl import curl_of
from kubekit.kubelet.pod_network import CONNECTED, TIMED_OUT
from kubekit.kubelet.resolver import resolve
from kubekit.kubelet.runtime import Container
from kubekit.kubelet.steps import Out, Step, Wait
from kubekit.kubelet.web_site import Answered, Asked, Refused, Site

if TYPE_CHECKING:
    from kubekit.kubelet.shell import Shell

Run = Generator[Step, "str | None", int]


def run(shell: Shell, rest: list[str], stdin: str | None) -> Run:
    """`curl [OPTIONS] URL...`."""
    web = PodWeb(shell.container, shell.clock())
    call = Call(shell.container, shell.clock(), rest, (stdin or "").encode(errors="surrogateescape"))
    code = curl_of(web)(call)
    if web.seconds:
        yield Wait(web.seconds)
    for channel, text in call.written:
        yield Out(channel, text)
    return code


class Call:
    """A `curl_options.Run`: what is written, in order."""

    def __init__(self, container: Container, now: float, args: list[str], stdin: bytes) -> None:
        self.args = args
        self.stdin = stdin
        self.here = ContainerFiles(container, now)
        self.written: list[tuple[int, str]] = []

    def out(self, text: str | bytes, end: str = "\n") -> None:
        """Write to standard output."""
        shown = text.decode(errors="surrogateescape") if isinstance(text, bytes) else text
        if shown + end:
            self.written.append((STDOUT, shown + end))

    def err(self, text: str) -> None:
        """Write a line to standard error."""
        self.written.append((STDERR, f"{text}\n"))


class ContainerFiles:
    """The files of a container, as bytes."""

    def __init__(self, container: Container, now: float) -> None:
        self._container = container
        self._now = now

    def read(self, path: str) -> bytes:
        """The content of a file; raises OSError."""
        text = image_files.read(self._container, path, self._now)
        if text is None:
            raise FileNotFoundError(path)
        return text.encode(errors="surrogateescape")

    def write(self, path: str, data: bytes) -> None:
        """Make or replace a file; raises OSError."""
        image_files.write(self._container, path, data.decode(errors="surrogateescape"))


class PodWeb:
    """The `Web` of one container; `seconds` is what connecting has cost."""

    def __init__(self, container: Container, now: float) -> None:
        self._container = container
        self._now = now
        self._addresses: dict[str, str] = {}
        self.seconds = 0.0

    def knows(self, host: str) -> bool:
        """Whether the name resolves."""
        return bool(self.address(host))

    def address(self, host: str) -> str:
        """The first address of a name, "" when there is none."""
        if host not in self._addresses:
            found = resolve(self._container, host, self._now)
            self.seconds += found.seconds
            self._addresses[host] = found.addresses[0] if found.addresses else ""
        return self._addresses[host]

    def site(self, host: str, port: int, patience: float | None = None) -> Site | None:
        """What listens there; raises Refused when time runs out."""
        network = self._container.pod.network
        assert network is not None
        reached = network.connect(self._container.pod, self.address(host), port, "tcp", f"{host}:{port}")
        took = reached.seconds(patience)
        self.seconds += took
        if reached.status == CONNECTED:
            return reached.site if reached.site is not None else Mute()
        ms = int(took * 1000)
        if patience is not None and took >= patience:
            raise Refused(28, f"Connection timed out after {ms + 1} milliseconds")
        failed = f"Failed to connect to {host} port {port} after {ms} ms: Couldn't connect to server"
        raise Refused(28 if reached.status == TIMED_OUT else 7, failed)

    @staticmethod
    def certificates(pem: bytes) -> list[object]:
        """The certificates of a file, as they stand in it."""
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        parts = pem.decode(errors="replace").split(begin)[1:]
        return [f"{begin}{part.partition(end)[0]}{end}" for part in parts]

    @staticmethod
    def belongs(key: bytes, certificate: object) -> bool:
        """Keys are not looked at here."""
        return b"PRIVATE KEY" in key


class Mute:
    """A server that takes connections and speaks no HTTP."""

    secure = False

    def handshake(self, roots: list[object] | None, certificate: object, host: str) -> Refused | None:
        """Never asked: it is not secure."""
        return None

    def answer(self, asked: Asked) -> Answered:
        """It hangs up."""
        raise Refused(52, "Empty reply from server")
