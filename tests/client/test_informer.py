"""The informer: an indexed copy, shared handlers, and a model that it is held against."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.client import Client, Informer, InformerFactory, resource_of
from kubekit.sim import Loop
from tests.client.server import Server


def team_of(obj: dict) -> list[str]:  # type: ignore[type-arg]
    return [team] if (team := obj["metadata"]["labels"].get("team")) else []


def started(server: Server, loop: Loop) -> Informer:
    informer = Informer(Client(server), loop, "me", resource_of("configmaps"))
    informer.start()
    loop.run_ready()
    return informer


def test_objects_are_the_servers_own() -> None:
    loop, server = Loop(), Server()
    informer = started(server, loop)
    obj = server.put("a")
    loop.run_ready()
    assert informer.get("default/a") is obj


def test_an_index_may_come_late() -> None:
    loop, server = Loop(), Server()
    informer = started(server, loop)
    server.put("a", team="red")
    loop.run_ready()
    informer.add_index("team", team_of)
    server.put("b", team="red")
    server.put("a", team="blue")
    loop.run_ready()
    assert [o["metadata"]["name"] for o in informer.by_index("team", "red")] == ["b"]
    assert [o["metadata"]["name"] for o in informer.by_index("team", "blue")] == ["a"]
    assert informer.by_index("team", "green") == []


def test_a_late_handler_hears_of_what_is_there_and_a_removed_one_of_nothing() -> None:
    loop, server = Loop(), Server()
    informer = started(server, loop)
    server.put("a")
    loop.run_ready()
    heard: list[str] = []
    registration = informer.add_handler(lambda obj: heard.append(obj["metadata"]["name"]))
    assert heard == ["a"]
    registration.remove()
    server.put("b")
    loop.run_ready()
    assert heard == ["a"]


def test_when_synced() -> None:
    loop, server = Loop(), Server()
    informer = Informer(Client(server), loop, "me", resource_of("configmaps"))
    calls: list[str] = []
    informer.when_synced(lambda: calls.append("first"))
    informer.start()
    assert calls == []
    loop.run_ready()
    informer.when_synced(lambda: calls.append("second"))
    assert calls == ["first", "second"]


def test_the_factory_shares_what_is_the_same_question() -> None:
    loop, server = Loop(), Server()
    factory = InformerFactory(Client(server), loop, "me")
    first = factory.informer("configmaps")
    assert factory.informer(resource_of("cm")) is first
    assert factory.informer("configmaps", label_selector="a=b") is not first
    factory.start()
    assert not factory.synced()
    loop.run_ready()
    assert factory.synced()
    assert factory.informer("configmaps", namespace="other").reflector is not first.reflector
    assert not factory.synced(), "one that is asked for later starts at once, and has to sync too"
    loop.run_ready()
    assert factory.synced() and len(factory.informers) == 3


changes = st.lists(
    st.tuples(
        st.sampled_from(["put", "remove", "hang up", "gone", "run"]),
        st.sampled_from("abcd"),
        st.sampled_from(["", "red", "blue"]),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(changes)
def test_whatever_happens_the_copy_and_its_index_are_the_servers_state(
    history: list[tuple[str, str, str]],
) -> None:
    loop, server = Loop(), Server()
    informer = started(server, loop)
    informer.add_index("team", team_of)
    alive: set[str] = set()
    informer.add_handler(
        lambda obj: alive.add(obj["metadata"]["name"]),
        None,
        lambda obj: alive.remove(obj["metadata"]["name"]),
    )
    for what, name, team in history:
        if what == "put":
            server.put(name, **({"team": team} if team else {}))
        elif what == "remove" and name in server.objects:
            server.remove(name)
        elif what == "hang up":
            loop.run_ready()
            server.hang_up()
            loop.run_ready()
        elif what == "gone":
            loop.run_ready()
            server.watch_is_gone = True
            server.hang_up()
            loop.run_ready()
        else:
            loop.run_ready()
    loop.run_ready()
    assert {o["metadata"]["name"]: o for o in informer.list("default")} == server.objects
    assert alive == set(server.objects)
    for team in ("red", "blue"):
        found = {o["metadata"]["name"] for o in informer.by_index("team", team)}
        assert found == {n for n, o in server.objects.items() if o["metadata"]["labels"].get("team") == team}
