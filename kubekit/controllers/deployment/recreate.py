"""The Recreate strategy: stop every old pod, and only then start the new ones.

Source: pkg/controller/deployment/recreate.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.controllers.deployment.revisions import new_and_old
from kubekit.controllers.deployment.rollout import Rollout, Sets, active, total
from kubekit.controllers.deployment.scaling import clean_up, scale_set
from kubekit.controllers.deployment.status import is_complete, rollout_status
from kubekit.controllers.pods import controlled_by, is_terminal


def recreate(rollout: Rollout) -> None:
    """One step of a Recreate rollout."""
    new, old = new_and_old(rollout, create=False)
    sets = [*old, new]
    scaled_down = False
    for one in active(old):
        scaled_down |= scale_set(rollout, one, 0)[0]
    if scaled_down or _old_pods_run(rollout, new, old):
        rollout_status(rollout, sets, new)
        return
    if new is None:
        new, old = new_and_old(rollout, create=True)
        sets = [*old, new]
    assert new is not None
    scale_set(rollout, new, rollout.replicas)
    if is_complete(rollout, rollout.status):
        clean_up(rollout, old)
    rollout_status(rollout, sets, new)


def _old_pods_run(rollout: Rollout, new: Obj | None, old: Sets) -> bool:
    if total(old, "replicas") > 0:
        return True
    uid = new["metadata"]["uid"] if new is not None else None
    return any(
        not is_terminal(pod)
        for one in rollout.sets
        if one["metadata"]["uid"] != uid
        for pod in controlled_by(rollout.controller.pods, one)
    )
