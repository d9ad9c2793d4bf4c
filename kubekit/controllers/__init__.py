"""controllers: the loops that make what is more like what should be.

Each controller watches some objects, compares what their spec asks for with what there is, and asks the API
server for the difference. None of them remembers what it did: it looks again. They know nothing of each
other and meet only in the objects: a Deployment's controller makes ReplicaSets, the ReplicaSets' makes
pods, and the garbage collector clears both away when their owner is gone.

Reading order: `controller` (the shape of all of them), `expectations` (why a stale cache does no harm),
`pods` and `claims` (whose pod is it), `replicaset`, `deployment/`, then any other, one kind of object a
file; `registry` names them all and `controller_manager` runs them.

Left out against the original: cloud routes and load balancers (room `cloud`), device taints, storage version
migration, attaching and detaching volumes (no volume of the kit is attached), and what only an alpha feature
switches on. The virtual clock has no duration of a request, so two reconciles of different keys never
overlap.
"""

from kubekit.controllers.controller import Context, Controller, Options
from kubekit.controllers.controller_manager import ControllerManager
from kubekit.controllers.registry import CONTROLLERS

__all__ = ["CONTROLLERS", "Context", "Controller", "ControllerManager", "Options"]
