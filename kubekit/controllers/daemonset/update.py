"""Which daemon pods to replace next in a rolling update.

Without surge the old pod goes first and the new one comes when it is gone; with surge the new one comes
first. Source: pkg/controller/daemon/update.go (rollingUpdate).
"""

from __future__ import annotations

from kubekit.api.meta import Obj, annotations_of, labels_of
from kubekit.controllers.daemonset.placement import should_run
from kubekit.controllers.daemonset.revisions import HASH
from kubekit.controllers.int_or_percent import scaled
from kubekit.controllers.pods import is_available, is_deleting

GENERATION = "deprecated.daemonset.template.generation"
POD_GENERATION = "pod-template-generation"


def is_updated(owner: Obj, pod: Obj, hash_value: str) -> bool:
    """Whether the pod was made from the present template."""
    labels = labels_of(pod)
    generation = annotations_of(owner).get(GENERATION)
    by_generation = generation is not None and labels.get(POD_GENERATION) == generation
    return labels.get(HASH) == hash_value or by_generation


def limits(owner: Obj, desired: int) -> tuple[int, int]:
    """(max surge, max unavailable) in pods."""
    strategy = owner["spec"].get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    if strategy.get("type") != "RollingUpdate":
        return 0, 0
    surge = scaled(rolling.get("maxSurge"), desired, round_up=True)
    unavailable = scaled(rolling.get("maxUnavailable"), desired, round_up=True)
    return surge, 1 if desired > 0 and surge == 0 and unavailable == 0 else unavailable


def _split(owner: Obj, pods: list[Obj], hash_value: str) -> tuple[Obj | None, Obj | None, bool]:
    """(new pod, old pod, whether there is at most one of each)."""
    new: Obj | None = None
    old: Obj | None = None
    for pod in pods:
        if is_deleting(pod):
            continue
        if is_updated(owner, pod, hash_value):
            if new is not None:
                return None, None, False
            new = pod
        else:
            if old is not None:
                return None, None, False
            old = pod
    return new, old, True


def next_step(
    owner: Obj, nodes: list[Obj], by_node: dict[str, list[Obj]], hash_value: str, now: float
) -> tuple[list[str], list[str]]:
    """(nodes that need a pod, names of pods to delete)."""
    minimum = owner["spec"].get("minReadySeconds", 0)
    running = [node["metadata"]["name"] for node in nodes if should_run(owner, node)[0]]
    places = {name: by_node.get(name, []) for name in running}
    places.update({name: pods for name, pods in by_node.items() if name not in places})
    surge, unavailable = limits(owner, len(running))

    def available(pod: Obj) -> bool:
        return is_available(pod, minimum, now)

    if surge:
        return _with_surge(owner, places, set(running), hash_value, surge, available)
    missing = 0
    allowed: list[str] = []
    candidates: list[str] = []
    for pods in places.values():
        new, old, simple = _split(owner, pods, hash_value)
        if not simple or (new is None) == (old is None):
            missing += 1
        elif new is not None:
            missing += 0 if available(new) else 1
        elif old is not None and not available(old):
            allowed.append(old["metadata"]["name"])
            missing += 1
        elif old is not None and missing < unavailable:
            candidates.append(old["metadata"]["name"])
    room = max(0, unavailable - missing)
    return [], allowed + candidates[:room]


def _with_surge(
    owner: Obj,
    places: dict[str, list[Obj]],
    running: set[str],
    hash_value: str,
    surge: int,
    available: object,
) -> tuple[list[str], list[str]]:
    assert callable(available)
    extra = 0
    healthy = 0
    delete: list[str] = []
    leaving: list[str] = []
    allowed: list[str] = []
    candidates: list[str] = []
    for name, pods in places.items():
        new, old, simple = _split(owner, pods, hash_value)
        if not simple:
            extra += 1
            continue
        kept = old if old is not None else new
        healthy += 1 if kept is not None and available(kept) else 0
        if old is None:
            continue
        pod_name = old["metadata"]["name"]
        if new is not None:
            if available(new):
                delete.append(pod_name)
            else:
                extra += 1
        elif not available(old):
            if name in running:
                allowed.append(name)
            else:
                delete.append(pod_name)
        elif name not in running:
            leaving.append(pod_name)
        elif extra < surge:
            candidates.append(name)
    delete += leaving[: max(0, healthy - len(running))]
    return allowed + candidates[: max(0, surge - extra)], delete
