"""Custom resources: a definition's life, and what its schema does to instances."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kubekit.apiserver.custom.schema import default, prune
from tests.apiserver.conftest import Asker

Obj = dict[str, Any]
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
FOOS = "/apis/x.io/v1/namespaces/default/foos"


def definition(plural: str = "foos", kind: str = "Foo", **names: Any) -> Obj:
    """A definition with a small schema."""
    spec = {
        "type": "object",
        "properties": {"n": {"type": "integer", "default": 3, "maximum": 9}, "free": {"type": "object"}},
    }
    spec["properties"]["free"]["x-kubernetes-preserve-unknown-fields"] = True  # type: ignore[index]
    schema = {"type": "object", "properties": {"spec": spec, "status": {"type": "object"}}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {
            "status": {},
            "scale": {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"},
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.x.io"},
        "spec": {
            "group": "x.io",
            "names": {"kind": kind, "plural": plural, **names},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def foo(name: str = "a", **spec: Any) -> Obj:
    """An instance."""
    return {"apiVersion": "x.io/v1", "kind": "Foo", "metadata": {"name": name}, "spec": spec}


def test_a_definition_becomes_a_resource(api: Asker) -> None:
    api.make(CRDS, definition())
    conditions = api.ask("GET", f"{CRDS}/foos.x.io").json()["status"]["conditions"]
    assert [(c["type"], c["status"]) for c in conditions] == [
        ("NamesAccepted", "True"),
        ("Established", "True"),
    ]
    assert [r["name"] for r in api.ask("GET", "/apis/x.io/v1").json()["resources"]] == [
        "foos",
        "foos/scale",
        "foos/status",
    ]
    assert api.ask("GET", "/apis/apiregistration.k8s.io/v1/apiservices/v1.x.io").status == 200
    made = api.ask("POST", FOOS, foo(bogus=1, free={"any": 1}))
    assert made.json()["spec"] == {"n": 3, "free": {"any": 1}}
    assert 'unknown field \\"spec.bogus\\"' in made.headers["Warning"]
    refused = api.ask("POST", FOOS, foo("b", n=10))
    assert refused.status == 422 and "spec.n in body should be less than or equal to 9" in str(refused.body)


def test_status_and_scale_are_parts(api: Asker) -> None:
    api.make(CRDS, definition())
    api.make(FOOS, {**foo(), "status": {"n": 5}})
    assert "status" not in api.ask("GET", f"{FOOS}/a").json()
    api.ask("PATCH", f"{FOOS}/a/status", {"status": {"n": 5}, "spec": {"n": 8}}, kind="merge")
    scale = api.ask("GET", f"{FOOS}/a/scale").json()
    assert scale["spec"] == {"replicas": 3}
    assert api.ask("PATCH", f"{FOOS}/a/scale", {"spec": {"replicas": 7}}, kind="merge").status == 200
    assert api.ask("GET", f"{FOOS}/a").json()["spec"]["n"] == 7


def test_it_is_served_after_a_restart_and_goes_with_its_instances(api: Asker) -> None:
    api.make(CRDS, definition())
    api.make(FOOS, {**foo(), "metadata": {"name": "a", "finalizers": ["x.io/hold"]}})
    api.server.stop()
    api.server.start()
    api.loop.run_until_quiet()
    assert api.ask("GET", f"{FOOS}/a").status == 200
    api.ask("DELETE", f"{CRDS}/foos.x.io")
    assert api.ask("GET", f"{CRDS}/foos.x.io").status == 200, "its instance is held by a finalizer"
    assert api.ask("POST", FOOS, foo("b")).status == 405
    api.ask("PATCH", f"{FOOS}/a", {"metadata": {"finalizers": None}}, kind="merge")
    api.loop.advance(10)
    assert api.ask("GET", f"{CRDS}/foos.x.io").status == 404
    assert api.ask("GET", FOOS).status == 404


def test_names_that_are_taken(api: Asker) -> None:
    api.make(CRDS, definition())
    api.make(CRDS, definition("bars", "Foo"))
    conditions = api.ask("GET", f"{CRDS}/bars.x.io").json()["status"]["conditions"]
    assert conditions[0]["reason"] in ("KindConflict", "ListKindConflict")
    assert api.ask("GET", "/apis/x.io/v1/namespaces/default/bars").status == 404


def test_server_side_apply_and_patches(api: Asker) -> None:
    api.make(CRDS, definition())
    assert api.ask("PATCH", f"{FOOS}/a", foo(n=4), kind="apply", fieldManager="m1").status == 201
    assert api.ask("PATCH", f"{FOOS}/a", foo(n=5), kind="apply", fieldManager="m2").status == 409
    assert api.ask("PATCH", f"{FOOS}/a", {"spec": {"n": 6}}, kind="strategic").status == 415


_VALUES = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from(["", "x"]),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=6,
)
_SCHEMA = {
    "type": "object",
    "properties": {
        "a": {"type": "object", "properties": {"b": {"type": "integer", "default": 1}}},
        "b": {"type": "string", "default": "x", "nullable": True},
    },
}


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), _VALUES, max_size=3))
def test_pruning_and_defaulting_settle(value: Obj) -> None:
    once, _ = prune(value, _SCHEMA)
    assert prune(once, _SCHEMA) == (once, [])
    default(once, _SCHEMA)
    if not isinstance(value.get("b"), dict):
        assert once["b"] == value.get("b", "x")
    again = prune(once, _SCHEMA)[0]
    default(again, _SCHEMA)
    assert again == once
