"""Health checks of Services: on their health check node port kube-proxy tells whether this node has an
endpoint.

A load balancer asks every node and sends to those that say 200. Only Services of type LoadBalancer with
externalTrafficPolicy Local have such a port. `answer` gives what an HTTP GET gets; the port itself is
opened on the host, so that packets to it are accepted or refused. Source:
pkg/proxy/healthcheck/service_health.go.
"""

from __future__ import annotations

from typing import NamedTuple

from kubekit.network import Host


class HealthAnswer(NamedTuple):
    """An HTTP answer: status, headers and body."""

    status: int
    headers: dict[str, str]
    body: str


class ServiceHealth:
    """The health check ports of one node."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.services: dict[str, tuple[int, int]] = {}
        """"ns/name" -> (port, ready endpoints here)."""
        self.proxy_healthy = True

    def sync(self, services: dict[str, tuple[int, int]]) -> None:
        """Open and close ports so that these Services have theirs."""
        for service, (port, _) in self.services.items():
            if services.get(service, (0, 0))[0] != port:
                self.host.close_port("tcp", port)
        for service, (port, _) in services.items():
            if self.services.get(service, (0, 0))[0] != port:
                self.host.open_port("tcp", port, f"kube-proxy health check of {service}")
        self.services = dict(services)

    def close(self) -> None:
        """Close all ports: the process is gone."""
        self.sync({})

    def answer(self, service: str) -> HealthAnswer:
        """What a GET on the Service's port gets. Raises KeyError when it has none (connection refused)."""
        _, count = self.services[service]
        namespace, _, name = service.partition("/")
        healthy = "true" if self.proxy_healthy else "false"
        body = (
            "{\n"
            '\t"service": {\n'
            f'\t\t"namespace": "{namespace}",\n'
            f'\t\t"name": "{name}"\n'
            "\t},\n"
            f'\t"localEndpoints": {count},\n'
            f'\t"serviceProxyHealthy": {healthy}\n'
            "}"
        )
        headers = {
            "Content-Type": "application/json",
            "X-Content-Type-Options": "nosniff",
            "X-Load-Balancing-Endpoint-Weight": str(count),
        }
        return HealthAnswer(200 if count and self.proxy_healthy else 503, headers, body)
