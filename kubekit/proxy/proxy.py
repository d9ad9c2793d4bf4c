"""The component kube-proxy/<node>: informers in, rules out, at a bounded rate.

It is started once a node. Nothing is written before the first lists of Services and EndpointSlices have
arrived, so that a restart never empties the rules. `stop` and `crash` leave the rules where they are:
what worked goes on working, and what changes is not followed. Each sync emits a record; the text of the
last one is in `last_sync`. Source: cmd/kube-proxy/app/server.go, pkg/proxy/config.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.meta import Obj, labels_of
from kubekit.client import Client, InformerFactory
from kubekit.network import Host
from kubekit.proxy.addresses import IPV4, IPV6, family_of
from kubekit.proxy.canary import Canary
from kubekit.proxy.health import ServiceHealth
from kubekit.proxy.local_traffic import LocalDetector
from kubekit.proxy.proxier import FULL_SYNC_PERIOD, Proxier, ProxierConfig, SyncResult
from kubekit.proxy.runner import BoundedFrequencyRunner
from kubekit.proxy.topology import ZONE_LABEL
from kubekit.sim import Component, Loop, Step

NOT_FOR_US = "!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name"
"""Objects with these labels are another proxy's, or nobody's."""

HEALTHZ_PORT = 10256
ESTABLISHED_TIMEOUT = 86400
"""kube-proxy shortens the kernel's 5 days for idle TCP flows to one day (conntrack.tcpEstablishedTimeout)."""


class _Family:
    """One address family's proxier with its runner and its canary."""

    def __init__(self, proxy: Proxy, family: str) -> None:
        self.proxy = proxy
        self.family = family
        host = proxy.host
        self.netfilter = host.netfilter if family == IPV4 else host.netfilter6
        self.proxier = Proxier(
            self.netfilter, proxy.config_for(family), proxy.loop.clock.now, lambda: list(host.addresses)
        )
        self.why = "it has just started"
        self.runner = BoundedFrequencyRunner(
            proxy.loop,
            proxy.name,
            lambda: proxy.sync(self),
            min_interval=proxy.min_sync_period,
            retry_interval=proxy.sync_period,
            max_interval=FULL_SYNC_PERIOD,
        )
        self.canary = Canary(proxy.loop, proxy.name, self.netfilter.rules, self.reload, proxy.sync_period)

    def reload(self) -> None:
        """The rules were flushed: write everything again, now."""
        self.proxier.need_full_sync = True
        self.why = "the node's rules were flushed"
        self.proxy.sync(self)


