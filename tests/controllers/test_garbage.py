"""Owners that are elsewhere, misnamed, or of a kind that nobody knows."""

from __future__ import annotations

from tests.controllers.world import Obj, World

UID = "1111111-1111-1111-1111-111111111111"


def world() -> World:
    made = World(["garbage-collector"])
    made.create("namespaces", "other", None)
    return made


def reference(owner: Obj, **changed: str) -> Obj:
    meta = owner["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": meta["name"],
        "uid": meta["uid"],
        **changed,
    }


def test_an_owner_in_another_namespace_is_no_owner() -> None:
    here = world()
    owner = here.create("configmaps", "boss", "other")
    here.create("secrets", "mine", metadata={"ownerReferences": [reference(owner)]})
    here.loop.advance(2.0)
    assert here.find("secrets", "mine") is None
    uid = owner["metadata"]["uid"]
    assert here.events("OwnerRefInvalidNamespace") == [
        f"ownerRef [v1/ConfigMap, namespace: default, name: boss, uid: {uid}] does not exist in namespace "
        '"default"'
    ]


def test_an_owner_of_another_name_is_no_owner() -> None:
    here = world()
    owner = here.create("configmaps", "boss")
    here.create("secrets", "mine", metadata={"ownerReferences": [reference(owner, name="chief")]})
    here.create("secrets", "ours", metadata={"ownerReferences": [reference(owner)]})
    here.loop.advance(2.0)
    assert here.find("secrets", "mine") is None and here.find("secrets", "ours") is not None


def test_an_owner_of_an_unknown_kind_keeps_everything() -> None:
    here = world()
    gone = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "x",
        "uid": "11111111-1111-1111-1111-111111111111",
    }
    strange = {**gone, "apiVersion": "a.b/v1", "kind": "Foo", "uid": "22222222-1111-1111-1111-111111111111"}
    here.create("secrets", "mine", metadata={"ownerReferences": [gone, strange]})
    here.loop.advance(5.0)
    assert len(here.get("secrets", "mine")["metadata"]["ownerReferences"]) == 2
    here.create("clusterroles", "wide", None, metadata={"ownerReferences": [gone]}, rules=[])
    here.loop.advance(5.0)
    assert here.find("clusterroles", "wide", "") is not None
