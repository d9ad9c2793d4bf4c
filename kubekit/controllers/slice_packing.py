"""Packing endpoints into slices: as few changes as possible, at most a hundred in each.

Endpoints that are still wanted stay in their slice; new ones fill the slices that change anyway, then the
fullest slice into which they all fit, then new slices. Source: reconcileByPortMapping in
k8s.io/endpointslice.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.meta import Obj, labels_of
from kubekit.controllers.service_pods import HEADLESS_LABEL

MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SERVICE_NAME = "kubernetes.io/service-name"
RESERVED = (SERVICE_NAME, MANAGED_BY, HEADLESS_LABEL)
MAX_ENDPOINTS = 100


def endpoint_key(endpoint: Obj) -> tuple[Any, ...]:
    """What makes an endpoint the same one although its conditions differ."""
    target = endpoint.get("targetRef") or {}
    names = endpoint.get("hostname", ""), target.get("namespace", ""), target.get("name", "")
    return (*sorted(endpoint["addresses"]), *names)


def arrange(
    slices: list[Obj], desired: dict[tuple[Any, ...], Obj], empty: Obj
) -> tuple[list[Obj], list[Obj], list[Obj]]:
    """(slices to create, to update, to delete) so that together they hold what is desired."""
    left = dict(desired)
    unchanged: list[Obj] = []
    update: list[Obj] = []
    delete: list[Obj] = []
    labels = empty["metadata"]["labels"]
    for one in slices:
        old = one.get("endpoints") or []
        kept = []
        changed = False
        for endpoint in old:
            wanted = left.pop(endpoint_key(endpoint), None)
            if wanted is None:
                continue
            if endpoint.get("hints"):
                wanted = {**wanted, "hints": endpoint["hints"]}
            kept.append(wanted)
            changed = changed or wanted != endpoint
        if changed or len(kept) != len(old):
            if kept:
                update.append(_with(one, kept, labels))
            else:
                delete.append(one)
        elif _foreign_labels(one) != _foreign_labels(empty):
            update.append(_with(one, kept, labels))
        else:
            unchanged.append(one)
    update.sort(key=lambda one: -len(one["endpoints"]))
    for one in update:
        while left and len(one["endpoints"]) < MAX_ENDPOINTS:
            one["endpoints"].append(left.pop(next(iter(left))))
    create: list[Obj] = []
    while left:
        target = _slice_to_fill(unchanged, len(left)) if len(left) < MAX_ENDPOINTS else None
        if target is None:
            filled = {**empty, "endpoints": []}
            create.append(filled)
        else:
            unchanged = [one for one in unchanged if one is not target]
            filled = _with(target, list(target.get("endpoints") or ()), labels)
            update.append(filled)
        while left and len(filled["endpoints"]) < MAX_ENDPOINTS:
            filled["endpoints"].append(left.pop(next(iter(left))))
    return create, update, delete


def _with(one: Obj, endpoints: list[Obj], labels: dict[str, str]) -> Obj:
    return {**one, "endpoints": endpoints, "metadata": {**one["metadata"], "labels": labels}}


def _foreign_labels(one: Obj) -> dict[str, str]:
    return {k: v for k, v in labels_of(one).items() if k not in RESERVED}


def _slice_to_fill(slices: list[Obj], count: int) -> Obj | None:
    """The slice that would be fullest with `count` more, if they fit."""
    fitting = [one for one in slices if MAX_ENDPOINTS - count - len(one.get("endpoints") or ()) >= 0]
    fitting = [one for one in fitting if len(one.get("endpoints") or ()) + count > 0]
    return max(fitting, key=lambda one: len(one.get("endpoints") or ()), default=None)
