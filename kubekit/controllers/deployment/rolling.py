"""The RollingUpdate strategy: grow the new set as far as the surge allows, then shrink the old ones.

Each reconcile does one step and writes the status; the pods that come or go wake it for the next. Unhealthy
old pods go first, since they do not count as available anyway. Source:
pkg/controller/deployment/rolling.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.api.status_error import StatusError
from kubekit.controllers.deployment.revisions import new_and_old, size_of_new
from kubekit.controllers.deployment.rollout import (
    Rollout,
    Sets,
    active,
    by_creation,
    count,
    size_of,
    total,
    total_size,
)
from kubekit.controllers.deployment.scaling import clean_up, scale_set
from kubekit.controllers.deployment.status import is_complete, rollout_status


def roll(rollout: Rollout) -> None:
    """One step of a rolling update."""
    new, old = new_and_old(rollout, create=True)
    assert new is not None
    sets = [*old, new]
    if _grow_new(rollout, sets, new):
        rollout_status(rollout, sets, new)
        return
    if _shrink_old(rollout, sets, active(old), new):
        rollout_status(rollout, sets, new)
        return
    if is_complete(rollout, rollout.status):
        clean_up(rollout, old)
    rollout_status(rollout, sets, new)


def _grow_new(rollout: Rollout, sets: Sets, new: Obj) -> bool:
    if size_of(new) == rollout.replicas:
        return False
    if size_of(new) > rollout.replicas:
        return scale_set(rollout, new, rollout.replicas)[0]
    return scale_set(rollout, new, size_of_new(rollout, sets, new))[0]


def _shrink_old(rollout: Rollout, sets: Sets, old: Sets, new: Obj) -> bool:
    if total_size(old) == 0:
        return False
    minimum = rollout.replicas - rollout.max_unavailable
    # New pods that are not available yet count as missing: they must not be paid for with old ones.
    new_missing = size_of(new) - count(new, "availableReplicas")
    room = total_size(sets) - minimum - new_missing
    if room <= 0:
        return False
    try:
        old, cleaned = _drop_unhealthy(rollout, by_creation(old), room)
        return cleaned + _drop_available(rollout, [*old, new], old, minimum) > 0
    except (StatusError, OSError):
        # A set that somebody else has just changed wakes the Deployment by that change.
        return False


def _drop_unhealthy(rollout: Rollout, old: Sets, room: int) -> tuple[Sets, int]:
    dropped = 0
    result = list(old)
    for position, one in enumerate(old):
        if dropped >= room:
            break
        unhealthy = size_of(one) - count(one, "availableReplicas")
        if size_of(one) == 0 or unhealthy == 0:
            continue
        fewer = min(room - dropped, unhealthy)
        result[position] = scale_set(rollout, one, size_of(one) - fewer)[1]
        dropped += fewer
    return result, dropped


def _drop_available(rollout: Rollout, sets: Sets, old: Sets, minimum: int) -> int:
    spare = total(sets, "availableReplicas") - minimum
    dropped = 0
    for one in old:
        if dropped >= spare:
            break
        if size_of(one) == 0:
            continue
        fewer = min(size_of(one), spare - dropped)
        scale_set(rollout, one, size_of(one) - fewer)
        dropped += fewer
    return dropped
