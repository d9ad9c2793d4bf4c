"""MaintenanceCalls: looking after a member - status, alarms, hashes, defragmentation, who leads, downgrades.

Most of them concern this one member and are answered by it alone, also without a quorum. Alarms and
downgrades concern the cluster and are agreed on. The snapshot is a stream and stands apart
(`Member.snapshot`).
Source: server/etcdserver/api/v3rpc/maintenance.go, server/etcdserver/version/manager.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kubekit.etcd.alarms import GET
from kubekit.etcd.answer import Answer, step, then
from kubekit.etcd.auth import Identity
from kubekit.etcd.backend import buckets_of
from kubekit.etcd.cluster_errors import (
    ClusterVersionUnknown,
    DowngradeInProgress,
    InvalidDowngradeTarget,
    NoDowngrade,
    NoLeader,
    NotLeader,
    UnknownMethod,
    WrongDowngradeVersion,
)
from kubekit.etcd.hashing import hash_buckets
from kubekit.etcd.messages import Message
from kubekit.etcd.node import VERSION, Node

Who = str | Identity

VALIDATE, ENABLE, CANCEL = 0, 1, 2
"""What a `DowngradeRequest` asks for."""

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)(\.(0|[1-9]\d*)([-+][0-9A-Za-z.+-]*)?)?")


class MaintenanceCalls:
    """The calls on a member's upkeep."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def calls(self) -> dict[str, Callable[[Message, Who, Answer], None]]:
        """Each call by its name."""
        return {
            "Maintenance/Status": self._status,
            "Maintenance/Alarm": self._alarm,
            "Maintenance/Defragment": self._defragment,
            "Maintenance/Hash": self._hash,
            "Maintenance/HashKV": self._hash_kv,
            "Maintenance/MoveLeader": self._move_leader,
            "Maintenance/Downgrade": self._downgrade,
        }

    def _admin(self, who: Who) -> None:
        auth = self._node.auth
        auth.permit_admin(auth.identify(who))

    def _someone(self, who: Who) -> Identity | None:
        auth = self._node.auth
        identity = auth.identify(who)
        auth.require_user(identity)
        return identity

    def _status(self, request: Message, who: Who, answer: Answer) -> None:
        self._someone(who)
        answer(status(self._node))

    def _alarm(self, request: Message, who: Who, answer: Answer) -> None:
        if request.get("action", GET) == GET:
            self._someone(who)
        else:
            self._admin(who)
        node = self._node
        node.propose("alarm", request, node.auth.identify(who), answer)

    def _defragment(self, request: Message, who: Who, answer: Answer) -> None:
        self._admin(who)
        self._node.store.size.defragment()
        answer({})

    def _hash(self, request: Message, who: Who, answer: Answer) -> None:
        self._admin(who)
        node = self._node
        found = hash_buckets(buckets_of(node.capture()))
        answer({"header": {"revision": node.store.revision}, "hash": found})

    def _hash_kv(self, request: Message, who: Who, answer: Answer) -> None:
        self._admin(who)
        store = self._node.store
        found = store.hash_kv(request.get("revision", 0))
        answer(
            {
                "header": {"revision": store.revision},
                "hash": found.hash,
                "compact_revision": found.compact_revision,
                "hash_revision": found.revision,
            }
        )

    def _move_leader(self, request: Message, who: Who, answer: Answer) -> None:
        self._admin(who)
        node = self._node
        if node.lead != node.id:
            raise NotLeader
        node.move_leader(request.get("targetID", 0), then(answer, lambda _: {}))

    # -- downgrades -------------------------------------------------------------------------------------

    def _downgrade(self, request: Message, who: Who, answer: Answer) -> None:
        self._admin(who)
        node = self._node
        action = request.get("action", VALIDATE)
        if action not in (VALIDATE, ENABLE, CANCEL):
            raise UnknownMethod
        target = minor_of(request.get("version", "")) if action != CANCEL else (0, 0)
        if not node.membership.version:
            raise ClusterVersionUnknown

        def go_on(_: Any) -> None:
            if action == CANCEL:
                self._cancel(answer)
                return
            self._validate(target)
            if action == VALIDATE:
                answer(self._version())
                return
            body = {"enabled": True, "ver": f"{target[0]}.{target[1]}.0"}
            node.propose("downgrade_info_set", body, None, then(answer, lambda _: self._version()))

        node.read(step(answer, go_on))

    def _validate(self, target: tuple[int, int]) -> None:
        membership = self._node.membership
        major, minor = minor_of(membership.version)
        if target != (major, minor - 1):
            raise InvalidDowngradeTarget
        if membership.downgrade_target:
            raise DowngradeInProgress

    def _cancel(self, answer: Answer) -> None:
        node = self._node

        def ended(result: Any) -> None:
            # As in etcd: that there was nothing to cancel is written to the log, not said to the client.
            answer(self._version())

        if node.membership.downgrade_target:
            node.propose("downgrade_info_set", {"enabled": False}, None, Answer(ended))
        else:
            ended(NoDowngrade())

    def _version(self) -> Message:
        major, minor = minor_of(self._node.membership.version)
        return {"version": f"{major}.{minor}"}


def minor_of(text: str) -> tuple[int, int]:
    """(major, minor) of a version with or without a patch. Raises WrongDowngradeVersion.

    >>> minor_of("3.5"), minor_of("3.5.9")
    ((3, 5), (3, 5))
    """
    match = _VERSION.fullmatch(text)
    if match is None:
        raise WrongDowngradeVersion
    return int(match[1]), int(match[2])


def status(node: Node) -> Message:
    """What a member says of itself, the header excepted; costs nothing and needs nobody."""
    size, alarms = node.store.size, node.alarms.get()
    errors = [str(alarm) for alarm in alarms]
    if not node.lead:
        errors.insert(0, NoLeader.message)
    target = node.membership.downgrade_target
    return {
        "version": VERSION,
        "dbSize": size.bytes,
        "leader": node.lead,
        "raftIndex": node.commit,
        "raftTerm": node.term,
        "raftAppliedIndex": node.applied,
        "errors": errors,
        "dbSizeInUse": size.bytes_in_use,
        "isLearner": node.learner,
        "storageVersion": node.membership.version or "3.5.0",
        "dbSizeQuota": node.quota.limit,
        "downgradeInfo": {"enabled": bool(target), "targetVersion": target},
    }
