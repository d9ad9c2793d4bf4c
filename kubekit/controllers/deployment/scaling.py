"""Changing the sizes of ReplicaSets: one set, all in proportion, and clearing away what is too old.

When a Deployment is scaled in the middle of a rollout the new pods are shared out between its sets in
proportion to their sizes, so that the rollout is neither hastened nor turned back. Source:
pkg/controller/deployment/sync.go.
"""

from __future__ import annotations

import math

from kubekit.api.meta import Obj
from kubekit.api.status_error import StatusError
from kubekit.controllers.deployment.revisions import annotate_sizes, revision_of
from kubekit.controllers.deployment.rollout import (
    DESIRED,
    MAXIMUM,
    Rollout,
    Sets,
    active,
    by_creation,
    count,
    number_in,
    size_of,
    total_size,
)


def scale_set(rollout: Rollout, replica_set: Obj, size: int, force: bool = False) -> tuple[bool, Obj]:
    """Give a set its size: (whether the size changed, the set as it is now).

    With `force` the size annotations are brought up to date even when the size is right.
    """
    before = size_of(replica_set)
    if not force and before == size:
        return False, replica_set
    annotations = dict(replica_set["metadata"].get("annotations") or {})
    annotated = annotate_sizes(rollout, annotations)
    if before == size and not annotated:
        return False, replica_set
    controller = rollout.controller
    updated = controller.client.update(
        "replicasets.apps",
        {
            **replica_set,
            "metadata": {**replica_set["metadata"], "annotations": annotations},
            "spec": {**replica_set["spec"], "replicas": size},
        },
    )
    if before == size:
        return False, updated
    direction = "up" if before < size else "down"
    name = replica_set["metadata"]["name"]
    controller.event(
        rollout.deployment,
        "Normal",
        "ScalingReplicaSet",
        f"Scaled {direction} replica set {name} from {before} to {size}",
    )
    return True, updated


def is_scaling_event(rollout: Rollout, sets: Sets) -> bool:
    """Whether the Deployment's size changed since its active sets were last told of it."""
    for one in active(sets):
        desired = number_in(one, DESIRED)
        if desired is not None and desired != rollout.replicas:
            return True
    return False


def scale(rollout: Rollout, new: Obj | None, old: Sets) -> None:
    """Bring the sets to the Deployment's new size without touching the rollout."""
    only = active_or_latest(new, old)
    if only is not None:
        if size_of(only) != rollout.replicas:
            scale_set(rollout, only, rollout.replicas)
        return
    if is_saturated(rollout, new):
        for one in active(old):
            scale_set(rollout, one, 0)
        return
    if rollout.rolling:
        _scale_in_proportion(rollout, active([*old, new]))


def _scale_in_proportion(rollout: Rollout, sets: Sets) -> None:
    allowed = rollout.replicas + rollout.max_surge if rollout.replicas > 0 else 0
    to_add = allowed - total_size(sets)
    # The largest first; of equals the newer one when there is more to have, the older one when less.
    sets = by_creation(sets)
    if to_add > 0:
        sets.reverse()
    if to_add != 0:
        sets.sort(key=size_of, reverse=True)
    added = 0
    sizes: list[int] = []
    for one in sets:
        share = _proportion(rollout, one, to_add, added)
        sizes.append(size_of(one) + share)
        added += share
    for position, one in enumerate(sets):
        size = sizes[position]
        if position == 0 and to_add != 0:
            size = max(0, size + to_add - added)
        scale_set(rollout, one, size, force=True)


def _proportion(rollout: Rollout, one: Obj, to_add: int, added: int) -> int:
    if to_add in (0, added) or size_of(one) == 0:
        return 0
    fraction = _fraction(rollout, one)
    allowed = to_add - added
    return min(fraction, allowed) if to_add > 0 else max(fraction, allowed)


def _fraction(rollout: Rollout, one: Obj) -> int:
    if rollout.replicas == 0:
        return -size_of(one)
    before = number_in(one, MAXIMUM) or rollout.status.get("replicas", 0)
    if not before:
        return 0
    exact = size_of(one) * (rollout.replicas + rollout.max_surge) / before
    return math.floor(exact + 0.5) - size_of(one)


def active_or_latest(new: Obj | None, old: Sets) -> Obj | None:
    """The only set that should have pods, or the newest if none should; None when several should."""
    if new is None and not old:
        return None
    running = active([*old, new])
    if len(running) == 1:
        return running[0]
    if not running:
        return new if new is not None else by_creation(old)[-1]
    return None


def is_saturated(rollout: Rollout, new: Obj | None) -> bool:
    """Whether the new set has all the pods that the Deployment wants, available."""
    return (
        new is not None
        and size_of(new) == rollout.replicas
        and number_in(new, DESIRED) == rollout.replicas
        and count(new, "availableReplicas") == rollout.replicas
    )


def clean_up(rollout: Rollout, old: Sets) -> None:
    """Delete the oldest empty sets beyond the history limit."""
    limit = rollout.spec.get("revisionHistoryLimit")
    if limit is None or limit == 2147483647:
        return
    alive = [one for one in old if not one["metadata"].get("deletionTimestamp")]
    excess = len(alive) - limit
    if excess <= 0:
        return
    alive.sort(key=lambda one: (revision_of(one), one["metadata"].get("creationTimestamp", "")))
    for one in alive[:excess]:
        meta = one["metadata"]
        observed = (one.get("status") or {}).get("observedGeneration", 0)
        if count(one, "replicas") or size_of(one) or meta.get("generation", 0) > observed:
            continue
        try:
            rollout.controller.client.delete("replicasets.apps", meta["name"], meta["namespace"])
        except StatusError as error:
            if error.code != 404:
                raise
