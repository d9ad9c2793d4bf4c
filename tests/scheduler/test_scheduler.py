"""The scheduler as a component: pods get nodes or reasons, and it survives what happens to it."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.scheduler import SKIP, Plugin, Scheduler, unschedulable
from tests.scheduler.world import World, node, pod

Obj = dict[str, Any]


def test_a_pod_gets_the_emptier_node() -> None:
    world = World(node("n1"), node("n2"), pod("old", cpu="2", on="n1"))
    world.put(pod("web", cpu="1"))
    assert world.node_of("web") == "n2"
    assert world.events("Scheduled") == ["Successfully assigned shop/web to n2"]
    assert world.scheduler.cache.assumed == set(), "the watch has confirmed what was assumed"


def test_the_reasons_are_an_event_a_condition_and_a_record() -> None:
    taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    world = World(node("n1", taints=[taint]), node("n2", cpu="1"))
    world.put(pod("web", cpu="2"))
    text = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s)."
    condition = world.condition("web")
    assert condition["reason"] == "Unschedulable"
    assert condition["message"].startswith(text)
    assert world.events("FailedScheduling") == [condition["message"]]
    record = world.loop.trace.of("pod/shop/web")[0]
    assert record.came_out["refused_by"] == ["NodeResourcesFit", "TaintToleration"]
    steps = {step.asked: step for step in record.steps}
    assert steps["Filter NodeResourcesFit"].figures["refused"] == {"n2": ["Insufficient cpu"]}


@pytest.mark.parametrize(
    "change",
    [
        node("n2", cpu="8"),
        node("n1", cpu="8"),
    ],
    ids=["a node comes", "the node grows"],
)
def test_a_pending_pod_is_tried_again_when_something_helps(change: Obj) -> None:
    world = World(node("n1", cpu="1"))
    world.put(pod("web", cpu="2"))
    assert world.node_of("web") == ""
    world.put(change)
    assert world.node_of("web") == change["metadata"]["name"]


def test_a_pending_pod_is_not_tried_again_when_nothing_helps() -> None:
    world = World(node("n1", cpu="1"))
    world.put(pod("web", cpu="2"))
    world.put(node("n1", cpu="1", labels={"x": "y"}), pod("other"))
    assert len(world.scheduler.attempts_of("shop/web")) == 1


def test_uncordoning_helps() -> None:
    world = World(node("n1", unschedulable=True))
    world.put(pod("web"))
    assert "1 node(s) were unschedulable" in world.condition("web")["message"]
    world.put(node("n1"))
    assert world.node_of("web") == "n1"


def test_deleting_a_pod_helps() -> None:
    world = World(node("n1", cpu="2"), pod("old", cpu="2", on="n1"))
    world.put(pod("web", cpu="1"))
    world.server.delete("pods", "shop/old")
    world.settle()
    assert world.node_of("web") == "n1"


def test_without_nodes_it_retries_in_the_background() -> None:
    world = World()
    world.put(pod("web"))
    assert world.events("FailedScheduling") == ["no nodes available to schedule pods"]
    world.loop.run_until_quiet()
    assert world.loop.clock.elapsed() == 0, "nobody is made to wait for a node that may never come"
    world.put(node("n1"))
    world.loop.run_until_quiet()
    assert world.node_of("web") == "n1"


def test_a_refused_binding_is_retried_after_a_second() -> None:
    world = World(node("n1"))
    world.server.refuse_bindings = 1
    world.put(pod("web", cpu="1"))
    assert world.node_of("web") == ""
    assert world.condition("web")["reason"] == "SchedulerError"
    text = 'running Bind plugin "DefaultBinder": somebody else was faster'
    assert world.events("FailedScheduling") == [text]
    assert world.scheduler.cache.nodes["n1"].requested.milli_cpu == 0, "the place was given back"
    world.loop.run_until_quiet()
    assert world.node_of("web") == "n1"
    assert 1 <= world.loop.clock.elapsed() <= 3


def test_another_scheduler_s_pods_are_left_alone() -> None:
    world = World(node("n1"))
    world.put(pod("web", schedulerName="mine"))
    assert world.node_of("web") == "" and not world.events("FailedScheduling")


def test_a_pod_bound_by_hand_is_counted() -> None:
    world = World(node("n1", cpu="2"))
    world.put(pod("byhand", cpu="2", on="n1"))
    world.put(pod("web", cpu="1"))
    assert world.node_of("web") == ""


def test_a_pod_that_is_over_frees_its_node() -> None:
    world = World(node("n1", cpu="2"), pod("job", cpu="2", on="n1"))
    world.put(pod("web", cpu="1"))
    world.put({**pod("job", cpu="2", on="n1"), "status": {"phase": "Succeeded"}})
    assert world.node_of("web") == "n1"


def test_scheduling_gates_keep_a_pod_out() -> None:
    world = World(node("n1"))
    world.put(pod("web", schedulingGates=[{"name": "example.com/quota"}]))
    assert not world.scheduler.attempts and not world.events("FailedScheduling")
    world.put(pod("web"))
    assert world.node_of("web") == "n1"


# -- what may happen to the scheduler itself -------------------------------------------------------


def test_stopped_it_schedules_nothing_and_started_it_catches_up() -> None:
    world = World(node("n1", cpu="2"), pod("old", cpu="1", on="n1"))
    world.scheduler.stop()
    world.put(pod("web", cpu="1"), pod("late", cpu="1"))
    assert world.node_of("web") == ""
    world.scheduler.start()
    world.settle()
    assert sorted([world.node_of("web"), world.node_of("late")]) == ["", "n1"]


def test_a_crash_forgets_everything_and_a_start_rebuilds_it() -> None:
    world = World(node("n1", cpu="2"), pod("old", cpu="1", on="n1"))
    world.scheduler.crash()
    world.server.delete("pods", "shop/old")
    world.put(pod("web", cpu="2"))
    world.scheduler.start()
    world.settle()
    assert world.node_of("web") == "n1"


def test_paused_it_can_be_stepped() -> None:
    world = World(node("n1"))
    world.scheduler.pause()
    world.put(pod("web"))
    assert world.node_of("web") == ""
    steps = 0
    while not world.node_of("web"):
        assert world.scheduler.step()
        steps += 1
    assert steps == 2, "it hears of the pod, then schedules it"


def test_a_server_that_is_down_loses_no_pod() -> None:
    world = World(node("n1"))
    world.scheduler.pause()
    world.put(pod("web"))
    world.server.down = True
    world.scheduler.resume()
    world.settle()
    assert world.node_of("web") == ""
    world.server.down = False
    world.loop.advance(5)
    assert world.node_of("web") == "n1"


def test_the_same_seed_draws_the_same_nodes() -> None:
    def places(seed: int) -> list[str]:
        world = World(*(node(f"n{i}") for i in range(8)), seed=seed)
        world.put(*(pod(f"p{i}") for i in range(12)))
        return [world.node_of(f"p{i}") for i in range(12)]

    assert places(1) == places(1)
    assert places(1) != places(2)


# -- plugins of a learner --------------------------------------------------------------------------


class OddNodes(Plugin):
    """Only nodes with an odd number."""

    name = "OddNodes"

    def filter(self, state: Any, pod: Any, node: Any) -> Any:
        return None if int(node.name[1:]) % 2 else unschedulable("node(s) were even")


class Favourite(Plugin):
    """Prefers one node."""

    name = "Favourite"

    def score(self, state: Any, pod: Any, node: Any) -> int:
        return 100 if node.name == self.args.get("node", "n2") else 0


def test_a_registered_filter_takes_part_and_can_be_taken_out() -> None:
    world = World(node("n2"))
    world.scheduler.register(OddNodes)
    world.put(pod("web"))
    assert "1 node(s) were even" in world.condition("web")["message"]
    world.scheduler.unregister("OddNodes")
    world.settle()
    assert world.node_of("web") == "n2"


def test_a_registered_score_with_weight_and_arguments_survives_a_restart() -> None:
    world = World(node("n1"), node("n2"), node("n3"), pod("old", cpu="3", on="n3"))
    world.scheduler.register(Favourite, weight=50, node="n3")
    world.scheduler.stop()
    world.scheduler.start()
    world.put(pod("web"))
    assert world.node_of("web") == "n3"
    row = next(row for row in world.scheduler.attempts[-1].scores if row.plugin == "Favourite")
    assert row.weight == 50 and max(row.weighted) == 5000


@pytest.mark.parametrize(
    ("method", "answer", "text"),
    [
        ("filter", None, 'running "Broken" filter plugin: ZeroDivisionError: oops'),
        ("pre_filter", None, 'running PreFilter plugin "Broken": ZeroDivisionError: oops'),
        ("pre_score", None, 'running PreScore plugin "Broken": ZeroDivisionError: oops'),
        ("score", None, 'running Score plugins: plugin "Broken" failed with: ZeroDivisionError: oops'),
        (
            "score",
            101,
            'applying score defaultWeights on Score plugins: plugin "Broken" returns an invalid score 101, '
            "it should in the range of [0, 100] after normalizing",
        ),
        ("reserve", None, 'running Reserve plugin "Broken": ZeroDivisionError: oops'),
        ("permit", None, 'running Permit plugin "Broken": ZeroDivisionError: oops'),
        ("pre_bind", None, 'running PreBind plugin "Broken": ZeroDivisionError: oops'),
        ("bind", None, 'running Bind plugin "Broken": ZeroDivisionError: oops'),
    ],
)
def test_a_plugin_that_fails_ends_in_an_event_and_a_retry(method: str, answer: Any, text: str) -> None:
    def act(self: Plugin, *args: Any) -> Any:
        if answer is None:
            raise ZeroDivisionError("oops")
        return answer

    broken = type("Broken", (Plugin,), {"name": "Broken", method: act})
    world = World(node("n1"), node("n2"))
    world.scheduler.register(broken)
    world.put(pod("web", cpu="1"))
    assert world.events("FailedScheduling") == [text]
    assert world.condition("web")["reason"] == "SchedulerError"
    assert world.scheduler.queue.place_of("shop/web") == "backoff"
    assert all(n.requested.milli_cpu == 0 for n in world.scheduler.cache.nodes.values())
    world.scheduler.unregister("Broken")
    world.loop.run_until_quiet()
    assert world.node_of("web") != ""


def test_a_plugin_without_name_or_methods_is_refused() -> None:
    world = World(start=False)
    with pytest.raises(ValueError, match="needs a name"):
        world.scheduler.register(Plugin)
    with pytest.raises(ValueError, match="no extension point"):
        world.scheduler.register(type("Idle", (Plugin,), {"name": "Idle"}))


# -- records ---------------------------------------------------------------------------------------


def test_the_record_of_an_attempt_tells_everything() -> None:
    world = World(node("n1"), node("n2"), pod("old", cpu="2", on="n1"))
    world.put(pod("web", cpu="1"))
    record = world.loop.trace.of("pod/shop/web")[0]
    assert record.kind == "schedule"
    assert record.sentence == "kube-scheduler picks n2 for shop/web."
    assert record.came_in["nodes"]["n1"]["requested"] == {"cpu (m)": 2000}, "as it was before"
    steps = {step.asked: step for step in record.steps}
    fit = steps["Score NodeResourcesFit"].figures
    assert fit == {
        "weight": 1,
        "raw": {"n1": 60, "n2": 86},
        "normalized": {"n1": 60, "n2": 86},
        "weighted": {"n1": 60, "n2": 86},
    }
    assert steps["Filter NodePorts"].verdict == "skip"
    assert steps["Pick n2"].figures["totals"]["n2"] > steps["Pick n2"].figures["totals"]["n1"]
    assert record.came_out == {"node": "n2", "feasible": 2, "evaluated": 2, "bind": "bound"}
    assert record.to_json()["component"] == "kube-scheduler"


def test_an_old_attempt_keeps_its_sums_and_drops_its_detail() -> None:
    world = World(*(node(f"n{i:02}") for i in range(30)))
    world.put(pod("web", cpu="1"))
    attempt = world.scheduler.attempts[-1]
    attempt.trim()
    assert len(attempt.totals) == 10 and attempt.came_in()["nodes"] == {}
    assert attempt.came_out()["trimmed"] and attempt.steps()


def test_of_two_copies_only_the_leader_schedules() -> None:
    world = World(node("n1"), start=False)
    copies = [
        Scheduler(
            world.loop, world.scheduler.client, name=f"kube-scheduler/{at}", leader_elect=True, identity=at
        )
        for at in ("a", "b")
    ]
    for copy in copies:
        copy.start()
    world.put(pod("web"))
    assert world.node_of("web") == "n1"
    assert [copy.is_leader for copy in copies] == [True, False]
    copies[0].crash()
    world.put(pod("late"))
    assert world.node_of("late") == "", "the Lease has not run out"
    world.loop.advance(30)
    assert world.node_of("late") == "n1" and copies[1].is_leader


class ShortestNameFirst(Plugin):
    """Another order of the queue."""

    name = "ShortestNameFirst"

    def less(self, first: Any, second: Any) -> bool:
        return len(first.info.name) < len(second.info.name)


class ByHand(Plugin):
    """Binds pods with a certain label itself and leaves the others to the next."""

    name = "ByHand"

    def bind(self, state: Any, pod: Any, node_name: str) -> Any:
        if "mine" not in pod.labels:
            return SKIP
        assert isinstance(self.args["notes"], list)
        self.args["notes"].append((pod.name, node_name))
        return None


def test_a_registered_order_of_the_queue() -> None:
    world = World(node("n1"))
    world.scheduler.pause()
    world.put(pod("long-name"), pod("mid"), pod("a"))
    for _ in range(3):
        world.scheduler.step()
    world.scheduler.register(ShortestNameFirst)
    world.scheduler.resume()
    world.settle()
    assert [attempt.pod.name for attempt in world.scheduler.attempts] == ["a", "mid", "long-name"]


def test_a_registered_binder_goes_first_and_may_skip() -> None:
    world = World(node("n1"))
    notes: list[tuple[str, str]] = []
    world.scheduler.register(ByHand, notes=notes)
    world.put(pod("web"), pod("own", labels={"mine": "yes"}))
    assert world.node_of("web") == "n1" and notes == [("own", "n1")]
