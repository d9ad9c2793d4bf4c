"""proxy: kube-proxy in iptables mode. It turns Services and EndpointSlices into rules, and carries no
packet.

    proxy = Proxy(loop, client, "node01", node_ip="192.168.0.11", host=host, pod_network_cidr="10.244.0.0/16")
    proxy.start(); proxy.crash()          # the rules stay in the kernel: old Services go on
    proxy.proxier.sync()                  # one sync by hand; it is otherwise called by the runner
    proxy.health.answer("shop/web")       # what a load balancer's health check is told

Every sync emits a record of kind "sync": full or partial, why, the chains written and deleted, the text.

Reading order: `service_map` (a Service becomes service ports, and changes are collected), `endpoints`
(slices become endpoints), `topology` (which endpoints this node may use), `local_traffic` (who is a pod
of ours, which addresses have node ports), `chains` (names), `nat_rules` (the rules of one service port:
the heart), `proxier` (one sync from top to bottom), `health` (node port for health checks), `stale_flows`
(UDP), `runner` (how often), `proxy` (the component: informers, runner, the canary that notices a flush).

Left out against the original: the ipvs, nftables and winkernel modes, metrics, conntrack tuning besides
the timeouts, and the flags that only steer those. A node with an IPv6 address runs a second proxier for
it, as the original's dual-stack proxier does.
"""

from kubekit.proxy.health import HealthAnswer, ServiceHealth
from kubekit.proxy.proxier import Proxier, ProxierConfig, SyncResult
from kubekit.proxy.proxy import Proxy

__all__ = ["HealthAnswer", "Proxier", "ProxierConfig", "Proxy", "ServiceHealth", "SyncResult"]
