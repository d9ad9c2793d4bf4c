"""The JSON gateway on the port answers exactly as the gateway without sockets, which the recordings judge."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from kubekit.etcd import KVStore
from kubekit.etcd.gateway import Gateway
from kubekit.etcd.v3rpc import Server
from kubekit.serving.etcd_server import EtcdServer, serve_etcd
from kubekit.sim import VirtualClock
from tests.clients.test_real_etcd import Script
from tests.serving.etcd_served import Served

BODIES = [
    ("kv/range", ""),
    ("kv/range", "{"),
    ("kv/range", "[1]"),
    ("kv/range", '{"key": 5}'),
    ("kv/range", '{"key": "!!!"}'),
    ("kv/range", '{"key": "YQ==", "sort_order": "SIDEWAYS"}'),
    ("kv/range", '{"key": "YQ==", "limit": "x"}'),
    ("kv/range", '{"key": "YQ=="} trailing'),
    ("kv/put", '{"key": "YQ==", "value": "' + "A" * 4_000_000 + '"}'),
    ("kv/put", '{"key": "YQ==", "unknown": 1, "value": "MQ=="}'),
    ("kv/txn", '{"success": [{"request_put": {}, "request_range": {}}]}'),
    ("lease/grant", '{"TTL": "9000000001"}'),
    ("lease/timetolive", '{"ID": "77"}'),
    ("kv/lease/revoke", '{"ID": "77"}'),
    ("lease/leases", "{}"),
    ("cluster/member/list", "{}"),
    ("auth/status", "{}"),
    ("auth/enable", "{}"),
    ("auth/user/add", '{"name": "", "password": "x"}'),
    ("maintenance/alarm", "{}"),
    ("maintenance/hashkv", "{}"),
    ("nowhere", "{}"),
    ("lease/keepalive", '{"ID": "77"}'),
    ("lease/keepalive", "{"),
    ("lease/keepalive", '{"ID": []}'),
    ("kv/range", "[" * 100_000),
    ("kv/txn", '{"success": [{"request_txn": ' * 300),
    ("auth/user/add", r'{"name": "\u00e9\ud83d\ude00", "password": "x"}'),
    ("auth/user/add", '{"name": "\u00e9\u0444", "password": "x"}'),
]


class Port:
    """One connection to a served gateway."""

    def __init__(self, server: EtcdServer) -> None:
        self.connection = http.client.HTTPConnection(server.endpoints[0].partition("://")[2], timeout=20)

    def post(self, path: str, body: str) -> tuple[int, Any]:
        self.connection.request("POST", f"/v3/{path}", body.encode())
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())


@pytest.fixture
def port() -> Iterator[Port]:
    with serve_etcd(Served(), port=0, tls=False, announce=lambda text: None) as server:
        made = Port(server)
        yield made
        made.connection.close()


def without_names(answer: Any) -> Any:
    """An answer without what tells one cluster from another."""
    if isinstance(answer, list):
        return [without_names(item) for item in answer]
    if not isinstance(answer, dict):
        return answer
    dropped = ("cluster_id", "member_id", "raft_term", "clientURLs", "hash")
    return {key: without_names(value) for key, value in answer.items() if key not in dropped}


def test_random_requests(port: Port) -> None:
    plain = Gateway(Server(KVStore(VirtualClock())))
    script = Script(11)
    for number in range(300):
        path, request = script.request()
        body = json.dumps(request)
        wanted = plain.post(path, body)
        got = port.post(path, body)
        assert (got[0], without_names(got[1])) == (wanted[0], without_names(wanted[1])), (number, path, body)


@pytest.mark.parametrize(("path", "body"), BODIES, ids=range(len(BODIES)))
def test_unusual_bodies(port: Port, path: str, body: str) -> None:
    wanted = Gateway(Server(KVStore(VirtualClock()))).post(path, body)
    got = port.post(path, body)
    assert (got[0], without_names(got[1])) == (wanted[0], without_names(wanted[1]))


def test_streams_that_cannot_be_read_end(port: Port) -> None:
    """Nothing is left open of a watch whose first request is nonsense, or that nobody asked for."""
    for body in ("", "{", "nonsense", "[" * 100_000, '{"create_request": {"key": 5}}'):
        assert port.post("watch", body) == (200, {})
    lease = port.post("lease/grant", '{"TTL": "60"}')[1]["ID"]
    port.connection.request(
        "POST", "/v3/lease/keepalive", f'{{"ID": {lease}}} {{"ID": []}} {{"ID": {lease}}}'
    )
    lines = port.connection.getresponse().read().splitlines()
    assert [json.loads(line)["result"]["TTL"] for line in lines] == ["60"]
