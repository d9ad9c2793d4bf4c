"""KubeSchedulerConfiguration files: read strictly, defaulted, refused in kube-scheduler's words."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.scheduler import ConfigError
from kubekit.scheduler.config import SchedulerConfig
from tests.scheduler.world import World, node, pod

Obj = dict[str, Any]

FILE = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection:
  leaderElect: false
podMaxBackoffSeconds: 30
percentageOfNodesToScore: 70
profiles:
- schedulerName: default-scheduler
- schedulerName: packer
  percentageOfNodesToScore: 100
  plugins:
    score:
      disabled:
      - name: NodeResourcesBalancedAllocation
      enabled:
      - name: ImageLocality
        weight: 0
      - name: NodeResourcesFit
        weight: 9
    multiPoint:
      enabled:
      - name: TaintToleration
        weight: 7
  pluginConfig:
  - name: NodeResourcesFit
    args:
      apiVersion: kubescheduler.config.k8s.io/v1
      kind: NodeResourcesFitArgs
      scoringStrategy:
        type: MostAllocated
        resources:
        - name: cpu
          weight: 5
        - name: memory
"""


def test_a_file() -> None:
    config = SchedulerConfig(FILE)
    assert config.max_backoff == 30 and config.initial_backoff == 1
    assert config.percentage_of_nodes_to_score == 70
    packer = config.build(World(start=False).scheduler)["packer"]
    scores = [(plugin.name, packer.weights[plugin.name]) for plugin in packer.points["Score"]]
    # A point's own list comes first; a weight of 0 means the default of 1; multiPoint may weigh too.
    assert scores[:3] == [("ImageLocality", 1), ("NodeResourcesFit", 9), ("TaintToleration", 7)]
    assert "NodeResourcesBalancedAllocation" not in dict(scores)
    fit = next(p for p in packer.points["Score"] if p.name == "NodeResourcesFit")
    assert fit.args["scoringStrategy"]["resources"] == [
        {"name": "cpu", "weight": 5},
        {"name": "memory", "weight": 1},
    ]
    preemption = next(p for p in packer.points["PostFilter"] if p.name == "DefaultPreemption")
    assert preemption.args == {"minCandidateNodesPercentage": 10, "minCandidateNodesAbsolute": 100}
    assert packer.percentage_of_nodes_to_score == 100


def args(name: str, **given: Any) -> Obj:
    return {"profiles": [{"pluginConfig": [{"name": name, "args": given}]}]}


def profile(**given: Any) -> Obj:
    return {"profiles": [given]}


