"""The rules of one service port: the heart of kube-proxy, as lines of iptables text.

`capture_rules` writes the lines by which the top-level chains catch a packet for the service port (or
reject or drop it when there is nobody to answer); every sync writes those. `chain_rules` writes the
service port's own chains; a partial sync writes them only for Services that changed. A packet's way
through them:

    KUBE-SERVICES -> KUBE-SVC- (cluster IP)          -> KUBE-SEP- (one endpoint: DNAT)
    KUBE-SERVICES -> KUBE-EXT- (external, LB IP)     -> KUBE-SVC- or KUBE-SVL- (local only) -> KUBE-SEP-
    KUBE-SERVICES -> KUBE-FW-  (LB with sourceRanges) -> KUBE-EXT-
    KUBE-SERVICES -> KUBE-NODEPORTS (local address)  -> KUBE-EXT-

Pure functions: settings, service port and endpoints in, lines out. Source: pkg/proxy/iptables/proxier.go.
"""

from __future__ import annotations

from typing import NamedTuple

from kubekit.proxy.addresses import IPV4, contains
from kubekit.proxy.chains import EXTERNAL_SERVICES, MARK_MASQ, NODE_PORTS, PROXY_FIREWALL, SERVICES
from kubekit.proxy.endpoints import Endpoint
from kubekit.proxy.local_traffic import LocalDetector
from kubekit.proxy.service_map import ServicePort
from kubekit.proxy.topology import Categories

LOCALHOST_COUNTER = "localhost_nps_accepted_pkts"
INVALID_COUNTER = "ct_state_invalid_dropped_pkts"
"""Kernel counters (nfacct) that kube-proxy turns into metrics where the kernel has them."""


class Settings(NamedTuple):
    """What the rules depend on beside the objects."""

    family: str
    node_ip: str
    masquerade_all: bool
    detector: LocalDetector
    localhost_node_ports: bool
    count_localhost: bool
    """Whether the kernel counts packets to node ports on 127.0.0.1."""


class Captured(NamedTuple):
    """What stands in the top-level chains for one service port, and the names of its own chains in use."""

    filter_rules: list[str]
    nat_rules: list[str]
    active_chains: list[str]
    no_local_internal: bool
    no_local_external: bool


class Plan:
    """The decisions that both halves of the rules share."""

    def __init__(self, port: ServicePort, categories: Categories) -> None:
        self.port = port
        self.categories = categories
        self.protocol = port.protocol.lower()
        self.uses_cluster_chain = bool(categories.cluster) and port.uses_cluster_endpoints
        self.uses_local_chain = bool(categories.local) and port.uses_local_endpoints
        self.internal_chain = port.local_chain if port.internal_local else port.cluster_chain
        self.has_internal = categories.any and (not port.internal_local or bool(categories.local))
        self.external_policy_chain = port.local_chain if port.external_local else port.cluster_chain
        self.has_external = categories.any and (not port.external_local or bool(categories.local))
        self.uses_external_chain = categories.any and port.externally_accessible
        self.uses_firewall = bool(categories.any and port.load_balancer_ips and port.source_ranges)

    def chains(self) -> list[str]:
        """The service port's own chains in use, in the order in which they are declared."""
        port = self.port
        wanted = [
            (self.uses_external_chain, port.external_chain),
            (self.uses_firewall, port.firewall_chain),
            (self.uses_cluster_chain, port.cluster_chain),
            (self.uses_local_chain, port.local_chain),
        ]
        return [name for used, name in wanted if used] + [e.chain for e in self.categories.reachable]

    def to(self, address: str) -> str:
        """The conditions "for this address and the service's port"."""
        return f"-m {self.protocol} -p {self.protocol} -d {address} --dport {self.port.port}"


