"""Port-forwarding: a client's connections to the ports of a pod, as the runtime opens them in its network.

A port on which nothing listens is refused with containerd's text; when the pod's sandbox goes, every
connection and the forwarding itself are lost. Web servers answer HTTP; other servers take bytes and say
nothing.
Source: `portForward` in containerd (internal/cri/server/sandbox_portforward_linux.go).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from kubekit.kubelet import answers
from kubekit.kubelet.http_server import HttpConversation, speaks_http
from kubekit.kubelet.runtime import READY, Container, PodBox
from kubekit.sim import Loop

CLIENT = "127.0.0.1"
"""Whom the server sees: the runtime connects inside the pod."""


class PodPorts:
    """A `streams.Forwarder` over one pod."""

    def __init__(self, loop: Loop, box: PodBox) -> None:
        self._loop = loop
        self._box = box
        self._open: set[PodConnection] = set()
        self._lost: list[Callable[[], object]] = []
        box.watchers.append(self._sandbox_stopped)

    def connect(self, port: int) -> PodConnection:
        """A connection to a port; raises OSError with the words for the client."""
        sandbox = next((one for one in self._box.sandboxes if one.state == READY), None)
        for container in self._box.containers:
            if sandbox is not None and answers.listens(container, port):
                connection = PodConnection(self._loop, container, self._open)
                self._open.add(connection)
                return connection
        id = self._box.sandboxes[0].id if self._box.sandboxes else ""
        digest = hashlib.sha256(id.encode()).hexdigest()
        place = "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))
        raise OSError(
            f"error forwarding port {port} to pod {id}, uid : failed to execute portforward in network "
            f'namespace "/var/run/netns/cni-{place}": failed to connect to localhost:{port} inside namespace '
            f'"{id}", IPv4: dial tcp4 127.0.0.1:{port}: connect: connection refused IPv6 dial tcp6 '
            f"[::1]:{port}: connect: connection refused "
        )

    def on_lost(self, callback: Callable[[], object]) -> None:
        """Call back when the pod is gone."""
        self._lost.append(callback)

    def hang_up(self) -> None:
        """The client is gone."""
        if self._sandbox_stopped in self._box.watchers:
            self._box.watchers.remove(self._sandbox_stopped)
        for connection in list(self._open):
            connection.close()

    def _sandbox_stopped(self) -> None:
        self.hang_up()
        lost, self._lost = self._lost, []
        for callback in lost:
            callback()


class PodConnection:
    """A `streams.PortConnection` to one container's server."""

    def __init__(self, loop: Loop, container: Container, among: set[PodConnection]) -> None:
        self._loop = loop
        self._container = container
        self._among = among
        self._http = HttpConversation(container, CLIENT) if speaks_http(container) else None
        self._data: Callable[[bytes], object] = lambda data: None
        self._closed: Callable[[], object] = lambda: None
        container.watchers.append(self._container_changed)

    def listen(self, data: Callable[[bytes], object], closed: Callable[[], object]) -> None:
        """Receive what the server sends."""
        self._data, self._closed = data, closed

    def send(self, data: bytes) -> None:
        """Bytes for the server, which answers at once."""
        if self not in self._among or self._http is None:
            return
        answer = self._http.receive(data, self._loop.clock.now())
        if answer:
            self._data(answer)
        if self._http.closed:
            self.close()

    def close(self) -> None:
        """Either side has had enough."""
        if self in self._among:
            self._among.discard(self)
            if self._container_changed in self._container.watchers:
                self._container.watchers.remove(self._container_changed)
            self._closed()

    def _container_changed(self, line: str | None) -> None:
        if line is None:
            self.close()
