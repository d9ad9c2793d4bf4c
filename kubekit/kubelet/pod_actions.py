"""What a sync has to do for a pod: which sandbox and containers to start, and which to kill.

`compute` compares the spec with what the runtime reports and answers with a plain list of actions; it does
nothing itself, so the decision can be read (and shown) before it is carried out by `pod_sync`.
Source: `computePodActions`, `computeInitContainerActions` in `pkg/kubelet/kuberuntime`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from kubekit.api.meta import Obj
from kubekit.kubelet.pod_status import sandbox_ready
from kubekit.kubelet.prober import LIVENESS, STARTUP, Prober
from kubekit.kubelet.restart_policy import init_failed, is_sidecar, restarts_on_failure, should_start
from kubekit.kubelet.runtime import CREATED, EXITED, RUNNING, ContainerStatus, PodStatus


class Kill(NamedTuple):
    """A container to kill: its id, its spec, the event's text, and which probe (if any) is to blame."""

    id: str
    container: Obj
    message: str
    probe: str = ""


@dataclass(slots=True)
class PodActions:
    """What to do, in this order: kill, make a sandbox, start ephemeral, init and regular containers."""

    kill_pod: bool = False
    create_sandbox: bool = False
    attempt: int = 0
    had_sandbox: bool = False
    start: list[int] = field(default_factory=list)
    start_init: list[int] = field(default_factory=list)
    start_ephemeral: list[int] = field(default_factory=list)
    kill: list[Kill] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        """Whether the pod is as it should be."""
        return not (
            self.kill_pod
            or self.create_sandbox
            or self.start
            or self.start_init
            or self.start_ephemeral
            or self.kill
        )


def compute(pod: Obj, status: PodStatus, prober: Prober) -> PodActions:
    """The actions that bring `pod` from what the runtime reports to its spec."""
    spec = pod["spec"]
    actions = PodActions(had_sandbox=bool(status.sandboxes))
    newest = status.sandboxes[0] if status.sandboxes else None
    if not sandbox_ready(pod, status):
        actions.attempt = newest.attempt + 1 if newest else 0
        _with_new_sandbox(pod, status, actions)
        return actions
    actions.attempt = newest.attempt if newest else 0
    for index, container in enumerate(spec.get("ephemeralContainers") or ()):
        if status.find(container["name"]) is None:
            actions.start_ephemeral.append(index)
    initialized = _init_actions(pod, status, prober, actions)
    if actions.kill_pod or not initialized:
        return actions
    keep = 0
    for index, container in enumerate(spec["containers"]):
        run = status.find(container["name"])
        if run is None or run.state != RUNNING:
            if should_start(container, pod, status):
                actions.start.append(index)
            continue
        blame = _failed_probe(run, prober)
        changed = run.image != container.get("image", "")
        if not blame and not changed:
            keep += 1
            continue
        name = container["name"]
        message = f"Container {name} definition changed"
        restart = True
        if blame and not changed:
            message = f"Container {name} failed {blame.lower()} probe"
            policy = container.get("restartPolicy")
            restart = restarts_on_failure(pod) if policy is None else policy != "Never"
        if restart:
            message = f"{message}, will be restarted"
            actions.start.append(index)
        actions.kill.append(Kill(run.id, container, message, "" if changed else blame))
    if keep == 0 and not actions.start:
        actions.kill_pod = True
        actions.start_init = []
    return actions


def _with_new_sandbox(pod: Obj, status: PodStatus, actions: PodActions) -> None:
    spec = pod["spec"]
    actions.kill_pod = True
    if not restarts_on_failure(pod) and actions.attempt and status.containers:
        return
    start = []
    for index, container in enumerate(spec["containers"]):
        policy = container.get("restartPolicy", spec.get("restartPolicy", "Always"))
        run = status.find(container["name"])
        succeeded = run is not None and run.state == EXITED and run.exit_code == 0
        if not (policy == "OnFailure" and succeeded):
            start.append(index)
    if not start and any(status.find(c["name"]) is not None for c in spec["containers"]):
        return
    actions.create_sandbox = True
    if spec.get("initContainers"):
        actions.start_init = [0]
    else:
        actions.start = start


def _init_actions(pod: Obj, status: PodStatus, prober: Prober, actions: PodActions) -> bool:
    """Actions for the init containers, from the last one back; True when the regular ones may start."""
    inits = pod["spec"].get("initContainers") or []
    if not inits:
        return True
    initialized = False
    for container in pod["spec"]["containers"]:
        run = status.find(container["name"])
        if run is not None and run.state in (CREATED, RUNNING):
            initialized = True
            break
    earlier = initialized
    start: list[int] = []
    for index in range(len(inits) - 1, -1, -1):
        container = inits[index]
        run = status.find(container["name"])
        sidecar = is_sidecar(container)
        if run is None:
            if earlier and sidecar:
                start.append(index)
            continue
        if earlier and not sidecar:
            continue
        through = False
        again: list[int] = []
        if run.state == CREATED:
            start.append(index)
        elif run.state == RUNNING:
            if sidecar:
                through = _sidecar_actions(run, container, index, prober, actions, again)
        elif sidecar:
            start.append(index)
        elif init_failed(run):
            if not should_start(container, pod, status):
                actions.kill_pod = True
                actions.start_init = []
                return False
            start.append(index)
        else:
            through = True
        if through:
            if index == len(inits) - 1:
                initialized = True
            elif not sidecar or not earlier:
                start.append(index + 1)
        start += again
        earlier = True
    if not earlier:
        start.append(0)
    actions.start_init = start[::-1]
    return initialized


def _sidecar_actions(
    run: ContainerStatus, container: Obj, index: int, prober: Prober, actions: PodActions, start: list[int]
) -> bool:
    """Judge a running sidecar; True when it is started and the next one may follow."""
    id = f"containerd://{run.id}"
    name = container["name"]
    if "startupProbe" in container:
        verdict = prober.results[STARTUP].get(id)
        if verdict is None:
            return False
        if not verdict:
            message = f"Init container {name} failed startup probe"
            actions.kill.append(Kill(run.id, container, message, STARTUP))
            start.append(index)
            return False
    if run.image != container.get("image", ""):
        message = f"Init container {name} definition changed"
        actions.kill.append(Kill(run.id, container, message))
        start.append(index)
    elif "livenessProbe" in container and prober.results[LIVENESS].get(id) is False:
        message = f"Init container {name} failed liveness probe"
        actions.kill.append(Kill(run.id, container, message, LIVENESS))
        start.append(index)
    return True


def _failed_probe(run: ContainerStatus, prober: Prober) -> str:
    """The probe that says that this container must be restarted, or an empty text."""
    id = f"containerd://{run.id}"
    for type in (LIVENESS, STARTUP):
        if prober.results[type].get(id) is False:
            return type
    return ""
