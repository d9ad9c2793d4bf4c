"""The CNI plugin of the simulated nodes: a bridge a node, addresses from its pod range, routes between
nodes.

It is what a kubelet's runtime calls with ADD and DEL. The first address of the range is the bridge's,
pods get the following ones; a freed address is not given again before the range has been gone through
once, as the host-local allocator does. Routes need nothing here: every host knows the others' ranges
(host-gw). Source: containernetworking plugins, main/bridge and ipam/host-local.
"""

from __future__ import annotations

from kubekit.network.address import network, text
from kubekit.network.host import Host, Listening


class CniError(Exception):
    """What the plugin says when it cannot set a pod up; a kubelet puts it into FailedCreatePodSandBox."""


class BridgeCNI:
    """Addresses for the pods of one host.

    When the fabric knows the cluster's pod range, packets of pods to the world outside get the node's
    address, by the rules that flannel writes; without them their answers would not find back.
    """

    def __init__(self, host: Host, name: str = "cbr0") -> None:
        self.host = host
        self.name = name
        self.given: dict[str, str] = {}
        """Pod ("ns/name") -> address."""
        self._last = 0
        self._masquerading = ""

    def add(self, pod: str, listening: Listening | None = None) -> str:
        """ADD: give the pod an address and plug it in; the same pod keeps its address. Raises CniError."""
        if pod in self.given:
            self.host.attach_pod(pod, self.given[pod], listening)
            return self.given[pod]
        if not self.host.pod_cidr:
            raise CniError(
                f'plugin type="bridge" failed (add): no pod CIDR assigned to node "{self.host.name}"'
            )
        self._masquerade()
        address = self._next()
        self.given[pod] = address
        self.host.attach_pod(pod, address, listening)
        return address

    def delete(self, pod: str) -> None:
        """DEL: unplug the pod and free its address; deleting twice is no error."""
        self.given.pop(pod, None)
        self.host.detach_pod(pod)

    def _masquerade(self) -> None:
        """Write flannel's rules once the node has its range: in the cluster as is, outside as the node."""
        near, all_ = self.host.pod_cidr.split(",")[0], self.host.fabric.pod_network_cidr.split(",")[0]
        if not all_ or ":" in all_ or self._masquerading == near:
            return
        self._masquerading = near
        rules = self.host.netfilter.rules
        note = '-m comment --comment "flanneld masq"'
        chain = "-A FLANNEL-POSTRTG"
        self.host.netfilter.restore(
            "*nat\n:FLANNEL-POSTRTG - [0:0]\n"
            f"{chain} -m mark --mark 0x4000/0x4000 {note} -j RETURN\n"
            f"{chain} -s {near} -d {all_} {note} -j RETURN\n"
            f"{chain} -s {all_} -d {near} {note} -j RETURN\n"
            f"{chain} ! -s {all_} -d {near} {note} -j RETURN\n"
            f"{chain} -s {all_} ! -d 224.0.0.0/4 {note} -j MASQUERADE --random-fully\n"
            f"{chain} ! -s {all_} -d {all_} {note} -j MASQUERADE --random-fully\n"
            "COMMIT\n*filter\n:FLANNEL-FWD - [0:0]\n"
            f'-A FLANNEL-FWD -s {all_} -m comment --comment "flanneld forward" -j ACCEPT\n'
            f'-A FLANNEL-FWD -d {all_} -m comment --comment "flanneld forward" -j ACCEPT\n'
            "COMMIT\n"
        )
        masq = ["-m", "comment", "--comment", "flanneld masq", "-j", "FLANNEL-POSTRTG"]
        forward = ["-m", "comment", "--comment", "flanneld forward", "-j", "FLANNEL-FWD"]
        rules.ensure_rule("nat", "POSTROUTING", masq, prepend=False)
        rules.ensure_rule("filter", "FORWARD", forward, prepend=False)

    def _next(self) -> str:
        cidr = network(self.host.pod_cidr.split(",")[0])
        bits = 32 if cidr.version == 4 else 128
        first, last = 2, min((1 << (bits - cidr.prefix)) - 2, 1 << 20)
        taken = set(self.given.values())
        for step in range(last - first + 1):
            place = first + (max(self._last, first - 1) - first + 1 + step) % (last - first + 1)
            address = text(cidr.number + place, cidr.version)
            if address not in taken and address not in self.host.by_address:
                self._last = place
                return address
        gateway = text(cidr.number + 1, cidr.version)
        end = text(cidr.number + last, cidr.version)
        raise CniError(
            'plugin type="bridge" failed (add): failed to allocate for range 0: '
            f"no IP addresses available in range set: {gateway}-{end}"
        )
