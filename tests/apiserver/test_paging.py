"""Lists in pages show one moment, and selectors choose."""

from __future__ import annotations

from tests.apiserver.conftest import CORE, Asker


def names(obj: dict[str, object]) -> list[str]:
    items = obj["items"]
    assert isinstance(items, list)
    return [item["metadata"]["name"] for item in items]


def test_pages_are_one_moment(api: Asker) -> None:
    for letter in "abcde":
        api.config(letter)
    path = f"{CORE}/configmaps"
    first = api.ask("GET", path, limit="2").json()
    assert names(first) == ["a", "b"] and first["metadata"]["remainingItemCount"] == 3
    api.ask("DELETE", f"{path}/d")
    api.config("cc")
    second = api.ask("GET", path, limit="2", continue_=first["metadata"]["continue"]).json()
    third = api.ask("GET", path, limit="2", continue_=second["metadata"]["continue"]).json()
    assert names(second) == ["c", "d"] and names(third) == ["e"]
    assert "continue" not in third["metadata"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert names(api.ask("GET", path).json()) == ["a", "b", "c", "cc", "e"]


def test_a_compacted_page_is_gone_with_a_token_to_go_on(api: Asker) -> None:
    for letter in "abc":
        api.config(letter)
    path = f"{CORE}/configmaps"
    token = api.ask("GET", path, limit="1").json()["metadata"]["continue"]
    api.config("d")
    api.store.compact(api.store.revision)
    gone = api.ask("GET", path, limit="1", continue_=token)
    assert gone.status == 410
    rest = api.ask("GET", path, continue_=gone.json()["metadata"]["continue"]).json()
    assert names(rest) == ["b", "c", "d"]


def test_a_token_is_checked(api: Asker) -> None:
    assert api.ask("GET", f"{CORE}/configmaps", limit="1", continue_="nonsense").status == 400


def test_selectors(api: Asker) -> None:
    api.pod("a", labels={"app": "web", "tier": "x"})
    api.pod("b", labels={"app": "db"}, nodeName="n1")
    path = f"{CORE}/pods"
    assert names(api.ask("GET", path, labelSelector="app in (web,db),tier").json()) == ["a"]
    assert names(api.ask("GET", path, fieldSelector="spec.nodeName=n1").json()) == ["b"]
    assert names(api.ask("GET", path, fieldSelector="metadata.name!=a,status.phase=Pending").json()) == ["b"]
    refused = api.ask("GET", path, fieldSelector="spec.foo=x")
    assert refused.status == 400 and refused.json()["message"] == "field label not supported: spec.foo"


def test_exact_and_future_revisions(api: Asker) -> None:
    first = api.config("a")["metadata"]["resourceVersion"]
    api.config("b")
    path = f"{CORE}/configmaps"
    then = api.ask("GET", path, resourceVersion=first, resourceVersionMatch="Exact").json()
    assert names(then) == ["a"]
    future = api.ask("GET", path, resourceVersion="999999")
    assert future.status == 504 and "Too large resource version" in future.json()["message"]
