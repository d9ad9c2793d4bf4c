"""A cluster of etcd members on a virtual clock, for the tests of this folder."""

from __future__ import annotations

from typing import Any

from kubekit.etcd.cluster import EtcdCluster
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.member import Member
from kubekit.etcd.options import Options
from kubekit.sim import Loop, Record


def cluster_of(count: int = 3, seed: int = 1, settle: float = 10.0, **options: Any) -> EtcdCluster:
    """A running cluster, some seconds old, so that connections count as stable."""
    loop = Loop(seed=seed)
    cluster = EtcdCluster(loop, count, options=Options(**options) if options else None)
    cluster.start()
    loop.advance(settle)
    return cluster


def leader_of(cluster: EtcdCluster) -> Member:
    """The leader; there must be one."""
    leader = cluster.leader
    assert leader is not None, repr(cluster)
    return leader


def followers_of(cluster: EtcdCluster) -> list[Member]:
    """The running members that do not lead."""
    return [m for m in cluster.members.values() if m.running and m is not cluster.leader]


def put(member: Member, key: bytes = b"key", value: bytes = b"value", **more: Any) -> Any:
    """The answer to a put, or its error."""
    return answer(member, "KV/Put", {"key": key, "value": value}, **more)


def get(member: Member, key: bytes = b"key", **request: Any) -> Any:
    """The value of a key as a member answers it; None when it does not exist, or the error."""
    found = answer(member, "KV/Range", {"key": key, **request})
    if isinstance(found, EtcdError):
        return found
    return found["kvs"][0]["value"] if found["kvs"] else None


def answer(member: Member, call: str, request: dict[str, Any], **more: Any) -> Any:
    """A call's response, or its error."""
    try:
        return member.call(call, request, **more)
    except EtcdError as error:
        return error


def text(answer: Any) -> str:
    """The words of a refusal; empty when there was none."""
    return answer.message if isinstance(answer, EtcdError) else ""


def told(cluster: EtcdCluster, what: str) -> list[Record]:
    """The records of one sort that Raft left."""
    return [
        record
        for record in cluster.loop.trace.records
        if record.kind == "raft" and record.came_out["what"] == what
    ]


def same(cluster: EtcdCluster) -> bool:
    """Whether all running members have applied the same to the same."""
    states = {
        (m.applied, m.store.revision, m.store.hash_kv().hash) for m in cluster.members.values() if m.running
    }
    return len(states) == 1
