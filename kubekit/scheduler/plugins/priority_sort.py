"""PrioritySort: higher priority first, and among equals who entered the queue first.

Source: pkg/scheduler/framework/plugins/queuesort.
"""

from __future__ import annotations

from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import QueuedPodInfo


class PrioritySort(Plugin):
    """Orders the active queue."""

    name = "PrioritySort"

    def less(self, first: QueuedPodInfo, second: QueuedPodInfo) -> bool:
        """Whether `first` is to be tried before `second`."""
        mine, other = first.info.priority, second.info.priority
        if mine != other:
            return mine > other
        # On a virtual clock many pods enter at the very same moment; they keep their order.
        return (first.added, first.arrival) < (second.added, second.arrival)

    def sort_key(self, queued: QueuedPodInfo) -> tuple[int, float, int]:
        """The same order as a key."""
        return -queued.info.priority, queued.added, queued.arrival
