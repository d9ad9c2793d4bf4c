"""The names by which the manager's `controllers` list knows them.

Most have an older name too, and some that the kit leaves out may be named all the same: a list that a real
manager takes is taken here. Sources: cmd/kube-controller-manager/names, app (the aliases).
"""

from __future__ import annotations

OLDER = {
    "bootstrapsigner": "bootstrap-signer-controller",
    "csrapproving": "certificatesigningrequest-approving-controller",
    "csrcleaner": "certificatesigningrequest-cleaner-controller",
    "csrsigning": "certificatesigningrequest-signing-controller",
    "endpoint": "endpoints-controller",
    "endpointslicemirroring": "endpointslice-mirroring-controller",
    "garbagecollector": "garbage-collector-controller",
    "horizontalpodautoscaling": "horizontal-pod-autoscaler-controller",
    "nodeipam": "node-ipam-controller",
    "nodelifecycle": "node-lifecycle-controller",
    "podgc": "pod-garbage-collector-controller",
    "pv-protection": "persistentvolume-protection-controller",
    "pvc-protection": "persistentvolumeclaim-protection-controller",
    "replicationcontroller": "replicationcontroller-controller",
    "resource-claim-controller": "resourceclaim-controller",
    "root-ca-cert-publisher": "root-ca-certificate-publisher-controller",
    "tokencleaner": "token-cleaner-controller",
}
"""Older names that are not just the new one without "-controller"."""

LEFT_OUT = frozenset(
    {
        "attachdetach",
        "cloud-node-lifecycle",
        "cloud-node-lifecycle-controller",
        "device-taint-eviction-controller",
        "kube-apiserver-serving-clustertrustbundle-publisher-controller",
        "legacy-service-account-token-cleaner",
        "legacy-serviceaccount-token-cleaner-controller",
        "node-route-controller",
        "persistentvolume-attach-detach-controller",
        "podcertificaterequest-cleaner-controller",
        "podgroup-protection-controller",
        "resourcepoolstatusrequest-controller",
        "route",
        "selinux-warning-controller",
        "service",
        "service-ca-cert-publisher",
        "service-ca-certificate-publisher-controller",
        "service-lb-controller",
        "storage-version-gc",
        "storage-version-migrator-controller",
        "storageversion-garbage-collector-controller",
        "svm",
    }
)
"""Controllers of the real manager that the kit does not have."""


def is_chosen(name: str, wanted: list[str]) -> bool:
    """Whether a list chooses the controller: what names it first decides, then a star.

    >>> is_chosen("a", ["*", "-a"]), is_chosen("b", ["*", "-a"]), is_chosen("a", ["a", "-a"])
    (False, True, True)
    """
    for one in wanted:
        if one in (name, f"-{name}"):
            return one == name
    return "*" in wanted
