"""etcd's port: what gRPC clients get, refusals included; slow clients; members that go and come back."""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from kubekit.etcd.cluster import EtcdCluster
from kubekit.etcd.protobuf import encode
from kubekit.etcd.v3rpc import MAX_MESSAGE_BYTES
from kubekit.serving.certificates import Authority
from kubekit.serving.etcd_grpc import ALONE
from kubekit.serving.etcd_server import EtcdServer, serve_etcd
from kubekit.serving.etcd_watch import HIGH
from kubekit.sim import Loop
from tests.serving.wire import Wire, events


class Served:
    """A little cluster that has nothing but etcd."""

    def __init__(self, members: int = 1) -> None:
        self.name = "served"
        self.loop = Loop()
        self.etcd = EtcdCluster(self.loop, members)
        self.etcd.start()

    @property
    def member(self) -> Any:
        return next(iter(self.etcd.members.values()))


Opened = tuple[Served, EtcdServer]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    servers: list[EtcdServer] = []

    def open(members: int = 1, **options: Any) -> Opened:
        served = Served(members)
        options = {
            "port": 0,
            "tls": False,
            "announce": lambda text: None,
            "directory": tmp_path / "pki",
            **options,
        }
        servers.append(serve_etcd(served, **options))
        return served, servers[-1]

    yield open
    for server in servers:
        server.stop()


@pytest.fixture
def plain(opened: Callable[..., Opened]) -> Opened:
    return opened()


@pytest.fixture
def wire(plain: Opened) -> Iterator[Wire]:
    with Wire(plain[1].endpoints[0]) as wire:
        yield wire


def get(url: str, path: str, method: str = "GET", body: str | None = None) -> tuple[int, str, dict[str, str]]:
    host = url.partition("://")[2]
    connection = http.client.HTTPConnection(host, timeout=20)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


# -- single calls ---------------------------------------------------------------------------------------


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


# -- streams --------------------------------------------------------------------------------------------


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


# -- whoever asks -----------------------------------------------------------------------------------------


def test_tokens(wire: Wire) -> None:
    for name in ("root", "joe"):
        wire.call("Auth/UserAdd", name=name, password="pw")
    for role in ("root", "reader"):
        wire.call("Auth/RoleAdd", name=role)
    wire.call("Auth/RoleGrantPermission", name="reader", perm={"permType": 0, "key": b"a"})
    wire.call("Auth/UserGrantRole", user="root", role="root")
    wire.call("Auth/UserGrantRole", user="joe", role="reader")
    wire.call("Auth/AuthEnable")
    assert wire.refusal("KV/Range", key=b"a") == ("INVALID_ARGUMENT", "etcdserver: user name is empty")
    joe = {"token": wire.call("Auth/Authenticate", name="joe", password="pw")["token"]}
    assert "header" in wire.call("KV/Range", metadata=joe, key=b"a")
    assert wire.refusal("KV/Put", joe, key=b"a") == ("PERMISSION_DENIED", "etcdserver: permission denied")
    wrong = {"token": "nonsense"}
    assert wire.refusal("KV/Range", wrong, key=b"a") == ("UNAUTHENTICATED", "etcdserver: invalid auth token")
    with wire.stream("Watch/Watch", **joe) as stream:
        stream.send(create_request={"key": b"b"})
        refused = stream.take()
        assert refused["canceled"] and "permission denied" in refused["cancel_reason"]


def credentials(server: EtcdServer, name: str = "", authority: Authority | None = None) -> Any:
    assert server.cacert is not None and server.cert is not None and server.key is not None
    if authority is None:
        key, certificate = server.key.read_bytes(), server.cert.read_bytes()
    else:
        pair = authority.client(name)
        key, certificate = pair.key, pair.certificate
    return grpc.ssl_channel_credentials(server.cacert.read_bytes(), key, certificate)


def test_tls_wants_a_certificate(opened: Callable[..., Opened]) -> None:
    ca = Authority("etcd-ca")
    _, server = opened(tls=True, authority=ca)
    url = server.endpoints[0]
    with Wire(url, credentials(server)) as wire:
        assert wire.call("KV/Put", key=b"a")["header"]["revision"] == 2
    with Wire(url, credentials(server, "mallory", Authority("other"))) as wire:
        assert wire.refusal("KV/Range", key=b"a")[0] == "UNAVAILABLE"
    assert server.cacert is not None
    with Wire(url, grpc.ssl_channel_credentials(server.cacert.read_bytes())) as wire:
        assert wire.refusal("KV/Range", key=b"a")[0] == "UNAVAILABLE"
    with Wire(url.replace("https", "http")) as wire:
        assert wire.refusal("KV/Range", key=b"a")[0] == "UNAVAILABLE"
    assert server.key is not None and server.key.stat().st_mode & 0o077 == 0


