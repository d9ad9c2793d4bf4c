"""Which volume fits which claim.

Pure functions over PersistentVolumes and claims. Source: component-helpers/storage/volume/pv_helpers.go and
pkg/controller/volume/persistentvolume/index.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubekit.api import quantity
from kubekit.api.meta import Obj, annotations_of, labels_of
from kubekit.api.selectors import from_object

BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
PRE_RESIZE = "volume.alpha.kubernetes.io/pre-resize-capacity"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
CLASS = "volume.beta.kubernetes.io/storage-class"
DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def class_of(obj: Obj) -> str:
    """The storage class of a claim or a volume; an empty text for none."""
    name: str = annotations_of(obj).get(CLASS) or obj["spec"].get("storageClassName") or ""
    return name


def has_class(claim: Obj) -> bool:
    """Whether the claim says anything about its class (an empty one counts)."""
    return CLASS in annotations_of(claim) or claim["spec"].get("storageClassName") is not None


def default_class(classes: Iterable[Obj]) -> str | None:
    """The newest class that is marked as default."""
    marked = [one for one in classes if any(annotations_of(one).get(key) == "true" for key in DEFAULT_CLASS)]
    # The newest; of equals the first by name.
    marked.sort(key=lambda one: one["metadata"]["name"])
    marked.sort(key=lambda one: one["metadata"].get("creationTimestamp", ""), reverse=True)
    return str(marked[0]["metadata"]["name"]) if marked else None


def is_bound_to(volume: Obj, claim: Obj) -> bool:
    """Whether the volume's claimRef names this claim (a reference without uid names any of that name)."""
    reference = volume["spec"].get("claimRef")
    meta = claim["metadata"]
    if reference is None:
        return False
    if (reference.get("namespace"), reference.get("name")) != (meta["namespace"], meta["name"]):
        return False
    return reference.get("uid") in (None, "", meta["uid"])


def mode_of(obj: Obj) -> str:
    """Filesystem or Block."""
    mode: str = obj["spec"].get("volumeMode") or "Filesystem"
    return mode


def _attributes_class(obj: Obj) -> str:
    return obj["spec"].get("volumeAttributesClassName") or ""


def mismatch(volume: Obj, claim: Obj) -> str | None:
    """Why a volume that the claim names cannot be bound to it."""
    if volume["metadata"].get("deletionTimestamp"):
        return f'the volume is marked for deletion "{volume["metadata"]["name"]}"'
    wanted = quantity.parse(
        ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage", "0")
    )
    if quantity.parse((volume["spec"].get("capacity") or {}).get("storage", "0")) < wanted:
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if _attributes_class(volume) != _attributes_class(claim):
        return "volumeAttributesClassName does not match"
    if mode_of(volume) != mode_of(claim):
        return "incompatible volumeMode"
    if not set(claim["spec"].get("accessModes") or ()) <= set(volume["spec"].get("accessModes") or ()):
        return "incompatible accessMode"
    return None


def best_match(claim: Obj, volumes: Iterable[Obj], delayed: bool) -> Obj | None:
    """The smallest available volume that fits; of as many access modes one bound to the claim goes first.

    With `delayed` (the pod's node decides) only a volume that is bound to the claim already is found.
    """
    spec = claim["spec"]
    wanted = quantity.parse(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0"))
    selector = from_object(spec["selector"]) if spec.get("selector") is not None else None
    modes = set(spec.get("accessModes") or ())
    best: tuple[int, bool, quantity.Quantity] | None = None
    found: Obj | None = None
    for volume in volumes:
        offered = set(volume["spec"].get("accessModes") or ())
        size = quantity.parse((volume["spec"].get("capacity") or {}).get("storage", "0"))
        bound = is_bound_to(volume, claim)
        if volume["spec"].get("claimRef") is not None and not bound:
            continue
        if size < wanted or mode_of(volume) != mode_of(claim) or not modes <= offered:
            continue
        if _attributes_class(volume) != _attributes_class(claim):
            continue
        if volume["metadata"].get("deletionTimestamp"):
            continue
        if not bound:
            if delayed or (volume.get("status") or {}).get("phase") != "Available":
                continue
            if selector is not None and not selector.matches(labels_of(volume)):
                continue
            if class_of(volume) != class_of(claim):
                continue
        # Fewer access modes are the closer match, then the smaller size.
        rank = (len(offered), not bound, size)
        if best is None or rank < best:
            best, found = rank, volume
    return found