class Proxy(Component):
    """kube-proxy of one node.

    `host`: the node in the fabric; `pod_network_cidr`: the cluster's pod range (two, with a comma, for a
    dual-stack node); `mode`: "iptables" is the only one there is. Raises ValueError for another mode.
    """

    def __init__(
        self,
        loop: Loop,
        client: Client,
        node_name: str,
        *,
        node_ip: str,
        host: Host,
        pod_network_cidr: str = "",
        mode: str = "iptables",
        min_sync_period: float = 1.0,
        sync_period: float = 30.0,
        detect_local_mode: str = "ClusterCIDR",
        masquerade_all: bool = False,
        masquerade_bit: int = 14,
        localhost_node_ports: bool = True,
        node_port_addresses: tuple[str, ...] = (),
    ) -> None:
        super().__init__(loop, f"kube-proxy/{node_name}")
        if mode not in ("", "iptables"):
            raise ValueError(f"kube-proxy mode {mode!r} is not there; kubekit has iptables")
        self.client = client
        self.node_name = node_name
        self.node_ip = node_ip
        self.host = host
        self.pod_network_cidr = pod_network_cidr
        self.mode = "iptables"
        self.min_sync_period = min_sync_period
        self.sync_period = sync_period
        self.detect_local_mode = detect_local_mode
        self.masquerade_all = masquerade_all
        self.masquerade_bit = masquerade_bit
        self.localhost_node_ports = localhost_node_ports
        self.node_port_addresses = node_port_addresses
        self.health = ServiceHealth(host)
        self.last_sync: SyncResult | None = None
        self.syncs = 0
        self.families: list[_Family] = []
        self._factory: InformerFactory | None = None
        self._waiting: set[str] = set()

    @property
    def proxier(self) -> Proxier:
        """The IPv4 proxier of the running process (the IPv6 one is `families[1].proxier`)."""
        if not self.families:
            raise RuntimeError(f"{self.name} is {self.state}: it has no proxier")
        return self.families[0].proxier

    @property
    def synced(self) -> bool:
        """Whether the rules have been written since the start, and nothing waits to be."""
        return self.syncs > 0 and not any(
            family.proxier.service_changes.items or family.proxier.endpoint_changes.waiting
            for family in self.families
        )

    def config_for(self, family: str) -> ProxierConfig:
        """The configuration of one family's proxier."""
        cidrs = [cidr for cidr in self.pod_network_cidr.split(",") if cidr and family_of(cidr) == family]
        ranges = [cidr for cidr in self.host.pod_cidr.split(",") if cidr and family_of(cidr) == family]
        address = (
            self.node_ip
            if family_of(self.node_ip) == family
            else self.host.address_on("eth0", 6 if family == IPV6 else 4)
        )
        return ProxierConfig(
            node_name=self.node_name,
            node_ip=address,
            family=family,
            detector=LocalDetector.configured(
                self.detect_local_mode,
                cluster_cidr=cidrs[0] if cidrs else "",
                node_cidr=ranges[0] if ranges else "",
                bridge="cni0",
                prefix="veth",
            ),
            masquerade_all=self.masquerade_all,
            masquerade_bit=self.masquerade_bit,
            localhost_node_ports=self.localhost_node_ports and family == IPV4,
            node_port_addresses=self.node_port_addresses,
            conntrack_tcp_be_liberal=bool(self.host.sysctls["net.netfilter.nf_conntrack_tcp_be_liberal"]),
            sync_period=self.sync_period,
        )

    # -- life

    def on_start(self) -> None:
        families = [IPV4, *([IPV6] if any(":" in address for address in self.host.addresses) else [])]
        self.syncs = 0
        self.families = [_Family(self, family) for family in families]
        for family in self.families:
            family.netfilter.conntrack.timeouts["ESTABLISHED"] = ESTABLISHED_TIMEOUT
            family.canary.start()
            family.runner.start()
        if self.proxier.localhost_node_ports:
            self.host.sysctls["net.ipv4.conf.all.route_localnet"] = 1
        self.host.open_port("tcp", HEALTHZ_PORT, "kube-proxy")
        self._factory = InformerFactory(self.client, self.loop, self.name)
        services = self._factory.informer("services", label_selector=NOT_FOR_US)
        slices = self._factory.informer("endpointslices", label_selector=NOT_FOR_US)
        nodes = self._factory.informer("nodes", field_selector=f"metadata.name={self.node_name}")
        self._waiting = {"services", "endpointslices"}
        services.add_handler(
            on_add=lambda new: self._on_service(None, new),
            on_update=self._on_service,
            on_delete=lambda old: self._on_service(old, None),
        )
        slices.add_handler(
            on_add=self._on_slice,
            on_update=lambda old, new: self._on_slice(new),
            on_delete=lambda old: self._on_slice(old, removed=True),
        )
        nodes.add_handler(on_add=self._on_node, on_update=lambda old, new: self._on_node(new))
        services.when_synced(lambda: self._arrived("services"))
        slices.when_synced(lambda: self._arrived("endpointslices"))
        self._factory.start()

    def on_stop(self) -> None:
        for family in self.families:
            family.canary.stop()
            family.runner.stop()
        self.families = []
        self.health.close()
        self.host.close_port("tcp", HEALTHZ_PORT)
        if self._factory is not None:
            self._factory.stop()
            self._factory = None

    def on_crash(self) -> None:
        self.on_stop()

    # -- events

    def _on_service(self, old: Obj | None, new: Obj | None) -> None:
        for family in self.families:
            if family.proxier.on_service(old, new):
                self._due(family)

    def _on_slice(self, endpoint_slice: Obj, removed: bool = False) -> None:
        for family in self.families:
            if family.proxier.on_endpoint_slice(endpoint_slice, removed):
                self._due(family)

    def _on_node(self, node: Obj) -> None:
        for family in self.families:
            if family.proxier.on_node(node):
                if self.syncs:
                    family.why = f"the node's zone is now {labels_of(node).get(ZONE_LABEL) or 'not set'}"
                self._due(family)

    def _due(self, family: _Family) -> None:
        if not self._waiting:
            family.runner.run()

    def _arrived(self, what: str) -> None:
        """The first list of a resource is here; with both, the first sync is made without waiting."""
        self._waiting.discard(what)
        if not self._waiting:
            for family in self.families:
                self.sync(family)

    # -- the sync and its record

    def sync(self, family: _Family | None = None) -> bool:
        """Write the rules of one family (all without one) now; whether that succeeded."""
        if family is None:
            done = [self.sync(each) for each in self.families]
            return all(done)
        if self._waiting:
            return True
        before = family.why
        result = family.proxier.sync()
        self.syncs += 1
        self.last_sync = result
        if result.ok:
            self.health.sync(
                family.proxier.health_checks() if family.family == IPV4 else self.health.services
            )
            family.why = "an hour has passed since the last full one"
        else:
            family.why = "the last one failed"
        self._emit(family, result, before)
        return result.ok

    def _emit(self, family: _Family, result: SyncResult, why: str) -> None:
        services, written, deleted = result.services, result.chains_written, result.chains_deleted
        subject = f"service/{services[0]}" if len(services) == 1 else f"node/{self.node_name}"
        kind = "full" if result.full else "partial"
        total = len(family.proxier.services)
        self.loop.trace.emit(
            "sync",
            self.name,
            subject,
            lambda: sentence(self.name, result, total),
            came_in=lambda: {"family": family.family, "services": services},
            steps=lambda: steps(result, why),
            came_out=lambda: {
                "ok": result.ok,
                "kind": kind,
                "chains_written": written,
                "chains_deleted": deleted,
                "service_ports": total,
                "stale_flows": result.stale_flows,
                **({"problem": result.problem} if result.problem else {}),
            },
        )


