"""ControllerRevisions: the pod templates that a StatefulSet or DaemonSet has had, as objects.

A revision holds the template as a patch. The same template again is the same revision with a new number, so
going back does not make the history longer. Source: pkg/controller/history/controller_history.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from kubekit.api.meta import Obj, controller_reference
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Controller
from kubekit.controllers.pods import controlled_by, orphans_in
from kubekit.controllers.template_hash import fnv32, safe_encode

RESOURCE = "controllerrevisions.apps"
HASH_LABEL = "controller.kubernetes.io/hash"
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def go_json(value: Any) -> bytes:
    """JSON as Go writes a map: keys sorted, nothing between, HTML's special characters escaped."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for char, escape in _ESCAPES.items():
        text = text.replace(char, escape)
    return text.encode()


def patch_of(owner: Obj) -> Obj:
    """What a revision holds: the template, as a patch that replaces it."""
    return {"spec": {"template": {**owner["spec"]["template"], "$patch": "replace"}}}


def template_in(revision: Obj) -> Obj:
    """The template that a revision holds."""
    template = revision["data"]["spec"]["template"]
    return {key: value for key, value in template.items() if key != "$patch"}


def revision_hash(data: Obj, collisions: int | None) -> str:
    """The hash of a revision's data, tried anew after a collision."""
    raw = go_json(data)
    if collisions is not None:
        raw += str(collisions).encode()
    return safe_encode(str(fnv32(raw)))


def in_order(revisions: Iterable[Obj]) -> list[Obj]:
    """Lowest number first."""

    def place(one: Obj) -> tuple[int, str, str]:
        meta = one["metadata"]
        return one.get("revision", 0), meta.get("creationTimestamp", ""), meta["name"]

    return sorted(revisions, key=place)


def revisions_of(informer: Informer, owner: Obj, matches: Any) -> list[Obj]:
    """The owner's revisions, and orphans that its selector matches."""
    found = controlled_by(informer, owner)
    for orphan in orphans_in(informer, owner["metadata"]["namespace"]):
        if matches(orphan["metadata"].get("labels") or {}):
            found.append(orphan)
    return in_order(found)


def new_revision(owner: Obj, data: Obj, name: str, labels: dict[str, str], number: int) -> Obj:
    """A ControllerRevision to create."""
    metadata: Obj = {
        "name": name,
        "namespace": owner["metadata"]["namespace"],
        "labels": labels,
        "ownerReferences": [controller_reference(owner)],
    }
    annotations = owner["metadata"].get("annotations")
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "data": data,
        "revision": number,
    }


def create(controller: Controller, owner: Obj, data: Obj, number: int, collisions: int) -> tuple[Obj, int]:
    """Create a StatefulSet's revision; on a hash collision the next hash is tried.

    Returns (the revision, how many collisions there were).
    """
    template_labels = (owner["spec"]["template"].get("metadata") or {}).get("labels") or {}
    while True:
        hash_value = revision_hash(data, collisions)
        name = f"{owner['metadata']['name'][:223]}-{hash_value}"
        labels = {**template_labels, HASH_LABEL: hash_value}
        wanted = new_revision(owner, data, name, labels, number)
        try:
            return controller.client.create(RESOURCE, wanted), collisions
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
            exists = controller.client.get(RESOURCE, name, owner["metadata"]["namespace"])
            if exists.get("data") == data:
                return exists, collisions
            collisions += 1


def renumber(controller: Controller, revision: Obj, number: int) -> Obj:
    """Give a revision a new number."""
    if revision.get("revision") == number:
        return revision
    return controller.client.update(RESOURCE, {**revision, "revision": number})


def adopt_orphans(controller: Controller, owner: Obj, revisions: Iterable[Obj]) -> None:
    """Take possession of matching revisions that nobody owns."""
    for revision in revisions:
        meta = revision["metadata"]
        if meta.get("ownerReferences"):
            continue
        patch = {"metadata": {"ownerReferences": [controller_reference(owner)], "uid": meta["uid"]}}
        controller.client.patch(RESOURCE, meta["name"], patch, meta["namespace"])


def truncate(controller: Controller, revisions: list[Obj], live: set[str], limit: int) -> None:
    """Delete the oldest revisions that nothing uses, beyond the limit."""
    dead = [one for one in revisions if one["metadata"]["name"] not in live]
    for one in dead[: max(0, len(dead) - limit)]:
        try:
            controller.client.delete(RESOURCE, one["metadata"]["name"], one["metadata"]["namespace"])
        except StatusError as error:
            if error.code != 404:
                raise
