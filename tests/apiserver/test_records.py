"""What the server leaves for the views: one record a request, one a delivered event, causes in order."""

from __future__ import annotations

from kubekit.api.exchange import Request
from tests.apiserver.conftest import ADMIN, CORE, Asker


def test_a_create_tells_its_way(api: Asker) -> None:
    api.pod("web")
    record = next(r for r in api.loop.trace.records if r.kind == "request" and r.subject == "pod/default/web")
    asked = [step.asked for step in record.steps]
    for name in ("Request info", "Authentication", "Authorization", "Validation", "etcd"):
        assert name in asked
    assert asked.index("Authorization") < asked.index("Admission ServiceAccount") < asked.index("etcd")
    assert record.came_in["verb"] == "create" and record.came_in["user"] == "kubernetes-admin"
    assert record.came_out["status"] == 201
    write = record.came_out["writes"][0]
    assert write["key"] == "/registry/pods/default/web" and write["condition"] == "put if new"
    assert "user creates pod/default/web" in record.sentence


def test_an_update_names_its_condition_and_a_refusal_its_step(api: Asker) -> None:
    made = api.config("a", k="1")
    api.ask("PUT", f"{CORE}/configmaps/a", {**made, "data": {"k": "2"}})
    updated = [r for r in api.loop.trace.records if r.kind == "request"][-1]
    assert updated.came_out["writes"][0]["condition"] == f"put if mod = {made['metadata']['resourceVersion']}"
    api.ask("POST", f"{CORE}/configmaps", {"metadata": {"name": "Bad_"}})
    refused = [r for r in api.loop.trace.records if r.kind == "request"][-1]
    assert refused.steps[-1].verdict == "refuse" and refused.came_out["status"] == 422


def test_what_watchers_do_is_caused_by_the_write(api: Asker) -> None:
    stream = api.watch(f"{CORE}/configmaps")
    api.config("a")
    event = stream.take()[0]
    watched = next(
        r for r in api.loop.trace.records if r.kind == "watch" and r.subject == "configmap/default/a"
    )
    request = next(
        r for r in api.loop.trace.records if r.kind == "request" and r.subject == "configmap/default/a"
    )
    assert event.cause == watched.id
    assert watched.caused_by == request.id


def test_routine_reads_can_be_folded(api: Asker) -> None:
    api.server(Request("GET", f"{CORE}/pods", {}, {}, None, ADMIN, "kubelet/n1"))
    assert [r for r in api.loop.trace.records if r.kind == "request"][-1].came_in["routine"] is True
    api.server(Request("GET", f"{CORE}/pods", {}, {}, None, ADMIN, "user"))
    assert [r for r in api.loop.trace.records if r.kind == "request"][-1].came_in["routine"] is False
