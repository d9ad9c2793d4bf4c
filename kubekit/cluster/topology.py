"""The plan of a cluster: which nodes there are, with which names, addresses, labels and taints.

Worked out from the settings before anything is made, so that one look shows what will be booted. The first
node is the control plane's; addresses count up from the first one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubekit.cluster.defaults import (
    CONTROL_PLANE,
    CONTROL_PLANE_LABELS,
    CONTROL_PLANE_TAINT,
    WORKER,
    Settings,
)
from kubekit.cluster.errors import KubekitError


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One node as it will be made."""

    name: str
    ip: str
    capacity: dict[str, str]
    labels: dict[str, str]
    taints: tuple[dict[str, str], ...]
    control_plane: bool


def plan(settings: Settings) -> list[NodePlan]:
    """The nodes of a cluster, the control plane's first; none for one that joins. Raises KubekitError for a
    plan without sense."""
    if settings.join:
        return []
    if settings.node_names is not None:
        names = list(settings.node_names)
    else:
        if settings.workers < 0:
            raise KubekitError(f"a cluster cannot have {settings.workers} workers")
        names = [CONTROL_PLANE, *(WORKER.format(n + 1) for n in range(settings.workers))]
    if not names:
        raise KubekitError("a cluster needs at least one node")
    if len(set(names)) != len(names):
        raise KubekitError(f"two nodes have the same name: {', '.join(names)}")
    first = ipaddress.ip_address(settings.first_node_ip)
    return [
        node_plan(settings, name, str(first + index), control_plane=index == 0)
        for index, name in enumerate(names)
    ]


def node_plan(settings: Settings, name: str, ip: str, *, control_plane: bool = False) -> NodePlan:
    """The plan of one node."""
    labels = dict(CONTROL_PLANE_LABELS) if control_plane else {}
    labels |= _for_node(settings.node_labels, name)
    return NodePlan(
        name=name,
        ip=ip,
        capacity={key: str(value) for key, value in _for_node(settings.capacity, name).items()},
        labels=labels,
        taints=(dict(CONTROL_PLANE_TAINT),) if control_plane else (),
        control_plane=control_plane,
    )


def _for_node(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Values for all nodes, or, when they are given by node name, those of this node."""
    by_name = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    common = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    return {**common, **dict(by_name.get(name) or {})}