AT = "profiles[0].pluginConfig[0].args"
FIT = (
    "initializing profiles: creating profile for scheduler name default-scheduler: "
    'initializing plugin "NodeResourcesFit": '
)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        # form
        ("a: [", "couldn't get version/kind; json parse error: "),
        (
            {"kind": "Pod", "apiVersion": "v1"},
            'no kind "Pod" is registered for version "v1" in scheme '
            '"pkg/scheduler/apis/config/scheme/scheme.go:29"',
        ),
        ({"profils": []}, 'strict decoding error: unknown field "profils"'),
        (
            profile(plugins={"filters": {}}),
            'strict decoding error: unknown field "profiles[0].plugins.filters"',
        ),
        (
            {"percentageOfNodesToScore": "50"},
            "json: cannot unmarshal string into Go struct field "
            "KubeSchedulerConfiguration.percentageOfNodesToScore of type int32",
        ),
        (
            args("InterPodAffinity", hardWeight=1),
            'decoding args for plugin "InterPodAffinity": strict decoding error: unknown field "hardWeight"',
        ),
        # values
        ({"parallelism": 0}, "parallelism: Invalid value: 0: should be an integer value greater than zero"),
        (
            {"percentageOfNodesToScore": 101},
            "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]",
        ),
        (
            {"podInitialBackoffSeconds": 5, "podMaxBackoffSeconds": 2},
            "podMaxBackoffSeconds: Invalid value: 2: must be greater than or equal to "
            "PodInitialBackoffSeconds",
        ),
        (
            {"podInitialBackoffSeconds": 0},
            "podInitialBackoffSeconds: Invalid value: 0: must be greater than 0",
        ),
        (
            {"leaderElection": {"resourceLock": "endpoints"}},
            'leaderElection.resourceLock: Invalid value: "endpoints": resourceLock value must be "leases"',
        ),
        (
            {"profiles": [{"schedulerName": "a"}, {"schedulerName": "a"}]},
            'profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"',
        ),
        (
            {"profiles": [{"schedulerName": "a"}, {}]},
            "profiles[1].schedulerName: Required value",
        ),
        (
            profile(pluginConfig=[{"name": "NodeAffinity"}, {"name": "NodeAffinity"}]),
            'profiles[0].pluginConfig[1]: Duplicate value: "NodeAffinity"',
        ),
        (
            profile(plugins={"filter": {"enabled": [{"name": "EBSLimits"}]}}),
            'profiles[0].plugins.filter.enabled[0]: Invalid value: "EBSLimits": was invalid in version '
            '"kubescheduler.config.k8s.io/v1" (KubeSchedulerConfiguration is version '
            '"kubescheduler.config.k8s.io/v1")',
        ),
        # arguments
        (
            args("InterPodAffinity", hardPodAffinityWeight=101),
            f"{AT}.hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]",
        ),
        (
            args("DefaultPreemption", minCandidateNodesPercentage=0, minCandidateNodesAbsolute=0),
            f"[{AT}.minCandidateNodesPercentage: Invalid value: 0: cannot be zero at the same time as "
            f"minCandidateNodesAbsolute, {AT}.minCandidateNodesAbsolute: Invalid value: 0: cannot "
            f"be zero at the "
            "same time as minCandidateNodesPercentage]",
        ),
        (
            args("NodeResourcesBalancedAllocation", resources=[{"name": "cpu", "weight": 2}]),
            f"{AT}.resources[0].weight: Invalid value: 2: must be 1",
        ),
        (
            args(
                "PodTopologySpread",
                defaultConstraints=[{"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "No"}],
            ),
            f'[{AT}.defaultingType: Invalid value: "System": when .defaultConstraints are not empty, '
            f'{AT}.defaultConstraints[0].whenUnsatisfiable: Unsupported value: "No": supported values: '
            '"DoNotSchedule", "ScheduleAnyway"]',
        ),
        (
            args("VolumeBinding", bindTimeoutSeconds=-1),
            f"{AT}.bindTimeoutSeconds: Invalid value: -1: invalid BindTimeoutSeconds, should not "
            f"be a negative value",
        ),
        (
            args(
                "NodeAffinity",
                addedAffinity={
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In"}]}]
                    }
                },
            ),
            f"{AT}.addedAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]"
            ".matchExpressions[0].values: Invalid value: []: for 'in', 'notin' operators, values "
            "set can't be empty",
        ),
        (
            args("NodeResourcesFit", scoringStrategy={"type": "Guess"}),
            FIT + 'scoringStrategy.type: Unsupported value: "Guess": supported values: "LeastAllocated", '
            '"MostAllocated", "RequestedToCapacityRatio"',
        ),
        (
            args("NodeResourcesFit", scoringStrategy={"type": "RequestedToCapacityRatio"}),
            FIT + "scoringStrategy.requestedToCapacityRatio: Required value: must be specified when type is "
            "RequestedToCapacityRatio",
        ),
        (
            args(
                "NodeResourcesFit",
                scoringStrategy={
                    "type": "RequestedToCapacityRatio",
                    "requestedToCapacityRatio": {
                        "shape": [{"utilization": 50, "score": 11}, {"utilization": 20}]
                    },
                },
            ),
            FIT + "[scoringStrategy.requestedToCapacityRatio.shape[1].utilization: Invalid value: 20: "
            "values must be "
            "sorted in increasing order, scoringStrategy.requestedToCapacityRatio.shape[0].score: "
            "Invalid value: 11: "
            "not in valid range [0, 10]]",
        ),
        # extenders
        (
            {"extenders": [{"urlPrefix": "http://a", "prioritizeVerb": "p"}]},
            "extenders[0].weight: Invalid value: 0: must have a positive weight applied to it",
        ),
        (
            {"extenders": [{"bindVerb": "b"}, {"bindVerb": "b"}]},
            'extenders: Invalid value: "found 2 extenders implementing bind": only one extender '
            "can implement bind",
        ),
        (
            {"extenders": [{"managedResources": [{"name": "cpu"}]}]},
            'extenders[0].managedResources[0].name: Invalid value: "cpu": is an invalid extended '
            "resource name",
        ),
    ],
)
def test_what_is_refused(config: Any, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SchedulerConfig(config).build(World(start=False).scheduler)
    assert str(caught.value).startswith(text)


def test_a_refused_configuration_changes_nothing() -> None:
    world = World(node("n1"), node("n2"), pod("old", cpu="1", on="n1"))
    before = world.scheduler.config
    with pytest.raises(ConfigError):
        world.scheduler.configure(args("NodeResourcesFit", scoringStrategy={"type": "Guess"}))
    assert world.scheduler.config is before and world.scheduler.running
    world.put(pod("web", cpu="1"))
    assert world.node_of("web") == "n2"


def test_another_configuration_is_worked_with() -> None:
    world = World(node("n1"), node("n2"), pod("old", cpu="1", memory="1Gi", on="n1"))
    world.scheduler.configure(
        {
            "profiles": [
                {
                    "pluginConfig": [
                        {"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": "MostAllocated"}}}
                    ],
                    "plugins": {"score": {"disabled": [{"name": "NodeResourcesBalancedAllocation"}]}},
                }
            ]
        }
    )
    world.settle()
    world.put(pod("web", cpu="1", memory="1Gi"))
    assert world.node_of("web") == "n1"


def test_profiles_must_agree_about_the_order_of_the_queue() -> None:
    sort = {"queueSort": {"disabled": [{"name": "*"}], "enabled": [{"name": "PrioritySort"}]}}
    config = {"profiles": [{"schedulerName": "a"}, {"schedulerName": "b", "plugins": sort}]}
    with pytest.raises(
        ConfigError, match=r"profiles\[1\].plugins.queueSort: Invalid value: .*must be the same"
    ):
        SchedulerConfig(config)
