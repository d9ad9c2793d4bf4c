"""What kubeadm leaves behind in a new cluster: the objects that make its administrator one.

The API server makes RBAC's default roles by itself; who is bound to them as the cluster's administrator is
kubeadm's doing. Written once, as the super-admin who needs no role; what exists already is left alone.
Source: cmd/kubeadm/app/phases/kubeconfig, clusterinfo, uploadconfig.
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.api.status_error import StatusError
from kubekit.client import Client

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