def test_a_certificate_says_who_asks(opened: Callable[..., Opened]) -> None:
    ca = Authority("etcd-ca")
    served, server = opened(tls=True, authority=ca)
    url = server.endpoints[0]
    with Wire(url, credentials(server, "root", ca)) as root:
        root.call("Auth/UserAdd", name="root", options={"no_password": True})
        root.call("Auth/RoleAdd", name="root")
        root.call("Auth/UserGrantRole", user="root", role="root")
        root.call("Auth/AuthEnable")
        assert root.call("KV/Put", key=b"a")["header"]["revision"] == 2
    with Wire(url, credentials(server, "joe", ca)) as joe:
        assert joe.refusal("KV/Range", key=b"a") == ("PERMISSION_DENIED", "etcdserver: permission denied")
    assert served.member.auth.enabled


# -- members ----------------------------------------------------------------------------------------------


def test_a_member_that_goes_and_comes_back(wire: Wire, plain: Opened) -> None:
    served, server = plain
    wire.call("KV/Put", key=b"a", value=b"1")
    with wire.stream("Watch/Watch") as stream:
        stream.send(create_request={"key": b"a"})
        assert stream.take()["created"]
        with served.loop.lock:
            served.member.crash()
        assert stream.ended()[0] == "UNAVAILABLE"
    assert wire.refusal("KV/Range", key=b"a")[0] == "UNAVAILABLE"
    wait_until(lambda: refuses(server.endpoints[0]))
    with served.loop.lock:
        served.member.start()
    wait_until(lambda: answers(wire))
    assert wire.call("KV/Range", key=b"a")["kvs"][0]["value"] == b"1"


def refuses(url: str) -> bool:
    try:
        get(url, "/health")
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def answers(wire: Wire, **options: bool) -> bool:
    try:
        return "header" in wire.call("KV/Range", key=b"a", timeout=1, **options)
    except grpc.RpcError:
        return False


def test_a_frozen_member_says_nothing_until_it_goes_on(wire: Wire, plain: Opened) -> None:
    served, _ = plain
    wire.call("KV/Put", key=b"a")
    with served.loop.lock:
        served.member.pause()
    with pytest.raises(grpc.RpcError) as error:
        wire.call("KV/Range", key=b"a", timeout=0.3)
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    with served.loop.lock:
        served.member.resume()
    assert wire.call("KV/Range", key=b"a")["count"] == 1


def test_a_busy_engine_delays_only_its_own_clients(
    wire: Wire, opened: Callable[..., Opened], plain: Opened
) -> None:
    """While a cell runs one engine for long, another cluster's etcd answers."""
    _, other = opened()
    answered: queue.SimpleQueue[float] = queue.SimpleQueue()
    with plain[0].loop.lock:
        waiting = threading.Thread(
            target=lambda: answered.put(wire.call("KV/Put", key=b"a") and time.monotonic())
        )
        waiting.start()
        time.sleep(0.1)
        with Wire(other.endpoints[0]) as another:
            assert another.call("KV/Put", key=b"a")
        released = time.monotonic()
    waiting.join(timeout=10)
    assert answered.get(timeout=1) >= released


def test_leases_run_out_in_a_served_etcd(opened: Callable[..., Opened]) -> None:
    _, server = opened(speed=100.0)
    with Wire(server.endpoints[0]) as wire, wire.stream("Watch/Watch") as stream:
        lease = wire.call("Lease/LeaseGrant", TTL=60)["ID"]
        wire.call("KV/Put", key=b"a", lease=lease)
        stream.send(create_request={"key": b"a"})
        assert stream.take()["created"]
        assert next(events(stream, 1))["type"] == 1


# -- pages ------------------------------------------------------------------------------------------------


