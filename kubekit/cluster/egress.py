"""Egress: the API server's way to one node or pod, over the cluster's network.

The API server dials from the machine it runs on; with Konnectivity the agent at the other end of a tunnel
dials, from its own node. Either way a packet goes out: a cut cable, a missing route or a rule in a node's
netfilter stops it, and its record hangs below the request's.
Source: apiserver/pkg/server/egressselector; net.Dialer's errors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubekit.cluster.konnectivity import ProxyServer
from kubekit.network import Fabric
from kubekit.sim import Record

FAILURES = {
    "refused": "connect: connection refused",
    "unreachable": "connect: no route to host",
    "timed out": "i/o timeout",
}
"""What a dialler says of a packet that did not come through."""


class Way(NamedTuple):
    """One call that was tried: to whom, over which way, and the record of its packet."""

    to: str
    via: str
    packet: Record | None

    def figures(self) -> dict[str, Any]:
        """For the step in the request's record."""
        found: dict[str, Any] = {"direction": "control plane to node"}
        if self.packet is not None:
            found["packet"] = self.packet.id
        return found


class Egress:
    """Dials for the API server; `ways` are the calls since `begin`."""

    def __init__(self, fabric: Fabric, home: str, tunnels: ProxyServer | None = None) -> None:
        """`home` is the API server's host in the fabric; a cluster without one has no network to cross."""
        self._fabric = fabric
        self._home = home
        self._tunnels = tunnels
        self.ways: list[Way] = []

    def dial(self, address: str, port: int) -> str:
        """Connect; the address that the other side sees. Raises OSError in the dialler's words."""
        to = f"{address}:{port}"
        sender, component, via = self._home, "kube-apiserver", "dialled directly"
        if self._tunnels is not None:
            try:
                agent = self._tunnels.route()
            except OSError as error:
                self.ways.append(Way(to, str(error), None))
                raise
            sender, component, via = agent.node, agent.name, f"through the tunnel of {agent.name}"
        if sender not in self._fabric.hosts:
            self.ways.append(Way(to, via, None))
            return address
        packet = self._fabric.send(sender, address, port, component=component)
        out = packet.came_out
        failed = FAILURES.get(out["status"])
        self.ways.append(Way(to, via if failed is None else f"{via}: {out['why']}", packet))
        if failed is not None:
            raise OSError(f"dial tcp {to}: {failed}")
        seen: str = out["packet"]["after"]["src"]
        return seen.rpartition(":")[0].strip("[]")
