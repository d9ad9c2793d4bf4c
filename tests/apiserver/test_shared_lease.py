"""Events go after an hour: by leases that many of them share."""

from __future__ import annotations

import pytest

import kubekit
from kubekit.apiserver.shared_lease import MOST_OBJECTS, SharedLease
from kubekit.sim import VirtualClock
from tests.apiserver.conftest import CORE, Asker

EVENTS = f"{CORE}/events"


class Granted:
    """A clock, and what was granted when."""

    def __init__(self, ttl: int) -> None:
        self.clock = VirtualClock()
        self.seconds: list[int] = []
        self.lease = SharedLease(self.clock, self.grant, ttl)

    def grant(self, seconds: int) -> int:
        self.seconds.append(seconds)
        return len(self.seconds)

    def at(self, after: float) -> int:
        self.clock.advance_to(self.clock.now() + after)
        return self.lease.id()


def test_a_lease_serves_a_minute_and_lasts_a_minute_longer() -> None:
    granted = Granted(3600)
    assert [granted.at(after) for after in (0, 0, 59.9, 0.1, 30, 3600)] == [1, 1, 1, 2, 2, 3]
    assert granted.seconds == [3660] * 3


def test_short_times_are_shared_for_a_twentieth() -> None:
    granted = Granted(100)
    assert [granted.at(after) for after in (0, 4.9, 0.1)] == [1, 1, 2]
    assert granted.seconds == [105, 105]


def test_a_thousand_objects_hang_on_one_lease() -> None:
    granted = Granted(3600)
    assert {granted.at(0) for _ in range(MOST_OBJECTS)} == {1}
    assert granted.at(0) == 2


def test_no_time_no_lease_and_a_restart_begins_anew() -> None:
    assert Granted(0).at(0) == 0
    granted = Granted(3600)
    granted.at(0)
    granted.lease.forget()
    assert granted.at(0) == 2


def event(name: str) -> dict[str, object]:
    about = {"kind": "Pod", "namespace": "default", "name": "web"}
    return {
        "metadata": {"name": name},
        "involvedObject": about,
        "reason": "R",
        "message": "m",
        "type": "Normal",
    }


def test_both_apis_share_a_lease_and_a_change_gives_an_event_another_hour() -> None:
    api = Asker()
    api.make(EVENTS, event("one"))
    regarding = {"kind": "Pod", "namespace": "default", "name": "web"}
    new = {
        "metadata": {"name": "two"},
        "regarding": regarding,
        "reason": "R",
        "type": "Normal",
        "action": "a",
    }
    new |= {"eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "x.io/y"}
    api.make("/apis/events.k8s.io/v1/namespaces/default/events", {**new, "reportingInstance": "z"})
    api.make(f"{CORE}/configmaps", {"metadata": {"name": "stays"}})
    (lease,) = api.store.leases.leases()
    assert sorted(lease.keys) == [b"/registry/events/default/one", b"/registry/events/default/two"]
    assert lease.ttl == 3660
    api.loop.advance(1800.0)
    assert api.ask("PATCH", f"{EVENTS}/one", {"message": "again"}, kind="merge").status == 200
    assert sorted(lease.keys) == [b"/registry/events/default/two"]
    api.loop.advance(1860.5)
    api.store.leases.expire()
    names = [item["metadata"]["name"] for item in api.ask("GET", EVENTS).body["items"]]
    assert names == ["one"]


def test_they_may_stay_for_ever() -> None:
    api = Asker(event_ttl=0)
    api.make(EVENTS, event("one"))
    assert api.store.leases.leases() == []


@pytest.mark.parametrize("members", [1, 3])
def test_a_cluster_forgets_its_events_and_says_so(members: int) -> None:
    cluster = kubekit.up(workers=1, etcd_members=members)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "nginx:1.28"}]},
    }
    cluster.client.create("pods", pod)
    cluster.settle()
    before = {item["metadata"]["name"] for item in cluster.client.list("events", "default")["items"]}
    assert len(before) >= 4
    gone: list[str] = []
    stream = cluster.client.watch("events", "default")
    stream.on_event(
        lambda event: gone.append(event.object["metadata"]["name"]) if event.type == "DELETED" else None
    )
    cluster.advance("59m")
    assert gone == []
    cluster.advance("3m")
    left = {item["metadata"]["name"] for item in cluster.client.list("events", "default")["items"]}
    assert before <= set(gone) and not before & left
    assert cluster.client.get("pods", "web", "default")["status"]["phase"] == "Running"
