"""What the kubelet writes for each pod: /etc/hosts and /etc/resolv.conf.

Source: `ensureHostsFile` in pkg/kubelet/kubelet_pods.go, pkg/kubelet/network/dns/dns.go.
"""

from __future__ import annotations

from kubekit.kubelet.runtime import PodBox

DOMAIN = "cluster.local"
CLUSTER_DNS = "10.96.0.10"
NODE_DNS = "192.168.0.1"
NDOTS = 5


def hosts_file(box: PodBox) -> str:
    """The pod's own names; a pod on the host's network sees its node's file, with the aliases."""
    sandbox = box.sandboxes[0] if box.sandboxes else None
    lines = ["# Kubernetes-managed hosts file.", "127.0.0.1\tlocalhost"]
    lines.append("::1\tlocalhost ip6-localhost ip6-loopback")
    if sandbox is not None and sandbox.ip:
        subdomain = box.spec.get("subdomain")
        full = f"{box.hostname}.{subdomain}.{box.namespace}.svc.{DOMAIN}\t" if subdomain else ""
        lines.append(f"{sandbox.ip}\t{full}{box.hostname}")
    aliases = box.spec.get("hostAliases") or ()
    if aliases:
        lines += ["", "# Entries added by HostAliases."]
        lines += ["\t".join([alias["ip"], *(alias.get("hostnames") or ())]) for alias in aliases]
    return "\n".join(lines) + "\n"


def resolv_conf(box: PodBox) -> str:
    """Whom the pod asks for names: by its dnsPolicy, with what its dnsConfig adds."""
    policy = box.spec.get("dnsPolicy") or "ClusterFirst"
    network = box.network
    servers: list[str] = []
    search: list[str] = []
    options: dict[str, str] = {}
    if policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not box.spec.get("hostNetwork")):
        servers = [network.nameserver if network is not None else CLUSTER_DNS]
        search = [f"{box.namespace}.svc.{DOMAIN}", f"svc.{DOMAIN}", DOMAIN]
        options = {"ndots": str(NDOTS)}
    elif policy != "None":
        servers = [network.upstream if network is not None else NODE_DNS]
    added = box.spec.get("dnsConfig") or {}
    servers = list(dict.fromkeys([*servers, *(added.get("nameservers") or ())]))
    search = list(dict.fromkeys([*search, *(added.get("searches") or ())]))
    options |= {one["name"]: one.get("value") or "" for one in added.get("options") or ()}
    lines = [f"search {' '.join(search)}"] if search else []
    lines += [f"nameserver {server}" for server in servers]
    if options:
        told = (f"{name}:{value}" if value else name for name, value in options.items())
        lines.append(f"options {' '.join(told)}")
    return "\n".join(lines) + "\n"
