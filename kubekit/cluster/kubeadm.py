"""What kubeadm leaves behind in a new cluster: the objects that make its administrator one.

The API server makes RBAC's default roles by itself; who is bound to them as the cluster's administrator is
kubeadm's doing. Written once, as the super-admin who needs no role; what exists already is left alone.
Source: cmd/kubeadm/app/phases/kubeconfig, clusterinfo, uploadconfig.
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.api.status_error import StatusError
from kubekit.client import Client
from kubekit.sim import Loop

SUPER_ADMIN = ("kubernetes-super-admin", "system:masters")
"""User and group of super-admin.conf: allowed everything, whatever RBAC says."""

CLUSTER_ADMINS: Obj = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "kubeadm:cluster-admins"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "kubeadm:cluster-admins"}
    ],
}


def leave_behind(client: Client) -> None:
    """Write what is missing; `client` speaks as the super-admin."""
    for obj, resource in ((CLUSTER_ADMINS, "clusterrolebindings.rbac.authorization.k8s.io"),):
        try:
            client.create(resource, obj)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise


POLL_SECONDS = 0.5
"""How often kubeadm looks whether a node has registered."""


def mark(loop: Loop, client: Client, node: str, labels: Obj) -> None:
    """Give a node the labels that its kubelet may not give itself, as soon as it has registered.

    `client` speaks as the administrator. Source: cmd/kubeadm/app/phases/markcontrolplane.
    """

    def attempt() -> None:
        found = client.find("nodes", node)
        if found is None:
            loop.call_later(POLL_SECONDS, "kubeadm", attempt, what=f"registration of {node}", background=True)
        elif any((found["metadata"].get("labels") or {}).get(key) != value for key, value in labels.items()):
            client.patch("nodes", node, {"metadata": {"labels": labels}})

    loop.call_soon("kubeadm", attempt)
