"""Which ReplicaSet is the new one, what number it bears, and which annotations it carries.

The new set is the oldest one with the Deployment's present template; if there is none it is created. Its
revision is one more than the highest of the others, so going back to an old template gives that old set a
new, higher number (and it remembers the old ones in its history annotation). Source:
pkg/controller/deployment/sync.go (getNewReplicaSet) and util (SetNewReplicaSetAnnotations).
"""

from __future__ import annotations

from kubekit.api.meta import Obj, controller_of, controller_reference
from kubekit.api.status_error import StatusError
from kubekit.controllers.deployment.rollout import (
    DESIRED,
    HASH_LABEL,
    MAXIMUM,
    REVISION,
    REVISION_HISTORY,
    ROLLBACK_TO,
    Rollout,
    Sets,
    annotation,
    by_creation,
    number_in,
    same_template,
    size_of,
    total_size,
)
from kubekit.controllers.deployment.status import find, new_condition, put
from kubekit.controllers.pod_control import namespace_is_terminating
from kubekit.controllers.template_hash import template_hash

HISTORY_LENGTH = 2000
"""Characters of the revision history annotation."""

NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED,
    MAXIMUM,
    ROLLBACK_TO,
}


def find_new(rollout: Rollout) -> Obj | None:
    """The set that has the Deployment's template."""
    template = rollout.spec.get("template") or {}
    for one in by_creation(rollout.sets):
        if same_template(one["spec"].get("template") or {}, template):
            return one
    return None


def revision_of(replica_set: Obj) -> int:
    """Its revision number; 0 when it has none."""
    return number_in(replica_set, REVISION) or 0


def new_and_old(rollout: Rollout, create: bool) -> tuple[Obj | None, Sets]:
    """The new set (created if need be and `create`) and all others, with revisions brought up to date."""
    new = find_new(rollout)
    uid = new["metadata"]["uid"] if new is not None else None
    old = [one for one in by_creation(rollout.sets) if one["metadata"]["uid"] != uid]
    revision = str(max((revision_of(one) for one in old), default=0) + 1)
    if new is not None:
        return _refresh(rollout, new, revision), old
    if not create:
        return None, old
    return _create(rollout, old, revision), old


def _refresh(rollout: Rollout, existing: Obj, revision: str) -> Obj:
    """Bring annotations and minReadySeconds of the new set, and the Deployment's revision, up to date."""
    annotations = dict(existing["metadata"].get("annotations") or {})
    changed = annotate(rollout, annotations, revision, exists=True)
    minimum = rollout.spec.get("minReadySeconds", 0)
    if changed or existing["spec"].get("minReadySeconds", 0) != minimum:
        spec = {**existing["spec"], "minReadySeconds": minimum}
        if not minimum:
            spec.pop("minReadySeconds")
        updated = {**existing, "metadata": {**existing["metadata"], "annotations": annotations}, "spec": spec}
        return rollout.controller.client.update("replicasets.apps", updated)
    needs_write = set_revision(rollout, annotation(existing, REVISION))
    if rollout.deadline is not None and find(rollout.status, "Progressing") is None:
        text = f'Found new replica set "{existing["metadata"]["name"]}"'
        put(rollout.status, new_condition(rollout, "Progressing", "True", "FoundNewReplicaSet", text))
        needs_write = True
    if needs_write:
        rollout.write_status()
    return existing


