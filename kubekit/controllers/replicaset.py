"""The ReplicaSet controller: as many pods as `spec.replicas` says, no more, no fewer.

One reconcile counts the pods that belong to the set, then creates what is missing (in batches that double as
long as they succeed) or deletes what is too much (the pods that will be missed least first), then writes the
status. Expectations keep it from acting twice on the same stale cache. `replication` makes the same loop work
for ReplicationControllers. Source: pkg/controller/replicaset/replica_set.go.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, controller_of, controller_reference, key_of
from kubekit.api.selectors import Selector, from_object
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.claims import claim
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.expectations import Expectations
from kubekit.controllers.pod_control import (
    create_pod,
    delete_pod,
    namespace_is_terminating,
    pod_from_template,
)
from kubekit.controllers.pods import (
    controlled_by,
    in_order_of_deletion,
    index_by_controller,
    is_active,
    is_ready,
    is_terminating,
    next_availability,
    orphans_in,
)
from kubekit.controllers.replica_status import status_of

BURST = 500
SLOW_START = 1
STATUS_RETRIES = 1


class ReplicaSetController(Controller):
    """Keeps the number of pods of each ReplicaSet."""

    name: ClassVar[str] = "replicaset-controller"
    kind: ClassVar[str] = "ReplicaSet"
    resource: ClassVar[str] = "replicasets.apps"
    counts_terminating: ClassVar[bool] = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.expectations = Expectations(self.clock)
        self.sets: Informer
        self.pods: Informer

    def set_up(self) -> None:
        self.expectations.clear()
        self.sets = self.informer(self.resource)
        self.pods = self.informer("pods")
        index_by_controller(self.sets)
        index_by_controller(self.pods)
        self.watch(
            self.sets,
            lambda obj: self.enqueue(key_of(obj), "ADDED", obj),
            lambda old, new: self.enqueue(key_of(new), "MODIFIED", new),
            self._set_deleted,
        )
        self.watch(self.pods, self._pod_added, self._pod_updated, self._pod_deleted)

    def selector_of(self, owner: Obj) -> Selector:
        """The set's selector."""
        return from_object(owner["spec"].get("selector"))

    # -- what it hears ----------------------------------------------------------------------------------

    def _set_deleted(self, owner: Obj) -> None:
        self.expectations.forget(key_of(owner))
        self.enqueue(key_of(owner), "DELETED", owner)

    def _pod_added(self, pod: Obj) -> None:
        if pod["metadata"].get("deletionTimestamp"):
            self._pod_deleted(pod)
            return
        if controller_of(pod) is not None:
            owner = self.resolve_controller(self.sets, pod, self.kind)
            if owner is not None:
                self.expectations.creation_observed(key_of(owner))
                self.enqueue(key_of(owner), "ADDED", pod)
            return
        self._wake_selectors(pod, "ADDED")

    def _pod_updated(self, old: Obj, new: Obj) -> None:
        meta, before = new["metadata"], old["metadata"]
        if meta.get("deletionTimestamp"):
            self._pod_deleted(new, "MODIFIED")
            return
        reference, reference_before = controller_of(new), controller_of(old)
        changed = reference != reference_before
        if changed and reference_before is not None:
            owner = self.resolve_controller(self.sets, old, self.kind)
            if owner is not None:
                self.enqueue(key_of(owner), "MODIFIED", new)
        if reference is not None:
            owner = self.resolve_controller(self.sets, new, self.kind)
            if owner is None:
                return
            self.enqueue(key_of(owner), "MODIFIED", new)
            minimum = owner["spec"].get("minReadySeconds", 0)
            if minimum and is_ready(new) and not is_ready(old):
                self.queue.add_after(key_of(owner), minimum)
            return
        if changed or meta.get("labels") != before.get("labels"):
            self._wake_selectors(new, "MODIFIED")

    def _pod_deleted(self, pod: Obj, event: str = "DELETED") -> None:
        owner = self.resolve_controller(self.sets, pod, self.kind)
        if owner is not None:
            self.expectations.deletion_observed(key_of(owner), pod["metadata"]["uid"])
            self.enqueue(key_of(owner), event, pod)

    def _wake_selectors(self, pod: Obj, event: str) -> None:
        """An orphan came or changed: whoever selects it may want to adopt it."""
        labels = pod["metadata"].get("labels")
        if not labels:
            return
        for owner in self.sets.list(pod["metadata"].get("namespace", "")):
            selector = self.selector_of(owner)
            if not selector.empty and selector.matches(labels):
                self.enqueue(key_of(owner), event, pod)

    # -- what it does -----------------------------------------------------------------------------------

    def reconcile(self, key: str) -> None:
        owner = self.sets.get(key)
        if owner is None:
            self.expectations.forget(key)
            return
        may_act = self.expectations.satisfied(key)
        selector = self.selector_of(owner)
        meta = owner["metadata"]
        mine = controlled_by(self.pods, owner)
        candidates = [pod for pod in mine if is_active(pod)]
        candidates += [pod for pod in orphans_in(self.pods, meta["namespace"]) if is_active(pod)]
        active = claim(self, owner, self.resource, candidates, selector.matches)
        terminating = None
        if self.counts_terminating:
            terminating = sum(
                1
                for pod in mine
                if is_terminating(pod) and selector.matches(pod["metadata"].get("labels") or {})
            )
        wanted = owner["spec"].get("replicas", 1)
        self.round.desired = wanted
        self.round.observed = len(active)
        self.round.difference = wanted - len(active)
        failure: Exception | None = None
        if may_act and not meta.get("deletionTimestamp"):
            failure = self._manage(key, owner, active, wanted)
        self.round.expectations = self.expectations.outstanding(key)
        now = self.clock.now()
        message = None
        if failure is not None:
            message = failure.message if isinstance(failure, StatusError) else str(failure)
        status = status_of(owner, active, terminating, message, now)
        updated = self._write_status(owner, status)
        if failure is not None:
            raise failure
        minimum = updated["spec"].get("minReadySeconds", 0)
        written = updated.get("status") or {}
        if minimum and written.get("readyReplicas", 0) != written.get("availableReplicas", 0):
            self.queue.add_after(key, next_availability(active, minimum, now) or minimum)

    def _manage(self, key: str, owner: Obj, active: list[Obj], wanted: int) -> Exception | None:
        """Create what is missing or delete what is too much; the first refusal is returned."""
        difference = len(active) - wanted
        if difference < 0:
            return self._create(key, owner, min(-difference, BURST))
        if difference > 0:
            return self._delete(key, owner, active, min(difference, BURST))
        return None

    def _create(self, key: str, owner: Obj, count: int) -> Exception | None:
        self.expectations.expect_creations(key, count)
        namespace = owner["metadata"]["namespace"]
        pod = pod_from_template(owner["spec"].get("template") or {}, owner, controller_reference(owner))
        left, batch, failure = count, SLOW_START, None
        while left > 0 and failure is None:
            batch = min(batch, left)
            for _ in range(batch):
                try:
                    create_pod(self, namespace, pod, owner)
                except (StatusError, OSError) as error:
                    if namespace_is_terminating(error):
                        continue
                    failure = failure or error
                    self.expectations.creation_observed(key)
            left -= batch
            batch *= 2
        if left:
            self.expectations.creation_observed(key, left)
        return failure

    def _delete(self, key: str, owner: Obj, active: list[Obj], count: int) -> Exception | None:
        chosen = active[:count]
        if count < len(active):
            chosen = in_order_of_deletion(active, self._related(owner), self.clock.now())[:count]
        self.expectations.expect_deletions(key, [pod["metadata"]["uid"] for pod in chosen])
        failure: Exception | None = None
        for pod in chosen:
            try:
                delete_pod(self, owner["metadata"]["namespace"], pod["metadata"]["name"], owner)
            except (StatusError, OSError) as error:
                self.expectations.deletion_observed(key, pod["metadata"]["uid"])
                if not (isinstance(error, StatusError) and error.code == 404):
                    failure = failure or error
        return failure

    def _related(self, owner: Obj) -> list[Obj]:
        """The pods of all sets that have the same owner: of the other revisions of a Deployment too."""
        reference = controller_of(owner)
        if reference is None:
            return []
        related: dict[str, Obj] = {}
        for other in self.sets.by_index("controller", reference["uid"]):
            selector = self.selector_of(other)
            for pod in self.pods.list(other["metadata"]["namespace"]):
                if selector.matches(pod["metadata"].get("labels") or {}):
                    related.setdefault(pod["metadata"]["uid"], pod)
        return list(related.values())

    def _write_status(self, owner: Obj, status: Obj) -> Obj:
        old = owner.get("status") or {}
        generation = owner["metadata"].get("generation", 0)
        if status == old and generation == old.get("observedGeneration", 0):
            return owner
        status["observedGeneration"] = generation
        current = owner
        for attempt in range(STATUS_RETRIES + 1):
            try:
                return self.client.update(self.resource, {**current, "status": status}, subresource="status")
            except StatusError as error:
                if attempt == STATUS_RETRIES or error.code == 404:
                    raise
                meta = owner["metadata"]
                current = self.client.get(self.resource, meta["name"], meta["namespace"])
        return owner
