"""Whatever is sent, the answer is an answer: wrong bodies and queries are refused, never a Python error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubekit.api.exchange import Request
from tests.apiserver.conftest import ADMIN, CORE, Asker, pod

Obj = dict[str, Any]

_SCALARS = st.sampled_from([None, True, 0, -1, 3.5, 10**20, "", "x", "a/b", "1Gi", "2026-01-01T00:00:00Z"])
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "a"]), inner, max_size=2)
    ),
    max_leaves=4,
)
_DEPLOYMENT = {
    "metadata": {"name": "d"},
    "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {**pod("x", {"a": "b"})}},
}
_BODIES: list[tuple[str, Obj]] = [
    (f"{CORE}/pods", pod("web", {"a": "b"}, tolerations=[{"key": "k", "operator": "Exists"}])),
    (
        f"{CORE}/services",
        {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}},
    ),
    ("/apis/apps/v1/namespaces/default/deployments", _DEPLOYMENT),
]


@pytest.fixture(scope="module")
def shared() -> Asker:
    """One server for all attempts."""
    return Asker()


def places(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a body."""
    found = [before] if before else []
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in steps:
        found += places(item, (*before, step))
    return found


def replaced(value: Any, place: tuple[Any, ...], item: Any) -> Any:
    """A copy of a body with something else in one place."""
    copied = json.loads(json.dumps(value))
    inner = copied
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = item
    return copied


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_wrong_bodies_are_refused(shared: Asker, data: st.DataObject) -> None:
    path, body = data.draw(st.sampled_from(_BODIES))
    wrong = replaced(body, data.draw(st.sampled_from(places(body))), data.draw(_VALUES))
    headers = {"content-type": "application/json"}
    sent = json.dumps(wrong).encode()
    answer = shared.server(Request("POST", path, {"dryRun": ["All"]}, headers, sent, ADMIN, "user"))
    assert 200 <= answer.status < 600


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "DELETE", "POST", "PATCH", "PUT"]),
    path=st.sampled_from(
        [f"{CORE}/pods", f"{CORE}/pods/x", f"{CORE}/pods/x/status", "/api/v1/nodes", "/apis", "/"]
    ),
    query=st.dictionaries(
        st.sampled_from(
            ["limit", "continue", "fieldSelector", "labelSelector", "resourceVersion", "watch", "dryRun"]
        ),
        st.sampled_from(["", "0", "-1", "x", "true", "a=b", "a in (b", "[", "=", "99999999999999999999"]).map(
            lambda text: [text]
        ),
        max_size=3,
    ),
)
def test_wrong_queries_are_refused(
    shared: Asker, method: str, path: str, query: dict[str, list[str]]
) -> None:
    answer = shared.server(Request(method, path, query, {}, None, ADMIN, "user"))
    assert 200 <= answer.status < 600


# -- what is too large, too deep, or no text at all ------------------------------------------------------

_CONFIG_MAPS = f"{CORE}/configmaps"


def sent(asker: Asker, body: bytes, kind: str = "application/json", path: str = _CONFIG_MAPS) -> Any:
    return asker.server(Request("POST", path, {}, {"content-type": kind}, body, ADMIN, "user"))


def test_a_body_over_the_limit(shared: Asker) -> None:
    answer = sent(shared, b'{"metadata":{"name":"x"},"data":{"a":"' + b"x" * (3 * 1024 * 1024) + b'"}}')
    assert (answer.status, answer.body["reason"]) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize("kind", ["application/json", "application/yaml"])
@pytest.mark.parametrize(
    "body",
    [
        b'{"metadata":' * 50_000,
        b'{"metadata":{"name":"x"},"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"metadata":{"name":"\xff\xfe"}}',
        b"\x00\x01\x02",
        b"",
        b"null",
        b"[]",
        b'"text"',
        b'{"metadata":{"name":"x"},"data":{"a":"\\ud800"}}',
        b'{"metadata":{"name":"x","name":"y"},"metadata":1}',
        b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generation":1e400,"name":"x"}}',
    ],
    ids=[
        "open",
        "deep",
        "utf-8",
        "bytes",
        "nothing",
        "null",
        "list",
        "text",
        "surrogate",
        "twice",
        "infinite",
    ],
)
def test_bodies_that_are_none(shared: Asker, kind: str, body: bytes) -> None:
    answer = sent(shared, body, kind)
    assert 400 <= answer.status < 500 or (answer.status == 201 and b"ud800" in body), answer
    assert len(answer.encoded()) < 20_000


def test_a_yaml_bomb_does_not_explode(shared: Asker) -> None:
    # Each line holds the one before ten times: a thousand million million in all.
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\n" + "\n".join(lines)
    answer = sent(shared, text.encode(), "application/yaml")
    assert 400 <= answer.status < 500, answer
    assert len(answer.encoded()) < 20_000


@pytest.mark.parametrize(
    "selector",
    [
        "a=b," * 50_000,
        f"a in ({','.join(f'v{n}' for n in range(20_000))})",
        "(" * 10_000,
        "!" * 10_000,
        "a=" * 5_000,
    ],
    ids=["many", "wide", "open", "not", "equals"],
)
def test_huge_selectors(shared: Asker, selector: str) -> None:
    for name in ("labelSelector", "fieldSelector"):
        answer = shared.server(Request("GET", f"{CORE}/pods", {name: [selector]}, {}, None, ADMIN, "user"))
        assert answer.status in (200, 400)


@pytest.mark.parametrize(
    "path",
    [
        f"{CORE}/pods/..", f"{CORE}/pods/../secrets", f"{CORE}/pods/.", f"{CORE}//pods",
        f"{CORE}/pods/%2e%2e",
        f"{CORE}/pods/a%2Fb", f"{CORE}/pods/a/b/c/d/e/f", "/api/v1/namespaces//pods", "/apis//v1/pods",
        "//api/v1",
        "/api/v1/" + "x/" * 5_000, f"{CORE}/pods/" + "x" * 100_000, f"{CORE}/pods/\x00",
        f"{CORE}/pods/a\nb",
        "/../etc/passwd", "/api/v1/watch", "/api/v1/proxy/namespaces", f"{CORE}/pods/x/log/y",
        f"{CORE}/pods/é",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_path_tricks(shared: Asker, path: str, method: str) -> None:
    body = b"{}" if method in ("POST", "PUT", "PATCH") else None
    headers = {"content-type": "application/json"}
    answer = shared.server(Request(method, path, {"dryRun": ["All"]}, headers, body, ADMIN, "user"))
    assert 200 <= answer.status < 500 or answer.status == 503, (method, path, answer)
    assert len(answer.encoded()) < 250_000
