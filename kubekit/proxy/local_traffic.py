"""Who counts as one of our own pods, and which of the node's addresses have node ports.

`LocalDetector` gives the words of an iptables rule for "from a pod" and "not from a pod": by source
address or by interface, whichever the configuration says. `NodePortAddresses` selects node addresses by
ranges. Source: pkg/proxy/util/localdetector.go, nodeport_addresses.go.
"""

from __future__ import annotations

from typing import NamedTuple

from kubekit.proxy.addresses import IPV4, contains, family_of, parse_cidr


class LocalDetector(NamedTuple):
    """Words of a rule that match traffic of pods; empty when no way to tell is configured."""

    if_local: str = ""
    if_not_local: str = ""

    @classmethod
    def configured(
        cls, mode: str, *, cluster_cidr: str = "", node_cidr: str = "", bridge: str = "", prefix: str = ""
    ) -> LocalDetector:
        """From kube-proxy's `detectLocalMode` and its setting; "" (or an empty setting) detects nothing."""
        words = {
            "ClusterCIDR": f"-s {cluster_cidr}" if cluster_cidr else "",
            "NodeCIDR": f"-s {node_cidr}" if node_cidr else "",
            "BridgeInterface": f"-i {bridge}" if bridge else "",
            "InterfaceNamePrefix": f"-i {prefix}+" if prefix else "",
        }.get(mode, "")
        return cls(words, f"! {words}") if words else cls()

    @property
    def implemented(self) -> bool:
        """Whether it can tell at all."""
        return bool(self.if_local)


class NodePortAddresses:
    """The ranges given as `nodePortAddresses`, for one family; none given means all addresses."""

    def __init__(self, family: str, cidrs: list[str]) -> None:
        self.cidrs = [parse_cidr(cidr) for cidr in cidrs if parse_cidr(cidr) and family_of(cidr) == family]
        self.match_all = not self.cidrs or any(cidr.endswith("/0") for cidr in self.cidrs)
        self.holds_loopback = family == IPV4 and (
            self.match_all
            or any(contains(cidr, "127.0.0.0") or cidr.startswith("127.") for cidr in self.cidrs)
        )

    def of(self, addresses: list[str]) -> list[str]:
        """Those of the node's addresses (loopback included) that have node ports, each once."""
        found = [a for cidr in self.cidrs for a in addresses if contains(cidr, a)]
        return list(dict.fromkeys(found))
