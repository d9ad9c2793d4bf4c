"""Plugins, each alone: what it refuses, what it scores, and which events change its mind."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.resources import Resource, pod_requests
from kubekit.scheduler.framework.selector import NodeTerm, Selector
from kubekit.scheduler.plugins import resource_scoring as scoring
from kubekit.scheduler.plugins.node_affinity import NodeAffinity
from kubekit.scheduler.plugins.node_ports import NodePorts
from kubekit.scheduler.plugins.node_resources_fit import NodeResourcesFit
from kubekit.scheduler.plugins.node_unschedulable import NodeUnschedulable
from kubekit.scheduler.plugins.registry import DEFAULT_PLUGINS
from kubekit.scheduler.plugins.taint_toleration import TaintToleration
from kubekit.scheduler.plugins.taints import tolerates
from kubekit.scheduler.plugins.volume_facts import is_bound_to
from tests.scheduler.world import node, pod

Obj = dict[str, Any]
HANDLE: Any = None


def taint(key: str, value: str = "", effect: str = "NoSchedule") -> Obj:
    return {"key": key, "value": value, "effect": effect}


@pytest.mark.parametrize(
    ("toleration", "of", "expected"),
    [
        ({"key": "a", "operator": "Exists"}, taint("a", "1"), True),
        ({"key": "a", "value": "1"}, taint("a", "1"), True),
        ({"key": "a", "operator": "Equal", "value": "2"}, taint("a", "1"), False),
        ({"operator": "Exists"}, taint("anything", "x", "NoExecute"), True),
        ({"key": "a", "operator": "Exists", "effect": "NoExecute"}, taint("a"), False),
        ({"key": "b", "operator": "Exists"}, taint("a"), False),
        ({"key": "a"}, taint("a"), True),
        ({"key": "a", "operator": "Gt", "value": "1"}, taint("a", "2"), False),
    ],
)
def test_a_toleration_covers_a_taint(toleration: Obj, of: Obj, expected: bool) -> None:
    assert tolerates(toleration, of) is expected


LABELS = {"disk": "ssd", "gen": "4"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"key": "disk", "operator": "In", "values": ["ssd", "nvme"]}, True),
        ({"key": "disk", "operator": "NotIn", "values": ["ssd"]}, False),
        ({"key": "none", "operator": "NotIn", "values": ["ssd"]}, True),
        ({"key": "disk", "operator": "Exists"}, True),
        ({"key": "disk", "operator": "DoesNotExist"}, False),
        ({"key": "gen", "operator": "Gt", "values": ["3"]}, True),
        ({"key": "gen", "operator": "Lt", "values": ["4"]}, False),
        ({"key": "disk", "operator": "Gt", "values": ["3"]}, False),
        ({"key": "none", "operator": "Lt", "values": ["3"]}, False),
        ({"key": "gen", "operator": "Gt", "values": ["three"]}, False),
        ({"key": "gen", "operator": "In", "values": []}, False),
    ],
)
def test_a_node_selector_expression(expression: Obj, expected: bool) -> None:
    assert NodeTerm({"matchExpressions": [expression]}).matches(LABELS, "n1") is expected


def test_empty_and_missing_selectors_differ() -> None:
    assert Selector.of({}).matches({"a": "b"}) and Selector.of({}).empty
    assert not Selector.of(None).matches({"a": "b"}) and not Selector.of(None).empty
    assert not NodeTerm({}).matches(LABELS, "n1")
    assert NodeTerm({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}).matches(
        {}, "n1"
    )


CONTAINER = {"name": "c", "resources": {"requests": {"cpu": "300m", "memory": "1Gi"}}}


@pytest.mark.parametrize(
    ("spec", "milli_cpu", "memory"),
    [
        ({"containers": [CONTAINER, CONTAINER]}, 600, 2 << 30),
        (
            {
                "containers": [CONTAINER],
                "initContainers": [{**CONTAINER, "resources": {"requests": {"cpu": "1"}}}],
            },
            1000,
            1 << 30,
        ),
        (
            {"containers": [CONTAINER], "initContainers": [{**CONTAINER, "restartPolicy": "Always"}]},
            600,
            2 << 30,
        ),
        (
            {
                "containers": [CONTAINER],
                "initContainers": [{**CONTAINER, "restartPolicy": "Always"}, CONTAINER, CONTAINER],
            },
            600,
            2 << 30,
        ),
        ({"containers": [CONTAINER], "overhead": {"cpu": "50m"}}, 350, 1 << 30),
        ({"containers": [CONTAINER], "resources": {"requests": {"cpu": "2"}}}, 2000, 1 << 30),
        (
            {"containers": [{"name": "c", "resources": {"requests": {"cpu": "100u", "memory": "1500m"}}}]},
            1,
            2,
        ),
    ],
    ids=["sum", "init", "sidecar", "sidecar-beside-init", "overhead", "pod-level", "rounded-up"],
)
def test_what_a_pod_requests(spec: Obj, milli_cpu: int, memory: int) -> None:
    found = Resource.from_amounts(pod_requests({"spec": spec}))
    assert (found.milli_cpu, found.memory) == (milli_cpu, memory)


def test_a_resize_in_progress_counts_the_larger_of_wanted_and_given() -> None:
    grown = pod("p", cpu="1")
    given = {"name": "c", "resources": {"requests": {"cpu": "3"}}, "allocatedResources": {"cpu": "2"}}
    grown["status"]["containerStatuses"] = [given]
    info = PodInfo(grown)
    assert info.requests.milli_cpu == 3000
    assert info.fit_request.milli_cpu == 1000


@pytest.mark.parametrize(
    ("of_node", "of_pod", "reasons", "code"),
    [
        ({"cpu": "1"}, {"cpu": "500m"}, (), None),
        ({"cpu": "1"}, {"cpu": "2"}, ("Insufficient cpu",), "UnschedulableAndUnresolvable"),
        (
            {"cpu": "1", "memory": "1Mi"},
            {"cpu": "2", "memory": "1Gi"},
            ("Insufficient cpu", "Insufficient memory"),
            "UnschedulableAndUnresolvable",
        ),
        ({"pods": "0"}, {}, ("Too many pods",), "Unschedulable"),
    ],
)
def test_node_resources_fit(of_node: Obj, of_pod: Obj, reasons: tuple[str, ...], code: str | None) -> None:
    plugin = NodeResourcesFit(HANDLE, {})
    status = plugin.filter(CycleState(), PodInfo(pod("p", **of_pod)), NodeInfo.of(node("n", **of_node)))
    assert (status.reasons if status else ()) == reasons
    assert (status.code.text if status else None) == code


def test_a_full_node_may_be_emptied_but_a_small_one_stays_small() -> None:
    plugin = NodeResourcesFit(HANDLE, {})
    busy = NodeInfo.of(node("n", cpu="2"), PodInfo(pod("a", cpu="1500m", on="n")))
    status = plugin.filter(CycleState(), PodInfo(pod("p", cpu="1")), busy)
    assert status is not None and status.code.text == "Unschedulable"


def test_ignored_extended_resources() -> None:
    plugin = NodeResourcesFit(HANDLE, {"ignoredResourceGroups": ["example.com"]})
    wants = pod("p")
    wants["spec"]["containers"][0]["resources"] = {"requests": {"example.com/gpu": "1"}}
    assert plugin.filter(CycleState(), PodInfo(wants), NodeInfo.of(node("n"))) is None


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (scoring.least_allocated([1, 1], {}), 62),
        (scoring.most_allocated([1, 1], {}), 37),
        (scoring.least_allocated([3, 1], {}), 56),
        (
            scoring.requested_to_capacity_ratio(
                [1, 1],
                {
                    "requestedToCapacityRatio": {
                        "shape": [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}]
                    }
                },
            ),
            38,
        ),
        (scoring.balanced, 68),
    ],
    ids=["least", "most", "least-weighted", "ratio", "balanced"],
)
def test_scoring_strategies(strategy: scoring.Scorer, expected: int) -> None:
    assert strategy([(0, 1000, 2000), (0, 1, 4)]) == expected


@pytest.mark.parametrize(
    ("mine", "theirs", "conflict"),
    [
        (("0.0.0.0", "TCP", 80), ("10.0.0.1", "TCP", 80), True),
        (("10.0.0.1", "TCP", 80), ("0.0.0.0", "TCP", 80), True),
        (("10.0.0.1", "TCP", 80), ("10.0.0.2", "TCP", 80), False),
        (("0.0.0.0", "UDP", 80), ("0.0.0.0", "TCP", 80), False),
    ],
)
def test_host_ports(mine: tuple[str, str, int], theirs: tuple[str, str, int], conflict: bool) -> None:
    def with_port(name: str, port: tuple[str, str, int], on: str = "") -> PodInfo:
        made = pod(name, on=on)
        ports = [{"containerPort": 1, "hostIP": port[0], "protocol": port[1], "hostPort": port[2]}]
        made["spec"]["containers"][0]["ports"] = ports
        return PodInfo(made)

    info = NodeInfo.of(node("n"), with_port("other", theirs, "n"))
    assert (NodePorts(HANDLE, {}).filter(CycleState(), with_port("p", mine), info) is not None) is conflict
    gone = info.pods[0]
    info.remove_pod(gone)
    assert NodePorts(HANDLE, {}).filter(CycleState(), with_port("p", mine), info) is None


def test_added_affinity_is_enforced_for_every_pod() -> None:
    term = {"matchExpressions": [{"key": "pool", "operator": "Exists"}]}
    added = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    plugin = NodeAffinity(HANDLE, {"addedAffinity": added})
    status = plugin.filter(CycleState(), PodInfo(pod("p")), NodeInfo.of(node("n")))
    assert status is not None and status.message == "node(s) didn't match scheduler-enforced node affinity"
    assert (
        plugin.filter(CycleState(), PodInfo(pod("p")), NodeInfo.of(node("n", labels={"pool": "a"}))) is None
    )


@pytest.mark.parametrize(
    ("preference", "told"),
    [
        ({"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["+5"]}]}, ""),
        ({}, ""),
        (
            {"matchExpressions": [{"key": "a", "operator": "Lt", "values": ["ssd"]}]},
            '[1].matchExpressions[0].values[0]: Invalid value: "ssd": '
            "for 'Gt', 'Lt' operators, the value must be an integer",
        ),
        (
            {
                "matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}],
                "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["c", "d"]}],
            },
            '[[1].matchExpressions[0].values: Invalid value: ["b"]: values set must be empty for exists and '
            'does not exist, [1].matchFields[0].values: Invalid value: ["c","d"]: must have one element]',
        ),
    ],
)
def test_a_preference_that_cannot_be_parsed_fails_scoring(preference: Obj, told: str) -> None:
    made = pod("p")
    sound = {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}
    terms = [{"weight": 1, "preference": sound}, {"weight": 2, "preference": preference}]
    made["spec"]["affinity"] = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": terms}}
    status = NodeAffinity(HANDLE, {}).pre_score(CycleState(), PodInfo(made), [])
    assert (status.message if status is not None else "") == told


TAINTED = {"taints": [taint("a")]}


@pytest.mark.parametrize(
    ("plugin", "of_pod", "old", "new", "worth"),
    [
        (NodeUnschedulable, {}, node("n", unschedulable=True), node("n"), True),
        (NodeUnschedulable, {}, None, node("n", unschedulable=True), False),
        (TaintToleration, {}, node("n", **TAINTED), node("n"), True),
        (TaintToleration, {}, node("n"), node("n", labels={"x": "y"}), False),
        (TaintToleration, {}, None, node("n", **TAINTED), False),
        (NodeAffinity, {"nodeSelector": {"x": "y"}}, node("n"), node("n", labels={"x": "y"}), True),
        (NodeAffinity, {"nodeSelector": {"x": "y"}}, node("n"), node("n"), False),
        (NodeResourcesFit, {"cpu": "3"}, node("n", cpu="2"), node("n", cpu="4"), True),
        (NodeResourcesFit, {"cpu": "3"}, node("n", cpu="4"), node("n", cpu="4", memory="9Gi"), False),
        (NodeResourcesFit, {"cpu": "9"}, None, node("n"), False),
    ],
)
def test_node_events_that_are_worth_a_try(
    plugin: Any, of_pod: Obj, old: Obj | None, new: Obj, worth: bool
) -> None:
    assert plugin(HANDLE, {}).after_node_change(PodInfo(pod("p", **of_pod)), old, new) is worth


def test_a_pre_bound_volume_belongs_to_one_claim_only() -> None:
    claim = {"metadata": {"name": "c", "namespace": "shop", "uid": "1"}}
    assert is_bound_to({"spec": {"claimRef": {"name": "c", "namespace": "shop"}}}, claim)
    assert not is_bound_to({"spec": {"claimRef": {"name": "c", "namespace": "shop", "uid": "2"}}}, claim)
    assert not is_bound_to({"spec": {}}, claim)


def test_every_plugin_has_a_name_and_takes_part_somewhere() -> None:
    names = [plugin.name for plugin, _ in DEFAULT_PLUGINS]
    assert len(set(names)) == len(names)
    for plugin, _ in DEFAULT_PLUGINS:
        assert plugin.name == plugin.__name__
        assert plugin.points()
