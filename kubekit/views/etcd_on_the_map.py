"""etcd's part of the cluster map: its members, who of them leads, and whether writes still get through.

One member stands in the control plane's box; more have hosts of their own below it. Who leads at a stop is
what the records of kind "raft" up to it say, and at the last stop what the members themselves say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from kubekit.views.component_facts import Facts
from kubekit.views.raft_frames import figures


def kind_of(component: str) -> str:
    """The sort of a component by its name: every member of etcd is `etcd`."""
    kind = component.partition("/")[0]
    return "etcd" if kind.startswith("etcd-") else kind


def members_of(cluster: Any) -> list[Any]:
    """The members that this process runs; none when etcd is elsewhere."""
    return list(getattr(cluster.etcd, "members", {}).values())


def place(cluster: Any, port: str) -> dict[str, Any]:
    """Where etcd stands on the map."""
    members = members_of(cluster)
    return {
        "id": members[0].name if members else cluster.etcd.name,
        "port": port,
        "quorum": len(members) // 2 + 1,
        "members": [
            {"id": member.name, "name": member.plan.name, "ip": host_of(member)} for member in members
        ],
    }


def host_of(member: Any) -> str:
    """The address of a member's host."""
    urls = member.plan.client_urls
    return str(urlsplit(urls[0]).hostname) if urls else ""


def leader_now(cluster: Any) -> str:
    """The component that leads now; "" when nobody does, or there is nobody to choose from."""
    members = members_of(cluster)
    leader = getattr(cluster.etcd, "leader", None)
    return str(leader.name) if len(members) > 1 and leader is not None else ""


def leader_after(records: Iterable[Any], id: int) -> str:
    """Who led after the record `id`, as far as records say."""
    leader = ""
    for record in records:
        if record.id > id:
            break
        if record.kind != "raft":
            continue
        for name, state in (figures(record).get("members") or {}).items():
            if state.get("role") == "leader" and state.get("state", "running") == "running":
                leader = name
            elif name == leader:
                leader = ""
    return leader


def python_of(cluster: Any, component: str) -> str:
    """How a learner reaches a member."""
    for member in members_of(cluster):
        if member.name == component and len(members_of(cluster)) > 1:
            return f'cluster.etcd.member("{member.plan.name}")'
    return "cluster.etcd"


def facts_of_a_member(cluster: Any, facts: Facts) -> Facts:
    """What is said of etcd, for one of several members."""
    count = len(members_of(cluster))
    quorum = count // 2 + 1
    return replace(
        facts,
        talks_to="the other members, port `2380`; **kube-apiserver** is its only client",
        goes_on=(f"everything, as long as {quorum} of {count} members run",),
        waits=(f"with fewer than {quorum}: every write; the API server answers with errors",),
    )


def without_quorum(places: dict[str, Any], states: dict[str, str]) -> bool:
    """Whether too few members run for anything to be written."""
    members = places["members"]
    up = sum(states.get(member["id"], "running") == "running" for member in members)
    return bool(members) and up < places["quorum"]
