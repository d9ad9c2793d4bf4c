"""The node authorizer: a kubelet may do what its node needs, and see only what its pods use.

Users `system:node:<name>` of the group system:nodes are nodes. Some resources are looked at one by one
(secrets, configurations, claims, tokens, leases, its own Node, the pods bound to it); everything else by the
static rules of the role system:node. Like every authorizer it never forbids: without an opinion the next one
is asked. Upstream: plugin/pkg/auth/authorizer/node/node_authorizer.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from kubekit.api.exchange import UserInfo
from kubekit.apiserver.boot import rbac_policy
from kubekit.apiserver.node_relations import NodeRelations
from kubekit.apiserver.rbac import rule_allows

if TYPE_CHECKING:
    from kubekit.apiserver.authorization import Attributes
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]

PREFIX = "system:node:"
GROUP = "system:nodes"
LEASES = "kube-node-lease"
READS = ("get", "list", "watch")
OWN_OBJECT = ("get", "create", "update", "patch", "delete")

Opinion = tuple[bool, str]
"""Whether it is allowed, and why there is no opinion when it is not."""


def node_of(user: UserInfo) -> str | None:
    """The node that a user is, "" for one without a name, None for a user that is no node."""
    if not user.name.startswith(PREFIX) or GROUP not in user.groups:
        return None
    return user.name.removeprefix(PREFIX)


def equal_fields(selectors: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The fields that a field selector fixes: ``spec.nodeName=a,status.phase!=b`` fixes the first."""
    found: list[tuple[str, str]] = []
    for selector in selectors:
        for part in selector.split(","):
            name, equals, value = part.partition("=")
            if equals and not name.endswith("!"):
                found.append((name.strip(), value.removeprefix("=").strip()))
    return tuple(found)


class NodeAuthorizer:
    """Decides for nodes."""

    def __init__(self, server: APIServer) -> None:
        self.relations = NodeRelations(server)
        role = next(
            one
            for one in rbac_policy()
            if one["kind"] == "ClusterRole" and one["metadata"]["name"] == "system:node"
        )
        self._rules: list[Obj] = role["rules"]
        self._static: dict[tuple[str, str, str], bool] = {}
        self._special: dict[tuple[str, str], Callable[[str, Attributes], Opinion]] = {
            ("", "secrets"): self._read_own,
            ("", "configmaps"): self._read_own,
            ("", "persistentvolumeclaims"): self._claim,
            ("", "persistentvolumes"): self._get_own,
            ("", "serviceaccounts"): self._account,
            ("", "nodes"): self._node,
            ("", "pods"): self._pod,
            ("resource.k8s.io", "resourceclaims"): self._get_own,
            ("storage.k8s.io", "volumeattachments"): self._get_own,
            ("storage.k8s.io", "csinodes"): self._csi_node,
            ("coordination.k8s.io", "leases"): self._lease,
        }

    def decide(self, asked: Attributes) -> Opinion:
        """Whether a node may do this; (False, "") for users that are no nodes."""
        node = node_of(asked.user)
        if node is None:
            return False, ""
        if not node:
            return False, f'unknown node for user "{asked.user.name}"'
        special = self._special.get((asked.group, asked.resource)) if asked.is_resource else None
        if special is not None:
            return special(node, asked)
        key = (asked.verb, asked.group, asked.qualified if asked.is_resource else asked.path)
        allowed = self._static.get(key)
        if allowed is None:
            allowed = self._static[key] = any(rule_allows(asked, rule) for rule in self._rules)
        return allowed, ""

    def _related(self, node: str, asked: Attributes) -> Opinion:
        if not asked.name:
            return False, "No Object name found"
        if self.relations.has(node, asked.resource, asked.namespace, asked.name):
            return True, ""
        return False, f"no relationship found between node '{node}' and this object"

    def _read_own(self, node: str, asked: Attributes) -> Opinion:
        if asked.verb not in READS:
            return False, "can only read resources of this type"
        if asked.subresource:
            return False, "cannot read subresource"
        if not asked.namespace:
            return False, "can only read namespaced object of this type"
        return self._related(node, asked)

    def _get_own(self, node: str, asked: Attributes) -> Opinion:
        if asked.verb != "get":
            return False, "can only get individual resources of this type"
        if asked.subresource:
            return False, "cannot get subresource"
        return self._related(node, asked)

    def _claim(self, node: str, asked: Attributes) -> Opinion:
        if asked.subresource != "status":
            return self._get_own(node, asked)
        if asked.verb not in ("update", "patch"):
            return False, "can only get/update/patch this type"
        return self._related(node, asked)

    def _account(self, node: str, asked: Attributes) -> Opinion:
        if asked.verb == "get" and not asked.subresource:
            return self._read_own(node, asked)
        if asked.verb != "create" or not asked.name:
            return False, "can only create tokens for individual service accounts"
        if asked.subresource != "token":
            return False, "can only create token subresource of serviceaccount"
        return self._related(node, asked)

    def _lease(self, node: str, asked: Attributes) -> Opinion:
        if asked.verb not in OWN_OBJECT:
            return False, "can only get, create, update, patch, or delete a node lease"
        if asked.namespace != LEASES:
            return False, f'can only access leases in the "{LEASES}" system namespace'
        if asked.verb != "create" and asked.name != node:
            return False, "can only access node lease with the same name as the requesting node"
        return True, ""

    def _csi_node(self, node: str, asked: Attributes) -> Opinion:
        if asked.verb not in OWN_OBJECT:
            return False, "can only get, create, update, patch, or delete a CSINode"
        if asked.subresource:
            return False, "cannot authorize CSINode subresources"
        if asked.verb != "create" and asked.name != node:
            return False, "can only access CSINode with the same name as the requesting node"
        return True, ""

    def _node(self, node: str, asked: Attributes) -> Opinion:
        if asked.subresource == "status":
            return asked.verb in ("update", "patch"), ""
        if asked.subresource:
            return False, ""
        if asked.verb in ("create", "update", "patch"):
            return True, ""
        if asked.verb not in READS:
            return False, ""
        name = asked.name or dict(asked.selected).get("metadata.name", "")
        if name == node:
            return True, ""
        if not name:
            return False, f"node '{node}' cannot read all nodes, only its own Node object"
        return False, f"node '{node}' cannot read '{name}', only its own Node object"

    def _pod(self, node: str, asked: Attributes) -> Opinion:
        if asked.subresource == "status":
            return asked.verb in ("update", "patch"), ""
        if asked.subresource == "eviction":
            return asked.verb == "create", ""
        if asked.subresource:
            return False, ""
        if asked.verb == "get":
            return self._get_own(node, asked)
        if asked.verb in ("create", "delete"):
            return True, ""
        if asked.verb not in ("list", "watch"):
            return False, ""
        if ("spec.nodeName", node) in asked.selected:
            return True, ""
        if asked.name:
            return self._related(node, asked)
        return False, "can only list/watch pods with spec.nodeName field selector"
