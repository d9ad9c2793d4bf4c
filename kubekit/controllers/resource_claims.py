"""The resource claim controller: makes the claims that pods have templates for, gives back what nobody uses.

A pod with a claim template gets a claim of its own, and its status says which. A claim that was allocated is
reserved for a pod that has a node; when the pod has ended, the reservation goes, then the allocation, then
(if it was made for the pod) the claim. Source: pkg/controller/resourceclaim/controller.go.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, annotations_of, finalizers_of, is_deleting, key_of, split_key
from kubekit.api.status_error import StatusError
from kubekit.client import APPLY, Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.pod_claims import (
    claim_of,
    claims_of_pod,
    entries_of,
    is_for,
    may_be_reserved,
    might_run,
    new_claim,
    owners_of_claim,
    owning_pod,
    templates_of_pod,
)

CLAIMS = "resourceclaims.resource.k8s.io"
TEMPLATES = "resourceclaimtemplates.resource.k8s.io"
FINALIZER = "resource.kubernetes.io/delete-protection"
ENTRY = "resource.kubernetes.io/pod-claim-name"
MANAGER = "ResourceClaimController"
CLAIM, POD = "claim:", "pod:"
REMEMBERED = 500
"""Uids of deleted pods that are known to be gone, whatever a cache says."""


class ResourceClaimController(Controller):
    """Makes, reserves and frees ResourceClaims."""

    name: ClassVar[str] = "resourceclaim-controller"
    event_source: ClassVar[str] = "resource_claim"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.pods: Informer
        self.claims: Informer
        self.templates: Informer
        self._gone: dict[str, None] = {}
        self._made: dict[tuple[str, str], Obj] = {}  # (pod's uid, entry) -> claim; the cache may not show it

    def set_up(self) -> None:
        self._gone.clear()
        self._made.clear()
        self.pods = self.informer("pods")
        self.claims = self.informer(CLAIMS)
        self.templates = self.informer(TEMPLATES)
        self.pods.add_index("resource-claims", claims_of_pod)
        self.pods.add_index("claim-templates", templates_of_pod)
        self.claims.add_index("pod", owners_of_claim)
        self.watch(
            self.pods,
            lambda pod: self._pod_changed("ADDED", pod),
            lambda old, new: self._pod_changed("MODIFIED", new),
            self._pod_deleted,
        )
        self.watch(
            self.claims,
            lambda claim: self._claim_changed("ADDED", claim),
            lambda old, new: self._claim_changed("MODIFIED", new),
            lambda claim: self._wake_pods("resource-claims", "DELETED", claim),
        )
        self.watch(
            self.templates,
            lambda template: self._wake_pods("claim-templates", "ADDED", template),
            lambda old, new: self._wake_pods("claim-templates", "MODIFIED", new),
        )

    def subject(self, key: str) -> str:
        kind, _, name = key.partition(":")
        return f"{'resourceclaim' if kind == 'claim' else 'pod'}/{name}"

    # -- what it hears ----------------------------------------------------------------------------------

    def _pod_changed(self, event: str, pod: Obj) -> None:
        if not entries_of(pod) and not claims_of_pod(pod):
            return
        if not might_run(pod):
            self._wake_claims(event, pod)
        if self._needs_work(pod):
            self.enqueue(POD + key_of(pod), event, pod)

    def _pod_deleted(self, pod: Obj) -> None:
        if not entries_of(pod) and not claims_of_pod(pod):
            return
        uid = pod["metadata"]["uid"]
        self._gone[uid] = None
        if len(self._gone) > REMEMBERED:
            del self._gone[next(iter(self._gone))]
        self._made = {which: claim for which, claim in self._made.items() if which[0] != uid}
        self._wake_claims("DELETED", pod)

    def _wake_claims(self, event: str, pod: Obj) -> None:
        for key in claims_of_pod(pod):
            self.enqueue(CLAIM + key, event, pod)

    def _claim_changed(self, event: str, claim: Obj) -> None:
        self.enqueue(CLAIM + key_of(claim), event, claim)
        self._wake_pods("resource-claims", event, claim)

    def _wake_pods(self, index: str, event: str, about: Obj) -> None:
        for pod in self.pods.by_index(index, key_of(about)):
            self._pod_changed(event, pod)

    def _needs_work(self, pod: Obj) -> bool:
        """Whether a claim is to be made for the pod, or reserved for it."""
        if is_deleting(pod):
            return False
        for entry in entries_of(pod):
            try:
                name, own = claim_of(pod, entry)
            except LookupError:
                return True
            if name is None:
                continue
            claim = self.claims.get(f"{pod['metadata']['namespace']}/{name}")
            if claim is None:
                if entry.get("resourceClaimTemplateName"):
                    return True
            elif own and not is_for(pod, claim):
                continue
            elif pod["spec"].get("nodeName") and may_be_reserved(pod, claim):
                return True
        return False

    # -- pods -------------------------------------------------------------------------------------------

    def reconcile(self, key: str) -> None:
        kind, _, rest = key.partition(":")
        if kind == "claim":
            claim = self.claims.get(rest)
            if claim is not None:
                self._look_at_claim(claim)
            return
        pod = self.pods.get(rest)
        if pod is None or is_deleting(pod):
            return
        fresh: dict[str, str] = {}
        for entry in entries_of(pod):
            try:
                made = self._ensure(pod, entry)
            except (StatusError, OSError) as error:
                why = error.message if isinstance(error, StatusError) else str(error)
                text = f"PodResourceClaim {entry['name']}: {why}"
                self.event(pod, "Warning", "FailedResourceClaimCreation", text)
                raise
            if made is not None:
                fresh[entry["name"]] = made
        if fresh:
            self._note(pod, fresh)
        if pod["spec"].get("nodeName"):
            self._reserve(pod)

    def _ensure(self, pod: Obj, entry: Obj) -> str | None:
        """The name of the claim that was made (or found again) for an entry; None: nothing is to be noted."""
        namespace, uid = pod["metadata"]["namespace"], pod["metadata"]["uid"]
        try:
            name, own = claim_of(pod, entry)
        except LookupError:
            name, own = "", True
        if name is None:
            return None
        if name:
            claim = self.claims.get(f"{namespace}/{name}")
            if claim is not None and (not own or is_for(pod, claim)):
                return None
        wanted = entry.get("resourceClaimTemplateName")
        if not wanted:
            return None
        known = [*self.claims.by_index("pod", uid), *self._made_for(uid, entry["name"])]
        found = next((one for one in known if annotations_of(one).get(ENTRY) == entry["name"]), None)
        if found is None:
            template = self.templates.get(f"{namespace}/{wanted}")
            if template is None:
                what = f'resourceclaimtemplate.resource.k8s.io "{wanted}" not found'
                raise OSError(f'resource claim template "{wanted}": {what}')
            try:
                found = self.client.create(CLAIMS, new_claim(pod, entry["name"], template))
            except StatusError as error:
                raise OSError(f"create ResourceClaim : {error.message}") from error
            self._made[uid, entry["name"]] = found
        return str(found["metadata"]["name"])

    def _made_for(self, uid: str, entry: str) -> list[Obj]:
        claim = self._made.get((uid, entry))
        return [claim] if claim is not None else []

    def _note(self, pod: Obj, fresh: dict[str, str]) -> None:
        """The pod's status says which claims were made for it."""
        meta = pod["metadata"]
        statuses = [{"name": entry, "resourceClaimName": name} for entry, name in fresh.items()]
        wanted = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
            "status": {"resourceClaimStatuses": statuses},
        }
        self.client.patch(
            "pods",
            meta["name"],
            wanted,
            meta["namespace"],
            patch_type=APPLY,
            subresource="status",
            fieldManager=MANAGER,
            force="true",
        )

    def _reserve(self, pod: Obj) -> None:
        """A pod that came to its node without the scheduler has its allocated claims reserved here."""
        meta = pod["metadata"]
        for entry in entries_of(pod):
            try:
                name, own = claim_of(pod, entry)
            except LookupError as error:
                raise OSError(str(error)) from error
            claim = self.claims.get(f"{meta['namespace']}/{name}") if name else None
            if claim is None or (own and not is_for(pod, claim)) or not may_be_reserved(pod, claim):
                continue
            status = claim["status"]
            consumer = {"resource": "pods", "name": meta["name"], "uid": meta["uid"]}
            status = {**status, "reservedFor": [*(status.get("reservedFor") or ()), consumer]}
            self.client.update(CLAIMS, {**claim, "status": status}, subresource="status")

    # -- claims -----------------------------------------------------------------------------------------

    def _look_at_claim(self, claim: Obj) -> None:
        status = claim.get("status") or {}
        consumers = status.get("reservedFor") or []
        kept = [one for one in consumers if self._still_consumes(claim, one)]
        held = FINALIZER in finalizers_of(claim)
        self.round.observed = len(kept)
        if len(kept) < len(consumers):
            status = {name: value for name, value in status.items() if name != "reservedFor"}
            if kept:
                status["reservedFor"] = kept
            elif held:
                status.pop("allocation", None)
            claim = self.client.update(CLAIMS, {**claim, "status": status}, subresource="status")
            if held and "allocation" not in (claim.get("status") or {}):
                claim = self._free(claim)
        elif held and is_deleting(claim) and not kept:
            if "allocation" in status:
                status = {name: value for name, value in status.items() if name != "allocation"}
                claim = self.client.update(CLAIMS, {**claim, "status": status}, subresource="status")
            claim = self._free(claim)
        owner = owning_pod(claim)
        if kept or owner is None:
            return
        namespace, name = split_key(key_of(claim))
        pod = self.pods.get(f"{namespace}/{owner[0]}")
        if pod is not None and (pod["metadata"]["uid"] != owner[1] or not might_run(pod)):
            try:
                self.client.delete(CLAIMS, name, namespace)
            except StatusError as error:
                why = f"delete unused generated claim {namespace}/{name}: {error.message}"
                raise OSError(why) from error

    def _still_consumes(self, claim: Obj, consumer: Obj) -> bool:
        if consumer.get("apiGroup") or consumer["resource"] != "pods":
            return True
        if consumer["uid"] in self._gone:
            return False
        namespace = claim["metadata"]["namespace"]
        pod = self.pods.get(f"{namespace}/{consumer['name']}")
        if pod is None:
            # The scheduler may know of a pod that this cache does not show yet.
            pod = self.client.find("pods", consumer["name"], namespace)
            return pod is not None and pod["metadata"]["uid"] == consumer["uid"]
        return bool(pod["metadata"]["uid"] == consumer["uid"] and might_run(pod))

    def _free(self, claim: Obj) -> Obj:
        """Nothing is allocated any more: the claim may go."""
        metadata = {**claim["metadata"], "finalizers": [f for f in finalizers_of(claim) if f != FINALIZER]}
        return self.client.update(CLAIMS, {**claim, "metadata": metadata})
