"""The what-if view: its answers are the scheduler's, its code does the same, the cluster stays as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubekit.cluster.errors import KubekitError
from kubekit.scheduler import changes
from kubekit.scheduler.changes import SetCordon, SetPodRequest
from kubekit.views import what_if_forms
from kubekit.views.what_if import WhatIf
from tests.scheduler.world import World, node, pod

META = [["cluster", "x"], ["seed", "7"]]
TAINT = {"key": "gpu", "effect": "NoSchedule"}


@pytest.fixture(scope="module")
def world() -> World:
    return World(
        node("n1", cpu="4"),
        node("n2", cpu="8", taints=[TAINT]),
        node("n3", cpu="2"),
        pod("old", cpu="1", on="n1"),
        pod("web", cpu="1500m", memory="1Gi", schedulerName="nobody"),
    )


def view_of(world: World) -> WhatIf:
    return WhatIf(world.scheduler, "shop/web", META)


def rows(view: WhatIf) -> dict[str, Any]:
    return {row["name"]: row for row in view.scene["rows"]}


def test_the_present_decision(world: World) -> None:
    view = view_of(world)
    answer = world.scheduler.what_if("shop/web")
    assert view.scene["title"] == f"shop/web would go to {answer.node} now"
    totals = dict(zip([one.name for one in answer.attempt.feasible], answer.attempt.totals, strict=True))
    assert {name: row["now"]["total"] for name, row in rows(view).items()} == {"n2": None, **totals}
    assert rows(view)["n2"]["now"]["refused"] == "node(s) had untolerated taint(s)"
    assert all(row["then"] is None for row in view.scene["rows"])


def test_a_change_from_the_form_beside_the_present(world: World) -> None:
    view = view_of(world)
    before = json.dumps(world.server.objects, default=str)
    view.handle({"action": "add", "arguments": {"kind": "untaint", "fields": {"node": "n2", "key": "gpu"}}})
    told = world.scheduler.what_if("shop/web", changes.RemoveTaint("n2", "gpu"))
    assert told.node == "n2" and view.scene["title"] == (
        f"With these changes shop/web would go to n2 instead of {world.scheduler.what_if('shop/web').node}"
    )
    assert rows(view)["n2"]["then"]["picked"] and rows(view)["n2"]["differs"] == "fits then"
    assert view.scene["changes"] == [{"text": "n2 has no taint gpu", "code": 'RemoveTaint("n2", "gpu")'}]
    view.handle({"action": "add", "arguments": {"kind": "remove node", "fields": {"node": "n2"}}})
    assert rows(view)["n2"]["then"] is None and rows(view)["n2"]["differs"] == "is not there"
    view.handle({"action": "drop", "arguments": {"at": 1}})
    assert [one["code"] for one in view.scene["changes"]] == ['RemoveTaint("n2", "gpu")']
    view.handle({"action": "clear"})
    assert not view.scene["changes"] and not view.scene["changed"]
    assert json.dumps(world.server.objects, default=str) == before


def test_the_offered_code_asks_the_same(world: World) -> None:
    view = view_of(world).change(SetPodRequest("cpu", "3"), SetCordon("n1", True))

    class Cluster:
        scheduler = world.scheduler

    *imports, ask = view.scene["code"].splitlines()
    names: dict[str, Any] = {"cluster": Cluster}
    exec("\n".join(imports), names)
    assert eval(ask, names) in view.scene["sentence"]
    assert view.scene["title"].startswith("With these changes shop/web would find no node")
    assert view.scene["refused"]


def test_what_cannot_be_is_refused_and_changes_nothing(world: World) -> None:
    view = view_of(world)
    for kind, fields, why in (
        ("weight", {"plugin": "ImageLocality", "weight": "heavy"}, "weight is a whole number, not 'heavy'"),
        ("weight", {"plugin": "ImageLocality", "weight": "101"}, "weight must be between 0 and 100: 101"),
        ("taint", {"node": "n1", "key": "", "effect": "NoSchedule"}, "key is empty"),
        ("cordon", {"node": "n9"}, 'nodes "n9" not found'),
        ("add node", {"name": "N 1", "cpu": "1", "memory": "1Gi"}, "is no name of a node"),
        ("add node", {"name": "n1", "cpu": "1", "memory": "1Gi"}, 'nodes "n1" already exists'),
        ("request", {"resource": "cpu", "quantity": "lots"}, "quantit"),
        ("nonsense", {}, "there is no change 'nonsense'"),
    ):
        view.handle({"action": "add", "arguments": {"kind": kind, "fields": fields}})
        assert why in view.scene["notice"]["text"] and view.scene["notice"]["hue"] == "refuse", kind
        assert view.changes == []
    with pytest.raises(KubekitError, match="n9"):
        view.suggest("n9")


def test_what_would_make_a_node_win(world: World) -> None:
    view = view_of(world)
    view.handle({"action": "suggest", "arguments": {"node": "n2"}})
    told = view.scene["suggestions"]
    codes = [one["code"] for one in told["items"]]
    assert 'RemoveTaint("n2", "gpu", "NoSchedule")' in codes
    view.handle(
        {"action": "take", "arguments": {"at": codes.index('RemoveTaint("n2", "gpu", "NoSchedule")')}}
    )
    assert view.scene["rows"][1]["then"]["picked"]
    assert "what would make n2 win?" in repr(view)
    view.handle({"action": "suggest", "arguments": {"node": world.scheduler.what_if("shop/web").node}})
    assert view.scene["suggestions"]["items"] == [] and "wins already" in view.scene["suggestions"]["none"]


def test_every_form_makes_a_change_whose_code_is_that_change(world: World) -> None:
    forms = what_if_forms.forms(["n1"], {"ImageLocality": 1}, {"n1": ["shop/old"]})
    assert {form["kind"] for form in forms} == set(what_if_forms.MAKERS)
    for form in forms:
        filled = {"key": "disk", "quantity": "1", "priority": "5"}
        fields = {one["name"]: one["value"] or filled.get(one["name"], "x") for one in form["fields"]}
        change = what_if_forms.make(form["kind"], fields)
        again = eval(what_if_forms.code(change), vars(changes))
        assert again.sentence == change.sentence
        assert world.scheduler.what_if("shop/web", change).changes == (change,)


def test_of_many_nodes_the_telling_ones_are_shown() -> None:
    big = World(*(node(f"m{i:03}", cpu="8" if i % 2 else "1") for i in range(60)))
    view = WhatIf(big.scheduler, pod("wide", cpu="2"), META)
    view.change(SetCordon("m055", True))
    assert len(view.scene["rows"]) == 12 and "m055" in rows(view)
    assert view.scene["fold"]["text"] == "Folded away: 48 nodes."
    assert any(row["now"]["refused"] for row in view.scene["rows"])
    assert view.scene["code"] == ""


def test_an_unknown_pod(world: World) -> None:
    view = WhatIf(world.scheduler, "shop/ghost", META)
    assert 'pods "shop/ghost" not found' in repr(view) and "Create it" in view.scene["empty"]
