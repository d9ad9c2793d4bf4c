"""ClusterCalls: who belongs to the cluster, and changing that.

Each change is one entry of the log. What could cost the quorum is refused before it is proposed (etcd's
strict reconfiguration check); what contradicts the membership is refused where it is applied. A new member's
id is made of its peer addresses and the present second, so the same machine added again is another member.
Source: server/etcdserver/api/v3rpc/member.go, server/etcdserver/server.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kubekit.etcd.answer import Answer, step, then
from kubekit.etcd.auth import Identity
from kubekit.etcd.cluster_errors import BadMemberUrls
from kubekit.etcd.membership import MemberInfo, member_id
from kubekit.etcd.messages import Message
from kubekit.etcd.node import Node
from kubekit.raft import ADD_LEARNER, ADD_NODE, REMOVE_NODE, UPDATE_NODE, ConfChange

Who = str | Identity

NO_REVISION: Message = {"revision": None}
"""The header of what is read from no revision."""

_URL = re.compile(r"(https?|unixs?)://([^/?#]*)(/?)")
_HOST = re.compile(r"(?:\[[^\]]*\]|[^:]*):[0-9]+")


class ClusterCalls:
    """The calls on members."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def calls(self) -> dict[str, Callable[[Message, Who, Answer], None]]:
        """Each call by its name."""
        return {
            "Cluster/MemberAdd": self._add,
            "Cluster/MemberRemove": self._remove,
            "Cluster/MemberUpdate": self._update,
            "Cluster/MemberPromote": self._promote,
            "Cluster/MemberList": self._list,
        }

    def _add(self, request: Message, who: Who, answer: Answer) -> None:
        node = self._node
        urls = sorted_urls(request.get("peerURLs", []))
        learner = request.get("isLearner", False)
        id = member_id(urls, "", int(node.clock_now()))
        member = MemberInfo(id, "", urls, (), learner)
        self._admin(who)
        node.may_add(member)
        change = ConfChange(ADD_LEARNER if learner else ADD_NODE, id, member)
        added: Message = {"ID": id, "peerURLs": list(urls), "isLearner": learner}
        node.propose_change(change, then(answer, lambda _: {**self._members(), "member": added}))

    def _remove(self, request: Message, who: Who, answer: Answer) -> None:
        node = self._node
        self._admin(who)
        id = request.get("ID", 0)
        node.may_remove(id)
        node.propose_change(ConfChange(REMOVE_NODE, id), then(answer, lambda _: self._members()))

    def _update(self, request: Message, who: Who, answer: Answer) -> None:
        node = self._node
        self._admin(who)
        id = request.get("ID", 0)
        member = MemberInfo(id, "", tuple(request.get("peerURLs", [])), ())
        node.propose_change(ConfChange(UPDATE_NODE, id, member), then(answer, lambda _: self._members()))

    def _promote(self, request: Message, who: Who, answer: Answer) -> None:
        self._admin(who)
        self._node.promote(request.get("ID", 0), then(answer, lambda _: self._members()))

    def _list(self, request: Message, who: Who, answer: Answer) -> None:
        node = self._node

        def listed(_: Any) -> None:
            node.auth.require_user(node.auth.identify(who))
            answer(self._members())

        if request.get("linearizable"):
            node.read(step(answer, listed))
        else:
            listed(None)

    def _admin(self, who: Who) -> None:
        auth = self._node.auth
        auth.permit_admin(auth.identify(who))

    def _members(self) -> Message:
        return {
            "header": dict(NO_REVISION),
            "members": [member_message(member) for member in self._node.membership.members()],
        }


def member_message(member: MemberInfo) -> Message:
    """A member as a message."""
    return {
        "ID": member.id,
        "name": member.name,
        "peerURLs": list(member.peer_urls),
        "clientURLs": list(member.client_urls),
        "isLearner": member.learner,
    }


def sorted_urls(urls: list[str]) -> tuple[str, ...]:
    """Peer addresses as etcd keeps them: sorted. Raises BadMemberUrls for none, and for what is no URL of
    scheme, host and port alone."""
    found = []
    for text in urls:
        match = _URL.fullmatch(text.strip())
        if match is None:
            raise BadMemberUrls
        scheme, host, path = match.groups()
        if path or (scheme.startswith("http") and not _HOST.fullmatch(host)):
            raise BadMemberUrls
        found.append(f"{scheme}://{host}")
    if not found:
        raise BadMemberUrls
    return tuple(sorted(found))
