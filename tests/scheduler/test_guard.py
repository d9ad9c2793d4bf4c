"""A learner's plugin that loops or answers nonsense: a clear event, a back-off, and the scheduler lives."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from kubekit.scheduler import Plugin, Scheduler
from tests.scheduler.world import World, node, pod


def for_ever(self: Any, *args: Any) -> Any:
    n = 0
    while True:
        try:
            n += 1
        except Exception:
            continue


def answering(answer: Any) -> Any:
    return lambda self, *args: answer


LOOPS = "did not come to an end within 100,000 steps: does it loop for ever?"


@pytest.mark.parametrize(
    ("method", "act", "text"),
    [
        ("filter", for_ever, f'running "Odd" filter plugin: Odd.filter {LOOPS}'),
        ("score", for_ever, f'running Score plugins: plugin "Odd" failed with: Odd.score {LOOPS}'),
        ("permit", for_ever, f'running Permit plugin "Odd": Odd.permit {LOOPS}'),
        (
            "filter",
            answering(False),
            'running "Odd" filter plugin: Odd.filter answered False; it must answer None or a Status',
        ),
        (
            "pre_filter",
            answering("n1"),
            "running PreFilter plugin \"Odd\": Odd.pre_filter answered 'n1'; it must answer None, "
            "a Status or the "
            "names of nodes",
        ),
        (
            "score",
            answering("good"),
            "applying score defaultWeights on Score plugins: plugin \"Odd\" returns 'good', a "
            "score must be a whole "
            "number",
        ),
        (
            "reserve",
            answering(7),
            'running Reserve plugin "Odd": Odd.reserve answered 7; it must answer None or a Status',
        ),
        (
            "permit",
            answering("later"),
            "running Permit plugin \"Odd\": Odd.permit answered 'later'; it must answer None, a "
            "Status, or a Status and "
            "seconds",
        ),
    ],
)
def test_what_goes_wrong_is_said(method: str, act: Any, text: str) -> None:
    world = World(node("n1"), node("n2"))
    world.scheduler.add_plugin(type("Odd", (Plugin,), {"name": "Odd", method: act}))
    world.put(pod("web", cpu="1"))
    assert world.events("FailedScheduling") == [text]
    assert world.scheduler.queue.place_of("shop/web") == "backoff" and sys.gettrace() is None
    world.scheduler.unregister("Odd")
    world.loop.run_until_quiet()
    assert world.node_of("web")


class Shortest(Plugin):
    """Ten lines in a notebook."""

    name = "Shortest"

    def score(self, state: Any, pod: Any, node: Any) -> int:
        return 100 - len(node.name)


def test_ten_lines_appear_in_the_record() -> None:
    world = World(node("n-with-a-long-name", cpu="64", memory="64Gi"), node("n1"))
    world.scheduler.add_plugin(Shortest, weight=20)
    world.put(pod("web"))
    assert world.node_of("web") == "n1"
    steps = {step.asked: step for step in world.loop.trace.of("pod/shop/web")[0].steps}
    assert steps["Score Shortest"].figures["weighted"] == {"n-with-a-long-name": 1640, "n1": 1960}


def test_a_second_scheduler_with_another_name() -> None:
    world = World(node("n1"), node("n2"), pod("old", cpu="1", memory="1Gi", on="n1"))
    packs = {
        "profiles": [
            {
                "schedulerName": "packer",
                "plugins": {
                    "score": {"disabled": [{"name": "*"}], "enabled": [{"name": "NodeResourcesFit"}]}
                },
                "pluginConfig": [
                    {"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": "MostAllocated"}}}
                ],
            }
        ]
    }
    second = Scheduler(world.loop, world.scheduler.client, packs, name="packer")
    second.start()
    world.settle()
    world.put(
        pod("spread", cpu="1", memory="1Gi"), pod("packed", cpu="1", memory="1Gi", schedulerName="packer")
    )
    assert (world.node_of("spread"), world.node_of("packed")) == ("n2", "n1")
    assert second.attempts_of("shop/packed") and not second.attempts_of("shop/spread")
