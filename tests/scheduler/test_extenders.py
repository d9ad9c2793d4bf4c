"""Extenders: a function at an address, or a program behind a socket, filters, scores, binds and vetoes."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.scheduler.world import World, node, pod

Obj = dict[str, Any]
URL = "http://mine"


def world(answer: Any, *objects: Obj, **extender: Any) -> World:
    config = {"extenders": [{"urlPrefix": URL, "nodeCacheCapable": True, **extender}]}
    made = World(*objects, config=config, start=False)
    made.scheduler.serve_extender(URL, answer)
    made.scheduler.start()
    made.settle()
    return made


def only_even(verb: str, arguments: Obj) -> Obj:
    names = arguments["nodenames"]
    return {
        "nodenames": [name for name in names if int(name[1:]) % 2 == 0],
        "failedNodes": {name: "odd" for name in names if int(name[1:]) % 2},
    }


@pytest.mark.parametrize("count", [3, 80], ids=["node by node", "all at once"])
def test_it_filters_after_the_plugins(count: int) -> None:
    nodes = [node(f"n{i}", unschedulable=i == 0) for i in range(count)]
    one = world(only_even, *nodes, filterVerb="filter")
    one.put(pod("web"))
    assert int(one.node_of("web")[1:]) % 2 == 0 and one.node_of("web") != "n0"
    steps = {step.asked: step for step in one.scheduler.attempts[-1].steps()}
    assert "n1" in steps[f"Extender {URL}"].figures["refused"]


def test_what_it_refuses_is_told_and_any_event_brings_the_pod_back() -> None:
    one = world(only_even, node("n1"), filterVerb="filter")
    one.put(pod("web"))
    assert one.condition("web")["message"].startswith("0/1 nodes are available: 1 odd.")
    assert one.scheduler.queue.unschedulable["shop/web"].unschedulable_plugins == {"Extenders"}
    one.put(node("n2"))
    one.loop.run_until_quiet()
    assert one.node_of("web") == "n2"


def test_its_scores_count_ten_times_their_weight() -> None:
    def scores(verb: str, arguments: Obj) -> Any:
        return [{"host": name, "score": 10 if name == "n1" else 0} for name in arguments["nodenames"]]

    one = world(scores, node("n1"), node("n2"), pod("old", cpu="3", on="n1"), prioritizeVerb="p", weight=5)
    one.put(pod("web", cpu="1"))
    assert one.node_of("web") == "n1"
    row = one.scheduler.attempts[-1].scores[-1]
    assert (row.plugin, row.raw, row.weighted) == (URL, [10, 0], [500, 0])


def test_it_binds_instead_of_the_plugins() -> None:
    bound: list[Obj] = []

    def bind(verb: str, arguments: Obj) -> Obj:
        bound.append(arguments)
        return {}

    one = world(bind, node("n1"), bindVerb="bind")
    one.put(pod("web"))
    assert bound == [{"podName": "web", "podNamespace": "shop", "podUID": "uid-web", "node": "n1"}]
    assert one.node_of("web") == "" and one.scheduler.attempts[-1].bind == "bound"


def broken(verb: str, arguments: Obj) -> Obj:
    raise OSError("no")


@pytest.mark.parametrize("ignorable", [False, True])
def test_one_that_fails_fails_the_attempt_unless_it_is_ignorable(ignorable: bool) -> None:
    one = world(broken, node("n1"), filterVerb="filter", ignorable=ignorable)
    one.put(pod("web"))
    assert one.node_of("web") == ("n1" if ignorable else "")
    if not ignorable:
        assert one.events("FailedScheduling") == ["OSError: no"]
        assert one.scheduler.queue.place_of("shop/web") == "backoff"


def test_it_is_asked_about_its_own_resources_only() -> None:
    managed = [{"name": "example.com/chip", "ignoredByScheduler": True}]
    one = world(only_even, node("n1"), filterVerb="filter", managedResources=managed)
    one.put(pod("web"))
    assert one.node_of("web") == "n1"
    chip = pod("chip")
    chip["spec"]["containers"][0]["resources"] = {"requests": {"example.com/chip": "1"}}
    one.put(chip)
    assert "1 odd" in one.condition("chip")["message"], "and NodeResourcesFit leaves the resource to it"


def test_it_may_veto_victims() -> None:
    def veto(verb: str, arguments: Obj) -> Obj:
        told = arguments["nodeNameToMetaVictims"]
        return {"nodeNameToMetaVictims": {name: meta for name, meta in told.items() if name == "n2"}}

    olds = [pod("a", cpu="2", on="n1", priority=1), pod("b", cpu="2", on="n2", priority=5)]
    one = world(veto, node("n1", cpu="2"), node("n2", cpu="2"), *olds, preemptVerb="preempt")
    one.put(pod("boss", cpu="2", priority=100))
    assert "shop/a" in one.server.objects["pods"] and "shop/b" not in one.server.objects["pods"]


def test_a_real_program_behind_a_socket() -> None:
    class Program(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arguments = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            items = [n for n in arguments["nodes"]["items"] if n["metadata"]["name"] == "n2"]
            body = json.dumps({"nodes": {"items": items}}).encode()
            self.send_response(200 if self.path == "/s/filter" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Program)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/s/"
        one = World(
            node("n1"), node("n2"), config={"extenders": [{"urlPrefix": url, "filterVerb": "filter"}]}
        )
        one.put(pod("web"))
        assert one.node_of("web") == "n2"
        two = World(node("n1"), config={"extenders": [{"urlPrefix": url, "filterVerb": "wrong"}]})
        two.put(pod("web"))
        assert two.events("FailedScheduling") == [f"failed wrong with extender at URL {url}wrong, code 404"]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
