"""Taints and tolerations: the one rule that several plugins share.

A toleration matches a taint when its effect and key are empty or equal, and its operator is Exists, or its
value is equal. This is no plugin, so it has no line in the registry.

Source: k8s.io/api/core/v1/toleration.go; component-helpers scheduling/corev1/helpers.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array, NodeTable

Obj = dict[str, Any]


def tolerates(toleration: Obj, taint: Obj) -> bool:
    """Whether one toleration covers one taint."""
    effect = toleration.get("effect")
    if effect and effect != taint.get("effect"):
        return False
    key = toleration.get("key")
    if key and key != taint.get("key"):
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Equal":
        return (toleration.get("value") or "") == (taint.get("value") or "")
    return bool(operator == "Exists")


def tolerated(tolerations: Sequence[Obj], taint: Obj) -> bool:
    """Whether any of the tolerations covers the taint."""
    for toleration in tolerations:  # noqa: SIM110 (hot: a generator costs more)
        if tolerates(toleration, taint):
            return True
    return False


def untolerated(tolerations: Sequence[Obj], taints: Iterable[Obj]) -> Obj | None:
    """The first taint that no toleration covers, or None."""
    for taint in taints:
        if not tolerated(tolerations, taint):
            return taint
    return None


def frozen(taints: Sequence[Obj]) -> tuple[tuple[Any, Any, Any], ...] | None:
    """Taints as a value by which nodes are grouped: key, value, effect. None for no taints."""
    if not taints:
        return None
    return tuple((taint.get("key"), taint.get("value"), taint.get("effect")) for taint in taints)


def thawed(group: Iterable[tuple[Any, Any, Any]]) -> list[Obj]:
    """What was `frozen`, as taints again."""
    return [{"key": key, "value": value, "effect": effect} for key, value, effect in group]


def untolerated_rows(table: NodeTable, tolerations: Sequence[Obj]) -> Array | None:
    """The rows with a hard taint that no toleration covers, as a mask; None when no node has such taints."""
    key = ("untolerated", *(tuple(sorted(toleration.items())) for toleration in tolerations))

    def refused(node: NodeInfo) -> bool:
        return bool(node.hard_taints) and untolerated(tolerations, node.hard_taints) is not None

    mask = table.column(key, refused, bool)
    return mask if mask.any() else None


def hard_taints(node: Obj | None) -> list[Obj]:
    """The taints of a node object that keep pods away: NoSchedule and NoExecute."""
    taints = ((node or {}).get("spec") or {}).get("taints") or ()
    return [taint for taint in taints if taint.get("effect") in ("NoSchedule", "NoExecute")]
