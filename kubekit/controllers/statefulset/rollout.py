"""One pass over a StatefulSet's ordinals: create, wait, repair, scale down, update.

With OrderedReady everything waits for the first pod that is not available; with Parallel nothing waits. The
pass ends at the first thing that was done or must be waited for. Source: updateStatefulSet in
pkg/controller/statefulset/stateful_set_control.go, and stateful_pod_control.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubekit.api.meta import Obj
from kubekit.api.status_error import StatusError
from kubekit.controllers.history import template_in
from kubekit.controllers.pods import is_available, is_ready, phase_of
from kubekit.controllers.statefulset.identity import (
    claims_of,
    first_ordinal,
    identity_matches,
    in_range,
    is_created,
    is_unavailable,
    new_pod,
    ordinal_of,
    revision_of,
    storage_matches,
    with_identity,
)
from kubekit.controllers.statefulset.retention import (
    POD,
    has_other_controller,
    has_stale_owner,
    is_up_to_date,
    policy_of,
    with_owners,
)

if TYPE_CHECKING:
    from kubekit.controllers.statefulset.controller import StatefulSetController

MAX_BATCH = 500
"""Pods of a parallel set that are seen to at once."""


class Rollout:
    """The set, its pods by ordinal, and what is counted."""

    def __init__(
        self, controller: StatefulSetController, owner: Obj, pods: list[Obj], current: Obj, update: Obj
    ) -> None:
        self.controller = controller
        self.owner = owner
        self.current = current
        self.update = update
        self.now = controller.clock.now()
        self.monotonic = owner["spec"].get("podManagementPolicy") != "Parallel"
        self.all = pods
        self.updating = 0
        """Current pods that were deleted in this pass for the update."""
        wanted = owner["spec"].get("replicas", 1)
        first = first_ordinal(owner)
        by_ordinal = {ordinal_of(pod): pod for pod in pods if in_range(pod, owner)}
        self.replicas = [by_ordinal.get(n) or self._fresh(n) for n in range(first, first + wanted)]
        self.condemned = sorted(
            (pod for pod in pods if not in_range(pod, owner) and ordinal_of(pod) >= 0),
            key=lambda pod: -ordinal_of(pod),
        )

    def _fresh(self, ordinal: int) -> Obj:
        """A pod that is not there yet: of the old revision below the partition."""
        strategy = self.owner["spec"].get("updateStrategy") or {}
        rolling = strategy.get("rollingUpdate")
        first = first_ordinal(self.owner)
        if rolling is not None:
            old = ordinal < first + rolling.get("partition", 0)
        else:
            kept = (self.owner.get("status") or {}).get("currentReplicas", 0)
            old = strategy.get("type") == "RollingUpdate" and ordinal < first + kept
        revision = self.current if old else self.update
        return new_pod(self.owner, template_in(revision), revision["metadata"]["name"], ordinal)

    # -- the pass ---------------------------------------------------------------------------------------

    def run(self) -> None:
        """Go through all ordinals; raises what was refused."""
        if self.owner["metadata"].get("deletionTimestamp"):
            return
        if self.monotonic:
            if any(self._keep(position) for position in range(len(self.replicas))):
                return
        else:
            self._keep_all()
        for pod in self.condemned:
            if not self._claims_match(pod):
                self._own_claims(pod)
        unhealthy = self._first_unhealthy()
        for pod in self.condemned:
            if self._scale_down(pod, unhealthy) and self.monotonic:
                return
        if (self.owner["spec"].get("updateStrategy") or {}).get("type") != "OnDelete":
            self._update_one()

    def _keep_all(self) -> None:
        """See to all ordinals, in batches that double as long as nothing is refused."""
        start, size = 0, 1
        while start < len(self.replicas):
            failure: Exception | None = None
            for position in range(start, min(start + size, len(self.replicas))):
                try:
                    self._keep(position)
                except (StatusError, OSError) as error:
                    failure = failure or error
            if failure is not None:
                raise failure
            start, size = start + size, min(2 * size, MAX_BATCH)

    def _keep(self, position: int) -> bool:
        """See to one ordinal; True when the pass must not go on."""
        pod = self.replicas[position]
        deleting = bool(pod["metadata"].get("deletionTimestamp"))
        if is_created(pod) and phase_of(pod) in ("Failed", "Succeeded"):
            if not deleting:
                self._delete(pod)
            return True
        if not is_created(pod):
            if self._claim_is_stale(pod):
                return True
            self._create(pod)
            return True
        if phase_of(pod) == "Pending":
            self._create_claims(pod)
            self._own_claims_of(pod)
        if self.monotonic:
            minimum = self.owner["spec"].get("minReadySeconds", 0)
            running = phase_of(pod) == "Running" and is_ready(pod)
            if deleting or not running or not is_available(pod, minimum, self.now):
                return True
        if identity_matches(self.owner, pod) and storage_matches(self.owner, pod) and self._claims_match(pod):
            return False
        self._repair(pod)
        return False

    def _first_unhealthy(self) -> Obj | None:
        for pod in (*self.replicas, *reversed(self.condemned)):
            if is_unavailable(pod, self.owner, self.now):
                return pod
        return None

    def _scale_down(self, pod: Obj, unhealthy: Obj | None) -> bool:
        if pod["metadata"].get("deletionTimestamp"):
            return True
        if self.monotonic and pod is not unhealthy and is_unavailable(pod, self.owner, self.now):
            return True
        self._delete(pod)
        return True

    def _update_one(self) -> None:
        """From the last pod down: delete the first that is not of the new revision, or wait for it."""
        rolling = (self.owner["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
        for position in range(len(self.replicas) - 1, rolling.get("partition", 0) - 1, -1):
            pod = self.replicas[position]
            deleting = bool(pod["metadata"].get("deletionTimestamp"))
            if revision_of(pod) != self.update["metadata"]["name"] and not deleting:
                self._delete(pod)
                self.updating += 1
                return
            if is_unavailable(pod, self.owner, self.now):
                return

    # -- pods -------------------------------------------------------------------------------------------

    def _create(self, pod: Obj) -> None:
        name, controller = pod["metadata"]["name"], self.controller
        try:
            self._create_claims(pod)
        except (StatusError, OSError) as error:
            self._say("Create", name, error)
            raise
        failure: StatusError | None = None
        try:
            controller.client.create("pods", pod)
        except StatusError as error:
            if error.reason == "AlreadyExists":
                raise
            failure = error
        self._own_claims_of(pod)
        self._say("Create", name, failure)
        if failure is not None:
            raise failure

    def _delete(self, pod: Obj) -> None:
        meta = pod["metadata"]
        try:
            self.controller.client.delete("pods", meta["name"], meta["namespace"])
        except StatusError as error:
            if error.code != 404:
                self._say("Delete", meta["name"], error)
                raise
        self._say("Delete", meta["name"])

    def _repair(self, pod: Obj) -> None:
        changed = with_identity(self.owner, pod)
        try:
            if not storage_matches(self.owner, pod):
                self._create_claims(pod)
            self._own_claims(pod)
            self.controller.client.update("pods", changed)
        except (StatusError, OSError) as error:
            self._say("Update", pod["metadata"]["name"], error)
            raise
        self._say("Update", pod["metadata"]["name"])

    def _say(self, verb: str, name: str, error: Exception | None = None) -> None:
        owner = self.owner
        text = f"{verb} Pod {name} in StatefulSet {owner['metadata']['name']}"
        if error is None:
            self.controller.event(owner, "Normal", f"Successful{verb}", f"{text} successful")
        else:
            why = error.message if isinstance(error, StatusError) else str(error)
            self.controller.event(owner, "Warning", f"Failed{verb}", f"{text} failed error: {why}")

    # -- claims -----------------------------------------------------------------------------------------

    def _held(self, pod: Obj) -> list[Obj]:
        found = (
            self.controller.claims.get(f"{claim['metadata']['namespace']}/{claim['metadata']['name']}")
            for claim in claims_of(self.owner, pod)
        )
        return [claim for claim in found if claim is not None]

    def _create_claims(self, pod: Obj) -> None:
        """Make the claims that are missing; raises all that was refused, as one text."""
        owner, controller = self.owner, self.controller
        refused: list[str] = []
        place = f"Pod {pod['metadata']['name']} in StatefulSet {owner['metadata']['name']}"
        for claim in claims_of(owner, pod):
            meta = claim["metadata"]
            known = controller.claims.get(f"{meta['namespace']}/{meta['name']}")
            if known is not None:
                if known["metadata"].get("deletionTimestamp"):
                    refused.append(f"pvc {meta['name']} is being deleted")
                continue
            text = f"Create Claim {meta['name']}"
            try:
                controller.client.create("persistentvolumeclaims", claim)
            except StatusError as error:
                refused.append(f"failed to create PVC {meta['name']}: {error.message}")
                if error.reason != "AlreadyExists":
                    text = f"{text} for {place} failed error: {error.message}"
                    controller.event(owner, "Warning", "FailedCreate", text)
                continue
            controller.event(owner, "Normal", "SuccessfulCreate", f"{text} {place} success")
        if refused:
            raise ClaimRefused(refused[0] if len(refused) == 1 else f"[{', '.join(refused)}]")

    def _claims_match(self, pod: Obj) -> bool:
        return all(is_up_to_date(claim, self.owner, pod) for claim in self._held(pod))

    def _own_claims(self, pod: Obj) -> None:
        for claim in self._held(pod):
            if has_other_controller(claim, self.owner, pod):
                text = (
                    f"PersistentVolumeClaim {claim['metadata']['name']} has a conflicting OwnerReference "
                    "that acts as a manging controller, the retention policy is ignored for this claim"
                )
                self.controller.event(self.owner, "Warning", "ConflictingController", text)
            if not is_up_to_date(claim, self.owner, pod):
                updated = with_owners(claim, self.owner, pod)
                try:
                    self.controller.client.update("persistentvolumeclaims", updated)
                except StatusError as error:
                    what = f"could not update claim {claim['metadata']['name']} for delete policy ownerRefs"
                    raise ClaimRefused(f"{what}: {error.message}") from error

    def _own_claims_of(self, pod: Obj) -> None:
        """Own the claims of a pod that is being made; a refusal is said."""
        try:
            self._own_claims(pod)
        except (StatusError, OSError) as error:
            self._say("Update", pod["metadata"]["name"], error)
            raise

    def _claim_is_stale(self, pod: Obj) -> bool:
        if policy_of(self.owner)[1] == "Retain":
            return False
        return any(has_stale_owner(claim, pod, POD) for claim in self._held(pod))


class ClaimRefused(OSError):
    """A claim could not be made or changed; the reconcile is retried."""
