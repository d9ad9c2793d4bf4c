"""The history of a DaemonSet's templates, as ControllerRevisions.

Source: pkg/controller/daemon/update.go (constructHistory, snapshot, cleanupHistory).
"""

from __future__ import annotations

from kubekit.api.meta import Obj, labels_of
from kubekit.api.status_error import StatusError
from kubekit.controllers import history
from kubekit.controllers.controller import Controller
from kubekit.controllers.template_hash import template_hash

HASH = "controller-revision-hash"


def current_and_old(controller: Controller, owner: Obj, revisions: list[Obj]) -> tuple[Obj, list[Obj]]:
    """The revision of the present template (created if need be), and the others."""
    data = history.patch_of(owner)
    same = [one for one in revisions if one.get("data") == data]
    old = [one for one in revisions if one.get("data") != data]
    number = max((one.get("revision", 0) for one in old), default=0) + 1
    if not same:
        return _snapshot(controller, owner, data, number), old
    current = max(same, key=lambda one: int(one.get("revision", 0)))
    for double in same:
        if double is not current:
            meta = double["metadata"]
            controller.client.delete(history.RESOURCE, meta["name"], meta["namespace"])
    if current.get("revision", 0) < number:
        current = history.renumber(controller, current, number)
    return current, old


def _snapshot(controller: Controller, owner: Obj, data: Obj, number: int) -> Obj:
    collisions = (owner.get("status") or {}).get("collisionCount")
    hash_value = template_hash(owner["spec"]["template"], collisions)
    meta = owner["metadata"]
    name = f"{meta['name']}-{hash_value}"
    template_labels = (owner["spec"]["template"].get("metadata") or {}).get("labels") or {}
    wanted = history.new_revision(owner, data, name, {**template_labels, HASH: hash_value}, number)
    try:
        return controller.client.create(history.RESOURCE, wanted)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise
        exists = controller.client.get(history.RESOURCE, name, meta["namespace"])
        if exists.get("data") == data:
            return exists
        status = {**(owner.get("status") or {}), "collisionCount": (collisions or 0) + 1}
        controller.client.update("daemonsets.apps", {**owner, "status": status}, subresource="status")
        raise


def clean_up(controller: Controller, owner: Obj, old: list[Obj], pods: list[Obj]) -> None:
    """Delete the oldest revisions that no pod uses, beyond the limit."""
    limit = owner["spec"].get("revisionHistoryLimit")
    surplus = len(old) - (10 if limit is None else limit)
    live = {labels_of(pod).get(HASH) for pod in pods}
    for one in history.in_order(old):
        if surplus <= 0:
            return
        if labels_of(one).get(HASH) in live:
            continue
        controller.client.delete(history.RESOURCE, one["metadata"]["name"], one["metadata"]["namespace"])
        surplus -= 1
