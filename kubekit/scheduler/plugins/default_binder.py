"""DefaultBinder: tells the API server which node a pod got, by creating a Binding.

This is all the scheduler ever does to a running cluster. The kubelet of that node sees the pod and runs it.

Source: pkg/scheduler/framework/plugins/defaultbinder.
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.status import Status

Obj = dict[str, Any]


class DefaultBinder(Plugin):
    """Binds through the API: POST .../pods/<name>/binding."""

    name = "DefaultBinder"

    def bind(self, state: CycleState, pod: PodInfo, node_name: str) -> Status | None:
        """Create the Binding; what the API server answers other than success is raised."""
        metadata: Obj = {"name": pod.name, "namespace": pod.namespace}
        uid = pod.pod["metadata"].get("uid")
        if uid:
            metadata["uid"] = uid
        binding: Obj = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": metadata,
            "target": {"kind": "Node", "name": node_name},
        }
        self.handle.client.create("pods", binding, pod.namespace, name=pod.name, subresource="binding")
        return None
