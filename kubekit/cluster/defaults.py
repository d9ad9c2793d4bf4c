"""Every tunable of a cluster, with the value it has when nothing is said.

`Settings` is what `kubekit.up` takes: each field is a keyword of it. The addresses are those of the exam's
own environments. Nothing else in this room holds a number; components get theirs from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

START = "2026-01-01T00:00:00Z"
"""What the virtual clock shows when a cluster is made."""

CONTROL_PLANE = "controlplane"
WORKER = "node{:02d}"

CONTROL_PLANE_LABELS = {
    "node-role.kubernetes.io/control-plane": "",
    "node.kubernetes.io/exclude-from-external-load-balancers": "",
}
CONTROL_PLANE_TAINT = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}

PORTS = {
    "etcd": 2379,
    "kube-apiserver": 6443,
    "kube-controller-manager": 10257,
    "kube-scheduler": 10259,
    "kubelet": 10250,
    "kube-proxy": 10256,
}

ETCD_SIZES = (1, 3, 5, 7)
"""How many members etcd may have: one more than an odd number is no safer, only slower."""

ADMIN = "kubernetes-admin"
ADMIN_GROUPS = ("kubeadm:cluster-admins", "system:authenticated")

BOOT_SECONDS = 120.0
"""Virtual time within which a new cluster must have come up."""

SETTLE_SECONDS = 300.0
"""The most virtual time that one `settle` lets pass."""


@dataclass(slots=True)
class Settings:
    """What a cluster is made of.

    `node_names`: the names of all nodes, the control plane's first; without them there are `workers` workers
    called node01, node02 ... beside `controlplane`. `capacity` and `node_labels` are for every node, or by
    node name. `controllers` chooses as the controller manager's flag does; `controller_options` go to the
    controller manager. `clock` is "virtual", which begins at `start`, or "wall", which begins at the present
    time; it may also be a `Clock`. `images_present` makes every image that exists count as pulled already.
    `etcd_quota_bytes` is etcd's flag --quota-backend-bytes; 0 stands for etcd's own 2 GiB.
    `etcd_compaction_interval` and `event_ttl` are the API server's flags, in seconds: how often etcd forgets
    old revisions, and how long Events are kept. 0: never, and for ever.
    `data_dir` keeps etcd on the disk: a cluster that is made on the same directory again finds everything.
    `etcd` are the endpoints of a real etcd to stand on, with the files that TLS needs; several clusters may
    share one. `join` makes a further control plane of a cluster that is in such an etcd: an API server, a
    controller manager and a scheduler that wait for their turn to lead, and no nodes of its own.
    `machine_id` is what all nodes say of their machine; without it each says something of its own.
    With `konnectivity` the API server reaches the nodes through tunnels that agents on them have opened.
    `encryption_config` is the API server's flag --encryption-provider-config: the path of an
    EncryptionConfiguration, its text, or the object. `audit_policy` is --audit-policy-file in the same
    manner, `audit_log` the file that the events are appended to; they are in
    `cluster.apiserver.audit.events` anyway.
    """

    workers: int = 2
    seed: int = 0
    name: str = "kubekit"
    etcd_members: int = 1
    etcd_quota_bytes: int = 0
    etcd_compaction_interval: float = 300.0
    event_ttl: int = 3600
    data_dir: str = ""
    etcd: str | Sequence[str] = ()
    etcd_cafile: str = ""
    etcd_certfile: str = ""
    etcd_keyfile: str = ""
    join: bool = False
    clock: Any = "virtual"
    start: str | float = START
    node_names: Sequence[str] | None = None
    first_node_ip: str = "192.168.0.10"
    pod_network_cidr: str = "10.244.0.0/16"
    node_cidr_mask: int = 24
    service_cidr: str = "10.96.0.0/12"
    cluster_dns: str = "10.96.0.10"
    capacity: Mapping[str, Any] = field(default_factory=dict)
    node_labels: Mapping[str, Any] = field(default_factory=dict)
    controllers: Sequence[str] | None = None
    controller_options: Mapping[str, Any] = field(default_factory=dict)
    scheduler_config: Mapping[str, Any] | None = None
    disabled_admission: Sequence[str] = ()
    enabled_admission: Sequence[str] = ("NodeRestriction",)
    konnectivity: bool = False
    authorization_mode: str = "Node,RBAC"
    encryption_config: Any = None
    audit_policy: Any = None
    audit_log: str = ""
    version: str = "v1.36.2"
    images_present: bool = False
    plain_image_ids: bool = False
    machine_id: str = ""
    pull_seconds: float = 2.0
    sandbox_seconds: float = 0.1
    start_seconds: float = 0.01
    kubelet_sync_seconds: float = 60.0
    node_status_seconds: float = 10.0
    proxy_min_sync_seconds: float = 1.0
    trace_size: int = 50_000

    def apiserver_flags(self) -> dict[str, Any]:
        """What the API server is started with, beside its store and its address."""
        return {
            "service_cidr": self.service_cidr,
            "authorization_mode": self.authorization_mode,
            "disabled_admission": tuple(self.disabled_admission),
            "enabled_admission": tuple(self.enabled_admission),
            "encryption_config": self.encryption_config,
            "audit_policy": self.audit_policy,
            "audit_log": self.audit_log,
            "etcd_compaction_interval": self.etcd_compaction_interval,
            "event_ttl": self.event_ttl,
            "proxy_client": True,
        }

    @classmethod
    def names(cls) -> list[str]:
        """The keywords of `kubekit.up`, sorted."""
        return sorted(entry.name for entry in fields(cls))
