"""Forwarding: ports of this machine behind which a pod's ports stand, while the notebook goes on.

`kubectl port-forward` stays open in a terminal; a cell ends, so the listening goes on in the background, on
loopback only, until the pod goes, the same port is forwarded anew, or `stop_all` is called. A connection is
carried to the pod's server under the engine's lock; nothing moves the cluster's time.
Source: client-go/tools/portforward.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from kubekit.api.streams import Forwarder

HOST = "127.0.0.1"
PIECE = 65536
_open: dict[int, Forwarding] = {}


class Forwarding:
    """One port of this machine. Raises OSError when it cannot be had.

    `lock()` is the engine's lock at the moment.
    """

    def __init__(
        self, local: int, remote: int, ports: Forwarder, lock: Callable[[], AbstractContextManager[Any]]
    ) -> None:
        if local in _open:
            _open[local].stop()
        self.remote = remote
        self._ports, self._lock = ports, lock
        forwarding = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                forwarding._carry(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server((HOST, local), Handler)
        self.local = int(self._server.server_address[1])
        _open[self.local] = self
        with lock():
            ports.on_lost(self._lost)
        name = f"kubekit-forward-{self.local}"
        threading.Thread(target=self._server.serve_forever, args=(0.2,), name=name, daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        def data(piece: bytes) -> None:
            with contextlib.suppress(OSError):
                client.sendall(piece)

        def closed() -> None:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

        try:
            with self._lock():
                connection = self._ports.connect(self.remote)
                connection.listen(data, closed)
        except OSError:  # nobody listens there: the client's connection ends, and so does the forwarding
            self._lost()
            return
        try:
            while piece := client.recv(PIECE):
                with self._lock():
                    connection.send(piece)
        except OSError:
            pass
        finally:
            with self._lock():
                connection.close()

    def _lost(self) -> None:
        # Not within the caller's thread: it may be the one that serves, or hold the engine's lock.
        threading.Thread(target=self.stop, daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        if _open.get(self.local) is self:
            del _open[self.local]
            self._server.shutdown()
            self._server.server_close()
            with self._lock():
                self._ports.hang_up()


def stop_all() -> None:
    """Close every port that is forwarded."""
    for one in list(_open.values()):
        one.stop()


def forwarded() -> list[int]:
    """The ports of this machine that are forwarded."""
    return sorted(_open)
