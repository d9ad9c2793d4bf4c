"""The phase of a pod, counted from its containers' statuses.

Pending until all init containers are through and every container has run once; Running while one runs or
will run again; Succeeded or Failed when none will. Source: `getPhase` in `pkg/kubelet/kubelet_pods.go`.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubekit.api.meta import Obj
from kubekit.kubelet.restart_policy import is_sidecar, policy_restarts

STATIC_SOURCE = "kubernetes.io/config.source"


def is_static(pod: Obj) -> bool:
    """Whether the pod comes from the node's manifest directory, not from the API server."""
    source = (pod["metadata"].get("annotations") or {}).get(STATIC_SOURCE)
    return source is not None and source != "api"


def phase_of(pod: Obj, statuses: Mapping[str, Obj], ended: bool, initialized: bool) -> str:
    """The phase that these container statuses (by name, all lists) make.

    `ended`: the kubelet has stopped all containers for good. `initialized`: a regular container has started.
    """
    spec = pod["spec"]
    pending_init = failed_init = pending_sidecars = 0
    running = waiting = unknown = 0
    for container in spec.get("initContainers") or ():
        entry = statuses.get(container["name"])
        if is_sidecar(container):
            if entry is None:
                unknown += 1
            elif "running" in entry["state"]:
                running += 1
                pending_sidecars += not entry.get("started")
            elif "waiting" in entry["state"] and not (entry.get("lastState") or {}).get("terminated"):
                pending_sidecars += 1
                waiting += 1
            continue
        code = None if entry is None else _last_exit(entry)
        if code is None:
            pending_init += 1
        elif code != 0 and not policy_restarts(container, spec, code):
            failed_init += 1
    stopped = final = succeeded = 0
    for container in spec["containers"]:
        entry = statuses.get(container["name"])
        if entry is None:
            unknown += 1
        elif "running" in entry["state"]:
            running += 1
        elif (code := _last_exit(entry)) is not None:
            stopped += 1
            final += not policy_restarts(container, spec, code)
            succeeded += "terminated" in entry["state"] and code == 0
        elif "waiting" in entry["state"]:
            waiting += 1
        else:
            unknown += 1
    if failed_init:
        return "Failed"
    if pending_init or (pending_sidecars and not initialized) or waiting:
        return "Pending"
    if running and not unknown:
        return "Running"
    if not running and stopped and not unknown:
        if ended and not is_static(pod):
            return "Succeeded" if stopped == succeeded else "Failed"
        if stopped != final:
            return "Running"
        return "Succeeded" if stopped == succeeded else "Failed"
    return "Pending"


def _last_exit(entry: Obj) -> int | None:
    """The exit status of a container that has ended and does not run; None if it runs or never ran."""
    state = entry["state"]
    if "terminated" in state:
        return int(state["terminated"]["exitCode"])
    if "waiting" in state:
        last = (entry.get("lastState") or {}).get("terminated")
        return int(last["exitCode"]) if last else None
    return None
