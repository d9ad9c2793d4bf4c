"""Bootstrap: what a member does before it is one - or why it does not start.

A member whose disk holds a log goes on where it was. On an empty disk, the initial cluster state decides. A
*new* cluster's members all make the same first entries of the log from the same list of names and peer
addresses; one that finds itself already known to the others has lost its disk, and must not come back as if
nothing had happened. To join an *existing* cluster, a member asks the others who belongs to it and looks for
itself in their list, which is why it has to be added first.

What is wrong raises `BootstrapError` with the words that etcd logs before it exits.
Source: server/etcdserver/bootstrap.go, server/config/config.go, server/etcdserver/api/membership/cluster.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from kubekit.etcd.cluster_errors import BootstrapError
from kubekit.etcd.membership import MAX_LEARNERS, MemberInfo, cluster_id, member_id
from kubekit.etcd.options import MemberPlan

if TYPE_CHECKING:
    from kubekit.etcd.replica import Replica


class Beginning(NamedTuple):
    """How a member without a log begins: its id, its cluster's, and the members it knows of beforehand."""

    id: int
    cluster_id: int
    members: list[MemberInfo]


def verify(plan: MemberPlan) -> None:
    """Refuse a plan that contradicts itself. Raises BootstrapError."""
    initial = dict(plan.initial_cluster)
    if plan.name not in initial:
        raise BootstrapError(f'couldn\'t find local name "{plan.name}" in the initial cluster configuration')
    if not plan.existing:
        _advertised(plan.name, sorted(initial[plan.name]), sorted(plan.peer_urls))
    urls = [url for _, its in plan.initial_cluster for url in its]
    if len(set(urls)) != len(urls):
        raise BootstrapError(f"initial cluster {url_map(plan.initial_cluster)} has duplicate url")


def _advertised(name: str, initial: list[str], advertised: list[str]) -> None:
    if initial == advertised:
        return
    shown = ",".join(advertised)
    if missing := [url for url in initial if url not in advertised]:
        listed = ",".join(f"{name}={url}" for url in missing)
        raise BootstrapError(
            f"--initial-cluster has {listed} but missing from --initial-advertise-peer-urls={shown} "
            f"({_difference(advertised, initial)})"
        )
    listed = ",".join(url for url in advertised if url not in initial)
    raise BootstrapError(
        f"--initial-advertise-peer-urls has {listed} but missing from "
        f"--initial-cluster={url_map([(name, advertised)])}"
    )


def url_map(members: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Names with addresses as the flag ``--initial-cluster`` is written, sorted."""
    return ",".join(sorted(f"{name}={url}" for name, urls in members for url in urls))


def listeners(plan: MemberPlan, others: Iterable[Replica]) -> None:
    """Take the member's addresses. Raises BootstrapError when a running member has one of them."""
    taken = {
        urlsplit(url).netloc
        for other in others
        if other.state in ("running", "paused")
        for url in (*other.plan.peer_urls, *other.plan.client_urls)
    }
    for url in (*plan.peer_urls, *plan.client_urls):
        address = urlsplit(url).netloc
        if address in taken:
            raise BootstrapError(f"listen tcp {address}: bind: address already in use")


def begin_new(plan: MemberPlan, token: str, others: Iterable[Replica]) -> Beginning:
    """The beginning of a member of a new cluster. Raises BootstrapError."""
    members = _members(plan, token)
    me = next(member for member in members if member.name == plan.name)
    remote = _ask(plan, others)
    known = remote.membership.get(me.id) if remote is not None else None
    if known is not None and known.client_urls:
        raise BootstrapError(f"member {me.id:x} has already been bootstrapped")
    return Beginning(me.id, cluster_id(member.id for member in members), members)


def begin_joining(plan: MemberPlan, token: str, others: Iterable[Replica]) -> tuple[Beginning, list[Replica]]:
    """The beginning of a member that was added, and the members that it can reach. Raises BootstrapError."""
    others = list(others)
    local = _members(plan, token)
    remote = _ask(plan, others)
    if remote is None:
        raise BootstrapError(
            "cannot fetch cluster info from peer urls: could not retrieve cluster information "
            "from the given URLs"
        )
    existing = remote.membership.members()
    text = f"error validating peerURLs {_cluster_text(remote)}: "
    if len(existing) != len(local):
        raise BootstrapError(f"{text}member count is unequal")
    ids: dict[str, int] = {}
    for member in existing:
        same = [mine for mine in local if sorted(mine.peer_urls) == sorted(member.peer_urls)]
        if not same:
            urls = " ".join(member.peer_urls)
            raise BootstrapError(
                f"{text}PeerURLs: no match found for existing member ({member.id:x}, [{urls}]), "
                f"last resolver error ({_difference(sorted(member.peer_urls), sorted(local[-1].peer_urls))})"
            )
        ids[same[0].name] = member.id
    reachable = [other for other in others if other.running and other.cluster_id == remote.cluster_id]
    if not any(other.membership.version for other in reachable):
        raise BootstrapError("incompatible with current running cluster")
    if sum(member.learner for member in existing) > MAX_LEARNERS:
        raise BootstrapError("membership: too many learner members in cluster")
    return Beginning(ids[plan.name], remote.cluster_id, []), reachable


def _members(plan: MemberPlan, token: str) -> list[MemberInfo]:
    """The members of the initial cluster, by id."""
    return sorted(
        MemberInfo(member_id(urls, token), name, tuple(sorted(urls)), ())
        for name, urls in plan.initial_cluster
    )


def _ask(plan: MemberPlan, others: Iterable[Replica]) -> Replica | None:
    """The first other member of the plan whose peer address answers, in the order of the addresses."""
    answering = {url: other for other in others if other.running for url in other.plan.peer_urls}
    urls = sorted(url for name, its in plan.initial_cluster if name != plan.name for url in its)
    return next((answering[url] for url in urls if url in answering), None)


def _difference(a: list[str], b: list[str]) -> str:
    """What the comparison of two sorted lists of addresses that differ says."""
    if len(a) != len(b):
        shown = [" ".join(f'"{url}"' for url in urls) for urls in (a, b)]
        return f"len([{shown[0]}]) != len([{shown[1]}])"
    pair = next((x, y) for x, y in zip(a, b, strict=True) if x != y)
    return f'resolved urls: "{pair[0]}" != "{pair[1]}"'


def _cluster_text(remote: Replica) -> str:
    """A cluster as Go prints it."""
    members = " ".join(
        f"&{{ID:{member.id:x} RaftAttributes:{{PeerURLs:[{' '.join(member.peer_urls)}] "
        f"IsLearner:{str(member.learner).lower()}}} Attributes:{{Name:{member.name} "
        f"ClientURLs:[{' '.join(member.client_urls)}]}}}}"
        for member in remote.membership.members()
    )
    removed = " ".join(f"{id:x}" for id in sorted(remote.membership.removed))
    return f"{{ClusterID:{remote.cluster_id:x} Members:[{members}] RemovedMemberIDs:[{removed}]}}"
