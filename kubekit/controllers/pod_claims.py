"""Which ResourceClaims a pod has, and whose a ResourceClaim is.

A pod names a claim, or a template for one that is made for it alone; the name of that one stands in the pod's
status. Source: k8s.io/dynamic-resource-allocation/resourceclaim.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubekit.api.meta import Obj, controller_of, is_deleting
from kubekit.controllers.pods import is_terminal

MOST_CONSUMERS = 256


def entries_of(pod: Obj) -> Sequence[Obj]:
    """`spec.resourceClaims`."""
    return pod["spec"].get("resourceClaims") or ()


def claim_of(pod: Obj, entry: Obj) -> tuple[str | None, bool]:
    """(name of the claim that stands behind an entry, whether it must be the pod's own).

    No name: none is needed. Raises LookupError as long as the one from a template was not noted.
    """
    if entry.get("resourceClaimName"):
        return entry["resourceClaimName"], False
    for status in (pod.get("status") or {}).get("resourceClaimStatuses") or ():
        if status["name"] == entry["name"]:
            return status.get("resourceClaimName"), True
    raise LookupError("pod claim status not found")


def claims_of_pod(pod: Obj) -> list[str]:
    """The keys of the claims that a pod has, as far as they are known."""
    found = []
    for entry in entries_of(pod):
        try:
            name, _ = claim_of(pod, entry)
        except LookupError:
            continue
        if name:
            found.append(name)
    extended = (pod.get("status") or {}).get("extendedResourceClaimStatus") or {}
    if extended.get("resourceClaimName"):
        found.append(extended["resourceClaimName"])
    return [f"{pod['metadata']['namespace']}/{name}" for name in dict.fromkeys(found)]


def templates_of_pod(pod: Obj) -> list[str]:
    """The keys of the templates that a pod's claims are made from."""
    names = dict.fromkeys(
        entry["resourceClaimTemplateName"]
        for entry in entries_of(pod)
        if entry.get("resourceClaimTemplateName")
    )
    return [f"{pod['metadata']['namespace']}/{name}" for name in names]


def owning_pod(claim: Obj) -> tuple[str, str] | None:
    """(name, uid) of the pod that a claim was made for."""
    reference = controller_of(claim)
    if reference is None or (reference["apiVersion"], reference["kind"]) != ("v1", "Pod"):
        return None
    return reference["name"], reference["uid"]


def owners_of_claim(claim: Obj) -> list[str]:
    """The uid of the pod that a claim was made for, for an index."""
    owner = owning_pod(claim)
    return [owner[1]] if owner is not None else []


def is_for(pod: Obj, claim: Obj) -> bool:
    """Whether the claim was made for this pod."""
    return owners_of_claim(claim) == [pod["metadata"]["uid"]]


def may_be_reserved(pod: Obj, claim: Obj) -> bool:
    """Whether the claim is allocated, not reserved for the pod yet, and has room for it."""
    status = claim.get("status") or {}
    consumers = status.get("reservedFor") or ()
    known = any(one["uid"] == pod["metadata"]["uid"] for one in consumers)
    return bool(status.get("allocation")) and not known and len(consumers) < MOST_CONSUMERS


def might_run(pod: Obj) -> bool:
    """Whether the pod needs its claims: it has not finished, nor was it deleted before it had a node."""
    return not is_terminal(pod) and not (is_deleting(pod) and not pod["spec"].get("nodeName"))


def new_claim(pod: Obj, entry: str, template: Obj) -> Obj:
    """The claim that a template asks for, for one entry of a pod."""
    source = template["spec"].get("metadata") or {}
    meta = pod["metadata"]
    metadata: Obj = {
        "generateName": generate_name(meta["name"], entry),
        "namespace": meta["namespace"],
        "annotations": {**(source.get("annotations") or {}), "resource.kubernetes.io/pod-claim-name": entry},
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"], "controller": True}
        ],
    }
    if source.get("labels"):
        metadata["labels"] = dict(source["labels"])
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": metadata,
        "spec": template["spec"].get("spec") or {},
    }


def generate_name(pod: str, entry: str) -> str:
    """The prefix of a claim's name: when it is too long, both parts are shortened alike."""
    longest = 57
    prefix = f"{pod}-{entry}-"
    if len(prefix) <= longest:
        return prefix
    short = pod[: len(pod) * longest // len(prefix)] + "-"
    return short + entry[: len(entry) * longest // len(prefix)]
