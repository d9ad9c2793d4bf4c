"""The binding cycle: from a chosen node to a bound pod, waiting where plugins want to wait.

    Permit (wait) -> PreBind (wait) -> Bind -> PostBind

The pod is assumed on its node meanwhile, so other pods are scheduled around it. What fails here gives the
node back: the pod is forgotten, the pods that might now fit are moved, and it is tried again later. Nothing
blocks: where the original waits in a goroutine, this cycle puts itself on the loop and is resumed.

Source: pkg/scheduler/schedule_one.go (bindingCycle); framework/runtime/waiting_pods_map.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.scheduler.attempt import Attempt
from kubekit.scheduler.extender_calls import bind_by_extender
from kubekit.scheduler.failure import as_fit_error, handle_failure, patch_status
from kubekit.scheduler.framework import events as ev
from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.plugin import Waiting
from kubekit.scheduler.framework.pod_info import PodInfo, QueuedPodInfo
from kubekit.scheduler.framework.runtime import Framework
from kubekit.scheduler.framework.status import Code, PluginError, Status, error_status
from kubekit.sim import Handle

if TYPE_CHECKING:
    from kubekit.scheduler.scheduler import Scheduler

Obj = dict[str, Any]

LONGEST_PERMIT = 15 * 60.0
POLL = 1.0
"""Seconds between two looks at what PreBind waits for."""
PATIENT_POLLS = 10
"""So many looks are worth letting time pass for; whoever waits longer does so in the background."""


class BindingCycle:
    """One pod on its way to one node.

    A plugin that asked to wait in Permit decides with `allow(plugin)` or `reject(plugin, message)`; it finds
    the cycle in `scheduler.waiting_pods` by the pod's uid.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        framework: Framework,
        state: CycleState,
        queued: QueuedPodInfo,
        pod: PodInfo,
        node: str,
        attempt: Attempt,
        record: int,
    ) -> None:
        self.scheduler = scheduler
        self.framework = framework
        self.state = state
        self.queued = queued
        self.pod = pod
        self.node = node
        self.attempt = attempt
        self.record = record
        self.pending: dict[str, Handle] = {}
        """Plugins whose permission is outstanding, with the timers that would end the wait."""
        self._pre_bind = list(framework.points["PreBind"])
        self._polls = 0
        self._in_pre_bind = False
        self._cancelled: Exception | None = None

    # -- Permit ------------------------------------------------------------------------------------

    def ask_permission(self) -> Status | None:
        """Run the Permit plugins; a refusal or None. Who asked to wait is noted in `pending`."""
        waits: dict[str, float] = {}
        for plugin in self.framework.points["Permit"]:
            try:
                answer = plugin.permit(self.state, self.pod, self.node)
            except Exception as error:
                return error_status(error, f'running Permit plugin "{plugin.name}"', plugin.name)
            status, seconds = answer if isinstance(answer, tuple) else (answer, 0.0)
            if status is None or status.code == Code.SUCCESS:
                continue
            if status.code != Code.WAIT:
                refusal: Status = status.by(plugin.name)
                return refusal
            waits[plugin.name] = min(seconds, LONGEST_PERMIT)
        loop, owner = self.scheduler.loop, self.scheduler.name
        for plugin_name, seconds in waits.items():
            text = f"rejected due to timeout after waiting {seconds:g}s at plugin {plugin_name}"
            self.pending[plugin_name] = loop.call_later(
                seconds,
                owner,
                self.reject,
                plugin_name,
                text,
                what=f"{self.pod.key}: end of the wait for {plugin_name}",
            )
        if waits:
            self.scheduler.waiting_pods[self.pod.uid] = self
        return None

    def allow(self, plugin: str) -> None:
        """The plugin has nothing more against the pod."""
        timer = self.pending.pop(plugin, None)
        if timer is not None:
            timer.cancel()
            if not self.pending:
                self._resume(None)

    def reject(self, plugin: str, message: str) -> bool:
        """The plugin refuses the pod after all; False when it was not waiting any more."""
        if not self.pending:
            return False
        for timer in self.pending.values():
            timer.cancel()
        self.pending = {}
        self._resume(Status(Code.UNSCHEDULABLE, message, plugin=plugin))
        return True

    def _resume(self, refusal: Status | None) -> None:
        self.scheduler.waiting_pods.pop(self.pod.uid, None)
        self.scheduler.loop.call_soon(
            self.scheduler.name, self._continue, refusal, what=f"bind {self.pod.key}"
        )

    def _continue(self, refusal: Status | None) -> None:
        with self.scheduler.loop.trace.under(self.record):
            waits = self._fail(refusal) if refusal is not None else self.run()
        if not waits:
            self.scheduler.emit(self.attempt, self.record)

    # -- PreBind, Bind, PostBind -------------------------------------------------------------------

    def run(self) -> bool:
        """Go as far as possible; True when it waits and will go on by itself."""
        if self.pending:
            self.attempt.bind = "waiting"
            return True
        if not self._in_pre_bind:
            self._in_pre_bind = True
            if (failed := self._pre_flight()) is not None:
                return self._fail(failed)
            # From here on a failure is an error and no refusal, so events need not be kept for the pod.
            self.scheduler.queue.done(self.pod.uid)
        while self._pre_bind:
            plugin = self._pre_bind.pop(0)
            try:
                answer = plugin.pre_bind(self.state, self.pod, self.node)
            except Exception as error:
                return self._fail(error_status(error, f'running PreBind plugin "{plugin.name}"'))
            if isinstance(answer, Waiting):
                self.scheduler.pods_in_pre_bind[self.pod.uid] = self
                self.attempt.bind = "waiting"
                self._polls = 0
                self._poll_later(answer, plugin.name, self.scheduler.now() + answer.timeout)
                return True
            if isinstance(answer, Status) and answer.code != Code.SUCCESS:
                return self._fail(answer.by(plugin.name))
        return self._bind()

    def _pre_flight(self) -> Status | None:
        """Leave out the PreBind plugins that have nothing to do; announce the node if one has."""
        busy = []
        for plugin in self._pre_bind:
            ask = getattr(plugin, "pre_bind_pre_flight", None)
            try:
                answer = ask(self.state, self.pod, self.node) if ask is not None else None
            except Exception as error:
                return error_status(error, f'running PreBindPreFlight "{plugin.name}"')
            if not isinstance(answer, Status) or answer.code != Code.SKIP:
                busy.append(plugin)
        self._pre_bind = busy
        if busy:
            patch_status(self.scheduler, self.queued.info, nominated=self.node)
        return None

    def _poll_later(self, wait: Waiting, plugin: str, deadline: float) -> None:
        self._polls += 1
        self.scheduler.loop.call_later(
            POLL,
            self.scheduler.name,
            self._poll,
            wait,
            plugin,
            deadline,
            what=f"{self.pod.key}: {wait.what}",
            background=self._polls > PATIENT_POLLS,
        )

    def _poll(self, wait: Waiting, plugin: str, deadline: float) -> None:
        try:
            if self._cancelled is not None:
                raise self._cancelled
            if not wait.done():
                if self.scheduler.now() < deadline:
                    self._poll_later(wait, plugin, deadline)
                    return
                raise PluginError(f"{wait.what}: context deadline exceeded")
            refusal = None
        except Exception as error:
            refusal = error_status(error, f'running PreBind plugin "{plugin}"')
        self.scheduler.pods_in_pre_bind.pop(self.pod.uid, None)
        self._continue(refusal)

    def cancel(self, why: str) -> None:
        """Preempted while PreBind waits: give up at the next look."""
        self._cancelled = PluginError(why)

    def _bind(self) -> bool:
        bound, status = bind_by_extender(self.framework.extenders, self.pod, self.node)
        for plugin in () if bound else self.framework.points["Bind"]:
            try:
                status = plugin.bind(self.state, self.pod, self.node)
            except Exception as error:
                return self._fail(error_status(error, f'running Bind plugin "{plugin.name}"'))
            if status is not None and status.code == Code.SKIP:
                continue
            break
        if status is not None and status.code != Code.SUCCESS:
            return self._fail(status)
        self.attempt.bind = "bound"
        text = f"Successfully assigned {self.pod.key} to {self.node}"
        self.scheduler.recorder(self.pod).event(self.pod.pod, "Normal", "Scheduled", text, action="Binding")
        for plugin in self.framework.points["PostBind"]:
            try:
                plugin.post_bind(self.state, self.pod, self.node)
            except Exception:
                continue
        return False

    def _fail(self, status: Status) -> bool:
        """Give the node back and tell everybody who might want it."""
        scheduler, pod = self.scheduler, self.pod
        self.framework.run_unreserve(self.state, pod, self.node)
        scheduler.cache.forget(pod)
        self.attempt.bind = "failed"
        uid = pod.uid
        if not status.rejected:
            scheduler.queue.move_all(ev.ASSIGNED_POD_DELETE, pod.pod, None)
        handle_failure(scheduler, self.queued, as_fit_error(status, self.node), "", self.attempt)
        if status.rejected:
            scheduler.queue.move_all(ev.ASSIGNED_POD_DELETE, pod.pod, None, lambda other: other.uid != uid)
        return False
