"""The scheduling funnel: every word and figure is the record's; refusals lead to what explains them."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.views.scheduling_funnel import SchedulingFunnel
from tests.scheduler.world import World, node, pod

Obj = dict[str, Any]
TAINT = {"key": "gpu", "effect": "NoSchedule"}
META = [["pod", "x"], ["seed", "7"]]


@pytest.fixture(scope="module")
def world() -> World:
    made = World(
        node("n1", cpu="4", taints=[TAINT]),
        node("n2", cpu="1"),
        node("n3", cpu="4", unschedulable=True),
        node("n4", cpu="4"),
        node("n5", cpu="8"),
    )
    made.put(pod("stuck", cpu="90"), pod("target", cpu="2", memory="1Gi"), pod("fits-once", cpu="7"))
    return made


def funnel(world: World, name: str) -> SchedulingFunnel:
    records = [record for record in world.loop.trace.of(f"pod/shop/{name}") if record.kind == "schedule"]
    return SchedulingFunnel(f"pod/shop/{name}", records[-1] if records else None, META)


def test_a_pick(world: World) -> None:
    view = funnel(world, "target")
    attempt = world.scheduler.attempts_of("shop/target")[0]
    totals = dict(zip([n.name for n in attempt.feasible], attempt.totals, strict=True))
    lead = totals["n5"] - totals["n4"]
    assert view.scene["title"] == f"Five nodes, three refused, n5 picked by {lead} points"
    rows = {(row["stage"], row["name"]): row for row in view.scene["rows"]}
    assert [column["name"] for column in view.scene["nodes"]] == ["n1", "n2", "n3", "n4", "n5"]
    cells = {name: row["cells"] for (stage, name), row in rows.items() if stage == "filter"}
    assert cells["NodeUnschedulable"] == ["pass", "pass", "refuse", "pass", "pass"]
    assert cells["TaintToleration"] == ["refuse", "pass", "", "pass", "pass"]
    assert cells["NodeResourcesFit"] == ["", "refuse", "", "pass", "pass"]
    assert rows["score", "NodeResourcesFit"]["values"]["weighted"][:3] == [None, None, None]
    assert view.scene["end"]["totals"] == [None, None, None, totals["n4"], totals["n5"]]
    kinds = [stop["kind"] for stop in view.scene["records"]]
    assert kinds[0] == "queue" and kinds[-2:] == ["pick", "bind"] and kinds.count("filter") == 4
    assert view.scene["queue"]["pool"] == ["shop/stuck"]
    assert view.sentence.startswith(f"n5 beats n4 by {lead} points; what differs most: NodeResourcesFit")
    assert f"n5  {totals['n5']}  picked" in repr(view)
    assert "n3  NodeUnschedulable  node(s) were unschedulable" in repr(view)
    row = "Filter NodeUnschedulable</th><td>passes</td><td>passes</td><td>refused</td>"
    assert row in view.table.html()


def test_the_sentence_s_parts_lead_to_the_filters(world: World) -> None:
    view = funnel(world, "stuck")
    assert view.scene["title"] == "Five nodes, none fits"
    stops = view.scene["records"]
    parts = [part for part in view.scene["message"] if part["stop"] is not None]
    links = {part["text"]: stops[part["stop"]]["sentence"] for part in parts}
    assert sorted(links) == [
        "1 node(s) had untolerated taint(s)",
        "1 node(s) were unschedulable",
        "3 Insufficient cpu",
    ]
    assert links["3 Insufficient cpu"].startswith(
        "NodeResourcesFit refuses 3 nodes: 3 Insufficient cpu; 0 no"
    )
    assert "".join(part["text"] for part in view.scene["message"]) == world.condition("stuck")["message"]
    assert stops[-1]["kind"] == "refused" and stops[-1]["halt"] == "refused"


def test_the_only_one_that_fits_is_not_scored(world: World) -> None:
    view = funnel(world, "fits-once")
    if view.scene["picked"]:
        assert "is the only one that fits" in view.scene["title"] and view.scene["forms"] == []


def test_many_nodes_are_folded_and_counted() -> None:
    world = World(*(node(f"m{i:03}", cpu="1" if i % 3 else "8", unschedulable=i % 7 == 0) for i in range(90)))
    world.put(pod("wide", cpu="2"))
    view = funnel(world, "wide")
    names = [column["name"] for column in view.scene["nodes"]]
    assert len(names) == 10 and view.scene["picked"] in names
    reasons = {cell for row in view.scene["rows"] if row["stage"] == "filter" for cell in row["cells"]}
    assert "refuse" in reasons, "one node of each refusal is shown"
    assert view.scene["fold"]["text"] == "Folded away: 80 nodes, 63 that were refused and 17 that fit."


def test_preemption_is_a_stop() -> None:
    world = World(node("n1", cpu="2"), pod("cheap", cpu="2", on="n1", priority=1))
    world.put(pod("boss", cpu="2", priority=9))
    record = next(r for r in world.loop.trace.of("pod/shop/boss") if r.kind == "schedule")
    view = SchedulingFunnel("pod/shop/boss", record, META)
    assert view.scene["title"] == "One node, one refused: n1 is to be cleared for it"
    stop = next(stop for stop in view.scene["records"] if stop["kind"] == "preemption")
    assert stop["sentence"] == "Preemption: `shop/cheap` on n1 must go; the pod waits for that."


def test_before_the_first_attempt(world: World) -> None:
    view = funnel(world, "nobody")
    assert "No attempt yet" in view.scene["empty"] and repr(view) == "No attempt to schedule shop/nobody yet"
