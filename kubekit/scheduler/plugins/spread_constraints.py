"""Topology spread constraints: parsed, with the rules about which nodes and pods count.

Used by both halves of PodTopologySpread; no plugin of its own.

Source: pkg/scheduler/framework/plugins/podtopologyspread/common.go; plugins/helper/spread.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from kubekit.api.exchange import snug
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.plugin import Handle
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.selector import EVERYTHING, Selector
from kubekit.scheduler.plugins.taints import untolerated

Obj = dict[str, Any]

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
SYSTEM_DEFAULTS: list[Obj] = [
    {"topologyKey": HOSTNAME, "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 3},
    {"topologyKey": ZONE, "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 5},
]
"""What pods without constraints of their own get."""

OWNER_RESOURCES = {
    ("v1", "ReplicationController"): "replicationcontrollers",
    ("apps/v1", "ReplicaSet"): "replicasets.apps",
    ("apps/v1", "StatefulSet"): "statefulsets.apps",
}


class Constraint:
    """One constraint, ready to be asked about nodes."""

    __slots__ = ("honors_affinity", "honors_taints", "key", "max_skew", "min_domains", "selector")

    def __init__(self, constraint: Obj, labels: Mapping[str, str], selector: Selector | None = None) -> None:
        self.key: str = constraint.get("topologyKey", "")
        self.max_skew = int(constraint.get("maxSkew", 1))
        minimum = constraint.get("minDomains")
        self.min_domains = 1 if minimum is None else int(minimum)
        self.honors_affinity = (constraint.get("nodeAffinityPolicy") or "Honor") == "Honor"
        self.honors_taints = (constraint.get("nodeTaintsPolicy") or "Ignore") == "Honor"
        if selector is None:
            selector = Selector.of(constraint.get("labelSelector"))
            same = {key: labels[key] for key in constraint.get("matchLabelKeys") or () if key in labels}
            if same and not selector.nothing:
                selector = Selector.from_labels(same).and_also(selector)
        self.selector = selector

    def includes(self, pod: PodInfo, node: NodeInfo) -> bool:
        """Whether the node's pods count: a node that the pod cannot use anyway may be left out."""
        if self.honors_affinity and not pod.required_nodes.matches(node.labels, node.name):
            return False
        return not (
            self.honors_taints
            and node.hard_taints
            and untolerated(pod.tolerations, node.hard_taints) is not None
        )


_PARSED: dict[tuple[Any, ...], list[Constraint]] = {}
MOST_PARSED = 4096


def own_constraints(pod: PodInfo, action: str) -> list[Constraint]:
    """The pod's own constraints with this `whenUnsatisfiable`; pods of one template share them."""
    own = pod.spec.get("topologySpreadConstraints")
    key = (orjson.dumps(own, str), action, pod.marks)  # its labels, for matchLabelKeys
    known = _PARSED.get(key)
    if known is None:
        if len(_PARSED) >= MOST_PARSED:
            _PARSED.clear()
        known = _PARSED[(snug(key[0]), *key[1:])] = [
            Constraint(c, pod.labels) for c in own or () if c.get("whenUnsatisfiable") == action
        ]
    return known


def has_all_keys(labels: Mapping[str, str], constraints: Iterable[Constraint]) -> bool:
    """Whether a node belongs to a domain of every constraint."""
    for constraint in constraints:  # noqa: SIM110 (hot: a generator costs more)
        if constraint.key not in labels:
            return False
    return True


def count_pods(node: NodeInfo, selector: Selector, namespace: str) -> int:
    """The pods on the node that count; terminating ones do not. Kept as long as the node does not change."""
    if selector.empty:
        return 0
    key = ("pods", selector.key, namespace)
    known: int | None = node.memo.get(key)
    if known is None:
        known = 0
        for pod in node.pods:
            if pod.namespace == namespace and not pod.terminating and selector.matches(pod.labels):
                known += 1
        node.memo[key] = known
    return known


def default_selector(pod: PodInfo, handle: Handle) -> Selector:
    """The pods of the same Services and owner: those that the default constraints spread."""
    wanted: dict[str, str] = {}
    for service in handle.lister("services").by_index("namespace", pod.namespace):
        selected = (service.get("spec") or {}).get("selector")
        if selected is not None and all(pod.labels.get(key) == value for key, value in selected.items()):
            wanted.update(selected)
    owners = pod.pod["metadata"].get("ownerReferences") or ()
    owner = next((reference for reference in owners if reference.get("controller")), None)
    if owner is None:
        return Selector.from_labels(wanted) if wanted else EVERYTHING
    resource = OWNER_RESOURCES.get((owner.get("apiVersion", ""), owner.get("kind", "")))
    found = handle.lister(resource).get(f"{pod.namespace}/{owner.get('name', '')}") if resource else None
    owned = ((found or {}).get("spec") or {}).get("selector")
    if owned is None:
        return Selector.from_labels(wanted)
    if resource == "replicationcontrollers":
        return Selector.from_labels({**wanted, **owned})
    return Selector.from_labels(wanted).and_also(Selector.of(owned))
