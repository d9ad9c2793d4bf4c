"""Corruption: members compare hashes of what they hold, so that one that differs is found out.

Raft makes sure that all members apply the same entries, not that their disks and memories keep the result. So
they compare hashes of their histories at one revision:

* `initial_check`: a member that starts asks the others before it serves anybody, and does not start when it
  differs (feature gate InitialCorruptCheck, which kubeadm sets);
* `periodic_check`: the leader asks all, every ``--corrupt-check-time``;
* `compact_hash_check`: the leader compares what each held when it compacted, which all do at the same
  revision, so that the majority tells who is wrong (feature gate CompactHashCheck).

The last two raise the alarm CORRUPT on the member that differs; from then on nobody writes. Members that
cannot be asked, or have compacted elsewhere, are passed over. Call them from `Process` and `LeaderDuties`.
Source: server/etcdserver/corrupt.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from kubekit.etcd.alarms import ACTIVATE, CORRUPT
from kubekit.etcd.answer import Answer
from kubekit.etcd.cluster_errors import BootstrapError
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.hashing import HashKV

if TYPE_CHECKING:
    from kubekit.etcd.member import Member
    from kubekit.etcd.process import Process
    from kubekit.etcd.replica import Replica


class PeerHash(NamedTuple):
    """What a peer says: its hash at the revision that was asked for, or None; and its own revision."""

    id: int
    hash: HashKV | None
    revision: int = 0


def peer_hashes(replica: Replica, revision: int) -> list[PeerHash]:
    """The hashes of all other members at a revision."""
    found = []
    for id in sorted(replica.membership.by_id):
        if id == replica.id:
            continue
        peer = replica.links.members.get(id)
        reached = peer is not None and peer.running and replica.links.open_between(replica, peer)
        # One of another cluster at the same address, as after a restore, has nothing to compare.
        if peer is None or not reached or peer.cluster_id != replica.cluster_id:
            found.append(PeerHash(id, None))
            continue
        try:
            found.append(PeerHash(id, peer.store.hash_kv(revision), peer.store.revision))
        except EtcdError:
            # It is behind, or has compacted what is asked for: it cannot be compared.
            found.append(PeerHash(id, None))
    return found


def initial_check(member: Process) -> None:
    """Compare a member that starts with the others. Raises BootstrapError when it differs."""
    if len(member.membership.by_id) < 2:
        return
    mine = member.store.hash_kv()
    for peer in peer_hashes(member, mine.revision):
        theirs = peer.hash
        if theirs and theirs.hash != mine.hash and theirs.compact_revision == mine.compact_revision:
            raise BootstrapError(f"{member.id:x} found data inconsistency with peers")


def periodic_check(leader: Member) -> None:
    """Compare all members at the leader's revision, and raise the alarm on one that differs."""
    before = leader.store.hash_kv()
    peers = peer_hashes(leader, before.revision)

    def compare(result: Any) -> None:
        if isinstance(result, EtcdError):
            return
        now = leader.store.hash_kv()
        if now.hash != before.hash and now[1:] == before[1:]:
            _alarm(leader, leader.id)
            return
        for peer in peers:
            theirs = peer.hash
            if theirs is not None and (
                peer.revision > leader.store.revision
                or theirs.compact_revision > now.compact_revision
                or (theirs.compact_revision == before.compact_revision and theirs.hash != before.hash)
            ):
                _alarm(leader, peer.id)
                return

    leader.read(Answer(compare))


def compact_hash_check(leader: Member, checked: int) -> int:
    """Compare what members held at the last compactions, newest first, down to the revision `checked`; up to
    which revision all have been compared now."""
    for mine in reversed(leader.store.past_hashes()):
        if mine.revision <= checked:
            break
        peers = peer_hashes(leader, mine.revision)
        if not peers:
            continue
        groups: dict[int, list[int]] = {mine.hash: [leader.id]}
        compared = 0
        for peer in peers:
            if peer.hash is not None and peer.hash.compact_revision == mine.compact_revision:
                compared += 1
                groups.setdefault(peer.hash.hash, []).append(peer.id)
        if len(groups) > 1:
            _tell_apart(groups, len(peers) + 1, lambda member: _alarm(leader, member))
            break
        if compared == len(peers):
            return mine.revision
    return checked


def _tell_apart(groups: dict[int, list[int]], members: int, alarm: Callable[[int], None]) -> None:
    """Raise the alarm on those who differ from a majority; without one, on nobody in particular: 0."""
    right = next((hash for hash, ids in groups.items() if len(ids) > members // 2), None)
    if right is None:
        alarm(0)
        return
    for hash, ids in groups.items():
        if hash != right:
            for id in ids:
                alarm(id)


def _alarm(leader: Member, id: int) -> None:
    body = {"action": ACTIVATE, "memberID": id, "alarm": CORRUPT}
    leader.propose("alarm", body, None, Answer(lambda _: None))
