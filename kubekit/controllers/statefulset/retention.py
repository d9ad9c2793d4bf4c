"""Whether a pod's claims go when it is scaled away, or when the set is deleted.

The controller does not delete claims: it makes the pod or the set their owner, and the garbage collector does
the rest. Source: pkg/controller/statefulset/stateful_set_utils.go (isClaimOwnerUpToDate and neighbours).
"""

from __future__ import annotations

from kubekit.api.meta import Obj, controller_reference
from kubekit.controllers.statefulset.identity import in_range

SET = ("apps/v1", "StatefulSet")
POD = ("v1", "Pod")


def policy_of(owner: Obj) -> tuple[str, str]:
    """(when deleted, when scaled), each "Retain" or "Delete"."""
    policy = owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return policy.get("whenDeleted", "Retain"), policy.get("whenScaled", "Retain")


def _names(reference: Obj, obj: Obj, kind: tuple[str, str]) -> bool:
    return (reference["apiVersion"], reference["kind"]) == kind and reference["name"] == obj["metadata"][
        "name"
    ]


def _references(claim: Obj) -> list[Obj]:
    return claim["metadata"].get("ownerReferences") or []


def has_owner(claim: Obj, obj: Obj) -> bool:
    """Whether `obj` owns the claim."""
    return any(reference["uid"] == obj["metadata"].get("uid", "") for reference in _references(claim))


def has_stale_owner(claim: Obj, obj: Obj, kind: tuple[str, str]) -> bool:
    """Whether an earlier object of the same name owns the claim."""
    for reference in _references(claim):
        if _names(reference, obj, kind):
            return bool(reference["uid"] != obj["metadata"].get("uid", ""))
    return False


def has_other_controller(claim: Obj, owner: Obj, pod: Obj) -> bool:
    """Whether somebody else manages the claim."""
    if policy_of(owner) == ("Retain", "Retain"):
        return False
    for reference in _references(claim):
        for obj, kind in ((owner, SET), (pod, POD)):
            if _names(reference, obj, kind):
                if reference["uid"] != obj["metadata"].get("uid", ""):
                    return True
                break
        else:
            if reference.get("controller"):
                return True
    return False


def wanted_owners(owner: Obj, pod: Obj) -> list[tuple[Obj, tuple[str, str]]]:
    """Who should own the pod's claims now."""
    deleted, scaled = policy_of(owner)
    scaled_down = not in_range(pod, owner)
    wanted = []
    if scaled == "Delete" and scaled_down:
        wanted.append((pod, POD))
    if deleted == "Delete" and not (scaled == "Delete" and scaled_down):
        wanted.append((owner, SET))
    return wanted


def is_up_to_date(claim: Obj, owner: Obj, pod: Obj) -> bool:
    """Whether the claim's owners are as the policy wants them (or must be left alone)."""
    if has_stale_owner(claim, owner, SET) or has_stale_owner(claim, pod, POD):
        return True
    if has_other_controller(claim, owner, pod):
        return not (has_owner(claim, owner) or has_owner(claim, pod))
    ours = {owner["metadata"]["uid"], pod["metadata"].get("uid", "")}
    if any(ref["uid"] in ours and not ref.get("controller") for ref in _references(claim)):
        return False
    wanted = {obj["metadata"].get("uid", "") for obj, _ in wanted_owners(owner, pod)}
    return all(has_owner(claim, obj) is (obj["metadata"].get("uid", "") in wanted) for obj in (owner, pod))


def with_owners(claim: Obj, owner: Obj, pod: Obj) -> Obj:
    """The claim with the owners that the policy wants."""
    kept = [
        reference
        for reference in _references(claim)
        if not _names(reference, owner, SET) and not _names(reference, pod, POD)
    ]
    if not has_other_controller(claim, owner, pod):
        for obj, (api_version, kind) in wanted_owners(owner, pod):
            kept.append(controller_reference({**obj, "apiVersion": api_version, "kind": kind}))
    metadata = {**claim["metadata"], "ownerReferences": kept}
    if not kept:
        del metadata["ownerReferences"]
    return {**claim, "metadata": metadata}
