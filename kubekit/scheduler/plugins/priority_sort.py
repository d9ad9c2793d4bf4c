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
        return mine > other or (mine == other and first.added < second.added)