def _create(rollout: Rollout, old: Sets, revision: str) -> Obj | None:
    controller = rollout.controller
    template = rollout.spec.get("template") or {}
    hash_value = template_hash(template, rollout.status.get("collisionCount"))
    template_meta = template.get("metadata") or {}
    labels = {**(template_meta.get("labels") or {}), HASH_LABEL: hash_value}
    selector = rollout.spec.get("selector") or {}
    match_labels = {**(selector.get("matchLabels") or {}), HASH_LABEL: hash_value}
    spec: Obj = {
        "replicas": 0,
        "selector": {**selector, "matchLabels": match_labels},
        "template": {**template, "metadata": {**template_meta, "labels": labels}},
    }
    if rollout.spec.get("minReadySeconds"):
        spec["minReadySeconds"] = rollout.spec["minReadySeconds"]
    annotations: dict[str, str] = {}
    annotate(rollout, annotations, revision, exists=False)
    wanted: Obj = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{rollout.name[: 253 - 1 - len(hash_value)]}-{hash_value}",
            "namespace": rollout.namespace,
            "ownerReferences": [controller_reference(rollout.deployment)],
            "labels": labels,
            "annotations": annotations,
        },
        "spec": spec,
    }
    size = spec["replicas"] = size_of_new(rollout, [*old, wanted], wanted)
    name = wanted["metadata"]["name"]
    existed = False
    try:
        made = controller.client.create("replicasets.apps", wanted)
    except StatusError as error:
        if error.reason == "AlreadyExists":
            made = _existing(rollout, name, template, error)
            existed = True
        elif namespace_is_terminating(error):
            raise
        else:
            text = f'Failed to create new replica set "{name}": {error.message}'
            if rollout.deadline is not None:
                put(
                    rollout.status,
                    new_condition(rollout, "Progressing", "False", "ReplicaSetCreateError", text),
                )
                _try_write_status(rollout)
            controller.event(rollout.deployment, "Warning", "ReplicaSetCreateError", text)
            raise
    if not existed and size > 0:
        controller.event(
            rollout.deployment,
            "Normal",
            "ScalingReplicaSet",
            f"Scaled up replica set {name} from 0 to {size}",
        )
    needs_write = set_revision(rollout, revision)
    if not existed and rollout.deadline is not None:
        text = f'Created new replica set "{name}"'
        put(rollout.status, new_condition(rollout, "Progressing", "True", "NewReplicaSetCreated", text))
        needs_write = True
    if needs_write:
        rollout.write_status()
    return made


def _existing(rollout: Rollout, name: str, template: Obj, error: StatusError) -> Obj:
    """A set of that name is there: ours, or another template has the same hash (then count the collision)."""
    found = rollout.controller.sets.get(f"{rollout.namespace}/{name}")
    if found is None:
        raise error
    reference = controller_of(found)
    if (
        reference is not None
        and reference["uid"] == rollout.deployment["metadata"]["uid"]
        and same_template(template, found["spec"].get("template") or {})
    ):
        return found
    rollout.status["collisionCount"] = rollout.status.get("collisionCount", 0) + 1
    _try_write_status(rollout)
    raise error


def _try_write_status(rollout: Rollout) -> None:
    try:
        rollout.write_status()
    except (StatusError, OSError):
        return  # the refusal that is being reported is the one that counts


def size_of_new(rollout: Rollout, sets: Sets, new: Obj) -> int:
    """How many pods the new set may have now."""
    if not rollout.rolling:
        return rollout.replicas
    current = total_size(sets)
    # The surge as the manifest says it, without the correction of the fenceposts.
    maximum = rollout.replicas + rollout.fenceposts()[0]
    if current >= maximum:
        return size_of(new)
    return size_of(new) + min(maximum - current, rollout.replicas - size_of(new))


def set_revision(rollout: Rollout, revision: str) -> bool:
    """Give the Deployment its revision; whether that changed it."""
    if rollout.annotations.get(REVISION) == revision:
        return False
    rollout.annotations[REVISION] = revision
    return True


def annotate(rollout: Rollout, annotations: dict[str, str], revision: str, exists: bool) -> bool:
    """Bring a new set's annotations up to date in place; whether anything changed."""
    changed = False
    for key, value in rollout.annotations.items():
        if key not in NOT_COPIED and annotations.get(key) != value:
            annotations[key] = value
            changed = True
    before = annotations.get(REVISION)
    if before and not before.isdigit():
        return False
    if int(before or 0) < int(revision):
        annotations[REVISION] = revision
        changed = True
        if before is not None:
            _remember(annotations, before)
    if not exists:
        changed |= annotate_sizes(rollout, annotations)
    return changed


def _remember(annotations: dict[str, str], before: str) -> None:
    history = annotations.get(REVISION_HISTORY, "")
    if not history:
        annotations[REVISION_HISTORY] = before
        return
    past = history.split(",")
    length = len(history) + len(before) + 1
    start = 0
    while length > HISTORY_LENGTH and start < len(past):
        length -= len(past[start]) + 1
        start += 1
    if length <= HISTORY_LENGTH:
        annotations[REVISION_HISTORY] = ",".join([*past[start:], before])


def annotate_sizes(rollout: Rollout, annotations: dict[str, str]) -> bool:
    """Note the Deployment's size and its maximum on a set, in place; whether that changed anything."""
    wanted = {DESIRED: str(rollout.replicas), MAXIMUM: str(rollout.replicas + rollout.max_surge)}
    changed = any(annotations.get(key) != value for key, value in wanted.items())
    annotations.update(wanted)
    return changed
