"""Authorization: may this user do this?

`Authorization.decide(attributes)` asks the authorizers in order: the group `system:masters` may do anything,
then the node authorizer (mode Node), then RBAC. An authorizer that has no opinion passes the question on;
when nobody has one the answer is no. The forbidden text names the user, the verb, the resource and where.
Upstream: apiserver/pkg/authorization and apiserver/pkg/endpoints/handlers/responsewriters/errors.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from kubekit.api.exchange import UserInfo
from kubekit.apiserver.rbac import RBAC
from kubekit.apiserver.request_info import RequestInfo

if TYPE_CHECKING:
    from kubekit.apiserver.node_authorizer import NodeAuthorizer

SUPERUSERS = "system:masters"


class Attributes(NamedTuple):
    """What is asked of an authorizer."""

    user: UserInfo
    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    is_resource: bool = True
    selected: tuple[tuple[str, str], ...] = ()
    """Fields that a list or watch is limited to, e.g. ``(("spec.nodeName", "node01"),)``."""

    @property
    def qualified(self) -> str:
        """``pods/status`` or ``pods``: how rules name what is asked for."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Decision(NamedTuple):
    """The answer, why, and what each rule had to say (for the record)."""

    allowed: bool
    reason: str
    looked_at: list[dict[str, Any]] | None = None


_YES = Decision(True, "")
_NODE = Decision(True, "Node: a node may do this")


def attributes_of(user: UserInfo, info: RequestInfo) -> Attributes:
    """What a request asks of the authorizer."""
    return Attributes(
        user,
        info.verb,
        info.group,
        info.version,
        info.resource,
        info.subresource,
        info.namespace,
        info.name,
        info.path,
        info.is_resource,
    )


class Authorization:
    """The authorizers of one server, in order."""

    def __init__(self, rbac: RBAC, always_allow: bool = False, node: NodeAuthorizer | None = None) -> None:
        self.rbac = rbac
        self.node = node
        self.always_allow = always_allow
        """The mode AlwaysAllow: every question is answered with yes."""

    def decide(self, asked: Attributes, explain: bool = False) -> Decision:
        """Whether it is allowed, with the reason as the real server gives it."""
        if self.always_allow or SUPERUSERS in asked.user.groups:
            return _YES
        node_reason = ""
        if self.node is not None:
            allowed, node_reason = self.node.decide(asked)
            if allowed:
                return _NODE
        allowed, reason = self.rbac.authorize(asked)
        if not allowed and node_reason:
            reason = f"{node_reason}, {reason}" if reason else node_reason
        return Decision(allowed, reason, None if allowed else self.rbac.explain(asked) if explain else None)


def forbidden_message(asked: Attributes, reason: str = "") -> str:
    """The sentence after "is forbidden: "."""
    user = asked.user.name
    if not asked.is_resource:
        text = f'User "{user}" cannot {asked.verb} path "{asked.path}"'
    else:
        where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
        text = (
            f'User "{user}" cannot {asked.verb} resource "{asked.qualified}" in API group '
            f'"{asked.group}" {where}'
        )
    return f"{text}: {reason}" if reason else text
