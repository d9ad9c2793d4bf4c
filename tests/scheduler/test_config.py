"""Profiles: which plugins take part, in which order, with which weights; and when the search stops."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.scheduler import ConfigError
from kubekit.scheduler.config import SchedulerConfig
from tests.scheduler.world import World, node, pod

Obj = dict[str, Any]
HANDLE: Any = None


class NoLister:
    """Enough of a handle for plugins to be made."""

    def lister(self, resource: str) -> Any:
        return None


def profile(plugins: Obj | None = None, **more: Any) -> Any:
    config = SchedulerConfig({"profiles": [{"plugins": plugins or {}, **more}]})
    return config.build(NoLister())["default-scheduler"]  # type: ignore[arg-type]


def names(framework: Any, point: str) -> list[str]:
    return [plugin.name for plugin in framework.points[point]]


def test_the_default_profile_has_the_recorded_order_and_weights() -> None:
    framework = profile()
    assert names(framework, "Filter")[:5] == [
        "NodeUnschedulable",
        "NodeName",
        "TaintToleration",
        "NodeAffinity",
        "NodePorts",
    ]
    assert names(framework, "PostFilter") == ["DynamicResources", "DefaultPreemption"]
    scores = {name: framework.weights[name] for name in names(framework, "Score")}
    assert scores == {
        "TaintToleration": 3,
        "NodeAffinity": 2,
        "NodeResourcesFit": 1,
        "VolumeBinding": 1,
        "PodTopologySpread": 2,
        "InterPodAffinity": 2,
        "DynamicResources": 2,
        "NodeResourcesBalancedAllocation": 1,
        "ImageLocality": 1,
    }


def test_switching_off_and_weighing_anew() -> None:
    framework = profile(
        {
            "multiPoint": {"disabled": [{"name": "ImageLocality"}]},
            "filter": {"disabled": [{"name": "NodePorts"}]},
            "score": {"disabled": [{"name": "*"}], "enabled": [{"name": "NodeResourcesFit", "weight": 7}]},
        }
    )
    assert names(framework, "Score") == ["NodeResourcesFit"]
    assert framework.weights["NodeResourcesFit"] == 7
    assert "NodePorts" not in names(framework, "Filter") and "NodePorts" in names(framework, "PreFilter")
    assert framework.points["Filter"][-1] is not None


def test_one_plugin_is_one_object_at_all_its_points() -> None:
    framework = profile()
    at = {
        point: next(p for p in framework.points[point] if p.name == "VolumeBinding")
        for point in ("Filter", "PreBind")
    }
    assert at["Filter"] is at["PreBind"]


@pytest.mark.parametrize(
    ("plugins", "text"),
    [
        ({"filter": {"enabled": [{"name": "Nonsense"}]}}, 'FilterPlugin "Nonsense" does not exist'),
        ({"multiPoint": {"enabled": [{"name": "Nonsense"}]}}, 'PreFilterPlugin "Nonsense" does not exist'),
        (
            {"filter": {"enabled": [{"name": "ImageLocality"}]}},
            'plugin "ImageLocality" does not extend FilterPlugin plugin',
        ),
        (
            {"score": {"enabled": [{"name": "ImageLocality"}, {"name": "ImageLocality"}]}},
            'plugin "ImageLocality" already registered as "ScorePlugin"',
        ),
        (
            {"bind": {"disabled": [{"name": "*"}]}},
            'at least one bind plugin is needed for profile with scheduler name "default-scheduler"',
        ),
        (
            {"queueSort": {"disabled": [{"name": "*"}]}},
            'only one queue sort plugin required for profile with scheduler name "default-scheduler", '
            "but got 0",
        ),
    ],
)
def test_wrong_profiles(plugins: Obj, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        profile(plugins)
    before = "initializing profiles: creating profile for scheduler name default-scheduler: "
    assert str(caught.value) == before + text


def test_two_profiles_one_packs() -> None:
    packs = {
        "schedulerName": "packer",
        "pluginConfig": [
            {"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": "MostAllocated"}}}
        ],
        "plugins": {"score": {"disabled": [{"name": "NodeResourcesBalancedAllocation"}]}},
    }
    config = {"profiles": [{"schedulerName": "default-scheduler"}, packs]}
    world = World(node("n1"), node("n2"), pod("old", cpu="1", memory="1Gi", on="n1"), config=config)
    world.put(
        pod("spread", cpu="1", memory="1Gi"), pod("packed", cpu="1", memory="1Gi", schedulerName="packer")
    )
    assert world.node_of("spread") == "n2"
    assert world.scheduler.attempts_of("shop/packed")[0].profile == "packer"
    world.put(pod("packed2", cpu="100m", memory="1Mi", schedulerName="packer"))
    assert world.node_of("packed2") == world.node_of("packed")


@pytest.mark.parametrize(
    ("nodes", "percentage", "enough"),
    [
        (10, 0, 10),
        (99, 0, 99),
        (100, 0, 100),
        (1000, 0, 420),
        (5000, 0, 500),
        (10000, 0, 500),
        (5000, 50, 2500),
        (200, 10, 100),
    ],
)
def test_how_many_feasible_nodes_are_enough(nodes: int, percentage: int, enough: int) -> None:
    world = World(config={"percentageOfNodesToScore": percentage}, start=False)
    framework = world.scheduler.frameworks["default-scheduler"]
    assert world.scheduler.algorithm.enough(framework, nodes) == enough


def test_each_search_begins_where_the_last_one_ended() -> None:
    world = World(*(node(f"n{i:03}") for i in range(300)))
    world.put(pod("a"), pod("b"))
    first, second = world.scheduler.attempts
    assert len(first.feasible) == 144 == len(second.feasible)
    assert second.feasible[0].name == "n144"
