"""The server against its own OpenAPI document: whatever schemathesis makes of it, there is an answer and no
500.

Each operation gets cases that fit its description and cases that do not. A run of `make test` takes a
sample, the same each time; with KUBEKIT_NIGHTLY=1 every operation of every group is tried, more often.
"""

from __future__ import annotations

import json
import os
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from kubekit.api.exchange import Request, Response, WatchStream
from tests.apiserver.conftest import ADMIN, CORE, Asker, pod

schemathesis = pytest.importorskip("schemathesis")

NIGHTLY = os.environ.get("KUBEKIT_NIGHTLY") == "1"
GROUPS = [
    "api/v1",
    "apis/apps/v1",
    "apis/rbac.authorization.k8s.io/v1",
    "apis/batch/v1",
    "apis/networking.k8s.io/v1",
]
NIGHTLY_GROUPS = [
    "apis/policy/v1",
    "apis/autoscaling/v2",
    "apis/storage.k8s.io/v1",
    "apis/apiextensions.k8s.io/v1",
]
SAMPLE = None if NIGHTLY else 3
"""Operations of a group that are tried."""
CASES = 25 if NIGHTLY else 5
"""Cases of each sort for an operation."""
FOREVER = ("/exec", "/attach", "/portforward", "/proxy")


@pytest.fixture(scope="module")
def fuzzed() -> Asker:
    """One server, with something in it."""
    asker = Asker()
    asker.ask("POST", f"{CORE}/pods", pod("seeded", {"a": "b"}))
    for plural, more in (
        ("configmaps", {}),
        ("secrets", {}),
        ("services", {"spec": {"ports": [{"port": 80}]}}),
    ):
        asker.ask("POST", f"{CORE}/{plural}", {"metadata": {"name": "seeded"}, **more})
    return asker


def ask(asker: Asker, case: Any, path: str) -> Response | WatchStream:
    """Send a case as the front door would hand it on."""
    body = case.body
    sent: bytes | None = None
    if isinstance(body, (dict, list, str, int, float, bool)) or body is None:
        sent = json.dumps(body).encode() if case.media_type else None
    query = {
        str(name): [str(one) for one in value] if isinstance(value, list) else [str(value)]
        for name, value in (case.query or {}).items()
    }
    headers = {str(name).lower(): str(value) for name, value in (case.headers or {}).items()}
    if case.media_type:
        headers["content-type"] = case.media_type
    return asker.server(Request(case.method, path, query, headers, sent, ADMIN, "fuzz"))


@pytest.mark.parametrize("group", GROUPS + (NIGHTLY_GROUPS if NIGHTLY else []))
def test_no_case_breaks_the_server(fuzzed: Asker, group: str) -> None:
    document = json.loads(fuzzed.ask("GET", f"/openapi/v3/{group}").encoded())
    found = schemathesis.openapi.from_dict(document).get_all_operations()
    operations = sorted((one.ok() for one in found), key=lambda one: (one.path, one.method))
    assert len(operations) > 10
    chosen = operations if SAMPLE is None else random.Random(7).sample(operations, SAMPLE)
    statuses: set[int] = set()
    for operation in chosen:
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            try:
                strategy = operation.as_strategy(generation_mode=mode)
            except Exception:  # nothing about this operation can be wrong
                continue
            statuses |= tried(fuzzed, operation, strategy)
    assert statuses & {200, 201, 404, 422}, statuses


def tried(asker: Asker, operation: Any, strategy: Any) -> set[int]:
    """The statuses of an operation's cases, half of them about objects that exist."""
    statuses: set[int] = set()
    turn = iter(range(1_000_000))

    @seed(11)
    @settings(
        max_examples=CASES, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=strategy)
    def run(case: Any) -> None:
        path = case.formatted_path
        if next(turn) % 2:
            path = operation.path.format(namespace="default", name="seeded", path="x", logpath="x")
        answer = ask(asker, case, path)
        if isinstance(answer, WatchStream):
            answer.close()
        # Nobody reaches a kubelet here, which is a 503; any other fault of the server's would be a bug.
        allowed = (503,) if any(part in path for part in FOREVER) else ()
        assert answer.status < 500 or answer.status in allowed, (
            case.method,
            path,
            case.query,
            case.body,
            answer,
        )
        statuses.add(answer.status)

    try:
        run()
    except Exception as error:
        if "Unsatisfiable" in type(error).__name__ or "Skip" in type(error).__name__:
            return statuses
        raise
    return statuses
