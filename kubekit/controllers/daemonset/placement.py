"""Which node should have a DaemonSet's pod, and how a pod is tied to its node.

Source: pkg/controller/daemon/daemon_controller.go (NodeShouldRunDaemonPod) and daemon/util.
"""

from __future__ import annotations

from kubekit.api.meta import Obj, labels_of
from kubekit.api.selectors import matches_node_selector
from kubekit.controllers.taints import matching_tolerations, taints_of

TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
"""What every daemon pod tolerates; those on the host's network also an unavailable pod network."""

NODE_FIELD = "metadata.name"


def with_tolerations(spec: Obj) -> Obj:
    """The pod spec with the tolerations that daemon pods get."""
    keys = list(TOLERATED)
    if spec.get("hostNetwork"):
        keys.append(("node.kubernetes.io/network-unavailable", "NoSchedule"))
    present = list(spec.get("tolerations") or ())
    for key, effect in keys:
        toleration = {"key": key, "operator": "Exists", "effect": effect}
        # One for the same taint, be it for some seconds only, gives way to the one without limit.
        same = [_is_for(one, key, effect) for one in present]
        present = [toleration if hit else one for one, hit in zip(present, same)]
        if not any(same):
            present.append(toleration)
    return {**spec, "tolerations": present}


def _is_for(toleration: Obj, key: str, effect: str) -> bool:
    shown = toleration.get("key"), toleration.get("effect"), toleration.get("operator")
    return shown == (key, effect, "Exists") and not toleration.get("value")


def with_node(spec: Obj, node: str) -> Obj:
    """The pod spec tied to a node by a required node affinity."""
    terms = [{"matchFields": [{"key": NODE_FIELD, "operator": "In", "values": [node]}]}]
    affinity = spec.get("affinity") or {}
    required = {"nodeSelectorTerms": terms}
    node_affinity = {
        **(affinity.get("nodeAffinity") or {}),
        "requiredDuringSchedulingIgnoredDuringExecution": required,
    }
    return {**spec, "affinity": {**affinity, "nodeAffinity": node_affinity}}


def node_of(pod: Obj) -> str | None:
    """The node that a pod runs on or is tied to."""
    spec = pod["spec"]
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    node_affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == NODE_FIELD and field["operator"] == "In" and len(field["values"]) == 1:
                return str(field["values"][0])
    return None


def should_run(owner: Obj, node: Obj) -> tuple[bool, bool]:
    """(whether the node should get a pod, whether a pod that is there may stay)."""
    spec = with_tolerations(owner["spec"]["template"].get("spec") or {})
    name = node["metadata"]["name"]
    if spec.get("nodeName") and spec["nodeName"] != name:
        return False, False
    labels = labels_of(node)
    if not (spec.get("nodeSelector") or {}).items() <= labels.items():
        return False, False
    node_affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is not None and not matches_node_selector(required, node):
        return False, False
    tolerations = spec.get("tolerations") or ()
    hard = [taint for taint in taints_of(node) if taint["effect"] in ("NoExecute", "NoSchedule")]
    if matching_tolerations(hard, tolerations) is None:
        fatal = [taint for taint in hard if taint["effect"] == "NoExecute"]
        return False, matching_tolerations(fatal, tolerations) is not None
    return True, True
