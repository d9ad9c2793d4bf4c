"""Carrying out what a pod needs: sandbox, images, containers, hooks; and killing what is not wanted.

`PodSync.sync` computes the actions (`pod_actions`) and does them one below the other; `kill_pod` stops
everything a pod runs, honouring hooks, grace periods and the order of sidecars. Both are steps (`task`) and
end with a `Result`; no exception for what a pod did wrong leaves this file.
Source: `SyncPod`, `killPodWithSyncResult` in `pkg/kubelet/kuberuntime`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kubekit.api.meta import Obj
from kubekit.kubelet.backoff import Backoff
from kubekit.kubelet.container_start import ContainerStart, StartError
from kubekit.kubelet.cri import RuntimeService, SandboxError
from kubekit.kubelet.events import CONTAINERS, EPHEMERAL, INIT, ContainerEvents
from kubekit.kubelet.exec_command import seconds_of
from kubekit.kubelet.pod_actions import PodActions, compute
from kubekit.kubelet.prober import Prober
from kubekit.kubelet.restart_policy import is_sidecar
from kubekit.kubelet.runtime import EXITED, PodStatus
from kubekit.kubelet.task import Gather, Pause, Steps
from kubekit.sim import Loop, Step

MINIMUM_GRACE_SECONDS = 2.0


@dataclass(slots=True)
class Result:
    """What came of a sync.

    `reasons` holds, for each container whose start was tried, why it failed, or None. `retry_at` is the Unix
    time at which a crash loop's wait ends; `failed` asks for another try in any case.
    """

    changed: bool = False
    failed: bool = False
    retry_at: float | None = None
    reasons: dict[str, tuple[str, str] | None] = field(default_factory=dict)


class PodSync:
    """Syncs the pods of one node with its runtime."""

    def __init__(
        self,
        loop: Loop,
        owner: str,
        cri: RuntimeService,
        events: ContainerEvents,
        prober: Prober,
        starter: ContainerStart,
        sandbox_ready: Callable[[Obj], None],
    ) -> None:
        self._loop = loop
        self._owner = owner
        self._cri = cri
        self._events = events
        self._prober = prober
        self._starter = starter
        self._sandbox_ready = sandbox_ready
        self.backoff = Backoff()

    def sync(self, pod: Obj, status: PodStatus) -> Steps[Result]:
        """Do what brings the pod from `status` to its spec."""
        result = Result()
        actions = compute(pod, status, self._prober)
        if actions.nothing:
            return result
        self._record(pod, actions)
        result.changed = True
        if actions.create_sandbox and actions.had_sandbox:
            text = "Pod sandbox changed, it will be killed and re-created."
            self._events.pod(pod, "Normal", "SandboxChanged", text)
        if actions.kill_pod:
            yield from self.kill_pod(pod)
        for kill in () if actions.kill_pod else actions.kill:
            yield from self._kill(pod, kill.id, kill.container, kill.message, kill.probe, None)
        if actions.create_sandbox:
            try:
                yield from self._cri.run_pod_sandbox(pod, actions.attempt)
            except SandboxError as error:
                text = f"Failed to create pod sandbox: {error}"
                self._events.pod(pod, "Warning", "FailedCreatePodSandBox", text)
                result.failed = True
                return result
            self._sandbox_ready(pod)
        spec = pod["spec"]
        for index in actions.start_ephemeral:
            yield from self._start(pod, status, spec["ephemeralContainers"][index], EPHEMERAL, result)
        for index in actions.start_init:
            container = spec["initContainers"][index]
            fine = yield from self._start(pod, status, container, INIT, result)
            if not fine and not is_sidecar(container):
                return result
        for index in actions.start:
            yield from self._start(pod, status, spec["containers"][index], CONTAINERS, result)
        return result

    # -- starting ---------------------------------------------------------------------------------------

    def _start(self, pod: Obj, status: PodStatus, container: Obj, kind: str, result: Result) -> Steps[bool]:
        name = container["name"]
        ended = next((run for run in status.containers if run.name == name and run.state == EXITED), None)
        now = self._loop.clock.now()
        if ended is not None:
            key = f"{pod['metadata']['uid']}_{name}_{container.get('image', '')}"
            if self.backoff.in_backoff_since(key, ended.finished_at, now):
                who = _full_name(pod)
                text = f"Back-off restarting failed container {name} in pod {who}"
                self._events.warning(pod, container, kind, "BackOff", text)
                wait = self.backoff.get(key)
                message = f"back-off {_go_seconds(wait)} restarting failed container={name} pod={who}"
                result.reasons[name] = ("CrashLoopBackOff", message)
                result.failed = True
                until = ended.finished_at + wait
                result.retry_at = until if result.retry_at is None else min(result.retry_at, until)
                return False
            self.backoff.next(key, ended.finished_at, now)
        newest = status.find(name)
        attempt = newest.attempt + 1 if newest is not None else 0
        try:
            yield from self._starter.start(pod, container, kind, attempt)
        except StartError as error:
            result.reasons[name] = (error.reason, error.message)
            result.failed = True
            if error.kill_id:
                yield from self._kill(pod, error.kill_id, container, "FailedPostStartHook", "", None)
            return False
        result.reasons[name] = None
        return True

    # -- killing ----------------------------------------------------------------------------------------

    def kill_pod(self, pod: Obj, grace: float | None = None) -> Steps[None]:
        """Stop all running containers (sidecars last, in reverse order), then the sandbox.

        `grace` overrides the pod's own grace period.
        """
        running = [
            run for run in self._cri.pod_status(pod["metadata"]["uid"]).containers if run.state == "running"
        ]
        spec = pod["spec"]
        specs = {c["name"]: c for kind in (CONTAINERS, INIT, EPHEMERAL) for c in spec.get(kind) or ()}
        sidecars = [c["name"] for c in spec.get("initContainers") or () if is_sidecar(c)]
        steps: list[Steps[Any]] = []
        last: dict[str, str] = {}
        began = self._loop.clock.now()
        for run in reversed(running):  # the oldest first: the order of the spec
            if run.name not in specs:
                continue
            if run.name in sidecars:
                last[run.name] = run.id
                steps.append(self._announce(pod, run.id, specs[run.name], "", "", grace))
            else:
                steps.append(self._kill(pod, run.id, specs[run.name], "", "", grace))
        if steps:
            yield Gather(steps)
        for name in reversed(sidecars):
            container = self._cri.container(last.get(name, ""))
            if container is not None:
                total = grace if grace is not None else _grace(pod, specs[name], "")
                left = max(MINIMUM_GRACE_SECONDS, total - (self._loop.clock.now() - began))
                yield from self._cri.stop_container(pod, container, left)
        self._cri.stop_pod_sandbox(pod)

    def _kill(
        self, pod: Obj, id: str, spec: Obj, message: str, probe: str, grace: float | None
    ) -> Steps[None]:
        left = yield from self._announce(pod, id, spec, message, probe, grace)
        container = self._cri.container(id)
        if container is not None:
            yield from self._cri.stop_container(pod, container, left)

    def _announce(
        self, pod: Obj, id: str, spec: Obj, message: str, probe: str, grace: float | None
    ) -> Steps[float]:
        """Say that a container is killed and run its preStop hook; the grace period that is left."""
        kind = _kind_of(pod, spec["name"])
        text = message or f"Stopping container {spec['name']}"
        self._events.normal(pod, spec, kind, "Killing", text)
        left = _grace(pod, spec, probe) if grace is None else grace
        hook = (spec.get("lifecycle") or {}).get("preStop")
        if hook and left > 0:
            seconds, fine = self._hook(hook, id)
            seconds = min(seconds, left)
            if seconds:
                yield Pause(seconds, f"preStop hook of container {spec['name']}")
            if not fine:
                self._events.warning(pod, spec, kind, "FailedPreStopHook", "PreStopHook failed")
            left -= int(seconds)
        return max(left, MINIMUM_GRACE_SECONDS)

    def _hook(self, hook: Obj, id: str) -> tuple[float, bool]:
        if "sleep" in hook:
            return float(hook["sleep"].get("seconds", 0)), True
        container = self._cri.container(id)
        if "exec" in hook and container is not None:
            argv = hook["exec"].get("command") or []
            return seconds_of(argv), self._cri.exec_sync(container, argv)[0] == 0
        return 0.0, True

    def _record(self, pod: Obj, actions: PodActions) -> None:
        meta, spec = pod["metadata"], pod["spec"]
        steps: list[Step] = []
        if actions.kill_pod and not actions.create_sandbox:
            steps.append(Step("does a container still run, or will one?", "refuse", "the sandbox is stopped"))
        for kill in actions.kill:
            steps.append(Step(f"container {kill.container['name']}", "refuse", kill.message))
        if actions.create_sandbox:
            steps.append(Step("is there a sandbox with an address?", "refuse", "a new one is made"))
        for kind, indexes in (
            (EPHEMERAL, actions.start_ephemeral),
            (INIT, actions.start_init),
            (CONTAINERS, actions.start),
        ):
            steps += [
                Step(f"{spec[kind][index]['name']} ({kind})", "pick", "is started") for index in indexes
            ]
        where = f"{meta['namespace']}/{meta['name']}"
        self._loop.trace.emit(
            "sync", self._owner, f"pod/{where}", f"{self._owner} syncs {where}.", steps=steps
        )


def _grace(pod: Obj, container: Obj, probe: str) -> float:
    """The seconds a container gets to end by itself."""
    meta, spec = pod["metadata"], pod["spec"]
    if meta.get("deletionGracePeriodSeconds") is not None:
        return float(meta["deletionGracePeriodSeconds"])
    own = spec.get("terminationGracePeriodSeconds")
    if own is None:
        return MINIMUM_GRACE_SECONDS
    if probe:
        seconds = (container.get(f"{probe.lower()}Probe") or {}).get("terminationGracePeriodSeconds")
        if seconds is not None:
            return float(seconds)
    return float(own)


def _kind_of(pod: Obj, name: str) -> str:
    for kind in (CONTAINERS, INIT, EPHEMERAL):
        if any(container["name"] == name for container in pod["spec"].get(kind) or ()):
            return kind
    return CONTAINERS


def _full_name(pod: Obj) -> str:
    """``name_namespace(uid)``: how the kubelet writes a pod."""
    meta = pod["metadata"]
    return f"{meta['name']}_{meta['namespace']}({meta['uid']})"


def _go_seconds(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
