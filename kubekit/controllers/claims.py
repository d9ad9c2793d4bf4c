"""Claiming: which of the objects that match a controller's selector are its own.

An object whose controller is this one and whose labels match is kept; when the labels no longer match it is
released; an orphan that matches is adopted, after a fresh look at the API server that the controller itself
is not being deleted. Modelled on kubernetes/pkg/controller/controller_ref_manager.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubekit.api.meta import Obj, controller_of, controller_reference
from kubekit.api.status_error import StatusError
from kubekit.controllers.controller import Controller

PATCH_TYPE = "application/strategic-merge-patch+json"


class AdoptionRefused(OSError):
    """The controller may not adopt now; the reconcile is retried."""


def claim(
    controller: Controller,
    owner: Obj,
    owner_resource: str,
    objects: Iterable[Obj],
    matches: Callable[[dict[str, str]], bool],
    resource: str = "pods",
    finalizers: list[str] | None = None,
    fits: Callable[[Obj], bool] = lambda obj: True,
) -> list[Obj]:
    """The objects that belong to `owner`, adopting and releasing on the way.

    `matches(labels)` is the owner's selector; `fits(object)` says what must be right besides the labels.
    `finalizers` are added with an adoption.
    Raises StatusError or AdoptionRefused after all others were looked at.
    """
    claimed: list[Obj] = []
    failure: Exception | None = None
    owner_meta = owner["metadata"]
    may_adopt: bool | None = None
    for obj in objects:
        meta = obj["metadata"]
        reference = controller_of(obj)
        its = matches(meta.get("labels") or {}) and fits(obj)
        if reference is not None:
            if reference["uid"] != owner_meta["uid"]:
                continue
            if its:
                claimed.append(obj)
            elif not owner_meta.get("deletionTimestamp"):
                failure = _release(controller, obj, owner_meta["uid"], resource, finalizers) or failure
            continue
        if owner_meta.get("deletionTimestamp") or not its:
            continue
        if meta.get("deletionTimestamp") or meta.get("namespace") != owner_meta.get("namespace"):
            continue
        try:
            if may_adopt is None:
                _check_may_adopt(controller, owner, owner_resource)
                may_adopt = True
            adopted = _adopt(controller, obj, owner, resource, finalizers)
        except (StatusError, OSError) as error:
            if not (isinstance(error, StatusError) and error.code == 404):
                failure = error
            continue
        claimed.append(adopted)
    if failure is not None:
        raise failure
    return claimed


def _check_may_adopt(controller: Controller, owner: Obj, owner_resource: str) -> None:
    meta = owner["metadata"]
    fresh = controller.client.get(owner_resource, meta["name"], meta.get("namespace"))
    if fresh["metadata"]["uid"] != meta["uid"]:
        raise AdoptionRefused(f"original {owner['kind']} {meta.get('namespace')}/{meta['name']} is gone")
    if fresh["metadata"].get("deletionTimestamp"):
        raise AdoptionRefused(f"{meta.get('namespace')}/{meta['name']} has just been deleted")


def _adopt(controller: Controller, obj: Obj, owner: Obj, resource: str, finalizers: list[str] | None) -> Obj:
    meta = obj["metadata"]
    metadata: Obj = {"ownerReferences": [controller_reference(owner)], "uid": meta["uid"]}
    if finalizers:
        metadata["finalizers"] = finalizers
    return controller.client.patch(
        resource, meta["name"], {"metadata": metadata}, meta.get("namespace"), patch_type=PATCH_TYPE
    )


def _release(
    controller: Controller, obj: Obj, owner_uid: str, resource: str, finalizers: list[str] | None
) -> Exception | None:
    meta = obj["metadata"]
    metadata: Obj = {"ownerReferences": [{"$patch": "delete", "uid": owner_uid}], "uid": meta["uid"]}
    if finalizers:
        metadata["$deleteFromPrimitiveList/finalizers"] = finalizers
    try:
        controller.client.patch(
            resource, meta["name"], {"metadata": metadata}, meta.get("namespace"), patch_type=PATCH_TYPE
        )
    except StatusError as error:
        # 404: it is gone. 422: it has no such owner any more, or is another object of the same name.
        return None if error.code in (404, 422) else error
    except OSError as error:
        return error
    return None
