"""etcd's port: tokens and certificates, members that go and come back, pages and the gateway."""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from kubekit.serving.certificates import Authority
from kubekit.serving.etcd_server import EtcdServer
from tests.serving.etcd_served import Opened, answers, get, wait_until
from tests.serving.wire import Wire, events


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
