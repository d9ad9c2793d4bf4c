"""cluster: where everything is put together; the only room that knows all the others.

`up` makes a cluster on the virtual clock and lets it come up: etcd, API server, controller manager and
scheduler, and on each node a kubelet and a kube-proxy. The boot list in `cluster.Cluster._boot` is the
table of contents of the package, in the order in which things are started.

Reading order: `defaults` (every tunable), `topology` (which nodes), `cluster` (the boot list, and what a
learner can do), `node`, `verbs` (apply, get, ...), `waiting` ("pod/web is Running"), `records`,
`map`, `errors` (what a learner reads instead of a traceback). A node's files: `node_files`, `etcd_pki`
(certificates where kubeadm leaves them), `etcd_manifest`, `manifest_folder` (what editing them does),
`etcd_command`, `etcd_disk` (a member's data among them). The API server's way to the nodes: `kubelet_door`,
`pod_proxy`, `konnectivity`. What the programs in pods reach: `pod_network`, with the names of `dns`.

Left out: the other files of a kubeadm installation (only etcd's manifest is there: API server, controller
manager and scheduler are no static pods), the pods of CoreDNS (its answers are there), and everything that
draws or serves; that stands on higher floors and is reached through hooks (`presentation`) or by name.
"""

from kubekit.cluster.cluster import Cluster, current, up, use
from kubekit.cluster.defaults import Settings
from kubekit.cluster.errors import KubekitError, ManifestError, TimeoutReached, UnknownName
from kubekit.cluster.node import Node

__all__ = [
    "Cluster",
    "KubekitError",
    "ManifestError",
    "Node",
    "Settings",
    "TimeoutReached",
    "UnknownName",
    "current",
    "up",
    "use",
]
