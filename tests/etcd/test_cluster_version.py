"""The cluster's version: set by the first leader, lowered by a downgrade, raised when that is called off."""

from __future__ import annotations

import pytest

from kubekit.etcd.cluster import EtcdCluster
from kubekit.sim import Loop
from tests.etcd.members import answer, cluster_of, followers_of, leader_of, text

VALIDATE, ENABLE, CANCEL = 0, 1, 2


def versions(cluster: EtcdCluster) -> set[str]:
    return {member.membership.version for member in cluster.members.values()}


def test_it_is_low_until_all_members_have_told_theirs() -> None:
    cluster = EtcdCluster(Loop(seed=1), 3)
    cluster.member("etcd-1").start()
    cluster.member("etcd-2").start()
    cluster.loop.advance(5)
    assert leader_of(cluster).membership.version == "3.0.0"
    cluster.member("etcd-3").start()
    cluster.loop.advance(5)
    assert versions(cluster) == {"3.6.0"}
    before = cluster.loop.steps
    cluster.loop.advance(600)
    assert cluster.loop.steps - before < 20, "once it is right nobody looks any more"


def test_a_downgrade_lowers_it_and_calling_it_off_raises_it() -> None:
    cluster = cluster_of(3)
    leader = leader_of(cluster)
    assert leader.call("Maintenance/Downgrade", {"action": VALIDATE, "version": "3.5"})["version"] == "3.6"
    assert leader.call("Maintenance/Downgrade", {"action": ENABLE, "version": "3.5.0"})["version"] == "3.6"
    status = followers_of(cluster)[0].call("Maintenance/Status", {})
    cluster.loop.advance(5)
    assert versions(cluster) == {"3.5.0"}
    status = followers_of(cluster)[0].call("Maintenance/Status", {})
    assert status["downgradeInfo"] == {"enabled": True, "targetVersion": "3.5.0"}
    assert status["storageVersion"] == "3.5.0"
    assert text(answer(leader, "Maintenance/Downgrade", {"action": ENABLE, "version": "3.4"})) == (
        "etcdserver: cluster has a downgrade job in progress"
    )
    leader.call("Maintenance/Downgrade", {"action": CANCEL})
    cluster.loop.advance(5)
    assert versions(cluster) == {"3.6.0"}
    assert leader.call("Maintenance/Downgrade", {"action": CANCEL})["version"] == "3.6"


REFUSED = [
    ({"action": VALIDATE, "version": "3.4"}, "etcdserver: invalid downgrade target version", 3),
    ({"action": ENABLE, "version": "3.6"}, "etcdserver: invalid downgrade target version", 3),
    ({"action": ENABLE, "version": "nonsense"}, "etcdserver: wrong downgrade target version format", 3),
    ({"action": 7}, "etcdserver: unknown method", 2),
]


@pytest.mark.parametrize(("request_", "words", "code"), REFUSED)
def test_refusals(request_: dict[str, object], words: str, code: int) -> None:
    got = answer(cluster_of(1).member("default"), "Maintenance/Downgrade", request_)
    assert (text(got), got.code) == (words, code)
