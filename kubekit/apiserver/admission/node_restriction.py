"""NodeRestriction: what the node authorizer lets pass, looked at once more with the object in hand.

A kubelet may make and delete mirror pods of its own node, report on pods bound to it, change its own Node but
neither its taints nor labels that steer workloads, keep its own lease, and get tokens for pods that run on
it. Off unless it is switched on, as in the original; kubeadm switches it on. Upstream:
plugin/pkg/admission/noderestriction/admission.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api import status_error as errors
from kubekit.api.meta import deep_copy
from kubekit.apiserver.admission.plugin import CREATE, DELETE, UPDATE, AdmissionPlugin, Attributes
from kubekit.apiserver.node_authorizer import LEASES, PREFIX, node_of
from kubekit.apiserver.node_relations import references

Obj = dict[str, Any]

MIRROR = "kubernetes.io/config.mirror"
RESTRICTED = "node-restriction.kubernetes.io"
KUBELET_LABELS = frozenset(
    {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "beta.kubernetes.io/instance-type",
        "node.kubernetes.io/instance-type",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
        "node.kubernetes.io/windows-build",
    }
)
"""Labels of Kubernetes' own namespaces that a kubelet may set."""
KUBELET_NAMESPACES = ("kubelet.kubernetes.io", "node.kubernetes.io")


class NodeRestriction(AdmissionPlugin):
    """See the module."""

    name = "NodeRestriction"
    operations = frozenset({CREATE, UPDATE, DELETE})

    def admit(self, a: Attributes) -> None:
        """Refuse a node what is not its own."""
        user = a.ctx.user
        # Nearly nobody is a node.
        if not user.name.startswith(PREFIX) or (node := node_of(user)) is None:
            return
        if not node:
            raise a.forbidden(f'could not determine node from user "{a.user.name}"')
        kind = (a.resource.group, a.resource.plural)
        if kind == ("", "pods"):
            self._pods(node, a)
        elif kind == ("", "nodes"):
            _node(node, a)
        elif kind == ("", "persistentvolumeclaims"):
            _claim(node, a)
        elif kind == ("", "serviceaccounts"):
            _token(node, a)
        elif kind == ("coordination.k8s.io", "leases"):
            _lease(node, a)
        elif kind == ("storage.k8s.io", "csinodes"):
            _csi_node(node, a)

    def _pods(self, node: str, a: Attributes) -> None:
        if a.subresource == "status":
            _pod_status(node, a)
        elif a.subresource == "eviction":
            name = a.name or ((a.obj or {}).get("metadata") or {}).get("name", "")
            if not name:
                raise a.forbidden("could not determine pod from request data")
            if _pod(a, name)["spec"].get("nodeName") != node:
                raise a.forbidden(f"node {node} can only evict pods with spec.nodeName set to itself")
        elif a.subresource:
            text = f"unexpected pod subresource \"{a.subresource}\", only 'status' and 'eviction' are allowed"
            raise a.forbidden(text)
        elif a.operation == CREATE:
            _mirror_pod(node, a)
        elif a.operation == DELETE:
            if _pod(a, a.name)["spec"].get("nodeName") != node:
                raise a.forbidden(f'node "{node}" can only delete pods with spec.nodeName set to itself')
        else:
            text = (
                f'unexpected operation "{a.operation}", node "{node}" can only create and delete mirror pods'
            )
            raise a.forbidden(text)


def _pod(a: Attributes, name: str) -> Obj:
    found = a.ctx.server.store("", "pods").find(a.namespace, name)
    if found is None:
        raise errors.not_found("pods", name)
    return found


def _mirror_pod(node: str, a: Attributes) -> None:
    pod = a.obj or {}
    metadata, spec = pod.get("metadata") or {}, pod.get("spec") or {}
    if MIRROR not in (metadata.get("annotations") or {}):
        text = f'pod does not have "{MIRROR}" annotation, node "{node}" can only create mirror pods'
        raise a.forbidden(text)
    if spec.get("nodeName") != node:
        raise a.forbidden(f'node "{node}" can only create pods with spec.nodeName set to itself')
    owners = metadata.get("ownerReferences") or []
    if len(owners) > 1:
        raise a.forbidden(f'node "{node}" can only create pods with a single owner reference set to itself')
    owner = owners[0] if owners else {}
    if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
        raise a.forbidden(f'node "{node}" can only create pods with an owner reference set to itself')
    if not owner.get("controller"):
        raise a.forbidden(
            f'node "{node}" can only create pods with a controller owner reference set to itself'
        )
    if owner.get("blockOwnerDeletion"):
        raise a.forbidden(f'node "{node}" must not set blockOwnerDeletion on an owner reference')
    known = a.ctx.server.store("", "nodes").find("", node)
    if known is None:
        raise errors.not_found("nodes", node)
    uid = known["metadata"].get("uid", "")
    if owner.get("uid") != uid:
        raise a.forbidden(f"node {node} UID mismatch: expected {owner.get('uid')} got {uid}")
    named = bool(spec.get("serviceAccountName"))
    for resource, _ in sorted(references({**pod, "metadata": {"name": "", **metadata}})):
        if resource != "serviceaccounts" or named:
            raise a.forbidden(f'node "{node}" can not create pods that reference {resource}')


