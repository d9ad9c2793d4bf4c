"""network: what the kernels and the cables of the nodes do with one packet.

This room is the part of a cluster that Kubernetes itself does not write: network interfaces, routes,
netfilter and its connection tracking. kube-proxy (`kubekit.proxy`) only writes text into a node's
netfilter; here that text is obeyed, rule by rule, and every rule's answer is kept, so that a view can
show a packet's way.

    fabric = Fabric(loop, pod_network_cidr="10.244.0.0/16")      # cables between nodes, and the outside
    host = fabric.add_host("node01", "192.168.0.11", pod_cidr="10.244.1.0/24")
    host.name, host.ip, host.addresses, host.pod_cidr, host.netfilter
    bridge = BridgeCNI(host)                                     # .1 is the bridge, pods get .2 and up
    ip = bridge.add("shop/web"); bridge.delete("shop/web")       # address and interface: given, taken
    host.attach_pod("shop/web", "10.244.1.2", listening=None)    # without a CNI: (protocol, port) -> bool
    host.detach_pod("shop/web")
    host.netfilter.restore(text); host.netfilter.save()          # real iptables-restore / iptables-save text
    run(host.netfilter, ["iptables", "-t", "nat", "-S"])         # a program, for a node's shell
    fabric.send("shop/client", "10.96.44.12", 80)                # -> Record of kind "packet"
    fabric.cut("node01", "node02"); fabric.mend("node01", "node02"); fabric.reachable("node01", "node02")

Reading order: `packet` (what travels), `address` (numbers and masks), `matches` and `targets` (what a
rule may ask and do), `rule` (one line of text), `iptables` and `restore` (chains, tables, their text),
`conntrack` (flows and their two directions), `netfilter` (one packet through the hooks), `outcomes` (all
fates with their probabilities), `host` (interfaces, routes, ports), `fabric` (cables, the outside,
`send`), `journey` (what a packet's record holds), `cni` (addresses for pods), `command` and `listing`
(the iptables program for a shell).

Left out against Linux: packets have no payload, size or fragments; ARP, MTU and TCP windows do not exist;
a connection is one packet there and one back; nftables is known only through its iptables front end;
ip6tables is the same engine over IPv6 addresses. The tables are raw, mangle, nat and filter (no security
table).
"""

from kubekit.network.cni import BridgeCNI, CniError
from kubekit.network.command import Ran, run
from kubekit.network.conntrack import Conntrack, Flow
from kubekit.network.errors import IptablesError
from kubekit.network.fabric import OUTSIDE, OUTSIDE_ADDRESS, Fabric
from kubekit.network.host import Host, Interface, Route
from kubekit.network.iptables import Chain, Table, Tables
from kubekit.network.netfilter import ChainPass, HookPass, Netfilter
from kubekit.network.outcomes import Fate, branches, outcomes, through_chains, through_kernel
from kubekit.network.packet import Packet
from kubekit.network.rule import Rule, RulePass, parse_rule

__all__ = [
    "OUTSIDE",
    "OUTSIDE_ADDRESS",
    "BridgeCNI",
    "Chain",
    "ChainPass",
    "CniError",
    "Conntrack",
    "Fabric",
    "Fate",
    "Flow",
    "HookPass",
    "Host",
    "Interface",
    "IptablesError",
    "Netfilter",
    "Packet",
    "Ran",
    "Route",
    "Rule",
    "RulePass",
    "Table",
    "Tables",
    "branches",
    "outcomes",
    "parse_rule",
    "run",
    "through_chains",
    "through_kernel",
]
