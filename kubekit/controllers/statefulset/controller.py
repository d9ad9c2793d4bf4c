"""The StatefulSet controller: what wakes it, its revisions and its status.

Source: pkg/controller/statefulset/stateful_set.go and stateful_set_control.go.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, controller_of, key_of
from kubekit.api.selectors import from_object
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers import history
from kubekit.controllers.claims import claim
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.pods import (
    controlled_by,
    index_by_controller,
    is_available,
    is_ready,
    next_availability,
    orphans_in,
    phase_of,
)
from kubekit.controllers.replica_status import without_zeros
from kubekit.controllers.statefulset.identity import is_created, parent_and_ordinal, revision_of
from kubekit.controllers.statefulset.rollout import Rollout


class StatefulSetController(Controller):
    """Keeps the pods of StatefulSets, each with its name and its claims."""

    name: ClassVar[str] = "statefulset-controller"
    kind: ClassVar[str] = "StatefulSet"
    resource: ClassVar[str] = "statefulsets.apps"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.sets: Informer
        self.pods: Informer
        self.claims: Informer
        self.revisions: Informer

    def set_up(self) -> None:
        self.sets = self.follow(self.resource)
        self.pods = self.informer("pods")
        self.claims = self.informer("persistentvolumeclaims")
        self.revisions = self.informer(history.RESOURCE)
        index_by_controller(self.pods)
        index_by_controller(self.revisions)
        self.watch(
            self.pods,
            lambda pod: self._pod_changed("ADDED", pod),
            self._pod_updated,
            lambda pod: self._pod_changed("DELETED", pod),
        )

    def _pod_changed(self, event: str, pod: Obj) -> None:
        if controller_of(pod) is not None:
            owner = self.resolve_controller(self.sets, pod, self.kind)
            if owner is not None:
                self.enqueue(key_of(owner), event, pod)
        elif event != "DELETED":
            labels = pod["metadata"].get("labels") or {}
            for owner in self.sets.list(pod["metadata"]["namespace"]) if labels else ():
                if from_object(owner["spec"].get("selector")).matches(labels):
                    self.enqueue(key_of(owner), event, pod)

    def _pod_updated(self, old: Obj, new: Obj) -> None:
        if controller_of(old) != controller_of(new) and controller_of(old) is not None:
            self._pod_changed("MODIFIED", old)
        self._pod_changed("MODIFIED", new)
        owner = self.resolve_controller(self.sets, new, self.kind)
        minimum = owner["spec"].get("minReadySeconds", 0) if owner is not None else 0
        if owner is not None and minimum and is_ready(new) and not is_ready(old):
            self.queue.add_after(key_of(owner), minimum)

    # -- one reconcile ----------------------------------------------------------------------------------

    def reconcile(self, key: str) -> None:
        owner = self.sets.get(key)
        if owner is None:
            return
        meta = owner["metadata"]
        selector = from_object(owner["spec"].get("selector"))
        revisions = history.revisions_of(self.revisions, owner, selector.matches)
        if not meta.get("deletionTimestamp"):
            history.adopt_orphans(self, owner, revisions)
        candidates = controlled_by(self.pods, owner) + orphans_in(self.pods, meta["namespace"])
        pods = claim(
            self,
            owner,
            self.resource,
            candidates,
            selector.matches,
            fits=lambda pod: parent_and_ordinal(pod)[0] == meta["name"],
        )
        current, update, collisions = self._revisions(owner, revisions)
        rollout = Rollout(self, owner, pods, current, update)
        self.round.desired = owner["spec"].get("replicas", 1)
        self.round.observed = sum(1 for pod in pods if is_created(pod))
        self.round.difference = self.round.desired - self.round.observed
        before = self._count(owner, pods, current, update, collisions)
        failure: Exception | None = None
        try:
            rollout.run()
        except (StatusError, OSError) as error:
            failure = error
        self._write_status(owner, before, rollout.updating)
        live = {current["metadata"]["name"], update["metadata"]["name"], *(revision_of(pod) for pod in pods)}
        limit = owner["spec"].get("revisionHistoryLimit")
        history.truncate(self, revisions, live, 10 if limit is None else limit)
        if failure is not None:
            raise failure
        self._look_again(owner, pods, before)

    def _revisions(self, owner: Obj, revisions: list[Obj]) -> tuple[Obj, Obj, int]:
        """(the revision that pods still have, the one they should get, hash collisions so far)."""
        status = owner.get("status") or {}
        collisions = status.get("collisionCount") or 0
        data = history.patch_of(owner)
        number = revisions[-1].get("revision", 0) + 1 if revisions else 1
        equal = [one for one in revisions if one.get("data") == data]
        if equal and equal[-1] is revisions[-1]:
            update = revisions[-1]
        elif equal:
            update = history.renumber(self, equal[-1], number)
        else:
            update, collisions = history.create(self, owner, data, number, collisions)
        name = status.get("currentRevision")
        current = next((one for one in revisions if one["metadata"]["name"] == name), update)
        return current, update, collisions

    def _count(self, owner: Obj, pods: list[Obj], current: Obj, update: Obj, collisions: int) -> Obj:
        now, minimum = self.clock.now(), owner["spec"].get("minReadySeconds", 0)
        counts = dict.fromkeys(
            ("replicas", "readyReplicas", "availableReplicas", "currentReplicas", "updatedReplicas"), 0
        )
        names = {
            "currentReplicas": current["metadata"]["name"],
            "updatedReplicas": update["metadata"]["name"],
        }
        for pod in pods:
            counts["replicas"] += 1
            if phase_of(pod) == "Running" and is_ready(pod):
                counts["readyReplicas"] += 1
                if is_available(pod, minimum, now):
                    counts["availableReplicas"] += 1
            if not pod["metadata"].get("deletionTimestamp"):
                for field, name in names.items():
                    counts[field] += 1 if revision_of(pod) == name else 0
        return {
            **counts,
            "observedGeneration": owner["metadata"].get("generation", 0),
            "currentRevision": names["currentReplicas"],
            "updateRevision": names["updatedReplicas"],
            "collisionCount": collisions,
        }

    def _write_status(self, owner: Obj, counts: Obj, updating: int) -> None:
        counts["currentReplicas"] = max(0, counts["currentReplicas"] - updating)
        wanted = owner["spec"].get("replicas", 1)
        strategy = (owner["spec"].get("updateStrategy") or {}).get("type")
        if strategy == "RollingUpdate" and all(
            counts[field] == wanted for field in ("updatedReplicas", "readyReplicas", "replicas")
        ):
            counts["currentReplicas"] = counts["updatedReplicas"]
            counts["currentRevision"] = counts["updateRevision"]
        old = owner.get("status") or {}
        compared = [field for field in counts if field not in ("collisionCount", "observedGeneration")]
        same = all(counts[field] == (old.get(field) or type(counts[field])()) for field in compared)
        if same and counts["observedGeneration"] <= old.get("observedGeneration", 0):
            return
        status = {**without_zeros(counts), "collisionCount": counts["collisionCount"]}
        status["replicas"], status["availableReplicas"] = counts["replicas"], counts["availableReplicas"]
        if old.get("conditions"):
            status["conditions"] = old["conditions"]
        self.client.update(self.resource, {**owner, "status": status}, subresource="status")

    def _look_again(self, owner: Obj, pods: list[Obj], counts: Obj) -> None:
        minimum = owner["spec"].get("minReadySeconds", 0)
        if minimum and counts["readyReplicas"] != counts["availableReplicas"]:
            wait = next_availability(pods, minimum, self.clock.now())
            self.queue.add_after(key_of(owner), wait or minimum)
