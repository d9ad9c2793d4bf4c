"""The ReplicationController's controller: the ReplicaSet loop for the older kind.

The two kinds differ in the form of the selector and in what their status counts, so this file only says that.
Source: pkg/controller/replication/replication_controller.go.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj
from kubekit.api.selectors import Selector, from_labels
from kubekit.controllers.replicaset import ReplicaSetController


class ReplicationController(ReplicaSetController):
    """Keeps the number of pods of each ReplicationController."""

    name: ClassVar[str] = "replicationcontroller-controller"
    kind: ClassVar[str] = "ReplicationController"
    resource: ClassVar[str] = "replicationcontrollers"
    event_source: ClassVar[str] = "replication-controller"
    counts_terminating: ClassVar[bool] = False

    def selector_of(self, owner: Obj) -> Selector:
        return from_labels(owner["spec"].get("selector"))
