"""etcd's port: what gRPC clients get, refusals included; slow clients; members that go and come back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from kubekit.etcd.protobuf import encode
from kubekit.etcd.v3rpc import MAX_MESSAGE_BYTES
from kubekit.serving.etcd_grpc import ALONE
from kubekit.serving.etcd_watch import HIGH
from tests.serving.etcd_served import Opened, answers, get, wait_until
from tests.serving.wire import Wire, events


def test_calls(wire: Wire, plain: Opened) -> None:
    put = wire.call("KV/Put", key=b"a", value=b"1")
    member = plain[0].member
    assert put["header"] == {
        "cluster_id": plain[0].member.status()["header"]["cluster_id"],
        "member_id": member.id,
        "revision": 2,
        "raft_term": put["header"]["raft_term"],
    }
    found = wire.call("KV/Range", key=b"a")
    assert found["count"] == 1 and found["kvs"][0]["value"] == b"1"
    compare = {"key": b"a", "target": 2, "mod_revision": 2}
    txn = wire.call("KV/Txn", compare=[compare], success=[{"request_delete_range": {"key": b"a"}}])
    assert txn["succeeded"] and txn["responses"][0]["response_delete_range"]["deleted"] == 1
    lease = wire.call("Lease/LeaseGrant", TTL=100)
    assert wire.call("Lease/LeaseTimeToLive", ID=lease["ID"])["grantedTTL"] == 100
    assert [m["name"] for m in wire.call("Cluster/MemberList")["members"]] == ["default"]
    assert wire.call("Maintenance/HashKV")["hash"] > 0
    assert wire.raw("/grpc.health.v1.Health/Check", b"") == b"\x08\x01"


REFUSALS: list[tuple[str, dict[str, Any], str, str]] = [
    ("KV/Put", {}, "INVALID_ARGUMENT", "etcdserver: key is not provided"),
    ("KV/Range", {"key": b"a", "revision": 9}, "OUT_OF_RANGE",
     "etcdserver: mvcc: required revision is a future revision"),
    ("KV/Put", {"key": b"a", "lease": 7}, "NOT_FOUND", "etcdserver: requested lease not found"),
    ("KV/Put", {"key": b"a", "value": b"x" * 1_600_000}, "INVALID_ARGUMENT",
     "etcdserver: request is too large"),
    ("Lease/LeaseGrant", {"TTL": 9_000_000_001}, "OUT_OF_RANGE", "etcdserver: too large lease TTL"),
    ("Auth/Authenticate", {"name": "root", "password": "x"}, "FAILED_PRECONDITION",
     "etcdserver: authentication is not enabled"),
    ("Auth/AuthEnable", {}, "FAILED_PRECONDITION", "etcdserver: root user does not exist"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "request_", "code", "text"), REFUSALS)
def test_refusals(wire: Wire, name: str, request_: dict[str, Any], code: str, text: str) -> None:
    assert wire.refusal(name, **request_) == (code, text)


def test_a_message_that_is_too_long(wire: Wire) -> None:
    request = {"key": b"a", "value": b"x" * (MAX_MESSAGE_BYTES + 5)}
    size = len(encode("PutRequest", request))
    text = f"grpc: received message larger than max ({size} vs. {MAX_MESSAGE_BYTES})"
    assert wire.refusal("KV/Put", **request) == ("RESOURCE_EXHAUSTED", text)
    with pytest.raises(grpc.RpcError) as refused:
        wire.raw("/etcdserverpb.KV/Put", b"x" * (70 * 1024 * 1024))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert wire.call("KV/Range", key=b"a").get("count", 0) == 0


@pytest.mark.parametrize(
    ("method", "data", "code", "text"),
    [
        (
            "/etcdserverpb.KV/Put",
            b"\x0a\xff",
            "INTERNAL",
            f"{ALONE}unexpected EOF",
        ),
        ("/etcdserverpb.KV/Puff", b"", "UNIMPLEMENTED", "unknown method Puff for service etcdserverpb.KV"),
        ("/some.Thing/Do", b"", "UNIMPLEMENTED", "unknown service some.Thing"),
    ],
)
def test_what_is_not_understood(wire: Wire, method: str, data: bytes, code: str, text: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        wire.raw(method, data)
    assert (refused.value.code().name, refused.value.details()) == (code, text)


def test_a_watch(wire: Wire) -> None:
    wire.call("KV/Put", key=b"a", value=b"0")
    with wire.stream("Watch/Watch") as stream:
        stream.send(create_request={"key": b"a", "range_end": b"b", "start_revision": 2, "prev_kv": True})
        created = stream.take()
        assert created["created"] and created.get("watch_id", 0) == 0
        wire.call("KV/Put", key=b"a", value=b"1")
        wire.call("KV/DeleteRange", key=b"a")
        got = list(events(stream, 3))
        assert [event["kv"].get("value", b"") for event in got] == [b"0", b"1", b""]
        assert [event.get("type", 0) for event in got] == [0, 0, 1]
        assert got[1]["prev_kv"]["value"] == b"0"
        stream.send(progress_request={})
        progress = stream.take()
        assert progress["watch_id"] == -1 and progress["header"]["revision"] == 4
        stream.send(create_request={"key": b"z", "watch_id": 7})
        assert stream.take()["watch_id"] == 7
        stream.send(cancel_request={"watch_id": 7})
        canceled = stream.take()
        assert canceled["watch_id"] == 7 and canceled["canceled"]
        stream.send(create_request={"key": b"b", "range_end": b"a"})
        refused = stream.take()
        assert refused["canceled"] and refused["cancel_reason"] == "mvcc: watcher range is empty"


def test_a_watch_of_a_past_that_is_gone(wire: Wire) -> None:
    for number in range(5):
        wire.call("KV/Put", key=b"a", value=b"%d" % number)
    wire.call("KV/Compact", revision=5)
    with wire.stream("Watch/Watch") as stream:
        stream.send(create_request={"key": b"a", "start_revision": 2})
        assert stream.take()["created"]
        canceled = stream.take()
        assert canceled["canceled"] and canceled["compact_revision"] == 5


def test_fragments(wire: Wire) -> None:
    ops = [{"request_put": {"key": b"f%d" % n, "value": b"x" * 200_000}} for n in range(5)]
    with wire.stream("Watch/Watch") as stream:
        stream.send(create_request={"key": b"f", "range_end": b"g", "start_revision": 2, "fragment": True})
        assert stream.take()["created"]
        for _ in range(3):
            wire.call("KV/Txn", success=ops)
        parts = [stream.take() for _ in range(3)]
        assert all(len(part["events"]) == 5 and not part.get("fragment") for part in parts)
    with wire.stream("Watch/Watch") as stream:
        stream.send(create_request={"key": b"f", "range_end": b"g", "start_revision": 2, "fragment": True})
        assert stream.take()["created"]
        parts = [stream.take()]
        while parts[-1].get("fragment"):
            parts.append(stream.take())
        assert len(parts) > 1 and sum(len(part["events"]) for part in parts) == 15


def test_keep_alives(wire: Wire, plain: Opened) -> None:
    lease = wire.call("Lease/LeaseGrant", TTL=50)["ID"]
    with wire.stream("Lease/LeaseKeepAlive") as stream:
        stream.send(ID=lease)
        assert stream.take()["TTL"] == 50
        stream.send(ID=lease + 1)
        gone = stream.take()
        assert gone["ID"] == lease + 1 and gone.get("TTL", 0) == 0
        stream.done_sending()
        assert stream.ended() == ("OK", "")


def test_nonsense_ends_a_stream(wire: Wire) -> None:
    with wire.stream("Watch/Watch") as stream:
        stream.send_raw(b"\xff\xff\xff")
        code, text = stream.ended()
        assert code == "INTERNAL" and text.startswith("grpc: failed to unmarshal the received message: ")


def test_who_insists_on_a_leader(opened: Callable[..., Opened]) -> None:
    """Two of three members are gone: the third knows no leader, and says so to those who ask for one."""
    served, server = opened(members=3, speed=20.0)
    last = list(served.etcd.members.values())[-1]
    with Wire(server.endpoint(last.plan.name)) as wire:
        with wire.stream("Watch/Watch", hasleader="true") as stream:
            stream.send(create_request={"key": b"a"})
            assert stream.take()["created"]
            with served.loop.lock:
                for member in served.etcd.members.values():
                    if member is not last:
                        member.crash()
            assert stream.ended() == ("UNAVAILABLE", "etcdserver: no leader")
        refused = wire.refusal("KV/Range", {"hasleader": "true"}, key=b"a", serializable=True)
        assert refused == ("UNAVAILABLE", "etcdserver: no leader")
        assert "header" in wire.call("KV/Range", key=b"a", serializable=True)
        code, text = wire.refusal("KV/Put", key=b"a")
        assert code == "UNAVAILABLE" and text.startswith("etcdserver: request timed out")
        url = server.endpoint(last.plan.name)
        assert get(url, "/health")[1] == '{"health":"false","reason":"RAFT NO LEADER"}\n'
        assert get(url, "/health?serializable=true")[0] == 200
        assert get(url, "/livez")[0] == 200 and get(url, "/readyz/linearizable_read")[0] == 503
        assert "etcd_server_has_leader 0" in get(url, "/metrics")[1].splitlines()


def test_a_cluster_of_three(opened: Callable[..., Opened]) -> None:
    served, server = opened(members=3, speed=20.0)
    assert len(server.endpoints) == 3
    with Wire(server.endpoints[0]) as one, Wire(server.endpoints[2]) as other:
        assert one.call("KV/Put", key=b"a", value=b"1")["header"]["revision"] == 2
        assert other.call("KV/Range", key=b"a")["kvs"][0]["value"] == b"1"
        listed = other.call("Cluster/MemberList")["members"]
        assert sorted(member["clientURLs"][0] for member in listed) == sorted(server.endpoints)
        leaders = {one.call("Maintenance/Status")["leader"], other.call("Maintenance/Status")["leader"]}
        assert len(leaders) == 1 and leaders.pop() in {member["ID"] for member in listed}
        served.loop.advance(10.0)  # members that have just met do not take a new one
        added = one.call("Cluster/MemberAdd", peerURLs=["http://192.168.0.30:2380"], isLearner=True)
        assert added["member"].get("clientURLs", []) == []
        with served.loop.lock:
            served.etcd.join("etcd-4")
        wait_until(lambda: "etcd-4" in server._doors)
        with Wire(server.endpoint("etcd-4")) as learner:
            wait_until(lambda: answers(learner, serializable=True))
            refused = learner.refusal("KV/Range", key=b"a")
            assert refused == ("FAILED_PRECONDITION", "etcdserver: rpc not supported for learner")
            assert get(server.endpoint("etcd-4"), "/readyz/non_learner")[0] == 503


def test_a_slow_watcher_holds_nobody_up_and_costs_little(wire: Wire, plain: Opened) -> None:
    served, server = plain
    services = next(iter(server._doors.values()))._services
    value = b"x" * 4096
    store = served.member.store
    with wire.stream("Watch/Watch") as slow, wire.stream("Watch/Watch") as quick:
        slow.send(create_request={"key": b"k"})
        quick.send(create_request={"key": b"k", "filters": [0]})
        assert quick.take()["created"]
        wait_until(lambda: len(store.watchers) == 2)
        began = time.monotonic()
        with served.loop.lock:
            for number in range(8000):
                store.put(b"k", value + b"%d" % number)
        took = time.monotonic() - began
        assert took < 5, "the writer waited for a client"
        wait_until(lambda: all(len(pipe._waiting) <= 4 * HIGH for pipe in services.pipes))
        assert sum(pipe._bytes for pipe in services.pipes) < 16 * 1024 * 1024
        assert slow.take()["created"]
        got = list(events(slow, 8000))
        assert [event["kv"]["mod_revision"] for event in got] == list(range(2, 8002))
        wire.call("KV/Put", key=b"k", value=b"last")
        assert next(events(slow, 1))["kv"]["value"] == b"last", "it is told at once again"


def test_a_watcher_that_was_too_slow_is_told_so(wire: Wire, plain: Opened) -> None:
    store = plain[0].member.store
    with wire.stream("Watch/Watch") as slow:
        slow.send(create_request={"key": b"k"})
        wait_until(lambda: len(store.watchers) == 1)
        with plain[0].loop.lock:
            for _ in range(4000):
                store.put(b"k", b"x" * 8192)
            store.compact(store.revision)
        last = {}
        while not last.get("canceled"):
            last = slow.take()
        assert last["compact_revision"] == 4001


def test_many_requests_without_reading(wire: Wire, plain: Opened) -> None:
    """A client that asks and asks and takes nothing is made to wait, not kept in memory."""
    services = next(iter(plain[1]._doors.values()))._services
    with wire.stream("Watch/Watch") as stream:
        for _ in range(20_000):
            stream.send(create_request={"key": b"a" * 1000, "start_revision": -1})
        wait_until(lambda: bool(services.pipes))
        time.sleep(0.5)
        assert all(len(pipe._waiting) <= HIGH + 2 for pipe in services.pipes)
        assert stream.take()["canceled"]
