"""The volume expansion controller: a bound claim that asks for more than it has.

No volume that the kit knows can be made larger by the control plane itself, so the claim is told that
somebody else has to do it. Source: pkg/controller/volume/expand/expand_controller.go.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api import quantity
from kubekit.api.meta import Obj, annotations_of, key_of
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.volume_match import PRE_RESIZE


class VolumeExpander(Controller):
    """Says of claims that grew that they wait to be expanded."""

    name: ClassVar[str] = "persistentvolume-expander-controller"
    kind: ClassVar[str] = "PersistentVolumeClaim"
    event_source: ClassVar[str] = "volume_expand"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.claims: Informer

    def set_up(self) -> None:
        self.claims = self.informer("persistentvolumeclaims")
        self.watch(self.claims, lambda claim: self._wake("ADDED", claim), self._claim_updated)

    def _wake(self, event: str, claim: Obj) -> None:
        if (claim.get("status") or {}).get("phase") == "Bound":
            self.enqueue(key_of(claim), event, claim)

    def _claim_updated(self, old: Obj, new: Obj) -> None:
        if requested(new) > requested(old) or capacity(new) > capacity(old):
            self._wake("MODIFIED", new)

    def reconcile(self, key: str) -> None:
        claim = self.claims.get(key)
        if claim is None:
            return
        name = claim["spec"].get("volumeName", "")
        volume = self.client.get("persistentvolumes", name)
        reference = volume["spec"].get("claimRef") or {}
        if reference.get("uid") != claim["metadata"]["uid"]:
            raise OSError(f"persistent Volume is not bound to PVC being updated : {key}")
        if requested(claim) <= capacity(claim) and PRE_RESIZE not in annotations_of(volume):
            return
        text = "waiting for an external controller to expand this PVC"
        self.event(claim, "Normal", "ExternalExpanding", text)


def requested(claim: Obj) -> quantity.Quantity:
    """How much the claim asks for."""
    requests = (claim["spec"].get("resources") or {}).get("requests") or {}
    return quantity.parse(requests.get("storage", "0"))


def capacity(claim: Obj) -> quantity.Quantity:
    """How much it has."""
    return quantity.parse(((claim.get("status") or {}).get("capacity") or {}).get("storage", "0"))
