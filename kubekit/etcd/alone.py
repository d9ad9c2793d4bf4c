"""Alone: writes of a member that is all there is of its cluster.

There is nobody to agree with, so an entry is committed when it is on the member's own disk. The way through
Raft's ready and advance, and through a table of waiting requests, would come to the same; a cluster of
thousands of pods writes too often for it. Called by `EtcdClient` while `member.alone`; what is written to the
log here is what the long way would write, so a restart cannot tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.etcd.answer import Answer
from kubekit.etcd.errors import EmptyKey, NoSpace
from kubekit.etcd.operation import DeleteIf, Operation, PutIf, Result
from kubekit.etcd.quota import KEY_OVERHEAD
from kubekit.etcd.raft_request import RaftRequest
from kubekit.raft import NORMAL, Entry

if TYPE_CHECKING:
    from kubekit.etcd.member import Member


def put_alone(member: Member, key: bytes, value: bytes, mod_revision: int, lease: int) -> int:
    """`KVStore.put_if`, logged. Raises what it raises, and NoSpace."""
    if not key:
        raise EmptyKey
    if not member.quota.available(KEY_OVERHEAD + len(key) + len(value)):
        member.raise_alarm(Answer(lambda _: None))
        raise NoSpace
    log_alone(member, "txn", PutIf(key, value, mod_revision, lease))
    return member.store.put_if(key, value, mod_revision, lease)


def delete_alone(member: Member, key: bytes, mod_revision: int) -> int:
    """`KVStore.delete_if`, logged."""
    if not key:
        raise EmptyKey
    if mod_revision <= 0:
        return 0
    log_alone(member, "txn", DeleteIf(key, mod_revision))
    return member.store.delete_if(key, mod_revision)


def operate_alone(member: Member, kind: str, operation: Operation) -> Result:
    """`KVStore.apply`, logged. The operation has been checked for sense and quota."""
    log_alone(member, kind, operation)
    return member.store.apply(operation)


def log_alone(member: Member, kind: str, body: Any) -> None:
    """Put a request into the log of a member that is alone, stored and committed."""
    raft = member.raft
    log = raft.log
    index = log.last_index + 1
    entry = Entry(raft.term, index, NORMAL, RaftRequest(kind, body, member.proposals.next_id()))
    member.disk.append(entry)
    log.append_settled(entry)
    mine = raft.progress[raft.id]
    mine.match, mine.next = index, index + 1
    member.applied_alone(index)
