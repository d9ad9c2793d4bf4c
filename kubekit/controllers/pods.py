"""Questions about pods that several controllers ask: ready, available, active, whose, and which one goes
first.

Pure functions over pods as informers hold them; nothing here may change one. Sources:
kubernetes/pkg/api/v1/pod and pkg/controller/controller_utils.go (ActivePodsWithRanks).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cmp_to_key

from kubekit.api.meta import Obj
from kubekit.client import Informer
from kubekit.sim import parse_rfc3339

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASE_ORDER = {"Pending": 0, "Unknown": 1, "Running": 2}


def ready_condition(pod: Obj) -> Obj | None:
    """The pod's Ready condition when it is true."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready":
            found: Obj = condition
            return found if condition.get("status") == "True" else None
    return None


def is_ready(pod: Obj) -> bool:
    """Whether the Ready condition is true."""
    return ready_condition(pod) is not None


def ready_since(pod: Obj) -> float | None:
    """Unix seconds since when the pod is ready, or None."""
    condition = ready_condition(pod)
    if condition is None or not condition.get("lastTransitionTime"):
        return None
    return parse_rfc3339(condition["lastTransitionTime"])


def is_available(pod: Obj, min_ready_seconds: int, now: float) -> bool:
    """Whether the pod has been ready for at least `min_ready_seconds`."""
    if min_ready_seconds == 0:
        return is_ready(pod)
    since = ready_since(pod)
    return since is not None and since + min_ready_seconds <= now


def next_availability(pods: Sequence[Obj], min_ready_seconds: int, now: float) -> float | None:
    """Seconds until the next ready pod becomes available, or None when none will."""
    waits = [
        since + min_ready_seconds - now
        for pod in pods
        if (since := ready_since(pod)) is not None and since + min_ready_seconds > now
    ]
    return min(waits) if waits else None


def phase_of(pod: Obj) -> str:
    """`status.phase`; a pod without status is Pending."""
    return (pod.get("status") or {}).get("phase") or "Pending"


def is_deleting(pod: Obj) -> bool:
    """Whether its deletion was asked for."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_terminal(pod: Obj) -> bool:
    """Whether it has succeeded or failed for good."""
    return phase_of(pod) in ("Succeeded", "Failed")


def is_active(pod: Obj) -> bool:
    """Neither finished nor being deleted."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    phase = (pod.get("status") or {}).get("phase")
    return phase != "Succeeded" and phase != "Failed"


def is_terminating(pod: Obj) -> bool:
    """Being deleted and still running: neither succeeded nor failed."""
    return is_deleting(pod) and not is_terminal(pod)


# -- indexes ------------------------------------------------------------------------------------------------


def _by_controller(obj: Obj) -> list[str]:
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return [reference["uid"]]
    return [f"orphan:{obj['metadata'].get('namespace', '')}"]


def index_by_controller(informer: Informer) -> None:
    """Index objects by the uid of their controller; orphans by `orphan:<namespace>`."""
    informer.add_index("controller", _by_controller)


def controlled_by(informer: Informer, owner: Obj) -> list[Obj]:
    """The objects that `owner` controls."""
    return informer.by_index("controller", owner["metadata"]["uid"])


def orphans_in(informer: Informer, namespace: str) -> list[Obj]:
    """The objects of a namespace that nobody controls."""
    return informer.by_index("controller", f"orphan:{namespace}")


# -- who goes first -----------------------------------------------------------------------------------------


def deletion_cost(pod: Obj) -> int:
    """The value of the pod-deletion-cost annotation; 0 when there is none or it is no number."""
    text = (pod["metadata"].get("annotations") or {}).get(DELETION_COST)
    try:
        return int(text) if text else 0
    except ValueError:
        return 0


def restarts(pod: Obj) -> tuple[int, int]:
    """The most restarts of a regular container, and of a sidecar."""
    status = pod.get("status") or {}
    regular = max((c.get("restartCount", 0) for c in status.get("containerStatuses") or ()), default=0)
    sidecars = {
        c["name"] for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"
    }
    sidecar = max(
        (
            c.get("restartCount", 0)
            for c in status.get("initContainerStatuses") or ()
            if c.get("name") in sidecars
        ),
        default=0,
    )
    return regular, sidecar


def _log_rank(then: float, now: float) -> int:
    nanoseconds = (now - then) * 1e9
    return int(math.log2(nanoseconds)) if nanoseconds > 0 else -1


def _compare(a: tuple[Obj, int], b: tuple[Obj, int], now: float | None) -> int:
    """Negative: `a` is preferred for deletion. Each rule decides only when those before it are equal."""
    (pod_a, rank_a), (pod_b, rank_b) = a, b
    node_a, node_b = bool(pod_a["spec"].get("nodeName")), bool(pod_b["spec"].get("nodeName"))
    if node_a != node_b:
        return -1 if not node_a else 1
    phase_a, phase_b = (_PHASE_ORDER.get(phase_of(p), 0) for p in (pod_a, pod_b))
    if phase_a != phase_b:
        return phase_a - phase_b
    ready_a, ready_b = is_ready(pod_a), is_ready(pod_b)
    if ready_a != ready_b:
        return -1 if not ready_a else 1
    if now is not None and (difference := deletion_cost(pod_a) - deletion_cost(pod_b)):
        return difference
    if rank_a != rank_b:
        return rank_b - rank_a
    if ready_a and ready_b:
        since_a, since_b = ready_since(pod_a), ready_since(pod_b)
        if since_a != since_b:
            return _younger_first(since_a, since_b, pod_a, pod_b, now)
    for restarts_a, restarts_b in zip(restarts(pod_a), restarts(pod_b)):
        if restarts_a != restarts_b:
            return restarts_b - restarts_a
    made_a, made_b = (p["metadata"].get("creationTimestamp") for p in (pod_a, pod_b))
    if made_a != made_b:
        then_a = parse_rfc3339(made_a) if made_a else None
        then_b = parse_rfc3339(made_b) if made_b else None
        return _younger_first(then_a, then_b, pod_a, pod_b, now)
    return 0


def _younger_first(
    then_a: float | None, then_b: float | None, pod_a: Obj, pod_b: Obj, now: float | None
) -> int:
    if then_a is None or then_b is None:
        return -1 if then_a is None else 1
    if now is None:
        return -1 if then_a > then_b else 1
    difference = _log_rank(then_a, now) - _log_rank(then_b, now)
    if difference == 0:
        return -1 if pod_a["metadata"].get("uid", "") < pod_b["metadata"].get("uid", "") else 1
    return difference


def in_order_of_deletion(
    pods: Sequence[Obj], related: Sequence[Obj] | None = None, now: float | None = None
) -> list[Obj]:
    """The pods, those that are to be deleted first in front.

    With `related` (all pods of the same owner's owner), pods on nodes that hold more active related ones go
    first; with `now`, ages are compared on a logarithmic scale and deletion costs count.
    """
    per_node: dict[str, int] = {}
    for pod in related or ():
        if is_active(pod):
            node = pod["spec"].get("nodeName", "")
            per_node[node] = per_node.get(node, 0) + 1
    ranked = [(pod, per_node.get(pod["spec"].get("nodeName", ""), 0)) for pod in pods]

    def compare(a: tuple[Obj, int], b: tuple[Obj, int]) -> int:
        return _compare(a, b, now)

    ranked.sort(key=cmp_to_key(compare))
    return [pod for pod, _ in ranked]
