"""Watches: each sees its own world, and nothing twice."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.api.exchange import Request, Response
from tests.apiserver.conftest import ADMIN, CORE, Asker, kinds, pod


def bind(api: Asker, name: str, node: str) -> None:
    """Give a pod a node."""
    target = {"apiVersion": "v1", "kind": "Node", "name": node}
    body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
    assert api.ask("POST", f"{CORE}/pods/{name}/binding", body).status == 201


def test_a_field_that_begins_to_match_is_added_and_one_that_ceases_is_deleted(api: Asker) -> None:
    everything = api.watch("/api/v1/pods")
    kubelet = api.watch("/api/v1/pods", fieldSelector="spec.nodeName=n1")
    other = api.watch("/api/v1/pods", fieldSelector="spec.nodeName=n2")
    red = api.watch("/api/v1/pods", labelSelector="color=red")
    api.pod("web", labels={"color": "red"})
    bind(api, "web", "n1")
    api.ask("PATCH", f"{CORE}/pods/web", {"metadata": {"labels": {"color": "blue"}}}, kind="merge")
    assert kinds(everything) == [("ADDED", "web"), ("MODIFIED", "web"), ("MODIFIED", "web")]
    assert kinds(kubelet) == [("ADDED", "web"), ("MODIFIED", "web")]
    assert kinds(other) == []
    seen = red.take()
    assert [event.type for event in seen] == ["ADDED", "MODIFIED", "DELETED"]
    assert seen[-1].object["metadata"]["labels"] == {"color": "red"}, "the last content that matched"


def test_watch_from_a_revision_and_too_old_ones(api: Asker) -> None:
    first = api.config("a")["metadata"]["resourceVersion"]
    api.config("b")
    assert kinds(api.watch(f"{CORE}/configmaps", resourceVersion=first)) == [("ADDED", "b")]
    api.server.store("", "configmaps").cache.forget_before(api.store.revision)
    asked = {"watch": ["1"], "resourceVersion": [first]}
    answer: Any = api.server(Request("GET", f"{CORE}/configmaps", asked, {}, None, ADMIN, "w"))
    events = [] if isinstance(answer, Response) else answer.take()
    error = answer.json() if isinstance(answer, Response) else events[0].object
    assert error["code"] == 410 and error["reason"] == "Expired"


def test_initial_events_end_with_a_bookmark(api: Asker) -> None:
    api.config("a")
    stream = api.watch(
        f"{CORE}/configmaps",
        sendInitialEvents="true",
        allowWatchBookmarks="true",
        resourceVersionMatch="NotOlderThan",
    )
    events = stream.take()
    assert [event.type for event in events] == ["ADDED", "BOOKMARK"]
    assert events[1].object["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_bookmark_has_the_version_of_its_watch_where_a_kind_has_several(api: Asker) -> None:
    versions = ("autoscaling/v1", "autoscaling/v2")
    quiet = {
        version: api.watch(
            f"/apis/{version}/namespaces/quiet/horizontalpodautoscalers", allowWatchBookmarks="true"
        )
        for version in versions
    }
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"maxReplicas": 3, "scaleTargetRef": target}
    where = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
    api.make(where, {"metadata": {"name": "web"}, "spec": spec})
    api.loop.advance(61)
    for version, stream in quiet.items():
        assert [(event.type, event.object["apiVersion"]) for event in stream.take()] == [
            ("BOOKMARK", version)
        ]


def test_events_are_one_store_for_both_of_their_groups(api: Asker) -> None:
    old, new = api.watch("/api/v1/events"), api.watch("/apis/events.k8s.io/v1/events")
    about = {"kind": "Pod", "namespace": "default", "name": "web"}
    api.make(f"{CORE}/events", {"metadata": {"name": "said"}, "involvedObject": about, "reason": "Told"})
    (one,), (other,) = old.take(), new.take()
    assert one.object["apiVersion"] == "v1" and one.object["involvedObject"]["name"] == "web"
    assert other.object["apiVersion"] == "events.k8s.io/v1" and other.object["regarding"]["name"] == "web"
    assert api.ask("DELETE", "/apis/events.k8s.io/v1/namespaces/default/events/said").status == 200
    assert [event.type for event in (*old.take(), *new.take())] == ["DELETED", "DELETED"]
    assert api.ask("GET", f"{CORE}/events/said").status == 404


def test_quiet_watches_get_bookmarks_and_timeouts_end_them(api: Asker) -> None:
    stream = api.watch(f"{CORE}/configmaps", allowWatchBookmarks="true", timeoutSeconds="90")
    ended: list[bool] = []
    stream.on_close(lambda: ended.append(True))
    api.make("/api/v1/namespaces", {"metadata": {"name": "x"}})
    api.config("a")
    stream.take()
    api.make("/api/v1/namespaces/x/configmaps", {"metadata": {"name": "b"}})
    api.loop.advance(61)
    assert [event.type for event in stream.take()] == ["BOOKMARK"]
    assert not ended
    api.loop.advance(40)
    assert ended


def test_one_encoding_serves_all_watchers(api: Asker) -> None:
    one, two = api.watch("/api/v1/pods"), api.watch(f"{CORE}/pods")
    api.make(f"{CORE}/pods", pod("web"))
    first, second = one.take()[0], two.take()[0]
    assert first.encode() is second.encode()


def test_thousands_of_kubelets_do_not_look_at_every_pod(api: Asker) -> None:
    streams = [api.watch("/api/v1/pods", fieldSelector=f"spec.nodeName=n{i}") for i in range(300)]
    cache = api.server.store("", "pods").cache
    api.pod("web")
    bind(api, "web", "n7")
    event = cache.window[-1]
    assert len(cache._concerned(event)) == 1
    assert kinds(streams[7]) == [("ADDED", "web")]
    assert kinds(streams[8]) == []


def test_a_watch_that_comes_too_late_gets_an_event(api: Asker) -> None:
    first = api.config("a")["metadata"]["resourceVersion"]
    api.config("b")
    api.server.store("", "configmaps").cache.forget_before(api.store.revision)
    stream = api.watch(f"{CORE}/configmaps", resourceVersion=first)
    (event,) = stream.take()
    assert (event.type, event.object["code"], stream.closed) == ("ERROR", 410, True)
    ahead = api.watch(
        f"{CORE}/configmaps",
        sendInitialEvents="true",
        allowWatchBookmarks="true",
        resourceVersionMatch="NotOlderThan",
        resourceVersion="99999",
    )
    assert ahead.take()[0].object["code"] == 504


def test_bookmarks_have_the_form_of_the_watch(api: Asker) -> None:
    asked = {
        "watch": ["1"],
        "sendInitialEvents": ["true"],
        "allowWatchBookmarks": ["true"],
        "resourceVersionMatch": ["NotOlderThan"],
        "includeObject": ["None"],
    }
    accept = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    stream: Any = api.server(Request("GET", f"{CORE}/configmaps", asked, accept, None, ADMIN, "w"))
    (event,) = stream.take()
    row = event.object["rows"][0]
    assert (event.type, event.object["kind"], row["cells"]) == ("BOOKMARK", "Table", ["", 0, "<unknown>"])
    assert row["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/api/v1/configmaps", {}),
        ("/api/v1/pods", {"spec": {"containers": None}, "status": {}}),
        ("/apis/batch/v1/cronjobs", {"status": {}}),
        (
            "/apis/apps/v1/replicasets",
            {
                "spec": {
                    "replicas": 0,
                    "selector": None,
                    "template": {"metadata": {}, "spec": {"containers": None}},
                }
            },
        ),
        ("/apis/rbac.authorization.k8s.io/v1/roles", {"rules": None}),
    ],
)
def test_a_bookmark_is_an_object_without_content(api: Asker, path: str, content: Any) -> None:
    stream = api.watch(
        path, sendInitialEvents="true", allowWatchBookmarks="true", resourceVersionMatch="NotOlderThan"
    )
    mark = stream.take()[-1]
    assert mark.type == "BOOKMARK"
    shown = {key: value for key, value in mark.object.items() if key in content}
    assert shown == content and set(mark.object["metadata"]) == {"resourceVersion", "annotations"}
