"""Leader election: one of two works, and the other takes over."""

from __future__ import annotations

from kubekit.apiserver.server import APIServer
from kubekit.client import Client, LeaderElection
from kubekit.etcd import KVStore
from kubekit.sim import Loop
from tests.controllers.world import ADMIN


class Copies:
    """Two copies of a component that want the same Lease."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.api = APIServer(self.loop, KVStore(self.loop.clock))
        self.api.start()
        self.loop.advance(5.0)
        self.client = Client(self.api, user=ADMIN)
        self.story: list[str] = []
        self.a, self.b = self._copy("a"), self._copy("b")
        self.a.start()
        self.loop.run_ready()
        self.b.start()

    def _copy(self, name: str) -> LeaderElection:
        return LeaderElection(
            self.client,
            self.loop,
            name,
            "demo",
            name,
            on_started=lambda: self.story.append(f"{name} works"),
            on_stopped=lambda: self.story.append(f"{name} gave up"),
        )

    @property
    def spec(self) -> dict[str, object]:
        spec: dict[str, object] = self.client.get("leases.coordination.k8s.io", "demo", "kube-system")["spec"]
        return spec


def test_the_first_holds_and_renews() -> None:
    copies = Copies()
    copies.loop.advance(60.0)
    assert copies.story == ["a works"] and not copies.b.is_leader and copies.b.holder == "a"
    assert copies.spec["holderIdentity"] == "a" and copies.spec["leaseTransitions"] == 0
    assert str(copies.spec["renewTime"]) > str(copies.spec["acquireTime"])


def test_a_crashed_holder_is_followed_when_its_lease_has_run_out() -> None:
    copies = Copies()
    copies.loop.advance(30.0)
    copies.a.stop(release=False)
    copies.loop.advance(10.0)
    assert copies.story == ["a works"], "the Lease may still be held"
    copies.loop.advance(15.0)
    assert copies.story == ["a works", "b works"] and copies.spec["leaseTransitions"] == 1


def test_a_holder_that_leaves_gives_the_lease_back() -> None:
    copies = Copies()
    copies.loop.advance(30.0)
    copies.a.stop()
    copies.loop.advance(5.0)
    assert copies.story == ["a works", "b works"]


def test_a_holder_that_cannot_renew_gives_up_by_itself() -> None:
    copies = Copies()
    copies.loop.advance(30.0)
    copies.api.stop()
    copies.loop.advance(14.0)
    assert copies.story == ["a works", "a gave up"], "before anybody else may start"
    copies.api.start()
    copies.loop.advance(30.0)
    assert len(copies.story) == 3 and copies.a.is_leader != copies.b.is_leader
