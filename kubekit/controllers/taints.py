"""Taints on nodes and the tolerations of pods, as controllers handle them.

Pure functions over nodes and pods, and one that writes. Sources: pkg/util/taints, component-helpers
scheduling/corev1, pkg/controller/util/node.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubekit.api.meta import Obj
from kubekit.controllers.controller import Controller
from kubekit.sim import rfc3339

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"

CONDITION_TAINTS: dict[str, dict[str, str]] = {
    "Ready": {"False": NOT_READY, "Unknown": UNREACHABLE},
    "MemoryPressure": {"True": "node.kubernetes.io/memory-pressure"},
    "DiskPressure": {"True": "node.kubernetes.io/disk-pressure"},
    "NetworkUnavailable": {"True": "node.kubernetes.io/network-unavailable"},
    "PIDPressure": {"True": "node.kubernetes.io/pid-pressure"},
}
"""For each node condition and status, the key of the NoSchedule taint that goes with it."""

MANAGED_KEYS = {key for statuses in CONDITION_TAINTS.values() for key in statuses.values()} | {UNSCHEDULABLE}


def taints_of(node: Obj) -> list[Obj]:
    """`spec.taints`."""
    return (node.get("spec") or {}).get("taints") or []


def has_taint(node: Obj, key: str, effect: str) -> bool:
    """Whether the node has a taint with this key and effect."""
    return any(taint["key"] == key and taint["effect"] == effect for taint in taints_of(node))


def wanted_no_schedule(node: Obj) -> list[str]:
    """The keys of the NoSchedule taints that the node's conditions ask for."""
    keys = []
    for condition in (node.get("status") or {}).get("conditions") or ():
        key = CONDITION_TAINTS.get(condition["type"], {}).get(condition["status"])
        if key:
            keys.append(key)
    if (node.get("spec") or {}).get("unschedulable"):
        keys.append(UNSCHEDULABLE)
    return keys


def swap_taints(
    controller: Controller, node: Obj, add: Iterable[tuple[str, str]], remove: Iterable[tuple[str, str]]
) -> Obj:
    """Write the node with some (key, effect) taints more and some fewer; the node as it is afterwards."""
    adding, removing = list(add), set(remove)
    old = taints_of(node)
    kept = [taint for taint in old if (taint["key"], taint["effect"]) not in removing]
    present = {(taint["key"], taint["effect"]) for taint in kept}
    now = rfc3339(controller.clock.now())
    new = [
        {"key": key, "effect": effect, "timeAdded": now}
        for key, effect in adding
        if (key, effect) not in present
    ]
    if not new and len(kept) == len(old):
        return node
    patch = {
        "metadata": {"resourceVersion": node["metadata"]["resourceVersion"]},
        "spec": {"taints": [*kept, *new] or None},
    }
    return controller.client.patch(
        "nodes", node["metadata"]["name"], patch, patch_type="application/merge-patch+json"
    )


def tolerates(toleration: Obj, taint: Obj) -> bool:
    """Whether one toleration tolerates one taint."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    return operator == "Equal" and toleration.get("value", "") == taint.get("value", "")


def matching_tolerations(taints: Iterable[Obj], tolerations: Sequence[Obj]) -> list[Obj] | None:
    """The first toleration of each taint, or None when one is not tolerated."""
    used = []
    for taint in taints:
        found = next((toleration for toleration in tolerations if tolerates(toleration, taint)), None)
        if found is None:
            return None
        used.append(found)
    return used


def tolerated_for(used: Sequence[Obj]) -> float | None:
    """Seconds for which the tolerations hold together; None: for ever."""
    if not used:
        return 0.0
    limits = [t["tolerationSeconds"] for t in used if t.get("tolerationSeconds") is not None]
    return max(0.0, float(min(limits))) if limits else None
