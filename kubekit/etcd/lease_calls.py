"""LeaseCalls: grant, revoke, keep alive, and looking at leases.

Granting and revoking go through the log. Renewing does not: it goes to the leader alone, who keeps the time,
and so does the question how long a lease has left. The list of leases is read from this node.
Source: server/etcdserver/api/v3rpc/lease.go, server/etcdserver/v3_server.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.etcd.answer import Answer
from kubekit.etcd.auth import READ, WRITE, Identity
from kubekit.etcd.conversion import header
from kubekit.etcd.errors import AuthOldRevision, EtcdError, LeaseNotFound
from kubekit.etcd.kv_calls import raise_alarm
from kubekit.etcd.messages import Message
from kubekit.etcd.node import Node
from kubekit.etcd.permission import permit_keys
from kubekit.etcd.quota import LEASE_COST

Who = str | Identity


class LeaseCalls:
    """The calls on leases."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def calls(self) -> dict[str, Callable[[Message, Who, Answer], None]]:
        """Each call by its name."""
        return {
            "Lease/LeaseGrant": self._grant,
            "Lease/LeaseRevoke": self._revoke,
            "Lease/LeaseKeepAlive": self._keep_alive,
            "Lease/LeaseTimeToLive": self._time_to_live,
            "Lease/LeaseLeases": self._leases,
        }

    def _someone(self, who: Who) -> Identity | None:
        """Who asks, when anybody but nobody may. Raises InvalidAuthToken, UserEmpty."""
        identity = self._node.auth.identify(who)
        self._node.auth.require_user(identity)
        return identity

    def _grant(self, request: Message, who: Who, answer: Answer) -> None:
        node = self._node
        if not node.quota.available(LEASE_COST):
            raise_alarm(node, answer)
            return
        id = request.get("ID", 0) or node.store.leases.choose_id()
        identity = self._someone(who)
        node.propose("lease_grant", {"TTL": request.get("TTL", 0), "ID": id}, identity, answer)

    def _revoke(self, request: Message, who: Who, answer: Answer) -> None:
        self._node.propose("lease_revoke", request, self._someone(who), answer)

    def _keep_alive(self, request: Message, who: Who, answer: Answer) -> None:
        node = self._node
        id = request.get("ID", 0)
        # The header is made before the renewal: it must not claim a later revision than that saw.
        head = header(node.store.revision)

        def renewed(result: Any) -> None:
            if isinstance(result, LeaseNotFound):
                result = 0
            answer(result if isinstance(result, EtcdError) else {"header": head, "ID": id, "TTL": result})

        node.renew(id, node.auth.identify(who), Answer(renewed))

    def _time_to_live(self, request: Message, who: Who, answer: Answer) -> None:
        node = self._node
        id, keys = request.get("ID", 0), request.get("keys", False)
        identity = self._someone(who)
        revision = node.auth.revision
        if keys:
            lease = node.store.leases.lookup(id)
            if lease is not None:
                permit_keys(node.auth, identity, READ, lease)

        def told(result: Any) -> None:
            if isinstance(result, LeaseNotFound):
                result = {"ID": id, "TTL": -1}
            elif keys and node.auth.enabled and revision != node.auth.revision:
                result = AuthOldRevision()
            answer(result)

        node.time_to_live(id, keys, Answer(told))

    def _leases(self, request: Message, who: Who, answer: Answer) -> None:
        node = self._node
        identity = self._someone(who)
        leases = node.store.leases.leases()
        for lease in leases:
            permit_keys(node.auth, identity, READ, lease)
        answer({"leases": [{"ID": lease.id} for lease in leases]})


def permit_renewal(node: Node, id: int, who: Identity | None) -> None:
    """Only who may write all its keys may keep a lease alive. Raises UserEmpty, PermissionDenied."""
    if node.auth.enabled:
        node.auth.require_user(who)
        lease = node.store.leases.lookup(id)
        if lease is not None:
            permit_keys(node.auth, who, WRITE, lease)
