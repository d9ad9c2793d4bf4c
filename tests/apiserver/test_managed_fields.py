"""Who owns which field, and server-side apply."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kubekit.apiserver.managed_fields import field_set as sets
from kubekit.apiserver.managed_fields.compare import compare, fields_of
from kubekit.apiserver.managed_fields.merge import merged
from kubekit.apiserver.managed_fields.shape import shape_of_kind
from tests.apiserver.conftest import CORE, Asker

Obj = dict[str, Any]

_LEAF = st.just({})
_SETS = st.recursive(
    _LEAF,
    lambda inner: st.dictionaries(
        st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', "."]), inner, max_size=3
    ).map(lambda found: {key: {} if key == "." else below for key, below in found.items()}),
    max_leaves=8,
)
_ROOTS = st.dictionaries(st.sampled_from(["f:a", "f:b", "f:c"]), _SETS, max_size=3).map(
    lambda found: {key: below for key, below in found.items() if below != {".": {}}}
)


def members(fields: Obj) -> set[tuple[str, ...]]:
    """The places of a set."""
    return set(sets.paths(fields))


@given(_ROOTS, _ROOTS)
def test_arithmetic_of_sets(one: Obj, two: Obj) -> None:
    assert members(sets.union(one, two)) == members(one) | members(two)
    assert members(sets.intersection(one, two)) == members(one) & members(two)
    assert members(sets.difference(one, two)) == members(one) - members(two)
    assert all(sets.has(one, path) for path in members(one))


def test_list_items_are_named_by_their_keys() -> None:
    shape = shape_of_kind("v1", "Service")
    config = {"spec": {"ports": [{"port": 80}, {"port": 81, "protocol": "UDP"}], "selector": {"a": "b"}}}
    found = fields_of(shape, config)["f:spec"]
    assert set(found["f:ports"]) == {'k:{"port":80,"protocol":"TCP"}', 'k:{"port":81,"protocol":"UDP"}'}
    assert found["f:selector"] == {}, "an atomic map is owned as a whole"
    assert (
        sets.shown(("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}'))
        == '.spec.ports[port=80,protocol="TCP"]'
    )


def test_compare_tells_changes_from_removals() -> None:
    shape = shape_of_kind("v1", "ConfigMap")
    changed, removed = compare(shape, {"data": {"a": "1", "b": "2"}}, {"data": {"a": "9", "c": "3"}})
    assert changed == {"f:data": {"f:a": {}, "f:c": {}}}
    assert removed == {"f:data": {"f:b": {}}}


def test_merging_keeps_the_items_of_others_in_their_place() -> None:
    shape = shape_of_kind("v1", "Pod")
    live = {"spec": {"containers": [{"name": "a"}, {"name": "side"}, {"name": "b"}]}}
    config = {"spec": {"containers": [{"name": "b", "image": "x"}, {"name": "a"}]}}
    found = merged(shape, live, config)["spec"]["containers"]
    assert {one["name"] for one in found} == {"a", "b", "side"}
    names = [one["name"] for one in found if one["name"] != "side"]
    assert names == ["b", "a"], "the configuration's order wins"


def test_updates_take_what_they_change(api: Asker) -> None:
    made = api.make(f"{CORE}/configmaps", {"metadata": {"name": "a"}, "data": {"x": "1", "y": "1"}})
    assert [entry["manager"] for entry in made["metadata"]["managedFields"]] == ["user"]
    path = f"{CORE}/configmaps/a"
    changed = api.ask("PATCH", path, {"data": {"y": "2"}}, kind="merge", fieldManager="other").json()
    owned = {entry["manager"]: entry["fieldsV1"] for entry in changed["metadata"]["managedFields"]}
    assert owned == {"user": {"f:data": {".": {}, "f:x": {}}}, "other": {"f:data": {"f:y": {}}}}


def apply(api: Asker, manager: str, data: Obj, **query: str) -> Any:
    """Apply a ConfigMap."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}
    return api.ask("PATCH", f"{CORE}/configmaps/a", body, kind="apply", fieldManager=manager, **query)


def test_apply_creates_prunes_and_conflicts(api: Asker) -> None:
    assert apply(api, "m1", {"x": "1", "y": "1"}).status == 201
    assert apply(api, "m1", {"x": "1"}).json()["data"] == {"x": "1"}, "what is no longer named goes"
    conflict = apply(api, "m2", {"x": "2"})
    assert conflict.status == 409
    assert conflict.json()["message"] == 'Apply failed with 1 conflict: conflict with "m1": .data.x'
    assert apply(api, "m2", {"x": "2"}, force="true").json()["data"] == {"x": "2"}
    assert apply(api, "m1", {"z": "3"}).json()["data"] == {"x": "2", "z": "3"}, "others keep what is theirs"


def test_an_apply_that_changes_nothing_writes_nothing(api: Asker) -> None:
    apply(api, "m1", {"x": "1"})
    api.loop.advance(10)
    before = api.store.revision
    assert apply(api, "m1", {"x": "1"}).status == 200
    assert api.store.revision == before


def test_kubectl_takes_over_what_it_applied_on_its_own_side(api: Asker) -> None:
    note = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"1"}}\n'
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": note}
    body = {"metadata": {"name": "a", "annotations": annotations}, "data": {"x": "1"}}
    api.ask("POST", f"{CORE}/configmaps", body, fieldManager="kubectl-client-side-apply")
    assert apply(api, "someone", {"x": "2"}).status == 409
    taken = apply(api, "kubectl", {"x": "2"})
    assert taken.status == 200
    assert (
        '"x":"2"'
        in taken.json()["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    )


def test_a_wrong_configuration_is_refused(api: Asker) -> None:
    text = apply(api, "m1", {"x": 5}).json()["message"]
    assert text.endswith(".data.x: expected string, got &value.valueUnstructured{Value:5}")


def test_new_objects_of_one_template_own_the_same_fields(api: Asker) -> None:
    def owned(name: str, **metadata: Any) -> Obj:
        spec = {"containers": [{"name": "c", "image": "nginx"}]}
        made = api.make(f"{CORE}/pods", {"metadata": {"name": name, **metadata}, "spec": spec})
        fields: Obj = made["metadata"]["managedFields"][0]["fieldsV1"]
        return fields

    first = owned("a", labels={"app": "x"})
    assert owned("b", labels={"app": "x"}) is first, "made once"
    assert owned("c", labels={"app": "y"}) == first, "another value is no other field"
    assert owned("d", labels={"app": "x", "tier": "z"}) != first
    assert "f:labels" not in owned("e").get("f:metadata", {})
