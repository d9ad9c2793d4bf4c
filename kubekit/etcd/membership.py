"""Membership: the members of a cluster, where their ids come from, and which changes are allowed.

An id is no chance number: it is made of the addresses that members use among themselves, so every member
works out the same ids at start without asking anybody.

>>> hex(member_id(["http://localhost:2380"]))
'0x8e9e05c52164694d'
>>> hex(cluster_id([0x8e9e05c52164694d]))
'0xcdf818194e3a8c32'

`Membership` is what one member knows of its cluster. It changes only while entries of the log are applied,
so all members agree on it at the same index. A member's name and client addresses are known only after it
has *published* them through the log, which it does at every start: until then it counts as not started.
Source: server/etcdserver/api/membership/member.go, cluster.go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from kubekit.etcd.cluster_errors import (
    MemberExists,
    MemberNotFound,
    MemberNotLearner,
    PeerUrlExists,
    TooManyLearners,
)
from kubekit.raft import ADD_LEARNER, ADD_NODE, REMOVE_NODE, UPDATE_NODE, ConfChange

DEFAULT_TOKEN = "etcd-cluster"

MAX_LEARNERS = 1
"""Learners that a cluster may have at a time."""


class MemberInfo(NamedTuple):
    """One member: peers reach it at `peer_urls`, clients at `client_urls`."""

    id: int
    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...]
    learner: bool = False

    @property
    def started(self) -> bool:
        """Whether its name is known: from the first members' list, or because it has published it."""
        return bool(self.name)


class Promotion(NamedTuple):
    """The context of a change that makes a voter of a learner."""

    id: int


def member_id(peer_urls: Iterable[str], token: str = DEFAULT_TOKEN, added_at: int | None = None) -> int:
    """The id of a member; `added_at` (Unix seconds) only for one that joined a running cluster, whose token
    is then left out."""
    text = "".join(sorted(peer_urls)) + token + ("" if added_at is None else str(added_at))
    return int.from_bytes(hashlib.sha1(text.encode(), usedforsecurity=False).digest()[:8], "big")


def cluster_id(member_ids: Iterable[int]) -> int:
    """The id of a cluster, made of its first members' ids."""
    data = b"".join(id.to_bytes(8, "big") for id in sorted(member_ids))
    return int.from_bytes(hashlib.sha1(data, usedforsecurity=False).digest()[:8], "big")


def default_member(
    name: str = "default",
    peer_url: str = "http://localhost:2380",
    client_url: str = "http://localhost:2379",
    token: str = DEFAULT_TOKEN,
) -> MemberInfo:
    """The only member of a cluster of one."""
    return MemberInfo(member_id([peer_url], token), name, (peer_url,), (client_url,))


class Membership:
    """The members as one of them knows them. Read it freely; only who applies entries may change it."""

    def __init__(
        self, members: Iterable[MemberInfo] = (), removed: Iterable[int] = (), version: str = ""
    ) -> None:
        self.by_id: dict[int, MemberInfo] = {member.id: member for member in members}
        self.removed: set[int] = set(removed)
        """Ids that were taken out; none of them may ever come back."""
        self.version = version
        """The cluster version, e.g. ``3.6.0``; empty until the first leader has set it."""
        self.changes = 0
        """How often this has changed."""
        self.downgrade_target = ""
        """The version to which a downgrade is under way; empty when there is none."""

    def members(self) -> list[MemberInfo]:
        """All members, by id."""
        return [self.by_id[id] for id in sorted(self.by_id)]

    def voters(self) -> list[MemberInfo]:
        """The members that vote, by id."""
        return [member for member in self.members() if not member.learner]

    def get(self, id: int) -> MemberInfo | None:
        """The member with this id."""
        return self.by_id.get(id)

    def name_of(self, id: int) -> str:
        """What people call a member: its name, or its id when it has published none."""
        member = self.by_id.get(id)
        return member.name if member is not None and member.name else f"{id:x}"

    def is_learner(self, id: int) -> bool:
        """Whether the member is one that does not vote."""
        member = self.by_id.get(id)
        return member is not None and member.learner

    # -- changes, while entries are applied -------------------------------------------------------------

    def validate(self, change: ConfChange) -> None:
        """Refuse a committed change that makes no sense in the present state.

        Raises MemberNotFound, MemberExists, PeerUrlExists, MemberNotLearner, TooManyLearners.
        """
        id, context = change.node_id, change.context
        known = self.by_id.get(id)
        if id in self.removed:
            raise MemberNotFound
        if change.type in (ADD_NODE, ADD_LEARNER):
            if isinstance(context, Promotion):
                if known is None:
                    raise MemberNotFound
                if not known.learner:
                    raise MemberNotLearner
                return
            if known is not None:
                raise MemberExists
            self._check_urls(context.peer_urls, but=0)
            if change.type == ADD_LEARNER and self.learners >= MAX_LEARNERS:
                raise TooManyLearners
        elif known is None:
            raise MemberNotFound
        elif change.type == UPDATE_NODE:
            self._check_urls(context.peer_urls, but=id)

    def restore(
        self, members: Iterable[MemberInfo], removed: Iterable[int], version: str, downgrade_target: str
    ) -> None:
        """Know what a snapshot knows."""
        self.changes += 1
        self.by_id = {member.id: member for member in members}
        self.removed = set(removed)
        self.version = version
        self.downgrade_target = downgrade_target

    @property
    def learners(self) -> int:
        """How many members do not vote."""
        return sum(member.learner for member in self.by_id.values())

    def _check_urls(self, urls: Iterable[str], but: int) -> None:
        taken = {url for member in self.by_id.values() if member.id != but for url in member.peer_urls}
        if taken.intersection(urls):
            raise PeerUrlExists

    def apply(self, change: ConfChange) -> None:
        """Make a validated change."""
        self.changes += 1
        id, context = change.node_id, change.context
        if change.type == REMOVE_NODE:
            self.by_id.pop(id, None)
            self.removed.add(id)
        elif change.type == UPDATE_NODE:
            self.by_id[id] = self.by_id[id]._replace(peer_urls=tuple(context.peer_urls))
        elif isinstance(context, Promotion):
            self.by_id[id] = self.by_id[id]._replace(learner=False)
        else:
            self.by_id[id] = context

    def publish(self, id: int, name: str, client_urls: Iterable[str]) -> None:
        """A member has said its name and where clients reach it; one that was removed says nothing."""
        self.changes += 1
        known = self.by_id.get(id)
        if known is not None:
            self.by_id[id] = known._replace(name=name, client_urls=tuple(client_urls))

    # -- may a change be asked for? ---------------------------------------------------------------------

    def ready_to_add(self) -> bool:
        """Whether a further voter would leave a quorum of started members."""
        voters = self.voters()
        started = sum(member.started for member in voters)
        members = len(voters) + 1
        # A cluster of one may always grow: that is how a cluster is made again from one survivor.
        return (started == 1 and members == 2) or started >= members // 2 + 1

    def ready_to_remove(self, id: int) -> bool:
        """Whether the others would have a quorum of started members."""
        voters = [member for member in self.voters() if member.id != id]
        return sum(member.started for member in voters) >= len(voters) // 2 + 1

    def ready_to_promote(self) -> bool:
        """Whether there would be a quorum of started members with one more voter, which counts as started."""
        voters = self.voters()
        return sum(member.started for member in voters) + 1 >= (len(voters) + 1) // 2 + 1
