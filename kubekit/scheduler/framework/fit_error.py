"""FitError: why no node could take a pod, in the very words of the FailedScheduling event.

Reasons are counted over the nodes and sorted as text ("1 Insufficient cpu" before "3 node(s) ..."). A refusal
by PreFilter concerns all nodes at once and is told without counts. What PostFilter (preemption) has to say
comes last.

>>> diagnosis = Diagnosis()
>>> for name, why in (("n1", "Insufficient cpu"), ("n2", "Too many pods"), ("n3", "Insufficient cpu")):
...     diagnosis.statuses.by_node[name] = unschedulable(why)
>>> FitError(3, diagnosis).text
'0/3 nodes are available: 1 Too many pods, 2 Insufficient cpu.'

Source: pkg/scheduler/framework/types.go (Diagnosis, FitError).
"""

from __future__ import annotations

from kubekit.scheduler.framework.status import Code, NodeStatuses, Status, unschedulable

NO_NODES = "no nodes available to schedule pods"
"""The text when the cluster has no node at all."""

__all__ = ["NO_NODES", "Diagnosis", "FitError", "NoNodesAvailable", "unschedulable"]


class Diagnosis:
    """What was found out about the nodes during one attempt."""

    __slots__ = (
        "pending_plugins",
        "post_filter_message",
        "pre_filter_message",
        "statuses",
        "unschedulable_plugins",
    )

    def __init__(self) -> None:
        self.statuses: NodeStatuses = NodeStatuses()
        self.unschedulable_plugins: set[str] = set()
        self.pending_plugins: set[str] = set()
        self.pre_filter_message = ""
        self.post_filter_message = ""

    def add(self, status: Status) -> None:
        """Remember which plugin refused: events that interest it will bring the pod back."""
        if not status.plugin:
            return
        if status.rejected:
            self.unschedulable_plugins.add(status.plugin)
        if status.code == Code.PENDING:
            self.pending_plugins.add(status.plugin)


class FitError(Exception):
    """No node fits; `text` is the message of the event."""

    def __init__(self, nodes: int, diagnosis: Diagnosis) -> None:
        super().__init__()
        self.nodes = nodes
        self.diagnosis = diagnosis

    @property
    def text(self) -> str:
        """The message, from what is known now (PostFilter adds to it)."""
        diagnosis = self.diagnosis
        text = f"0/{self.nodes} nodes are available:"
        if diagnosis.pre_filter_message:
            text += f" {diagnosis.pre_filter_message}."
        else:
            statuses = diagnosis.statuses
            histogram = statuses.reasons()
            if len(statuses) < self.nodes:
                for reason in statuses.absent.reasons:
                    histogram[reason] += self.nodes - len(statuses)
            counted = sorted(f"{count} {reason}" for reason, count in histogram.items())
            if counted:
                text += f" {', '.join(counted)}."
        if diagnosis.post_filter_message:
            text += f" {diagnosis.post_filter_message}"
        return text

    def __str__(self) -> str:
        return self.text


class NoNodesAvailable(Exception):
    """The cluster has no node at all."""

    def __init__(self) -> None:
        super().__init__(NO_NODES)
