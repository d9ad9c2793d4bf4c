"""Doors: what etcdctl finds behind an address - a member's client port, or nobody.

`Doors` is asked with ``host:port`` and answers with a `Door`, or None where a connection is refused. A Door
has the calls of `kubekit.etcd.Member`; `MemberDoor` makes one of a member. etcdctl knows nothing else of
etcd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from kubekit.etcd.errors import EtcdError
from kubekit.etcd.messages import Message
from kubekit.terminal.etcdctl.tls import ServerTLS

Answer = Callable[[Message | EtcdError], None]


class Door(Protocol):
    """A client port that accepts connections."""

    @property
    def tls(self) -> ServerTLS | None:
        """What it shows; None for plain text."""
        ...

    def submit(self, call: str, request: Message, token: str, done: Answer) -> None:
        """Ask; `done` is called once, maybe later."""
        ...

    def watch(self, send: Callable[[Message], None], token: str = "") -> Any:
        """A stream of watches: `.request(message)` asks, `.close()` ends it."""
        ...

    def snapshot(self, token: str = "") -> Iterator[bytes]:
        """The blobs of a snapshot. Raises EtcdError."""
        ...


Doors = Callable[[str], Door | None]


class MemberDoor:
    """The client port of one member."""

    def __init__(self, member: Any, tls: ServerTLS | None = None) -> None:
        self.member, self.tls = member, tls

    def submit(self, call: str, request: Message, token: str, done: Answer) -> None:
        """Ask the member."""
        self.member.submit(call, request, token, done)

    def watch(self, send: Callable[[Message], None], token: str = "") -> Any:
        """Watch the member."""
        return self.member.watch(send, token)

    def snapshot(self, token: str = "") -> Iterator[bytes]:
        """Only root may have everything, so the member is asked first whether this is root."""
        self.member.auth.permit_admin(self.member.auth.identify(token))
        blobs: Iterator[bytes] = self.member.snapshot()
        return blobs


def nobody(address: str) -> Door | None:
    """A world without members."""
    return None
