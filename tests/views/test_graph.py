"""Graphs: columns by distance, DOT text, a tree, and no infinite loop on a cycle."""

from __future__ import annotations

from kubekit.views.graph import Edge, Graph, Node


def family() -> Graph:
    nodes = [Node("d", "web", "Deployment"), Node("r", "web-1", "ReplicaSet", state="2 of 2")]
    nodes += [Node(f"p{n}", f"web-1-{n}", "Pod", "run", "Running") for n in range(2)]
    return Graph(
        "web owns", nodes, [Edge("d", "r", "owns"), Edge("r", "p0"), Edge("r", "p1"), Edge("r", "gone")]
    )


def test_the_tree_and_the_table_tell_the_same() -> None:
    graph = family()
    assert graph.tree().splitlines() == [
        "Deployment web",
        "  ReplicaSet web-1  2 of 2",
        "    Pod web-1-0  Running",
        "    Pod web-1-1  Running",
    ]
    assert graph.table.rows[2] == ["web-1-0", "Pod", "Running", "web-1"]


def test_dot_is_written_without_the_program() -> None:
    text = family().dot()
    assert text.startswith("digraph {") and "d -> r [label=owns]" in text and "gone" not in text


def test_columns_follow_the_longest_way() -> None:
    boxes = {box["name"]: box["x"] for box in family().scene["boxes"]}
    assert boxes["web"] < boxes["web-1"] < boxes["web-1-0"] == boxes["web-1-1"]


def test_a_cycle_of_owners_is_drawn_too() -> None:
    graph = Graph(
        "ring", [Node("a", "a", "ConfigMap"), Node("b", "b", "ConfigMap")], [Edge("a", "b"), Edge("b", "a")]
    )
    assert len(graph.scene["boxes"]) == 2 and graph.tree() == ""


def test_an_empty_graph_says_so() -> None:
    assert "Nothing to draw" in Graph("nothing", [], []).scene["empty"]
