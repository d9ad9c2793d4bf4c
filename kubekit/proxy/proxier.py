"""The proxier: keeps one address family's rules in a node's netfilter, one `sync` at a time.

Events go in by `on_service`, `on_endpoint_slice` and `on_node`; `sync` writes. The first sync,
one after a failed one, one an hour and one after a change of the node's zone are full: they make sure of
the jump rules and write every chain. All others are partial: they write all top-level chains, but the
chains of changed Services only. One restore, all or nothing, is the only way rules get into the kernel.
Source: pkg/proxy/iptables/proxier.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kubekit.api.meta import Obj, labels_of
from kubekit.network import IptablesError, Netfilter
from kubekit.proxy.addresses import IPV4, IPV6
from kubekit.proxy.chains import (
    FILTER_CHAINS,
    FORWARD,
    JUMP_RULES,
    KUBELET_FIREWALL,
    KUBELET_JUMP_RULES,
    MARK_MASQ,
    NAT_CHAINS,
    NODE_PORTS,
    POSTROUTING,
    SERVICES,
    is_service_chain,
)
from kubekit.proxy.endpoints import EndpointsChangeTracker, EndpointsMap
from kubekit.proxy.local_traffic import LocalDetector, NodePortAddresses
from kubekit.proxy.nat_rules import (
    INVALID_COUNTER,
    LOCALHOST_COUNTER,
    Captured,
    Plan,
    Settings,
    capture_rules,
    chain_rules,
)
from kubekit.proxy.service_map import ServiceChangeTracker, ServicePortMap, ServicePortName
from kubekit.proxy.stale_flows import delete_stale_flows
from kubekit.proxy.topology import ZONE_LABEL, categorize

FULL_SYNC_PERIOD = 3600.0
"""Seconds after which a sync is full again (not in a large cluster)."""

LARGE_CLUSTER_ENDPOINTS = 1000
"""With more endpoints than this the rules are written without comments and swept less often."""

LAST_RULE = '"kubernetes service nodeports; NOTE: this must be the last rule in this chain"'


class ProxierConfig(NamedTuple):
    """What kube-proxy's configuration says, for one family."""

    node_name: str
    node_ip: str = ""
    family: str = IPV4
    detector: LocalDetector = LocalDetector()
    masquerade_all: bool = False
    masquerade_bit: int = 14
    localhost_node_ports: bool = True
    node_port_addresses: tuple[str, ...] = ()
    conntrack_tcp_be_liberal: bool = False
    random_fully: bool = True
    nf_acct: bool = False
    sync_period: float = 30.0


class SyncResult(NamedTuple):
    """What one sync did: the text it gave to iptables-restore, and figures for its record."""

    ok: bool
    full: bool
    text: str
    services: list[str]
    """Services ("ns/name") whose chains it wrote because something of them changed."""
    chains_written: list[str]
    chains_deleted: list[str]
    problem: str = ""
    stale_flows: int = 0


class _Written(NamedTuple):
    """What is remembered of a service port between syncs, so that a partial one need not compute it again."""

    captured: Captured
    chain_lines: int


