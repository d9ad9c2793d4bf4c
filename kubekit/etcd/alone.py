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
from kubekit.etcd.operation import (
    COMPARE_MOD,
    EQUAL,
    Compare,
    DeleteRange,
    Operation,
    Put,
    Range,
    Result,
    Txn,
)
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
    log_alone(
        member,
        "txn",
        Txn((Compare(key, COMPARE_MOD, EQUAL, mod_revision),), (Put(key, value, lease),), (Range(key),)),
    )
    return member.store.put_if(key, value, mod_revision, lease)


def delete_alone(member: Member, key: bytes, mod_revision: int) -> int:
    """`KVStore.delete_if`, logged."""
    if not key:
        raise EmptyKey
    if mod_revision <= 0:
        return 0
    body = Txn((Compare(key, COMPARE_MOD, EQUAL, mod_revision),), (DeleteRange(key),), (Range(key),))
    log_alone(member, "txn", body)
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
    member.disk.save(None, (entry,), True)
    log.append((entry,))
    log.stable_to(index, entry.term)
    raft.progress[raft.id].maybe_update(index)
    log.commit_to(index)
    log.applied_to(index)
    member.applied_alone(index)
