"""The ServiceAccounts of the controllers: each acts with rights of its own, not with its manager's.

A controller's account stands in kube-system and is bound to the role `system:controller:<account>`; the
manager makes it when it starts, and keeps for itself only what is needed for that. Tokens are signed with
the manager's own user, as in the original. Source: cmd/kube-controller-manager/app,
plugin/pkg/auth/authorizer/rbac/bootstrappolicy/controller_policy.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubekit.api.exchange import UserInfo
from kubekit.client import Client

NAMESPACE = "kube-system"
OWN_USER = "serviceaccount-token-controller"
"""The controller that acts as the manager itself."""

ACCOUNTS = {
    "bootstrap-signer-controller": "bootstrap-signer",
    "certificatesigningrequest-approving-controller": "certificate-controller",
    "certificatesigningrequest-cleaner-controller": "certificate-controller",
    "certificatesigningrequest-signing-controller": "certificate-controller",
    "daemonset-controller": "daemon-set-controller",
    "endpoints-controller": "endpoint-controller",
    "endpointslice-mirroring-controller": "endpointslicemirroring-controller",
    "garbage-collector-controller": "generic-garbage-collector",
    "horizontal-pod-autoscaler-controller": "horizontal-pod-autoscaler",
    "node-ipam-controller": "node-controller",
    "node-lifecycle-controller": "node-controller",
    "persistentvolume-binder-controller": "persistent-volume-binder",
    "persistentvolume-expander-controller": "expand-controller",
    "persistentvolume-protection-controller": "pv-protection-controller",
    "persistentvolumeclaim-protection-controller": "pvc-protection-controller",
    "pod-garbage-collector-controller": "pod-garbage-collector",
    "replicationcontroller-controller": "replication-controller",
    "resourceclaim-controller": "resource-claim-controller",
    "root-ca-certificate-publisher-controller": "root-ca-cert-publisher",
    "service-cidr-controller": "service-cidrs-controller",
    "serviceaccount-controller": "service-account-controller",
    "taint-eviction-controller": "node-controller",
    "token-cleaner-controller": "token-cleaner",
}
"""Controllers whose account is called otherwise than they are."""


OTHERS = (
    "attachdetach-controller",
    "device-taint-eviction-controller",
    "legacy-service-account-token-cleaner",
)
"""Accounts of controllers that the kit leaves out: a manager that runs everything makes these too, so that
the subjects of RBAC's default bindings exist as they do in a real cluster."""


def account_of(controller: str) -> str:
    """The account of a controller, "" for the one that acts as the manager."""
    return "" if controller == OWN_USER else ACCOUNTS.get(controller, controller)


def client_of(manager: Client, controller: str) -> Client:
    """A client with a controller's rights, under the manager's program name."""
    account = account_of(controller)
    if not account:
        return manager
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated")
    user = UserInfo(f"system:serviceaccount:{NAMESPACE}:{account}", groups=groups)
    return Client(manager.handler, user=user, name=manager.name)


def ensure(manager: Client, controllers: Iterable[str], others: Iterable[str] = ()) -> None:
    """Make the accounts of the controllers, and the others, that do not exist yet."""
    there = {one["metadata"]["name"] for one in manager.list("serviceaccounts", NAMESPACE)["items"]}
    for name in sorted(({account_of(one) for one in controllers} | {*others}) - there - {""}):
        metadata = {"name": name, "namespace": NAMESPACE}
        manager.create(
            "serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
        )