class Proxier:
    """Services and endpoints of one family, and the sync that turns them into rules."""

    def __init__(
        self,
        netfilter: Netfilter,
        config: ProxierConfig,
        now: Callable[[], float],
        addresses: Callable[[], list[str]],
    ) -> None:
        self.netfilter = netfilter
        self.config = config
        self.now = now
        self.addresses = addresses
        """Every address of the node, without loopback."""
        family = config.family
        self.service_changes = ServiceChangeTracker(family)
        self.endpoint_changes = EndpointsChangeTracker(family, config.node_name)
        self.services = ServicePortMap()
        self.endpoints = EndpointsMap()
        self.labels: dict[str, str] = {}
        self.node_port_addresses = NodePortAddresses(family, list(config.node_port_addresses))
        self.localhost_node_ports = config.localhost_node_ports and self.node_port_addresses.holds_loopback
        self.need_full_sync = True
        self.last_full_sync = float("-inf")
        self.large_cluster = False
        self.counting = False
        self._last_sweep = float("-inf")
        self._written: dict[ServicePortName, _Written] = {}
        self.mark = f"0x{1 << config.masquerade_bit:08x}"

    # -- events

    def on_service(self, old: Obj | None, new: Obj | None) -> bool:
        """A Service came, changed or went; whether a sync is due."""
        return self.service_changes.update(old, new)

    def on_endpoint_slice(self, endpoint_slice: Obj, removed: bool = False) -> bool:
        """An EndpointSlice came, changed or went; whether a sync is due."""
        return self.endpoint_changes.update(endpoint_slice, removed)

    def on_node(self, node: Obj) -> bool:
        """The node came or changed; in another zone every choice of endpoints may be another one."""
        zone = labels_of(node).get(ZONE_LABEL)
        labels = {} if zone is None else {ZONE_LABEL: zone}
        if labels == self.labels:
            return False
        self.labels, self.need_full_sync = labels, True
        return True

    # -- the sync, from top to bottom

    def sync(self) -> SyncResult:
        """Bring the kernel's rules up to date; a failed sync makes the next one full."""
        full = self.need_full_sync or (
            self.now() - self.last_full_sync > FULL_SYNC_PERIOD and not self.large_cluster
        )
        services = self.services.update_from(self.service_changes)
        update = self.endpoints.update_from(self.endpoint_changes)
        changed = services | update.services
        try:
            if full:
                self._ensure_jump_rules()
            text, written, deleted = self._rules(full, changed)
            self.netfilter.restore(text)
        except IptablesError as problem:
            self.need_full_sync = True
            return SyncResult(False, full, "", sorted(changed), [], [], problem.message)
        self.need_full_sync = False
        if full:
            self.last_full_sync = self.now()
        stale = (
            delete_stale_flows(self.netfilter.conntrack, self.services, self.endpoints) if update.udp else 0
        )
        return SyncResult(True, full, text, sorted(changed), written, deleted, "", stale)

    def _ensure_jump_rules(self) -> None:
        rules = self.netfilter.rules
        for jump in (*JUMP_RULES, *KUBELET_JUMP_RULES):
            rules.ensure_chain(jump.table, jump.calls)
            rules.ensure_rule(jump.table, jump.chain, jump.words)
        self.counting = self.config.nf_acct
        if self.counting:
            for counter in (INVALID_COUNTER, LOCALHOST_COUNTER):
                self.netfilter.nfacct.setdefault(counter, 0)

    def _settings(self) -> Settings:
        config = self.config
        return Settings(
            config.family,
            config.node_ip,
            config.masquerade_all,
            config.detector,
            self.localhost_node_ports,
            self.counting,
        )

    def _rules(self, full: bool, changed: set[str]) -> tuple[str, list[str], list[str]]:
        """The text for iptables-restore, the service chains it writes and those it deletes."""
        total = sum(len(self.endpoints.get(name, ())) for name in self.services)
        self.large_cluster = total > LARGE_CLUSTER_ENDPOINTS
        settings = self._settings()
        filter_chains, nat_chains = list(FILTER_CHAINS), list(NAT_CHAINS)
        filter_rules, nat_rules = self._first_filter_rules(filter_chains), self._first_nat_rules()
        known = self._written
        self._written = {}
        chains: list[str] = []
        active: set[str] = set()
        for name, port in self.services.items():
            entry = known.get(name)
            if entry is None or full or name.service in changed:
                endpoints = self.endpoints.get(name, [])
                plan = Plan(port, categorize(endpoints, port, self.config.node_name, self.labels))
                captured = capture_rules(settings, port, plan)
                own = chain_rules(settings, port, plan, self.large_cluster)
                entry = _Written(captured, len(own))
                filter_rules += captured.filter_rules
                nat_rules += captured.nat_rules
                nat_rules += own
                chains += captured.active_chains
            else:
                filter_rules += entry.captured.filter_rules
                nat_rules += entry.captured.nat_rules
            active.update(entry.captured.active_chains)
            self._written[name] = entry
        nat_chains += chains
        deleted = self._stale_chains(active)
        nat_chains += deleted
        nat_rules += [f"-X {chain}" for chain in deleted]
        self._last_nat_rules(nat_rules)
        self._last_filter_rules(filter_rules)
        lines = ["*filter", *(f":{chain} - [0:0]" for chain in filter_chains), *filter_rules, "COMMIT"]
        lines += ["*nat", *(f":{chain} - [0:0]" for chain in nat_chains), *nat_rules, "COMMIT", ""]
        return "\n".join(lines), chains, deleted

    def _first_nat_rules(self) -> list[str]:
        """What happens at the end of a packet's way: marked packets lose the mark and get the node's
        address.
        """
        mark = self.mark
        fully = " --random-fully" if self.config.random_fully else ""
        comment = '"kubernetes service traffic requiring SNAT"'
        return [
            f"-A {POSTROUTING} -m mark ! --mark {mark}/{mark} -j RETURN",
            f"-A {POSTROUTING} -j MARK --xor-mark {mark}",
            f"-A {POSTROUTING} -m comment --comment {comment} -j MASQUERADE{fully}",
            f"-A {MARK_MASQ} -j MARK --or-mark {mark}",
        ]

    def _first_filter_rules(self, chains: list[str]) -> list[str]:
        """Node ports on 127.0.0.1 need route_localnet, which would let neighbours reach 127.0.0.1: forbid
        it.
        """
        if self.config.family == IPV6 or not self.localhost_node_ports:
            return []
        chains.append(KUBELET_FIREWALL)
        return [
            f'-A {KUBELET_FIREWALL} -m comment --comment "block incoming localnet connections" '
            "-d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
        ]

    def _last_nat_rules(self, rules: list[str]) -> None:
        """Packets for an address of the node itself that no Service caught may be for a node port."""
        start = f"-A {SERVICES} -m comment --comment {LAST_RULE}"
        if self.node_port_addresses.match_all:
            but = ""
            if self.config.family == IPV6:
                but = " ! -d ::1/128"
            elif not self.localhost_node_ports:
                but = " ! -d 127.0.0.0/8"
            rules.append(f"{start} -m addrtype --dst-type LOCAL{but} -j {NODE_PORTS}")
            return
        loopback = "::1" if self.config.family == IPV6 else "127.0.0.1"
        for address in self.node_port_addresses.of([loopback, *self.addresses()]):
            is_loopback = address == "::1" or address.startswith("127.")
            if not is_loopback or (self.config.family == IPV4 and self.localhost_node_ports):
                rules.append(f"{start} -d {address} -j {NODE_PORTS}")

    def _last_filter_rules(self, rules: list[str]) -> None:
        """Forwarding: marked packets and known flows pass whatever the FORWARD policy says."""
        if not self.config.conntrack_tcp_be_liberal:
            count = f" -m nfacct --nfacct-name {INVALID_COUNTER}" if self.counting else ""
            rules.append(f"-A {FORWARD} -m conntrack --ctstate INVALID{count} -j DROP")
        rules.append(
            f'-A {FORWARD} -m comment --comment "kubernetes forwarding rules" '
            f"-m mark --mark {self.mark}/{self.mark} -j ACCEPT"
        )
        rules.append(
            f'-A {FORWARD} -m comment --comment "kubernetes forwarding conntrack rule" '
            "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
        )

    def _stale_chains(self, active: set[str]) -> list[str]:
        """Service chains that stand in the kernel and are not in use; a large cluster is swept less often."""
        if self.large_cluster and self.now() - self._last_sweep <= self.config.sync_period:
            return []
        self._last_sweep = self.now()
        table = self.netfilter.rules.tables.get("nat")
        if table is None:
            return []
        return sorted(name for name in table.chains if name not in active and is_service_chain(name))

    # -- for others

    def health_checks(self) -> dict[str, tuple[int, int]]:
        """ "ns/name" -> (node port for health checks, ready endpoints on this node)."""
        ports = self.services.health_check_node_ports()
        local = self.endpoints.local_ready(set(ports))
        return {service: (port, local.get(service, 0)) for service, port in ports.items()}
