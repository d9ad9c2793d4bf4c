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
