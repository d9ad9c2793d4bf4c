"""What a pod's spec asks of resources, container by container, and how events write it.

Source: pkg/kubelet/events/resize.go.
"""

from __future__ import annotations

import json

from kubekit.api.meta import Obj
from kubekit.kubelet.restart_policy import is_sidecar

LISTS = ("initContainers", "containers")


def resources_of(pod: Obj) -> dict[str, Obj]:
    """The resources of the containers that can be resized, by name."""
    spec = pod["spec"]
    sidecars = [container for container in spec.get("initContainers") or () if is_sidecar(container)]
    return {
        container["name"]: container.get("resources") or {} for container in (*sidecars, *spec["containers"])
    }


def summary(pod: Obj, generation: int, error: str = "") -> str:
    """All containers' resources as JSON."""
    out: Obj = {}
    for field in LISTS:
        containers = pod["spec"].get(field)
        if containers:
            out[field] = [{"name": one["name"], "resources": _in_order(one)} for one in containers]
    out["generation"] = generation
    if error:
        out["error"] = error
    return json.dumps(out, separators=(",", ":"), ensure_ascii=False)


def _in_order(container: Obj) -> Obj:
    resources = container.get("resources") or {}
    out: Obj = {}
    for field in ("limits", "requests"):
        if resources.get(field):
            out[field] = dict(sorted(resources[field].items()))
    if resources.get("claims"):
        out["claims"] = resources["claims"]
    return out