def sentence(name: str, result: SyncResult, total: int) -> str:
    """A sync in one sentence."""
    if not result.ok:
        return f"{name} cannot write its rules: {result.problem.strip()}"
    kind = "full" if result.full else "partial"
    chains, gone = len(result.chains_written), len(result.chains_deleted)
    what = (
        f"all rules of {total} service ports" if result.full else f"the rules of {list_of(result.services)}"
    )
    return (
        f"{name} writes {what}: {chains} chains" + (f", {gone} deleted" if gone else "") + f" ({kind} sync)."
    )


def list_of(names: list[str]) -> str:
    """A few names in words."""
    if not names:
        return "no Service"
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def steps(result: SyncResult, why: str) -> list[Step]:
    """What a sync decided, in order."""
    found: list[Any] = [
        Step(
            "Is this sync full or partial?",
            "note",
            f"full: {why}" if result.full else "partial: only changes",
        ),
    ]
    if result.full:
        found.append(Step("Do the built-in chains call ours?", "pass", "each jump rule is made sure of"))
    found.append(
        Step(
            "Which service chains are written?",
            "pick" if result.chains_written else "skip",
            list_of(result.services) if not result.full else "all",
            {"chains": result.chains_written},
        )
    )
    if result.chains_deleted:
        found.append(
            Step("Which chains are out of use?", "pick", "deleted", {"chains": result.chains_deleted})
        )
    found.append(
        Step("iptables-restore --noflush --counters", "pass" if result.ok else "refuse", result.problem)
    )
    if result.stale_flows:
        found.append(
            Step("Do UDP flows lead to endpoints that are gone?", "pick", f"{result.stale_flows} deleted")
        )
    return found
