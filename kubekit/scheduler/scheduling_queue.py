"""The scheduling queue: which pod is tried next, and which must wait for what.

Three places: the *active* queue (tried next, by priority), the *back-off* queue (refused before, worth
another attempt, but not at once), and the *unschedulable* pool (refused, and nothing has happened that
could change that). Events move pods from the pool: each plugin that refused the pod is asked, through its
hint function, whether this event might help. A pod that nothing moves is tried again after five minutes
anyway. Gated pods (PreEnqueue) wait in the pool too, and only for their gate.

The queue calls `wake` when a pod could be popped and `wait_until` when it needs to be flushed later; it has
no timers of its own.

Source: pkg/scheduler/backend/queue/scheduling_queue.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any

from kubekit.scheduler.backoff_queue import BackoffQueue
from kubekit.scheduler.framework import events as ev
from kubekit.scheduler.framework.events import ClusterEvent, HintFn
from kubekit.scheduler.framework.pod_info import PodInfo, QueuedPodInfo
from kubekit.scheduler.framework.runtime import Framework
from kubekit.scheduler.in_flight import InFlight
from kubekit.scheduler.nominator import Nominator
from kubekit.scheduler.pod_heap import Less, PodHeap, SortKey, order_of
from kubekit.scheduler.queue_history import ACTIVE, BACKOFF, IN_FLIGHT, POOL, Move, QueueHistory, meaning

Obj = dict[str, Any]

LONGEST_UNSCHEDULABLE = 300.0
"""Seconds after which a pod leaves the unschedulable pool although nothing happened."""
FLUSH_PERIOD = 30.0
MOST_MOVES = 50
"""So many moves of one pod are kept for the record of its next attempt."""


class Worth(Enum):
    """What an event means for a pod."""

    SKIP = 0
    AFTER_BACKOFF = 1
    AT_ONCE = 2


class SchedulingQueue:
    """All pods that want a node.

    `frameworks` are the profiles by scheduler name; `now` gives Unix seconds; `find_pod` the API object of
    ``namespace/name`` as last seen (None: do not ask); `cause` the record that what happens now goes back to.
    """

    def __init__(
        self,
        frameworks: Mapping[str, Framework],
        now: Callable[[], float],
        *,
        initial_backoff: float = 1.0,
        max_backoff: float = 10.0,
        find_pod: Callable[[str], Obj | None] | None = None,
        cause: Callable[[], int | None] = lambda: None,
        wake: Callable[[], None] = lambda: None,
        wait_until: Callable[[], None] = lambda: None,
    ) -> None:
        self.frameworks = frameworks
        self._now = now
        self._started = now()
        less, sort_key = self._order()
        self.active = PodHeap(less, sort_key)
        self.backoff = BackoffQueue(now, initial_backoff, max_backoff, less)
        self.unschedulable: dict[str, QueuedPodInfo] = {}
        self.in_flight = InFlight()
        self.nominator = Nominator(find_pod)
        self._cause = cause
        self._wake = wake
        self._wait_until = wait_until
        self._arrivals = 0
        self.history = QueueHistory()
        self._hint: tuple[str, HintFn | None] | None = None
        """Who said last that an event may help a pod."""
        self._hints: dict[str, list[tuple[ClusterEvent, str, HintFn | None]]] = {}
        self._matching: dict[tuple[str, ClusterEvent], list[tuple[str, HintFn | None]]] = {}
        self.learn_hints()

    def learn_hints(self) -> None:
        """Read from the profiles which plugin is interested in what (again, after a plugin was added)."""
        self._hints = {name: framework.hints() for name, framework in self.frameworks.items()}
        self._matching = {}
        less, sort_key = self._order()
        self.active.reorder(less, sort_key)
        self.backoff.reorder(less)

    def _order(self) -> tuple[Less, SortKey | None]:
        """The order of the queue: the profiles agree about it, so the first one's plugin is asked."""
        return order_of(next(iter(self.frameworks.values())).points["QueueSort"][0])

    # -- from the API server -----------------------------------------------------------------------

    def add(self, pod: PodInfo) -> None:
        """A pod without node appeared."""
        queued = QueuedPodInfo(pod, self._now())
        self._arrived(queued)
        self._to_active(queued, ev.UNSCHEDULED_POD_ADD.label)

    def update(self, old: Obj, pod: PodInfo) -> None:
        """A pod without node changed; it may have become schedulable by that."""
        changes = ev.pod_changes(old, pod.pod)
        if pod.uid in self.in_flight:
            for event in changes:
                self.in_flight.happened(event, old, pod.pod)
            return
        queued = self.active.get(pod.key) or self.backoff.get(pod.key)
        if queued is not None:
            self.nominator.update(queued.info, pod)
            queued.info = pod
            (self.active if queued.key in self.active else self.backoff).put(queued)
            return
        queued = self.unschedulable.get(pod.key)
        if queued is None:
            queued = QueuedPodInfo(pod, self._now())
            self._arrived(queued)
            self._to_active(queued, ev.UNSCHEDULED_POD_UPDATE.label)
            return
        self.nominator.update(queued.info, pod)
        queued.info = pod
        for event in changes:
            worth = self._worth(queued, event, old, pod.pod)
            if worth is not Worth.SKIP and self._requeue(queued, worth, event.label):
                break

    def delete(self, pod: PodInfo) -> None:
        """A pod without node was deleted, or got its node."""
        self.forget(pod.key, pod.uid)

    def forget(self, key: str, uid: str) -> None:
        """As `delete`, for a pod of which only the names are known."""
        self.nominator.forget(uid)
        if self.active.remove(key) is None and self.backoff.remove(key) is None:
            self.unschedulable.pop(key, None)

    def move_all(
        self, event: ClusterEvent, old: Any, new: Any, only: Callable[[PodInfo], bool] | None = None
    ) -> None:
        """Something happened: move the pods for which it might make a difference."""
        if not self.interests_anybody(event):
            return
        pods = [queued for queued in self.unschedulable.values() if only is None or only(queued.info)]
        self._move(pods, event, old, new)

    def activate(self, pods: Iterable[PodInfo]) -> None:
        """Try these pods next, whatever they wait for."""
        for pod in pods:
            queued = self.unschedulable.get(pod.key)
            from_backoff = queued is None
            if queued is None:
                queued = self.backoff.remove(pod.key)
            if queued is None:
                if pod.uid in self.in_flight:
                    self.in_flight.happened(ev.FORCE_ACTIVATE, None, pod.pod)
                continue
            self._to_active(queued, ev.FORCE_ACTIVATE.label, from_backoff)

    # -- to and from the scheduling cycle ----------------------------------------------------------

    def ready(self) -> bool:
        """Whether there is something to pop."""
        return bool(self.active) or bool(self.backoff.refused)

    def pop(self) -> QueuedPodInfo | None:
        """The next pod. With an empty active queue, the first refused pod need not wait longer."""
        while (queued := self.active.pop() or self.backoff.refused.pop()) is not None:
            if queued.info.uid in self.in_flight:
                continue
            queued.attempts += 1
            self.in_flight.begin(queued.info.uid)
            self._remember(queued, IN_FLIGHT, "Pop")
            return queued
        return None

    def done(self, uid: str) -> None:
        """The attempt is over."""
        self.in_flight.done(uid)

    def add_unschedulable(self, queued: QueuedPodInfo) -> str:
        """Take a pod back whose attempt failed; returns where it waits now.

        Without a plugin that refused it, an error happened: it is retried after its back-off.
        """
        try:
            if queued.key in self.active or queued.key in self.backoff or queued.key in self.unschedulable:
                return ""
            if queued.rejectors:
                queued.unschedulable_count += 1
                queued.consecutive_errors = 0
            else:
                queued.consecutive_errors += 1
            queued.added = self._now()
            self._arrived(queued)
            queued.backoff_until = None
            worth = self._worth_since_popped(queued)
            if worth is Worth.SKIP:
                self._to_pool(queued, ev.SCHEDULE_ATTEMPT_FAILURE)
            else:
                self._requeue(queued, worth, ev.SCHEDULE_ATTEMPT_FAILURE)
            return self.place_of(queued.key)
        finally:
            self.done(queued.info.uid)

    def place_of(self, key: str) -> str:
        """``active``, ``backoff``, ``unschedulable`` or ""."""
        if key in self.active:
            return "active"
        if key in self.backoff:
            return "backoff"
        return "unschedulable" if key in self.unschedulable else ""

    # -- as time passes ----------------------------------------------------------------------------

    def flush_backoff(self) -> None:
        """Move pods whose back-off has ended to the active queue."""
        for queued in self.backoff.pop_completed():
            self._to_active(queued, ev.BACKOFF_COMPLETE, from_backoff=True)

    def flush_unschedulable(self) -> None:
        """Move pods that have been in the pool for too long."""
        limit = self._now() - LONGEST_UNSCHEDULABLE
        old = [queued for queued in self.unschedulable.values() if queued.added < limit]
        if old:
            self._move(old, ev.UNSCHEDULABLE_TIMEOUT, None, None)

    def next_flush_unschedulable(self) -> float | None:
        """Unix seconds of the next look into the pool that will find somebody (looks come every 30 s)."""
        if not self.unschedulable:
            return None
        oldest = min(queued.added for queued in self.unschedulable.values())
        looks = math.floor((oldest + LONGEST_UNSCHEDULABLE - self._started) / FLUSH_PERIOD + 1e-9) + 1
        return self._started + max(1, looks) * FLUSH_PERIOD

    # -- is it worth it? ---------------------------------------------------------------------------

    def interests_anybody(self, event: ClusterEvent) -> bool:
        """Whether any plugin of any profile registered for such an event."""
        return event.wildcard or any(self._interested(profile, event) for profile in self._hints)

    def _interested(self, profile: str, event: ClusterEvent) -> list[tuple[str, HintFn | None]]:
        key = (profile, event)
        found = self._matching.get(key)
        if found is None:
            hints = self._hints.get(profile, ())
            found = [(plugin, hint) for registered, plugin, hint in hints if registered.covers(event)]
            self._matching[key] = found
        return found

    def _worth(self, queued: QueuedPodInfo, event: ClusterEvent, old: Any, new: Any) -> Worth:
        rejectors = queued.rejectors
        if not rejectors:
            return Worth.AFTER_BACKOFF
        if event.wildcard:
            about_other = isinstance(new, dict) and new.get("metadata", {}).get("uid") != queued.info.pod[
                "metadata"
            ].get("uid")
            return Worth.SKIP if about_other else Worth.AFTER_BACKOFF
        profile = queued.info.scheduler_name
        if profile not in self._hints:
            return Worth.AFTER_BACKOFF
        result = Worth.SKIP
        self._hint = None
        for plugin, hint in self._interested(profile, event):
            if plugin not in rejectors:
                continue
            try:
                helps = hint is None or hint(queued.info, old, new)
            except Exception:
                helps = True  # a hint that fails must not let a pod wait for ever
            if not helps:
                continue
            self._hint = (plugin, hint)
            if plugin in queued.pending_plugins:
                return Worth.AT_ONCE
            if not queued.pending_plugins:
                return Worth.AFTER_BACKOFF
            result = Worth.AFTER_BACKOFF
        return result

    def _worth_since_popped(self, queued: QueuedPodInfo) -> Worth:
        if not queued.rejectors:
            return Worth.AFTER_BACKOFF
        result = Worth.SKIP
        for event, old, new in self.in_flight.since(queued.info.uid):
            worth = self._worth(queued, event, old, new)
            if worth is Worth.AT_ONCE or (worth is Worth.AFTER_BACKOFF and not queued.pending_plugins):
                return worth
            result = worth if worth is not Worth.SKIP else result
        return result

    # -- moving ------------------------------------------------------------------------------------

    def _move(self, pods: list[QueuedPodInfo], event: ClusterEvent, old: Any, new: Any) -> None:
        for queued in pods:
            if queued.gated_by and not ev.covers_any(queued.gate_events, event):
                continue
            worth = self._worth(queued, event, old, new)
            if worth is not Worth.SKIP:
                self.unschedulable.pop(queued.key, None)
                self._requeue(queued, worth, event.label)
        self.in_flight.happened(event, old, new)

    def _requeue(self, queued: QueuedPodInfo, worth: Worth, event: str) -> bool:
        """Move to where the worth says; False when a gate keeps the pod in the pool."""
        if worth is Worth.AFTER_BACKOFF and self.backoff.is_waiting(queued):
            return self._to_backoff(queued, event)
        return self._to_active(queued, event)

    def _to_active(self, queued: QueuedPodInfo, event: str, from_backoff: bool = False) -> bool:
        if not from_backoff and not self._passes_gates(queued):
            if queued.key not in self.active and queued.key not in self.backoff:
                self._to_pool(queued, event)
            return False
        if queued.first_attempt is None:
            queued.first_attempt = self._now()
        self.unschedulable.pop(queued.key, None)
        self.backoff.remove(queued.key)
        self._note(queued, event, ACTIVE)
        self.active.put(queued)
        if event in (ev.UNSCHEDULED_POD_ADD.label, ev.UNSCHEDULED_POD_UPDATE.label):
            self.nominator.add(queued.info)
        self._wake()
        return True

    def _to_backoff(self, queued: QueuedPodInfo, event: str) -> bool:
        if not self._passes_gates(queued):
            self._to_pool(queued, event)
            return False
        self.unschedulable.pop(queued.key, None)
        self._note(queued, event, BACKOFF)
        self.backoff.add(queued)
        self._wake()
        self._wait_until()
        return True

    def _to_pool(self, queued: QueuedPodInfo, event: str) -> None:
        self._note(queued, event, POOL)
        self.unschedulable[queued.key] = queued
        self._wait_until()

    def _passes_gates(self, queued: QueuedPodInfo) -> bool:
        framework = self.frameworks.get(queued.info.scheduler_name)
        refusal = framework.run_pre_enqueue(queued.info, queued.gated_by) if framework is not None else None
        if refusal is None:
            queued.gated_by = ""
            return True
        queued.unschedulable_plugins.add(refusal.plugin)
        queued.gated_by = refusal.plugin
        registered = self._hints.get(queued.info.scheduler_name, ())
        queued.gate_events = tuple(event for event, plugin, _ in registered if plugin == refusal.plugin)
        return False

    def _arrived(self, queued: QueuedPodInfo) -> None:
        self._arrivals += 1
        queued.arrival = self._arrivals

    def _note(self, queued: QueuedPodInfo, event: str, place: str) -> None:
        queued.event = event
        queued.cause = self._cause()
        self._remember(queued, place, event)

    def _remember(self, queued: QueuedPodInfo, place: str, event: str) -> None:
        now = self._now()
        hint, self._hint = self._hint, None
        if hint is None and place != BACKOFF and not queued.unschedulable_plugins:
            move = Move(now, queued.key, place, event, cause=self._cause())
        else:
            plugin, why = (hint[0], meaning(hint[1])) if hint is not None else ("", "")
            until = self.backoff.until(queued) if place == BACKOFF else 0.0
            refused_by = tuple(sorted(queued.rejectors))
            gate = queued.gated_by if place == POOL else ""
            move = Move(now, queued.key, place, event, plugin, why, refused_by, until, self._cause(), gate)
        self.history.moves.append(move)
        queued.moves.append(move)
        if len(queued.moves) > MOST_MOVES:
            del queued.moves[0]
