"""A cluster that is well rests; and what happens afterwards happens as if it had not rested."""

from __future__ import annotations

import pytest

from kubekit.etcd.ticking import Rest
from tests.etcd.members import cluster_of, followers_of, leader_of, put, same, told


@pytest.mark.parametrize("count", [1, 3, 5, 7])
def test_a_healthy_cluster_at_rest_costs_nearly_nothing(count: int) -> None:
    cluster = cluster_of(count)
    before = cluster.loop.steps
    cluster.loop.advance(3600)
    assert cluster.loop.steps - before <= 20
    assert cluster.links.rest.resting and leader_of(cluster).raft.term == 2


def test_so_does_one_that_has_lost_a_follower_for_good() -> None:
    cluster = cluster_of(3)
    followers_of(cluster)[0].crash()
    cluster.loop.advance(10)
    before = cluster.loop.steps
    cluster.loop.advance(3600)
    assert cluster.loop.steps - before <= 20 and leader_of(cluster).raft.term == 2


def test_writes_do_not_wake_it() -> None:
    cluster = cluster_of(3)
    for number in range(100):
        put(leader_of(cluster), b"k", str(number).encode())
        cluster.loop.advance(10)
    assert cluster.links.rest.resting and same(cluster)


UNREST = ["crash the leader", "pause a follower", "cut a link", "slow a link", "no quorum"]


@pytest.mark.parametrize("what", UNREST)
def test_one_that_is_not_well_does_not_rest(what: str) -> None:
    cluster = cluster_of(3)
    leader, follower = leader_of(cluster), followers_of(cluster)[0]
    if what == "crash the leader":
        leader.crash()
    elif what == "pause a follower":
        follower.pause()
    elif what == "cut a link":
        cluster.cut(leader.plan.name, follower.plan.name)
    elif what == "slow a link":
        cluster.slow(leader.plan.name, follower.plan.name, 0.01)
    else:
        for member in followers_of(cluster):
            member.crash()
    assert not cluster.links.rest.resting
    before = cluster.loop.steps
    cluster.loop.advance(1.0)
    assert cluster.loop.steps - before >= 3


def elections(monkeypatch: pytest.MonkeyPatch, seed: int, quiet: float, *, rests: bool) -> list[object]:
    """When who campaigned and won after a quiet time that ended with the leader's crash."""
    with monkeypatch.context() as patched:
        if not rests:
            patched.setattr(Rest, "begin", lambda self, leader: False)
        cluster = cluster_of(3, seed=seed, settle=3.0)
        put(leader_of(cluster))
        cluster.loop.advance(quiet)
        assert cluster.links.rest.resting is rests
        leader_of(cluster).crash()
        cluster.loop.advance(6)
        return [
            (round(record.at, 6), record.component, record.sentence)
            for what in ("campaign", "elected", "step down")
            for record in told(cluster, what)
        ]


@pytest.mark.parametrize("quiet", [0.05, 0.1, 0.93, 17.0, 60.25])
@pytest.mark.parametrize("seed", range(4))
def test_elections_begin_at_the_same_moment_as_if_nobody_had_rested(
    monkeypatch: pytest.MonkeyPatch, seed: int, quiet: float
) -> None:
    with_rest = elections(monkeypatch, seed, quiet + 5, rests=True)
    assert with_rest == elections(monkeypatch, seed, quiet + 5, rests=False)
    assert len(with_rest) >= 4


@pytest.mark.parametrize("quiet", [5.02, 5.57, 12.0])
def test_a_leader_that_is_cut_off_after_a_rest_steps_down_at_the_same_moment(
    monkeypatch: pytest.MonkeyPatch, quiet: float
) -> None:
    def steps_down(rests: bool) -> float:
        with monkeypatch.context() as patched:
            if not rests:
                patched.setattr(Rest, "begin", lambda self, leader: False)
            cluster = cluster_of(3, settle=3.0)
            cluster.loop.advance(quiet)
            cluster.partition([leader_of(cluster).plan.name])
            cluster.loop.advance(5)
            return round(told(cluster, "step down")[0].at, 6)

    assert steps_down(True) == steps_down(False)
