"""The names of kube-proxy's chains, and how the built-in chains come to call them.

A chain of a service port is named after a hash of "namespace/name:port" and the protocol, because the
kernel allows 28 characters. Everything here is fact, seen by anyone who types `iptables-save` on a node;
never rename. Source: pkg/proxy/iptables/proxier.go.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import NamedTuple

SERVICES = "KUBE-SERVICES"
EXTERNAL_SERVICES = "KUBE-EXTERNAL-SERVICES"
NODE_PORTS = "KUBE-NODEPORTS"
POSTROUTING = "KUBE-POSTROUTING"
MARK_MASQ = "KUBE-MARK-MASQ"
FORWARD = "KUBE-FORWARD"
PROXY_FIREWALL = "KUBE-PROXY-FIREWALL"
CANARY = "KUBE-PROXY-CANARY"
KUBELET_FIREWALL = "KUBE-FIREWALL"

FILTER_CHAINS = (SERVICES, EXTERNAL_SERVICES, FORWARD, NODE_PORTS, PROXY_FIREWALL)
NAT_CHAINS = (SERVICES, NODE_PORTS, POSTROUTING, MARK_MASQ)
"""The chains every sync writes, in the order in which it declares them."""

SERVICE_PREFIXES = ("KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-", "KUBE-FW-", "KUBE-EXT-")


class JumpRule(NamedTuple):
    """A rule by which a built-in chain calls one of ours; each is put first, so the last one listed ends
    up first.
    """

    table: str
    chain: str
    calls: str
    comment: str
    conditions: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """The rule's words as they are given to `iptables`."""
        comment = ["-m", "comment", "--comment", self.comment] if self.comment else []
        return [*self.conditions, *comment, "-j", self.calls]


_NEW = ("-m", "conntrack", "--ctstate", "NEW")
_EXTERNAL = "kubernetes externally-visible service portals"
_FIREWALL = "kubernetes load balancer firewall"

JUMP_RULES = (
    JumpRule("filter", "INPUT", EXTERNAL_SERVICES, _EXTERNAL, _NEW),
    JumpRule("filter", "FORWARD", EXTERNAL_SERVICES, _EXTERNAL, _NEW),
    JumpRule("filter", "INPUT", NODE_PORTS, "kubernetes health check service ports"),
    JumpRule("filter", "FORWARD", SERVICES, "kubernetes service portals", _NEW),
    JumpRule("filter", "OUTPUT", SERVICES, "kubernetes service portals", _NEW),
    JumpRule("filter", "FORWARD", FORWARD, "kubernetes forwarding rules"),
    JumpRule("filter", "INPUT", PROXY_FIREWALL, _FIREWALL, _NEW),
    JumpRule("filter", "OUTPUT", PROXY_FIREWALL, _FIREWALL, _NEW),
    JumpRule("filter", "FORWARD", PROXY_FIREWALL, _FIREWALL, _NEW),
    JumpRule("nat", "OUTPUT", SERVICES, "kubernetes service portals"),
    JumpRule("nat", "PREROUTING", SERVICES, "kubernetes service portals"),
    JumpRule("nat", "POSTROUTING", POSTROUTING, "kubernetes postrouting rules"),
)
"""kube-proxy's own jump rules, in the order in which each full sync makes sure of them."""

KUBELET_JUMP_RULES = (
    JumpRule("filter", "INPUT", KUBELET_FIREWALL, ""),
    JumpRule("filter", "OUTPUT", KUBELET_FIREWALL, ""),
)
"""Twins of rules the kubelet makes; never removed by kube-proxy."""


def _hash(*parts: str) -> str:
    digest = hashlib.sha256("".join(parts).encode()).digest()
    return base64.b32encode(digest).decode()[:16]


@lru_cache(maxsize=1 << 15)
def service_chains(service_port: str, protocol: str) -> tuple[str, str, str, str]:
    """The SVC, SVL, FW and EXT chains of a service port ("ns/name:port", protocol in lower case)."""
    name = _hash(service_port, protocol)
    return f"KUBE-SVC-{name}", f"KUBE-SVL-{name}", f"KUBE-FW-{name}", f"KUBE-EXT-{name}"


@lru_cache(maxsize=1 << 17)
def endpoint_chain(service_port: str, protocol: str, endpoint: str) -> str:
    """The SEP chain of one endpoint ("address:port") of a service port."""
    return f"KUBE-SEP-{_hash(service_port, protocol, endpoint)}"


def is_service_chain(name: str) -> bool:
    """Whether a chain belongs to a service port, so that it may be deleted when it is out of use."""
    return name.startswith(SERVICE_PREFIXES)