def capture_rules(settings: Settings, port: ServicePort, plan: Plan) -> Captured:
    """The lines of the top-level chains."""
    found = Captured([], [], plan.chains(), False, False)
    internal, external = _refusals(port, plan)
    if plan.has_internal:
        _catch(
            found.nat_rules,
            SERVICES,
            f'"{port.name} cluster IP"',
            plan.to(port.cluster_ip),
            plan.internal_chain,
        )
    else:
        _catch(found.filter_rules, SERVICES, internal[1], plan.to(port.cluster_ip), internal[0])
    for address in port.external_ips:
        if plan.categories.any:
            comment = f'"{port.name} external IP"'
            _catch(found.nat_rules, SERVICES, comment, plan.to(address), port.external_chain)
        if not plan.has_external:
            _catch(found.filter_rules, EXTERNAL_SERVICES, external[1], plan.to(address), external[0])
    _capture_load_balancer(found, port, plan, external)
    if port.node_port:
        _capture_node_port(found, settings, port, plan, external)
    if port.health_check_node_port:
        to = f"-m tcp -p tcp --dport {port.health_check_node_port}"
        _catch(found.filter_rules, NODE_PORTS, f'"{port.name} health check node port"', to, "ACCEPT")
    return found._replace(
        no_local_internal=plan.categories.any and not plan.has_internal,
        no_local_external=plan.categories.any and not plan.has_external,
    )


def _catch(rules: list[str], chain: str, comment: str, conditions: str, target: str) -> None:
    rules.append(f"-A {chain} -m comment --comment {comment} {conditions} -j {target}")


def _refusals(port: ServicePort, plan: Plan) -> tuple[tuple[str, str], tuple[str, str]]:
    """Target and comment of the filter rules for internal and external traffic that nobody can answer.

    No endpoint anywhere is a REJECT, so that clients see it at once. No endpoint on this node, under a Local
    policy, is a DROP: another node may answer, and a load balancer must not take this for an error.
    """
    if not plan.categories.any:
        refusal = ("REJECT", f'"{port.name} has no endpoints"')
    else:
        refusal = ("DROP", f'"{port.name} has no local endpoints"')
    return refusal, refusal


def _capture_load_balancer(found: Captured, port: ServicePort, plan: Plan, external: tuple[str, str]) -> None:
    for address in port.load_balancer_ips:
        if plan.categories.any:
            target = port.firewall_chain if plan.uses_firewall else port.external_chain
            _catch(found.nat_rules, SERVICES, f'"{port.name} loadbalancer IP"', plan.to(address), target)
        if plan.uses_firewall:
            comment = f'"{port.name} traffic not accepted by {port.firewall_chain}"'
            _catch(found.filter_rules, PROXY_FIREWALL, comment, plan.to(address), "DROP")
    if not plan.has_external:
        for address in port.load_balancer_ips:
            _catch(found.filter_rules, EXTERNAL_SERVICES, external[1], plan.to(address), external[0])


def _capture_node_port(
    found: Captured, settings: Settings, port: ServicePort, plan: Plan, external: tuple[str, str]
) -> None:
    protocol = f"-m {plan.protocol} -p {plan.protocol}"
    if plan.categories.any:
        if settings.localhost_node_ports and settings.family == IPV4 and settings.count_localhost:
            to = f"{protocol} -d 127.0.0.0/8 --dport {port.node_port}"
            to += f" -m nfacct --nfacct-name {LOCALHOST_COUNTER}"
            _catch(found.nat_rules, NODE_PORTS, port.name, to, port.external_chain)
        to = f"{protocol} --dport {port.node_port}"
        _catch(found.nat_rules, NODE_PORTS, port.name, to, port.external_chain)
    if not plan.has_external:
        to = f"-m addrtype --dst-type LOCAL {protocol} --dport {port.node_port}"
        _catch(found.filter_rules, EXTERNAL_SERVICES, external[1], to, external[0])


def chain_rules(settings: Settings, port: ServicePort, plan: Plan, large_cluster: bool) -> list[str]:
    """The lines of the service port's own chains. In a large cluster the busiest ones go without comments."""
    rules: list[str] = []
    if plan.has_internal:
        _masquerade_internal(rules, settings, port, plan)
    if plan.uses_external_chain:
        _external_chain(rules, settings, port, plan)
    if plan.uses_firewall:
        _firewall_chain(rules, settings, port)
    if plan.uses_cluster_chain:
        _spread(rules, port, port.cluster_chain, plan.categories.cluster, large_cluster)
    if plan.uses_local_chain:
        _spread(rules, port, port.local_chain, plan.categories.local, large_cluster)
    for endpoint in plan.categories.reachable:
        _endpoint_chain(rules, port, plan.protocol, endpoint, large_cluster)
    return rules


