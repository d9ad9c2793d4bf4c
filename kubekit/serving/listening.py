"""Listening sockets of the doors: on loopback, at the port that is asked for, or at a free one.

Source: the ports are those of a real control-plane node.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

HOST = "127.0.0.1"


class PortInUse(OSError):
    """The port that was asked for is taken; the text names it."""


def listen(usual: int, port: int | None, announce: Callable[[str], None]) -> socket.socket:
    """A listening socket at `port`; at None the usual one is tried, and else a free one taken, saying so.

    Raises PortInUse for a given port that is taken.
    """
    try:
        return bind(usual if port is None else port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        if port is not None:
            raise PortInUse(error.errno, f"port {port} on {HOST} is in use") from error
    free = bind(0)
    announce(f"Port {usual} is in use; this cluster takes port {free.getsockname()[1]}.")
    return free


def bind(port: int, backlog: int | None = 128) -> socket.socket:
    """A socket at a port of loopback (0: a free one), listening unless `backlog` is None. Raises OSError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        if backlog is not None:
            listener.listen(backlog)
    except OSError:
        listener.close()
        raise
    return listener
