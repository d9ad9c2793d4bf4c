"""The network as a container's programs see it: connect to an address, ask a name server.

Nothing here knows what lies behind: whoever runs the node gives its runtime a `Network`, and a pod's programs
(`http_programs`, `name_programs`, `reach_programs`) ask that of the pod they run in. A runtime without one
has no network, and its programs say nothing.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from kubekit.kubelet.runtime import PodBox
from kubekit.kubelet.web_site import Site

CONNECTED, REFUSED, UNREACHABLE, TIMED_OUT = "connected", "refused", "unreachable", "timed out"

SYN_SECONDS = 130.4
"""How long a kernel goes on asking for a connection (tcp_syn_retries is 6)."""

UNREACHABLE_SECONDS = 3.1
"""How long it takes until a neighbour counts as gone."""


class Reached(NamedTuple):
    """What came of connecting. `site`: what answers there, None when that is no web server."""

    status: str
    site: Site | None = None
    ttl: int = 64

    def seconds(self, patience: float | None = None) -> float:
        """How long the program waits for the outcome, `patience` at most."""
        lasts = {TIMED_OUT: SYN_SECONDS, UNREACHABLE: UNREACHABLE_SECONDS}.get(self.status, 0.0)
        return lasts if patience is None else min(lasts, patience)


class Entry(NamedTuple):
    """A resource record: ``web.default.svc.cluster.local. A 10.96.12.3``; `name` has no dot at its end."""

    name: str
    kind: str
    value: str
    ttl: int = 30


class Reply(NamedTuple):
    """A name server's answer: NOERROR or NXDOMAIN; "" when nobody answers. `name` is what was found."""

    code: str
    name: str
    entries: tuple[Entry, ...] = ()
    authoritative: bool = True


class Network(Protocol):
    """What lies behind the interface of every pod of one node."""

    nameserver: str
    """The cluster's DNS."""
    upstream: str
    """The node's own name server."""

    @property
    def authority(self) -> str:
        """The certificate by which pods know the API server."""
        ...

    def connect(
        self, box: PodBox, address: str, port: int, protocol: str = "tcp", asked_for: str = ""
    ) -> Reached:
        """Try to reach an address from a pod; `asked_for` is what the program was told to ask."""
        ...

    def ask(self, box: PodBox, server: str, names: tuple[str, ...], kind: str, asked_for: str = "") -> Reply:
        """Ask a name server for these full names, one after the other until one is there."""
        ...

    def token(self, box: PodBox, account: str) -> str:
        """The token of a pod's ServiceAccount; "" while the API server gives none."""
        ...
