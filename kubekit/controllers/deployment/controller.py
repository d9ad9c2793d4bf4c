"""The Deployment controller: what wakes it, and in which order it asks its questions.

Being deleted? Paused or just resumed? Asked to roll back? Scaled? Only then is a step of the rollout taken.
Pods are not its business (ReplicaSets make them), except that Recreate waits for the old ones to be gone.
Source: pkg/controller/deployment/deployment_controller.go.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, controller_of, key_of
from kubekit.api.selectors import from_object
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.claims import claim
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.deployment.recreate import recreate
from kubekit.controllers.deployment.revisions import NOT_COPIED, new_and_old, revision_of
from kubekit.controllers.deployment.rolling import roll
from kubekit.controllers.deployment.rollout import HASH_LABEL, ROLLBACK_TO, Rollout, same_template, total
from kubekit.controllers.deployment.scaling import clean_up, is_scaling_event, scale
from kubekit.controllers.deployment.status import find, new_condition, plain_status, put
from kubekit.controllers.pod_control import namespace_is_terminating
from kubekit.controllers.pods import controlled_by, index_by_controller, orphans_in


class DeploymentController(Controller):
    """Rolls Deployments from one ReplicaSet to the next."""

    name: ClassVar[str] = "deployment-controller"
    kind: ClassVar[str] = "Deployment"
    resource: ClassVar[str] = "deployments.apps"
    max_retries: ClassVar[int | None] = 15

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.deployments: Informer
        self.sets: Informer
        self.pods: Informer

    def set_up(self) -> None:
        self.deployments = self.follow(self.resource)
        self.sets = self.informer("replicasets.apps")
        self.pods = self.informer("pods")
        index_by_controller(self.sets)
        index_by_controller(self.pods)
        self.watch(self.sets, self._set_added, self._set_updated, self._set_deleted)
        self.watch(self.pods, on_delete=self._pod_deleted)

    # -- what it hears ----------------------------------------------------------------------------------

    def _owner_of(self, replica_set: Obj) -> Obj | None:
        return self.resolve_controller(self.deployments, replica_set, "Deployment")

    def _set_added(self, replica_set: Obj) -> None:
        if replica_set["metadata"].get("deletionTimestamp"):
            self._set_deleted(replica_set)
        elif controller_of(replica_set) is not None:
            owner = self._owner_of(replica_set)
            if owner is not None:
                self.enqueue(key_of(owner), "ADDED", replica_set)
        else:
            self._wake_selectors(replica_set, "ADDED")

    def _set_updated(self, old: Obj, new: Obj) -> None:
        changed = controller_of(old) != controller_of(new)
        if changed and controller_of(old) is not None:
            owner = self._owner_of(old)
            if owner is not None:
                self.enqueue(key_of(owner), "MODIFIED", new)
        if controller_of(new) is not None:
            owner = self._owner_of(new)
            if owner is not None:
                self.enqueue(key_of(owner), "MODIFIED", new)
        elif changed or old["metadata"].get("labels") != new["metadata"].get("labels"):
            self._wake_selectors(new, "MODIFIED")

    def _set_deleted(self, replica_set: Obj) -> None:
        owner = self._owner_of(replica_set)
        if owner is not None:
            self.enqueue(key_of(owner), "DELETED", replica_set)

    def _wake_selectors(self, replica_set: Obj, event: str) -> None:
        labels = replica_set["metadata"].get("labels")
        if not labels:
            return
        for deployment in self.deployments.list(replica_set["metadata"]["namespace"]):
            selector = from_object(deployment["spec"].get("selector"))
            if not selector.empty and selector.matches(labels):
                self.enqueue(key_of(deployment), event, replica_set)

    def _pod_deleted(self, pod: Obj) -> None:
        """Recreate goes on when the last old pod is gone."""
        replica_set = self.resolve_controller(self.sets, pod, "ReplicaSet")
        deployment = self._owner_of(replica_set) if replica_set is not None else None
        if deployment is None or (deployment["spec"].get("strategy") or {}).get("type") != "Recreate":
            return
        if not any(controlled_by(self.pods, one) for one in controlled_by(self.sets, deployment)):
            self.enqueue(key_of(deployment), "DELETED", pod)

    # -- what it does -----------------------------------------------------------------------------------

    def reconcile(self, key: str) -> None:
        deployment = self.deployments.get(key)
        if deployment is None:
            return
        try:
            self._reconcile(deployment)
        except StatusError as error:
            if not namespace_is_terminating(error):
                raise

    def _reconcile(self, deployment: Obj) -> None:
        meta = deployment["metadata"]
        selector = from_object(deployment["spec"].get("selector"))
        if selector.empty:
            text = "This deployment is selecting all pods. A non-empty selector is required."
            self.event(deployment, "Warning", "SelectingAll", text)
            return
        candidates = controlled_by(self.sets, deployment) + orphans_in(self.sets, meta["namespace"])
        sets = claim(self, deployment, self.resource, candidates, selector.matches, "replicasets.apps")
        rollout = Rollout(self, deployment, sets)
        self.round.desired = rollout.replicas
        self.round.observed = total(sets, "replicas")
        self.round.difference = rollout.replicas - self.round.observed
        if meta.get("deletionTimestamp"):
            new, old = new_and_old(rollout, create=False)
            plain_status(rollout, [*old, new], new)
            return
        self._note_pause(rollout)
        if rollout.spec.get("paused"):
            self._scale_only(rollout)
        elif rollout.roll_back_to is not None:
            self._roll_back(rollout)
        elif self._was_scaled(rollout):
            self._scale_only(rollout)
        elif rollout.rolling:
            roll(rollout)
        else:
            recreate(rollout)

    def _was_scaled(self, rollout: Rollout) -> bool:
        new, old = new_and_old(rollout, create=False)
        return is_scaling_event(rollout, [*old, *([new] if new is not None else [])])

    def _scale_only(self, rollout: Rollout) -> None:
        new, old = new_and_old(rollout, create=False)
        scale(rollout, new, old)
        if rollout.spec.get("paused") and rollout.roll_back_to is None:
            clean_up(rollout, old)
        plain_status(rollout, [*old, new], new)

    def _note_pause(self, rollout: Rollout) -> None:
        """A pause is written into Progressing, so that the time it takes does not count as no progress."""
        if rollout.deadline is None:
            return
        current = find(rollout.status, "Progressing")
        reason = current.get("reason") if current is not None else None
        if reason == "ProgressDeadlineExceeded":
            return
        paused = bool(rollout.spec.get("paused"))
        if paused and reason != "DeploymentPaused":
            reason, text = "DeploymentPaused", "Deployment is paused"
        elif not paused and reason == "DeploymentPaused":
            reason, text = "DeploymentResumed", "Deployment is resumed"
        else:
            return
        put(rollout.status, new_condition(rollout, "Progressing", "Unknown", reason, text))
        # The copy stays as old as it is: what this reconcile writes further is refused and done by the next
        # one, which finds the set that a resumed Deployment has just made, and does not tell of its creation.
        self.client.update(self.resource, rollout.deployment, subresource="status")

    def _roll_back(self, rollout: Rollout) -> None:
        """The deprecated annotation asks to go back to a revision (0: to the last one)."""
        new, old = new_and_old(rollout, create=True)
        sets = [*old, *([new] if new is not None else [])]
        revisions = sorted((revision_of(one) for one in sets), reverse=True)
        target = rollout.roll_back_to or 0
        del rollout.annotations[ROLLBACK_TO]
        if target == 0 and len(revisions) > 1:
            target = revisions[1]
        found = next((one for one in sets if target and revision_of(one) == target), None)
        deployment, name = rollout.deployment, rollout.name
        if found is None:
            why = "Unable to find the revision to rollback to." if target else "Unable to find last revision."
            self.event(deployment, "Warning", "DeploymentRollbackRevisionNotFound", why)
            self.client.update(self.resource, deployment)
            return
        template = found["spec"]["template"]
        if same_template(template, rollout.spec["template"]):
            why = f'The rollback revision contains the same template as current deployment "{name}"'
            self.event(deployment, "Warning", "DeploymentRollbackTemplateUnchanged", why)
            self.client.update(self.resource, deployment)
            return
        template_meta = template.get("metadata") or {}
        labels = {k: v for k, v in (template_meta.get("labels") or {}).items() if k != HASH_LABEL}
        template = {**template, "metadata": {**template_meta, "labels": labels}}
        kept = {k: v for k, v in rollout.annotations.items() if k in NOT_COPIED}
        theirs = found["metadata"].get("annotations") or {}
        annotations = {**kept, **{k: v for k, v in theirs.items() if k not in NOT_COPIED}}
        self.client.update(
            self.resource,
            {
                **deployment,
                "metadata": {**deployment["metadata"], "annotations": annotations},
                "spec": {**rollout.spec, "template": template},
            },
        )
        text = f'Rolled back deployment "{name}" to revision {target}'
        self.event(deployment, "Normal", "DeploymentRollback", text)
