"""Deleting stale UDP flows: a kernel would go on sending a client's datagrams to an endpoint that is
gone.

TCP notices a dead peer, UDP does not, and an established flow does not ask the nat rules again. So after
endpoints of a UDP Service changed, flows to its addresses (or node port) that do not lead to a serving
endpoint are deleted. A Service without any endpoint keeps its flows. Source:
pkg/proxy/conntrack/cleanup.go.
"""

from __future__ import annotations

from kubekit.network import Conntrack
from kubekit.proxy.endpoints import EndpointsMap
from kubekit.proxy.service_map import ServicePortMap


def delete_stale_flows(conntrack: Conntrack, services: ServicePortMap, endpoints: EndpointsMap) -> int:
    """Delete them; how many there were."""
    by_address: dict[tuple[str, int], set[tuple[str, int]]] = {}
    by_node_port: dict[int, set[tuple[str, int]]] = {}
    for name, port in services.items():
        if port.protocol != "UDP":
            continue
        serving = {(e.ip, e.port) for e in endpoints.get(name, ()) if e.serving}
        if not serving:
            continue
        for address in (port.cluster_ip, *port.load_balancer_ips, *port.external_ips):
            by_address[(address, port.port)] = serving
        if port.node_port:
            by_node_port[port.node_port] = serving
    stale = []
    for flow in conntrack:
        protocol, _, dst, _, dport = flow.original
        if protocol != "udp":
            continue
        answers = (flow.reply[1], flow.reply[3])
        for wanted in (by_address.get((dst, dport)), by_node_port.get(dport)):
            if wanted is not None and answers not in wanted:
                stale.append(flow)
                break
    for flow in stale:
        conntrack.delete(flow)
    return len(stale)
