"""The reflector: list, watch, and what happens when either fails."""

from __future__ import annotations

import pytest

from kubekit.api import status_error
from kubekit.api.exchange import WatchEvent
from kubekit.client import Client, Informer, resource_of
from kubekit.sim import Loop
from tests.client.server import Server


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def informer(loop: Loop, server: Server) -> Informer:
    informer = Informer(Client(server), loop, "me", resource_of("configmaps"))
    informer.start()
    return informer


def names(informer: Informer) -> list[str]:
    return sorted(obj["metadata"]["name"] for obj in informer.list())


def test_list_then_watch_from_there(loop: Loop, server: Server, informer: Informer) -> None:
    server.put("a")
    loop.run_ready()
    assert informer.has_synced and names(informer) == ["a"]
    assert server.log == ["list", "watch 11"]
    server.put("b")
    server.remove("a")
    loop.run_ready()
    assert names(informer) == ["b"]
    assert informer.reflector.lists == 1


def test_a_stream_that_ends_is_opened_again_at_the_last_revision(
    loop: Loop, server: Server, informer: Informer
) -> None:
    loop.run_ready()
    server.put("a")
    server.hang_up()  # the event was sent before the end and still counts
    loop.run_ready()
    assert server.log == ["list", "watch 10", "watch 11"]
    assert names(informer) == ["a"] and informer.reflector.watching


def test_a_revision_that_is_gone_means_a_new_list(loop: Loop, server: Server, informer: Informer) -> None:
    loop.run_ready()
    server.hang_up()
    server.watch_is_gone = True
    server.put("late")
    loop.run_ready()
    assert server.log == ["list", "watch 10", "watch 10", "list", "watch 11"]
    assert names(informer) == ["late"]


def test_an_error_event_means_a_new_list(loop: Loop, server: Server, informer: Informer) -> None:
    loop.run_ready()
    error = status_error.expired("too old resource version")
    server.streams[0].send(WatchEvent("ERROR", error.status))
    loop.run_ready()
    assert informer.reflector.lists == 2 and server.streams[0].closed


def test_a_new_list_tells_only_what_differs(loop: Loop, server: Server, informer: Informer) -> None:
    server.put("same")
    server.put("gone")
    loop.run_ready()
    told: list[str] = []
    informer.add_handler(
        lambda obj: told.append("+" + obj["metadata"]["name"]),
        lambda old, new: told.append("~" + new["metadata"]["name"]),
        lambda obj: told.append("-" + obj["metadata"]["name"]),
    )
    told.clear()
    server.streams.clear()  # nobody hears what happens now
    server.remove("gone")
    server.put("new")
    informer.reflector._deliver(
        informer.reflector._turn, WatchEvent("ERROR", status_error.expired("gone").status)
    )
    loop.run_ready()
    assert told == ["+new", "-gone"]


def test_the_same_name_with_another_uid_is_another_object(
    loop: Loop, server: Server, informer: Informer
) -> None:
    server.put("a")
    loop.run_ready()
    told: list[str] = []
    informer.add_handler(
        lambda obj: told.append("+" + obj["metadata"]["uid"]),
        lambda old, new: told.append("~"),
        lambda obj: told.append("-" + obj["metadata"]["uid"]),
    )
    told.clear()
    obj = server.objects["a"]
    informer._replace([{**obj, "metadata": {**obj["metadata"], "uid": "other", "resourceVersion": "99"}}])
    assert told == ["-uid-a", "+other"]


def test_nobody_answers(loop: Loop, server: Server, informer: Informer) -> None:
    server.down = True
    loop.run_until_quiet()
    assert server.log == ["list"], "waiting for a server is a background matter"
    loop.advance(60.0)
    tries = len(server.log)
    assert 4 <= tries <= 8, "each wait is longer"
    assert not informer.has_synced and informer.reflector.last_error == "nobody answers"
    server.down = False
    server.put("a")
    loop.advance(60.0)
    assert names(informer) == ["a"] and informer.reflector.last_error == ""


def test_a_paused_owner_hears_nothing(loop: Loop, server: Server, informer: Informer) -> None:
    loop.run_ready()
    loop.pause("me")
    server.put("a")
    server.put("b")
    loop.run_ready()
    assert names(informer) == []
    loop.step("me")
    assert names(informer) == ["a"]
    loop.resume("me")
    loop.run_ready()
    assert names(informer) == ["a", "b"]


def test_stopping_forgets_what_was_not_delivered(loop: Loop, server: Server, informer: Informer) -> None:
    loop.run_ready()
    server.put("a")
    informer.stop()
    loop.run_ready()
    assert names(informer) == [] and server.streams[0].closed


def test_bookmarks_move_the_revision_only(loop: Loop, server: Server, informer: Informer) -> None:
    loop.run_ready()
    server.tell("BOOKMARK", {"kind": "ConfigMap", "metadata": {"resourceVersion": "70"}})
    loop.run_ready()
    server.hang_up()
    loop.run_ready()
    assert server.log[-1] == "watch 70" and len(informer) == 0