def _masquerade_internal(rules: list[str], settings: Settings, port: ServicePort, plan: Plan) -> None:
    """Mark traffic to the cluster IP that does not come from a pod, so that the answer comes back this
    way.
    """
    start = (
        f'-A {plan.internal_chain} -m comment --comment "{port.name} cluster IP" {plan.to(port.cluster_ip)}'
    )
    if settings.masquerade_all:
        rules.append(f"{start} -j {MARK_MASQ}")
    elif settings.detector.implemented:
        rules.append(f"{start} {settings.detector.if_not_local} -j {MARK_MASQ}")


def _external_chain(rules: list[str], settings: Settings, port: ServicePort, plan: Plan) -> None:
    """KUBE-EXT-: what arrives from outside. Under policy Local the node's own traffic still goes anywhere."""
    chain, what = port.external_chain, f"{port.name} external destinations"
    if not port.external_local:
        rules.append(f'-A {chain} -m comment --comment "masquerade traffic for {what}" -j {MARK_MASQ}')
    else:
        if settings.detector.implemented:
            local = settings.detector.if_local
            rules.append(
                f'-A {chain} -m comment --comment "pod traffic for {what}" {local} -j {port.cluster_chain}'
            )
        own = "-m addrtype --src-type LOCAL"
        rules.append(
            f'-A {chain} -m comment --comment "masquerade LOCAL traffic for {what}" {own} -j {MARK_MASQ}'
        )
        rules.append(
            f'-A {chain} -m comment --comment "route LOCAL traffic for {what}" {own} -j {port.cluster_chain}'
        )
    if plan.has_external:
        rules.append(f"-A {chain} -j {plan.external_policy_chain}")


def _firewall_chain(rules: list[str], settings: Settings, port: ServicePort) -> None:
    """KUBE-FW-: only the allowed source ranges get to KUBE-EXT-; the rest is dropped in
    KUBE-PROXY-FIREWALL.
    """
    start = f'-A {port.firewall_chain} -m comment --comment "{port.name} loadbalancer IP"'
    ranges = port.source_ranges or ()
    rules += [f"{start} -s {cidr} -j {port.external_chain}" for cidr in ranges]
    if settings.node_ip and any(contains(cidr, settings.node_ip) for cidr in ranges):
        # A node that has the load balancer's address itself sends with that address as the source.
        rules += [f"{start} -s {address} -j {port.external_chain}" for address in port.load_balancer_ips]
    rules.append(
        f"-A {port.firewall_chain} -m comment "
        f'--comment "other traffic to {port.name} will be dropped by KUBE-PROXY-FIREWALL"'
    )


def probability(endpoints: int) -> str:
    """1/n as it is written into a rule.

    >>> probability(3)
    '0.3333333333'
    """
    return f"{1 / endpoints:.10f}"


def _spread(
    rules: list[str], port: ServicePort, chain: str, endpoints: list[Endpoint], large_cluster: bool
) -> None:
    """KUBE-SVC- and KUBE-SVL-: known clients first, then 1/n, 1/(n-1), ..., and the last one takes the
    rest.
    """
    starts = [
        f"-A {chain}"
        if large_cluster
        else f'-A {chain} -m comment --comment "{port.name} -> {endpoint.text}"'
        for endpoint in endpoints
    ]
    if port.affinity == "ClientIP":
        for start, endpoint in zip(starts, endpoints):
            rules.append(
                f"{start} -m recent --name {endpoint.chain} --rcheck --seconds {port.sticky_seconds} --reap "
                f"-j {endpoint.chain}"
            )
    left = len(endpoints)
    for start, endpoint in zip(starts, endpoints):
        chance = f" -m statistic --mode random --probability {probability(left)}" if left > 1 else ""
        rules.append(f"{start}{chance} -j {endpoint.chain}")
        left -= 1


def _endpoint_chain(
    rules: list[str], port: ServicePort, protocol: str, endpoint: Endpoint, large_cluster: bool
) -> None:
    """KUBE-SEP-: masquerade a pod that reaches itself, remember a sticky client, then DNAT."""
    start = f"-A {endpoint.chain}"
    if not large_cluster:
        start += f" -m comment --comment {port.name}"
    rules.append(f"{start} -s {endpoint.ip} -j {MARK_MASQ}")
    sticky = f" -m recent --name {endpoint.chain} --set" if port.affinity == "ClientIP" else ""
    rules.append(f"{start}{sticky} -m {protocol} -p {protocol} -j DNAT --to-destination {endpoint.text}")
