"""The patch languages."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kubekit.api.schema import for_kind
from kubekit.apiserver.patching import json_patch, strategic_merge
from kubekit.apiserver.patching.merge_patch import merge
from tests.apiserver.conftest import CORE, Asker, pod


@pytest.mark.parametrize(
    ("old", "patch", "new"),
    [
        ({"a": 1, "b": {"c": 2}}, {"b": {"d": 3}}, {"a": 1, "b": {"c": 2, "d": 3}}),
        ({"a": 1}, {"a": None, "b": []}, {"b": []}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
    ],
)
def test_merge_patch(old: Any, patch: Any, new: Any) -> None:
    assert merge(old, patch) == new


def test_json_patch() -> None:
    old = {"a": {"b": [1, 2]}, "x/y": 1}
    operations = [
        {"op": "test", "path": "/a/b/0", "value": 1},
        {"op": "add", "path": "/a/b/-", "value": 3},
        {"op": "replace", "path": "/x~1y", "value": 2},
        {"op": "remove", "path": "/a/b/0"},
        {"op": "copy", "from": "/a", "path": "/c"},
    ]
    assert json_patch.apply(old, operations) == {"a": {"b": [2, 3]}, "x/y": 2, "c": {"b": [2, 3]}}
    assert old == {"a": {"b": [1, 2]}, "x/y": 1}, "the old object is untouched"
    with pytest.raises(json_patch.PatchError):
        json_patch.apply(old, [{"op": "test", "path": "/x~1y", "value": 9}])


def test_strategic_merge_knows_the_keys_of_lists() -> None:
    struct = for_kind("v1", "Pod").struct
    old = {"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}}
    patch = {"spec": {"containers": [{"name": "b", "image": "z"}, {"name": "a", "$patch": "delete"}]}}
    assert strategic_merge.merge(old, patch, struct) == {
        "spec": {"containers": [{"name": "b", "image": "z"}]}
    }
    whole = {"spec": {"$patch": "replace", "containers": [{"name": "c"}]}}
    assert strategic_merge.merge(old, whole, struct) == {"spec": {"containers": [{"name": "c"}]}}


def test_strategic_merge_goes_into_maps_with_a_repeated_key(api: Asker) -> None:
    api.pod("web", labels={"a": "b"})
    kind = {"content-type": "application/strategic-merge-patch+json"}
    body = b'{"metadata":{"labels":{"c":"1","c":"2"}}}'
    changed = api.ask("PATCH", f"{CORE}/pods/web", body, headers=kind, fieldValidation="Warn")
    assert changed.json()["metadata"]["labels"] == {"a": "b", "c": "2"}
    assert "duplicate field" in str(changed.headers["Warning"])


def test_unknown_fields_are_told_in_the_order_of_the_patched_document(api: Asker) -> None:
    api.pod("web")
    odd = {"spec": {"zz": 1, "b": 1, "securityContext": {"odd": 1}}, "metadata": {"foo": 1}}
    told = str(api.ask("PATCH", f"{CORE}/pods/web", odd, kind="merge").headers["Warning"])
    fields = re.findall(r'field \\"(.*?)\\"', told)
    assert fields == ["metadata.foo", "spec.b", "spec.securityContext.odd", "spec.zz"]


def test_patches_over_the_wire(api: Asker) -> None:
    api.pod("web", tolerations=[{"key": "k", "operator": "Exists"}])
    path = f"{CORE}/pods/web"
    image = {"spec": {"containers": [{"name": "c", "image": "nginx:1.26"}]}}
    changed = api.ask("PATCH", path, image, kind="strategic").json()
    assert changed["spec"]["containers"][0]["image"] == "nginx:1.26"
    assert changed["spec"]["containers"][0]["terminationMessagePath"], "the rest of the container stays"
    stale = api.ask("PATCH", path, {"metadata": {"resourceVersion": "1"}}, kind="merge")
    assert stale.status == 409
    refused = api.ask("PATCH", path, {"spec": {"restartPolicy": "Never"}}, kind="merge")
    assert refused.status == 422 and "pod updates may not change fields" in refused.json()["message"]
    body = api.ask("PATCH", path, b"{}", headers={"content-type": "application/json"})
    assert body.status == 415


def test_a_patch_that_lost_the_race_is_laid_over_the_newer_object(api: Asker) -> None:
    api.config("a", k="1")
    store = api.server.store("", "configmaps")
    put, raced = store.cache.storage.update, []

    def slow(key: str, obj: Any, revision: int, lease: int = 0) -> Any:
        if not raced:
            raced.append(True)
            current = store.cache.objects[key]
            put(key, {**current, "data": {"k": "1", "other": "2"}}, revision)
            return None
        return put(key, obj, revision, lease)

    store.cache.storage.update = slow  # type: ignore[method-assign]
    changed = api.ask("PATCH", f"{CORE}/configmaps/a", {"data": {"mine": "3"}}, kind="merge").json()
    assert changed["data"] == {"k": "1", "other": "2", "mine": "3"}


def test_ephemeral_containers_and_resize(api: Asker) -> None:
    resources = {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}
    body = pod("web")
    body["spec"]["containers"][0]["resources"] = resources
    api.make(f"{CORE}/pods", body)
    debug = {"spec": {"ephemeralContainers": [{"name": "dbg", "image": "busybox"}]}}
    added = api.ask("PATCH", f"{CORE}/pods/web/ephemeralcontainers", debug, kind="strategic").json()
    assert added["spec"]["ephemeralContainers"][0]["name"] == "dbg" and added["metadata"]["generation"] == 2
    more = {
        "spec": {"containers": [{"name": "c", "image": "other", "resources": {"requests": {"cpu": "1500m"}}}]}
    }
    resized = api.ask("PATCH", f"{CORE}/pods/web/resize", more, kind="strategic").json()
    assert resized["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "1500m"
    assert resized["spec"]["containers"][0]["image"] == "nginx:1.25", "only amounts change here"
