"""daemonset: one pod on every node that it fits.

The controller decides which nodes, and ties each pod to its node by a node affinity; the scheduler binds
it.

Reading order: `controller` (what wakes it, creating and deleting, status), `placement` (which node should
have a pod), `update` (replacing pods of an old template), `revisions` (the history).

Left out against the original: nothing that can be seen.
"""

from kubekit.controllers.daemonset.controller import DaemonSetController

__all__ = ["DaemonSetController"]
