"""Konnectivity: how the control plane reaches the nodes when it cannot dial them.

Traffic has two directions. Nodes and pods call the API server; and the API server calls nodes, for logs,
exec, port-forward and the proxies. With Konnectivity the second goes through tunnels that the nodes have
opened themselves: an agent on each node dials the proxy server beside the API server and stays connected, and
the API server hands its calls to that server, which picks any connected agent. When none is connected the
nodes are as well as before, and only what the API server wants of them fails.
Source: kubernetes-sigs/apiserver-network-proxy, apiserver/pkg/server/egressselector.
"""

from __future__ import annotations

from kubekit.sim import Component, Loop

PORT = 8132
"""Where agents dial the proxy server."""

SOCKET = "/etc/kubernetes/konnectivity-server/konnectivity-server.socket"
"""Where the API server dials it."""

RETRY_SECONDS = 1.0
"""How long an agent waits before it dials again (--sync-interval)."""


class ProxyServer(Component):
    """The end of the tunnels at the control plane."""

    def __init__(self, loop: Loop, name: str = "konnectivity-server") -> None:
        super().__init__(loop, name)
        self.agents: list[Agent] = []
        """The agents that are connected, in the order in which they came."""
        self._rng = loop.rng.child(name)

    def route(self) -> Agent:
        """An agent that carries a call to a node; raises OSError with the API server's words."""
        if not self.running:
            raise OSError(f"dial unix {SOCKET}: connect: connection refused")
        if not self.agents:
            raise OSError("No agent available")
        return self._rng.choice(self.agents)

    def on_stop(self) -> None:
        """Every tunnel ends here."""
        agents, self.agents = self.agents, []
        for agent in agents:
            agent.lost()

    def on_crash(self) -> None:
        """The same."""
        self.on_stop()


class Agent(Component):
    """The end of a tunnel at a node; it dials, so the node needs to let nobody in."""

    def __init__(self, loop: Loop, node: str, server: ProxyServer) -> None:
        super().__init__(loop, f"konnectivity-agent/{node}")
        self.node = node
        self.server = server

    @property
    def connected(self) -> bool:
        """Whether its tunnel stands."""
        return self in self.server.agents

    def on_start(self) -> None:
        """Dial."""
        self._dial()

    def _dial(self) -> None:
        if self.server.running:
            self.server.agents.append(self)
        else:
            self.lost()

    def lost(self) -> None:
        """The server does not answer, or its end of the tunnel is gone: dial again."""
        what = f"{self.server.name}:{PORT}"
        self.loop.call_later(RETRY_SECONDS, self.name, self._dial, what=what, background=True)

    def on_stop(self) -> None:
        """The tunnel ends."""
        if self.connected:
            self.server.agents.remove(self)

    def on_crash(self) -> None:
        """The same."""
        self.on_stop()


def proxy_server(loop: Loop, wanted: bool) -> ProxyServer | None:
    """A running proxy server, or None where the API server dials the nodes itself."""
    if not wanted:
        return None
    server = ProxyServer(loop)
    server.start()
    return server