def test_pages(plain: Opened, wire: Wire) -> None:
    url = plain[1].endpoints[0]
    assert get(url, "/health")[:2] == (200, '{"health":"true","reason":""}')
    assert get(url, "/health?serializable=true")[0] == 200
    status, text, headers = get(url, "/health", "POST")
    assert (status, text, headers["Allow"]) == (405, "Method Not Allowed\n", "GET")
    assert get(url, "/livez")[:2] == (200, "ok\n")
    assert get(url, "/livez?verbose")[1] == "[+]serializable_read ok\nok\n"
    assert "[+]linearizable_read ok\n" in get(url, "/readyz?verbose")[1]
    assert get(url, "/readyz/non_learner")[:2] == (200, "ok\n")
    assert get(url, "/readyz/nothing")[:2] == (404, "404 page not found\n")
    assert json.loads(get(url, "/version")[1])["etcdserver"].startswith("3.6.")
    status, text, headers = get(url, "/nowhere")
    assert (status, text) == (404, "404 page not found\n")
    assert headers["Content-Type"] == "text/plain; charset=utf-8" and "Server" not in headers
    wire.call("KV/Put", key=b"a")
    with pytest.raises(grpc.RpcError):
        wire.call("KV/Put")
    figures = get(url, "/metrics")[1]
    put = 'grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"'
    for line in (
        "etcd_server_has_leader 1",
        "etcd_server_is_leader 1",
        "etcd_debugging_mvcc_current_revision 2",
        f'grpc_server_handled_total{{grpc_code="OK",{put}}} 1',
        f'grpc_server_handled_total{{grpc_code="InvalidArgument",{put}}} 1',
        "# TYPE etcd_server_leader_changes_seen_total counter",
        "etcd_server_health_success 2",
    ):
        assert line in figures.splitlines(), line
    assert next(line for line in figures.splitlines() if line.startswith("etcd_mvcc_db_total_size_in_bytes "))


def test_ill_health(plain: Opened, wire: Wire) -> None:
    served, server = plain
    url = server.endpoints[0]
    wire.call("Maintenance/Alarm", action=1, memberID=served.member.id, alarm=1)
    status, text, _ = get(url, "/health")
    assert (status, text) == (503, '{"health":"false","reason":"ALARM NOSPACE"}\n')
    assert get(url, "/health?exclude=NOSPACE")[0] == 200
    assert get(url, "/readyz")[0] == 200, "only corruption makes it unready"
    wire.call("Maintenance/Alarm", action=2, memberID=served.member.id, alarm=1)
    assert get(url, "/health")[0] == 200


def test_the_gateway(plain: Opened) -> None:
    url = plain[1].endpoints[0]
    status, text, headers = get(url, "/v3/kv/put", "POST", '{"key": "YQ==", "value": "MQ=="}')
    assert status == 200 and json.loads(text)["header"]["revision"] == "2"
    assert headers["Content-Type"] == "application/json"
    assert headers["Grpc-Metadata-Content-Type"] == "application/grpc"
    found = json.loads(get(url, "/v3/kv/range", "POST", '{"key": "YQ=="}')[1])
    assert found["kvs"][0]["value"] == "MQ==" and found["count"] == "1"
    assert json.loads(get(url, "/v3beta/kv/range", "POST", '{"key": "YQ=="}')[1])["count"] == "1"
    status, text, _ = get(url, "/v3/kv/put", "POST", "{}")
    assert (status, json.loads(text)["message"]) == (400, "etcdserver: key is not provided")
    status, text, _ = get(url, "/v3/kv/puff", "POST", "{}")
    assert (status, json.loads(text)) == (404, {"code": 5, "message": "Not Found"})
    status, text, _ = get(url, "/v3/kv/range", "GET")
    assert (status, json.loads(text)) == (501, {"code": 12, "message": "Method Not Allowed"})
    lease = json.loads(get(url, "/v3/lease/grant", "POST", '{"TTL": 60}')[1])["ID"]
    kept = get(url, "/v3/lease/keepalive", "POST", f'{{"ID": {lease}}}{{"ID": {lease}}}')[1].splitlines()
    assert [json.loads(line)["result"]["TTL"] for line in kept] == ["60", "60"]


def test_a_watch_through_the_gateway(plain: Opened, wire: Wire) -> None:
    host = plain[1].endpoints[0].partition("://")[2]
    connection = http.client.HTTPConnection(host, timeout=20)
    try:
        connection.request("POST", "/v3/watch", '{"create_request": {"key": "YQ=="}}\n')
        answer = connection.getresponse()
        assert json.loads(answer.readline())["result"]["created"]
        for number in (1, 2):
            wire.call("KV/Put", key=b"a", value=b"%d" % number)
            got = json.loads(answer.readline())["result"]["events"]
            assert [event["kv"]["version"] for event in got] == [str(number)]
    finally:
        connection.close()
    wait_until(lambda: len(plain[0].member.store.watchers) == 0)


def test_the_lines_for_etcdctl(opened: Callable[..., Opened], tmp_path: Path) -> None:
    _, server = opened(tls=True)
    lines = dict(line.removeprefix("export ").split("=", 1) for line in server.env().splitlines())
    assert lines == server.variables
    assert lines["ETCDCTL_ENDPOINTS"] == server.endpoints[0]
    assert lines["ETCDCTL_CACERT"] == str(tmp_path / "pki" / "etcd" / "ca.crt")
    assert server.env() in repr(server)
    server.stop()
    assert "not served any more" in repr(server)
    with pytest.raises(ConnectionRefusedError):
        get(server.endpoints[0], "/health")


def wait_until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it does not come to that"
        time.sleep(0.02)
