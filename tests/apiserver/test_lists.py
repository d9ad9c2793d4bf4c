"""Lists from the watch cache: what one list made is used again, and never grows old."""

from __future__ import annotations

from tests.apiserver.conftest import CORE, Asker, Obj


def listed(api: Asker, path: str = f"{CORE}/configmaps", **query: str) -> list[Obj]:
    answer = api.ask("GET", path, **query)
    assert answer.status == 200
    items: list[Obj] = answer.json()["items"]
    return items


def named(items: list[Obj]) -> dict[str, str]:
    return {item["metadata"]["name"]: (item.get("data") or {}).get("k", "") for item in items}


def put(api: Asker, name: str, value: str) -> None:
    api.make(f"{CORE}/configmaps", {"metadata": {"name": name}, "data": {"k": value}})


def test_an_item_is_made_once(api: Asker) -> None:
    put(api, "a", "1")
    first, second = listed(api), listed(api)
    assert first[0] is second[0] and "kind" not in first[0] and "apiVersion" not in first[0]


def test_whoever_sorts_or_empties_a_list_changes_only_his_own(api: Asker) -> None:
    put(api, "a", "1")
    put(api, "b", "2")
    listed(api).clear()
    assert named(listed(api)) == {"a": "1", "b": "2"}


def test_changes_additions_and_deletions_are_seen(api: Asker) -> None:
    put(api, "a", "1")
    put(api, "b", "2")
    assert named(listed(api)) == {"a": "1", "b": "2"}
    api.ask("PATCH", f"{CORE}/configmaps/a", {"data": {"k": "3"}}, kind="merge")
    put(api, "c", "4")
    api.ask("DELETE", f"{CORE}/configmaps/b")
    assert named(listed(api)) == {"a": "3", "c": "4"}
    everywhere = named(listed(api, "/api/v1/configmaps"))
    assert {name: everywhere[name] for name in "ac"} == {"a": "3", "c": "4"} and "b" not in everywhere


def test_namespaces_are_told_apart(api: Asker) -> None:
    put(api, "a", "1")
    api.make("/api/v1/namespaces", {"metadata": {"name": "default2"}})
    body = {"metadata": {"name": "z"}, "data": {"k": "9"}}
    api.make("/api/v1/namespaces/default2/configmaps", body)
    assert named(listed(api)) == {"a": "1"}
    assert named(listed(api, "/api/v1/namespaces/default2/configmaps")) == {"z": "9"}


def test_a_choice_has_the_form_of_the_whole(api: Asker) -> None:
    put(api, "a", "1")
    whole, chosen = listed(api), listed(api, fieldSelector="metadata.name=a")
    assert whole == chosen == listed(api, limit="5")


def test_another_version_is_shown_in_its_own_form(api: Asker) -> None:
    event = {
        "metadata": {"name": "e", "namespace": "default"},
        "involvedObject": {"namespace": "default", "kind": "Pod", "name": "p"},
        "message": "m",
        "reason": "r",
        "type": "Normal",
    }
    api.make(f"{CORE}/events", event)
    assert listed(api, f"{CORE}/events")[0]["message"] == "m"
    newer = listed(api, "/apis/events.k8s.io/v1/namespaces/default/events")
    assert newer[0]["note"] == "m" and "message" not in newer[0]


def test_a_server_that_starts_again_has_forgotten_nothing_and_keeps_nothing_old(api: Asker) -> None:
    put(api, "a", "1")
    assert named(listed(api)) == {"a": "1"}
    store = api.server.store("", "configmaps")
    store.cache.stop()
    api.store.delete(b"/registry/configmaps/default/a")
    store.cache.start()
    assert listed(api) == []
