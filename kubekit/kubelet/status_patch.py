"""The patch that turns one pod status into another, as the kubelet sends it.

A strategic merge patch with the pod's uid as a precondition: conditions and addresses merge by their keys,
everything else is replaced. Source: `pkg/util/pod/pod.go` (PatchPodStatus).
"""

from __future__ import annotations

from typing import Any

from kubekit.api.meta import Obj

MERGED = {"conditions": "type", "podIPs": "ip", "hostIPs": "ip"}
KEPT = ("resourceClaimStatuses", "extendedResourceClaimStatus", "nodeAllocatableResourceClaimStatuses")
"""Fields of the status that others write and the kubelet leaves alone."""


def status_patch(uid: str, old: Obj, new: Obj) -> Obj | None:
    """The patch from `old` to `new`, or None when they are the same.

    >>> old = {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False", "reason": "No"}]}
    >>> new = {"phase": "Pending", "conditions": [{"type": "Ready", "status": "True"}]}
    >>> status_patch("u", old, new)["status"]["conditions"]
    [{'type': 'Ready', 'status': 'True', 'reason': None}]
    """
    status: Obj = {}
    for field, value in new.items():
        before = old.get(field)
        if value == before:
            continue
        key = MERGED.get(field)
        if key is None or not before:
            status[field] = value
            if key is not None:
                status[f"$setElementOrder/{field}"] = [{key: entry[key]} for entry in value]
        else:
            status[f"$setElementOrder/{field}"] = [{key: entry[key]} for entry in value]
            status[field] = _merged(key, before, value)
    for field in old:
        if field not in new and field not in KEPT:
            status[field] = None
    if not status:
        return None
    return {"metadata": {"uid": uid}, "status": status}


def _merged(key: str, old: list[Obj], new: list[Obj]) -> list[Obj]:
    known = {entry[key]: entry for entry in old}
    names = {entry[key] for entry in new}
    out: list[Obj] = []
    for entry in new:
        before = known.get(entry[key])
        if before is None:
            out.append(entry)
        elif entry != before:
            changed: dict[str, Any] = {key: entry[key]}
            changed |= {name: value for name, value in entry.items() if before.get(name, _NOTHING) != value}
            changed |= {name: None for name in before if name not in entry}
            out.append(changed)
    out += [{"$patch": "delete", key: entry[key]} for entry in old if entry[key] not in names]
    return out


_NOTHING = object()
