"""The JSON gateway: shapes, kindness in reading, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.etcd import KVStore
from kubekit.etcd.errors import InvalidArgument
from kubekit.etcd.gateway import PATHS, Gateway
from kubekit.etcd.messages import ENUMS, MESSAGES
from kubekit.etcd.protojson import from_json, to_json
from kubekit.etcd.v3rpc import REQUESTS, Server
from kubekit.sim import VirtualClock

SCALARS = {"bytes", "string", "int64", "uint64", "uint32", "bool"}


def post(gateway: Gateway, path: str, request: Any) -> tuple[int, Any]:
    return gateway.post(path, json.dumps(request))


def test_every_path_leads_to_a_call_with_known_messages(server: Server) -> None:
    assert set(PATHS.values()) == set(REQUESTS) >= set(server._calls)
    for names in REQUESTS.values():
        assert set(names) <= set(MESSAGES)
    for fields in MESSAGES.values():
        assert {field.kind for field in fields} <= SCALARS | set(ENUMS) | set(MESSAGES)
        assert len({field.number for field in fields}) == len(fields)


def test_an_answer_leaves_out_what_is_zero(gateway: Gateway) -> None:
    assert post(gateway, "kv/put", {"key": "Zm9v", "value": ""})[0] == 200
    status, answer = post(gateway, "/v3/kv/range", {"key": "Zm9v"})
    assert status == 200
    assert answer["header"].pop("member_id") == "10276657743932975437"
    assert answer["header"].pop("cluster_id") == "14841639068965178418"
    assert answer == {
        "header": {"revision": "2", "raft_term": "2"},
        "kvs": [{"key": "Zm9v", "create_revision": "2", "mod_revision": "2", "version": "1"}],
        "count": "1",
    }


READ = [
    ('{"key": "Zm9v", "limit": "5"}', {"key": b"foo", "limit": 5}),
    ('{"key": "Zm9v", "limit": 5, "rangeEnd": "AA"}', {"key": b"foo", "limit": 5, "range_end": b"\x00"}),
    ('{"key": "_-8", "limit": 1e2}', {"key": b"\xff\xef", "limit": 100}),
    ('{"sort_order": "DESCEND", "sort_target": 4}', {"sort_order": 2, "sort_target": 4}),
    ('{"sort_order": "SIDEWAYS", "nonsense": [1]}', {}),
    ('{"key": null}', {}),
    ("  ", {}),
    ('{"limit": "1.50e1"}', {"limit": 15}),
    ('{"limit": 0.00000000000000000000000000005e29}', {"limit": 5}),
    ('{"limit": 100e-2, "revision": -0}', {"limit": 1, "revision": 0}),
    ('{"limit": 9.223372036854775807e18}', {"limit": 2**63 - 1}),
    ('{"limit": "9223372036854775807 and more"}', {"limit": 2**63 - 1}),
    ('{"key": "Zm9v\\nYmFy\\r\\n"}', {"key": b"foobar"}),
    ('{"unknown": 1, "unknown": 2} {"key": "!"', {}),
    ('{"unknown": ' + "1" * 5000 + "}", {}),
]


@pytest.mark.parametrize(("text", "message"), READ)
def test_reading_is_kind(text: str, message: dict[str, Any]) -> None:
    assert from_json("RangeRequest", text) == message


NBSP = "\u00a0"
UNREAD = [
    ("RangeRequest", "[]", f"proto:{NBSP}syntax error (line 1:1): unexpected token ["),
    ("TxnRequest", '{"success": [null]}', f"proto:{NBSP}syntax error (line 1:14): unexpected token null"),
    (
        "TxnRequest",
        '{"compare": [],\n "success": [{"request_put": {"key": "YQ==", "lease": true}}]}',
        f"proto:{NBSP}(line 2:55): invalid value for int64 field lease: true",
    ),
    ("RangeRequest", '{"key": "!"}', f'proto:{NBSP}(line 1:9): invalid value for bytes field key: "!"'),
    (
        "RangeRequest",
        '{"rangeEnd": 1, "key": ""}',
        f"proto:{NBSP}(line 1:14): invalid value for bytes field rangeEnd: 1",
    ),
    ("RangeRequest", '{"limit": 1.5}', f"proto:{NBSP}(line 1:11): invalid value for int64 field limit: 1.5"),
    (
        "Compare",
        '{"version": 1, "value": "YQ=="}',
        f'proto:{NBSP}(line 1:16): error parsing "value", '
        "oneof etcdserverpb.Compare.target_union is already set",
    ),
    ("RangeRequest", '{"key": ', "unexpected EOF"),
    ("RangeRequest", '{"key": "", "key": null}', f'proto:{NBSP}(line 1:2): duplicate field "key"'),
    ("RangeRequest", '{"limit": NaN}', "invalid character '{' looking for beginning of value"),
    ("RangeRequest", "null", f"proto:{NBSP}syntax error (line 1:1): unexpected token null"),
    ("RangeRequest", "{key}", "invalid character 'k' looking for beginning of value"),
]


@pytest.mark.parametrize(("name", "text", "message"), UNREAD)
def test_what_cannot_be_read_is_refused_with_its_place(name: str, text: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        from_json(name, text)
    assert refused.value.message == message


BAD_VALUES = [
    '{"limit": "9223372036854775808"}',
    '{"limit": " 1"}',
    '{"limit": "1 "}',
    '{"limit": "1x"}',
    '{"limit": "01"}',
    '{"limit": 1e-1}',
    '{"limit": 1e99999999999999999999999}',
    '{"limit": ' + "1" * 5000 + "}",
    '{"limit": true}',
    '{"key": "a+-_"}',
    '{"key": "YQ="}',
    '{"key": "YQ==YQ=="}',
    '{"key": "\\ud800"}',
    '{"key": 1}',
    '{"keys_only": "true"}',
    '{"sort_order": 1.5}',
    '{"sort_order": 3000000000}',
]


@pytest.mark.parametrize("text", BAD_VALUES)
def test_bad_values_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid value for"):
        from_json("RangeRequest", text)


def test_a_deep_text_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        from_json("TxnRequest", '{"success": [{"request_txn": ' * 2000)
    with pytest.raises(InvalidArgument, match="recursion"):
        from_json("RangeRequest", '{"x": ' * 100_000)


def test_a_oneof_is_written_even_when_it_is_zero() -> None:
    assert to_json("Compare", {"version": 0, "lease": None}) == {"version": "0"}


REFUSED = [
    ("kv/range", {"key": ""}, 400, 3, "etcdserver: key is not provided"),
    ("lease/revoke", {"ID": "5"}, 404, 5, "etcdserver: requested lease not found"),
    ("auth/enable", {}, 400, 9, "etcdserver: root user does not exist"),
    ("kv/nothing", {}, 404, 5, "Not Found"),
    ("kv/put", {"key": "YQ==", "value": "eHh4" * 600_000}, 400, 3, "etcdserver: request is too large"),
    (
        "kv/put",
        {"key": "YQ==", "value": "eHh4" * 700_000},
        429,
        8,
        "grpc: received message larger than max (2100008 vs. 2097152)",
    ),
]


@pytest.mark.parametrize(("path", "request_", "status", "code", "message"), REFUSED)
def test_refusals(gateway: Gateway, path: str, request_: Any, status: int, code: int, message: str) -> None:
    assert post(gateway, path, request_) == (status, {"code": code, "message": message})


def test_streams_are_wrapped(gateway: Gateway) -> None:
    post(gateway, "lease/grant", {"ID": 30, "TTL": 3})
    status, answer = post(gateway, "lease/keepalive", {"ID": "30"})
    assert status == 200 and answer["result"]["TTL"] == "3"
    assert gateway.stream("Lease/LeaseKeepAlive", '{"ID": 30} {"ID": 31}{"ID": "x"} {"ID": 30}') == (
        200,
        [{"result": answer["result"]}, {"result": {"header": answer["result"]["header"], "ID": "31"}}],
    )
    assert post(gateway, "lease/keepalive", [1]) == (200, {}) == gateway.post("lease/keepalive", "")
    heard: list[Any] = []
    stream = gateway.watch('{"create_request": {"key": "YQ=="}}', heard.append)
    post(gateway, "kv/put", {"key": "YQ=="})
    assert heard[0]["result"]["created"] is True
    assert heard[1]["result"]["events"][0]["kv"]["key"] == "YQ=="
    stream.close()
    post(gateway, "kv/put", {"key": "YQ=="})
    assert len(heard) == 2


WORDS = '{ } [ ] : , "key" "limit" "success" "request_put" "compare" "value" null true 1 -1 1e2 "YQ==" " NaN'
TOKENS = st.sampled_from([*WORDS.split(), " ", "\x00", "\ud800"])
DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.just("YQ==")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["key", "success", "request_put", "request_txn", "ID", "x"]), inner),
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    st.sampled_from(sorted(set(PATHS) - {"watch", "maintenance/snapshot"})),
    st.one_of(st.lists(TOKENS, max_size=12).map("".join), st.text(max_size=20), DOCUMENTS.map(json.dumps)),
)
def test_whatever_is_sent_is_answered(path: str, body: str) -> None:
    status, answer = Gateway(Server(KVStore(VirtualClock()))).post(path, body)
    assert status in (200, 400, 401, 403, 404, 409, 429, 501, 503) and isinstance(answer, dict)
