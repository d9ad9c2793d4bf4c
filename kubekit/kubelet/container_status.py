"""Container statuses: what the API shows of each container, from the runtime's report and the status before.

The runtime keeps the last two runs of a container; the status before keeps what the runtime forgot; the
reason cache says why a container that should run does not (a pull that fails, a crash loop). The order of
these three is the whole subject. Source: `convertToAPIContainerStatuses` in `pkg/kubelet/kubelet_pods.go`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubekit.api.meta import Obj
from kubekit.kubelet.resources import status_of_running
from kubekit.kubelet.restart_policy import is_sidecar, should_start
from kubekit.kubelet.runtime import CREATED, EXITED, RUNNING, ContainerStatus, PodStatus
from kubekit.sim import rfc3339

Reasons = Mapping[str, tuple[str, str]]
"""Why a container does not run: container name -> (reason, message)."""

LOST_WHILE_RUNNING = (
    "The container could not be located when the pod was deleted.  The container used to be Running"
)
INIT_FORGOTTEN = (
    "Unable to get init container status from container runtime and pod has been initialized, "
    "treat it as exited normally"
)


def container_statuses(
    pod: Obj,
    status: PodStatus,
    before: Sequence[Obj],
    containers: Sequence[Obj],
    reasons: Reasons,
    *,
    init: bool = False,
    ephemeral: bool = False,
) -> list[Obj]:
    """The statuses of `containers`, sorted by name (init containers in the order of the spec).

    `before` is the list that was last reported. Readiness is filled in later by the prober.
    """
    old = {entry["name"]: entry for entry in before}
    creating = "PodInitializing" if pod["spec"].get("initContainers") else "ContainerCreating"
    made: dict[str, Obj] = {}
    for container in containers:
        name = container["name"]
        last = old.get(name)
        if last is not None and "terminated" in last["state"]:
            made[name] = dict(last)
            continue
        entry = _blank(container, creating)
        if last is not None:
            entry["restartCount"] = last.get("restartCount", 0)
            entry["lastState"] = last.get("lastState") or {}
        made[name] = entry
        was_running = last is not None and "running" in last["state"]
        if was_running and status.find(name) is None and not entry["lastState"]:
            entry["lastState"] = {"terminated": _ended("ContainerStatusUnknown", LOST_WHILE_RUNNING, 137)}
            if not pod["metadata"].get("deletionTimestamp"):
                entry["restartCount"] += 1
    runs: dict[str, int] = {}
    specs = {container["name"]: container for container in containers}
    for run in status.containers:  # newest first; the second newest is the last state
        seen = runs.get(run.name, 0)
        if run.name not in specs or seen >= 2:
            continue
        runs[run.name] = seen + 1
        if seen:
            made[run.name]["lastState"] = _state(run)
        else:
            made[run.name] = _converted(run, specs[run.name], old.get(run.name), ephemeral)
    for container in containers:
        _explain(pod, status, container, made, reasons, init)
    names = [container["name"] for container in containers]
    return [made[name] for name in (names if init else sorted(names))]


def _explain(
    pod: Obj, status: PodStatus, container: Obj, made: dict[str, Obj], reasons: Reasons, init: bool
) -> None:
    """Say why a container that should run waits."""
    name = container["name"]
    entry = made[name]
    if init:
        run = status.find(name)
        if run is not None and run.state == EXITED and run.exit_code == 0:
            return
        created = any(status.find(c["name"]) is not None for c in pod["spec"]["containers"])
        if run is None and created and not is_sidecar(container) and "waiting" in entry["state"]:
            entry["state"] = {"terminated": _ended("Completed", INIT_FORGOTTEN, 0)}
            return
    reason = reasons.get(name)
    if reason is None or not should_start(container, pod, status):
        return
    if "terminated" in entry["state"]:
        entry["lastState"] = entry["state"]
    waiting = {"reason": reason[0]}
    if reason[1]:
        waiting["message"] = reason[1]
    entry["state"] = {"waiting": waiting}


def _blank(container: Obj, reason: str) -> Obj:
    entry: Obj = {
        "name": container["name"],
        "state": {"waiting": {"reason": reason}},
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "image": container.get("image", ""),
        "imageID": "",
    }
    if container.get("volumeMounts"):
        entry["volumeMounts"] = [_mount(mount) for mount in container["volumeMounts"]]
    return entry


def _mount(mount: Obj) -> Obj:
    out = {"name": mount["name"], "mountPath": mount["mountPath"]}
    if mount.get("readOnly"):
        enabled = mount.get("recursiveReadOnly") in ("Enabled", "IfPossible")
        out |= {"readOnly": True, "recursiveReadOnly": "Enabled" if enabled else "Disabled"}
    return out


def _converted(run: ContainerStatus, container: Obj, last: Obj | None, ephemeral: bool) -> Obj:
    id = f"containerd://{run.id}"
    entry: Obj = {
        "name": run.name,
        "state": _state(run),
        "lastState": {},
        "ready": False,
        "restartCount": run.attempt,
        "image": run.image,
        "imageID": run.image_ref,
        "containerID": id,
    }
    if last is not None:
        if last.get("volumeMounts"):
            entry["volumeMounts"] = last["volumeMounts"]
        entry["restartCount"] = max(run.attempt, last.get("restartCount", 0))
        if last.get("containerID", "") != id and "terminated" in last["state"]:
            entry["lastState"] = {"terminated": last["state"]["terminated"]}
            if run.state == RUNNING and last.get("restartCount", 0) >= run.attempt:
                entry["restartCount"] = last.get("restartCount", 0) + 1
        elif last.get("lastState"):
            entry["lastState"] = last["lastState"]
    elif container.get("volumeMounts"):
        entry["volumeMounts"] = [_mount(mount) for mount in container["volumeMounts"]]
    resources = container.get("resources") or {}
    entry["resources"] = status_of_running(resources) if run.state == RUNNING else resources
    if resources.get("requests") and not ephemeral:
        entry["allocatedResources"] = resources["requests"]
    return entry


def _state(run: ContainerStatus) -> Obj:
    if run.state == RUNNING:
        return {"running": {"startedAt": rfc3339(run.started_at)}}
    if run.state == EXITED:
        ended: Obj = {"exitCode": run.exit_code, "reason": run.reason}
        if run.message:
            ended["message"] = run.message
        ended["startedAt"] = rfc3339(run.started_at)
        ended["finishedAt"] = rfc3339(run.finished_at)
        ended["containerID"] = f"containerd://{run.id}"
        return {"terminated": ended}
    assert run.state == CREATED, run.state
    return {"waiting": {}}


def _ended(reason: str, message: str, exit_code: int) -> Obj:
    return {
        "exitCode": exit_code,
        "reason": reason,
        "message": message,
        "startedAt": None,
        "finishedAt": None,
    }
