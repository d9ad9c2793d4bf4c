"""Membership: the members of a cluster and where their ids come from.

An id is no chance number: it is made of the addresses that members use among themselves, so every member
works out the same ids at start without asking anybody.

>>> hex(member_id(["http://localhost:2380"]))
'0x8e9e05c52164694d'
>>> hex(cluster_id([0x8e9e05c52164694d]))
'0xcdf818194e3a8c32'

Source: server/etcdserver/api/membership/member.go, cluster.go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

DEFAULT_TOKEN = "etcd-cluster"


class MemberInfo(NamedTuple):
    """One member: peers reach it at `peer_urls`, clients at `client_urls`."""

    id: int
    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...]
    learner: bool = False


def member_id(peer_urls: Iterable[str], token: str = DEFAULT_TOKEN, added_at: int | None = None) -> int:
    """The id of a member; `added_at` (Unix seconds) only for one that joined a running cluster."""
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