def _pod_status(node: str, a: Attributes) -> None:
    if a.operation != UPDATE:
        raise a.forbidden(f'unexpected operation "{a.operation}"')
    old, new = a.old or {}, a.obj or {}
    if old["spec"].get("nodeName") != node:
        text = f'node "{node}" can only update pod status for pods with spec.nodeName set to itself'
        raise a.forbidden(text)
    if (old["metadata"].get("labels") or {}) != (new["metadata"].get("labels") or {}):
        raise a.forbidden(f'node "{node}" cannot update labels through pod status')
    before, after = old.get("status") or {}, new.get("status") or {}
    if (before.get("resourceClaimStatuses") or []) != (after.get("resourceClaimStatuses") or []):
        raise a.forbidden(f'node "{node}" cannot update resource claim statues')


def _node(node: str, a: Attributes) -> None:
    metadata = (a.obj or {}).get("metadata") or {}
    requested = a.name or metadata.get("name", "")
    if requested != node:
        raise a.forbidden(f'node "{node}" is not allowed to modify node "{requested}"')
    if a.operation == CREATE and (bad := _steering({}, metadata.get("labels") or {})):
        raise a.forbidden(f'node "{node}" is not allowed to set the following labels: {", ".join(bad)}')
    if a.operation == UPDATE:
        old = a.old or {}
        before = old.get("metadata") or {}
        if (old.get("spec") or {}).get("taints") != ((a.obj or {}).get("spec") or {}).get("taints"):
            raise a.forbidden(f'node "{node}" is not allowed to modify taints')
        if before.get("ownerReferences") != metadata.get("ownerReferences"):
            raise a.forbidden(f'node "{node}" is not allowed to modify ownerReferences')
        if bad := _steering(before.get("labels") or {}, metadata.get("labels") or {}):
            raise a.forbidden(f"is not allowed to modify labels: {', '.join(bad)}")


def _steering(old: Obj, new: Obj) -> list[str]:
    """Labels that changed and that a kubelet may not change."""
    changed = {key for key in {*old, *new} if old.get(key) != new.get(key)}
    return sorted(key for key in changed if is_restricted(key))


def is_restricted(key: str) -> bool:
    """Whether a label is one that a kubelet may not set on its own Node."""
    namespace = key.partition("/")[0] if "/" in key else ""
    if namespace == RESTRICTED or namespace.endswith(f".{RESTRICTED}"):
        return True
    own = any(namespace == one or namespace.endswith(f".{one}") for one in ("kubernetes.io", "k8s.io"))
    allowed = key in KUBELET_LABELS or any(
        namespace == one or namespace.endswith(f".{one}") for one in KUBELET_NAMESPACES
    )
    return own and not allowed


def _claim(node: str, a: Attributes) -> None:
    if a.subresource != "status":
        raise a.forbidden("may only update PVC status")
    if a.operation != UPDATE:
        raise a.forbidden(f'unexpected operation "{a.operation}"')

    def kept(claim: Obj | None) -> Obj:
        found: Obj = deep_copy(claim or {})
        found.get("metadata", {}).pop("resourceVersion", None)
        found.get("metadata", {}).pop("managedFields", None)
        for field in ("capacity", "conditions", "allocatedResourceStatuses", "allocatedResources"):
            found.get("status", {}).pop(field, None)
        return found

    if kept(a.old) != kept(a.obj):
        text = (
            f'node "{node}" is not allowed to update fields other than status.quantity and status.conditions'
        )
        raise a.forbidden(text)


def _token(node: str, a: Attributes) -> None:
    if a.operation != CREATE or a.subresource != "token":
        return
    ref = ((a.obj or {}).get("spec") or {}).get("boundObjectRef") or {}
    if ref.get("apiVersion") != "v1" or ref.get("kind") != "Pod" or not ref.get("name"):
        raise a.forbidden("node requested token not bound to a pod")
    if not ref.get("uid"):
        raise a.forbidden("node requested token with a pod binding without a uid")
    pod = _pod(a, ref["name"])
    if pod["metadata"].get("uid") != ref["uid"]:
        raise a.forbidden(
            f"the UID in the bound object reference ({ref['uid']}) does not match the UID in record."
            " The object might have been deleted and then recreated"
        )
    if pod["spec"].get("nodeName") != node:
        raise a.forbidden("node requested token bound to a pod scheduled on a different node")


def _lease(node: str, a: Attributes) -> None:
    if a.namespace != LEASES:
        raise a.forbidden(f'can only access leases in the "{LEASES}" system namespace')
    name = a.name
    if a.operation == CREATE:
        name = ((a.obj or {}).get("metadata") or {}).get("name", "")
    if name != node:
        raise a.forbidden("can only access node lease with the same name as the requesting node")


def _csi_node(node: str, a: Attributes) -> None:
    name = a.name
    if a.operation == CREATE:
        name = ((a.obj or {}).get("metadata") or {}).get("name", "")
    if name != node:
        raise a.forbidden("can only access CSINode with the same name as the requesting node")
