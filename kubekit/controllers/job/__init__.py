"""job: pods that end, counted exactly once.

A Job starts pods until enough of them have succeeded, or too many have failed. So that no pod that ended is
forgotten or counted twice, each carries a finalizer: the controller first writes its uid into the status
("uncounted"), then takes the finalizer off, and only then adds it to the counter.

Reading order: `controller` (one reconcile), `sync_state` (what it has found out so far), `creation` (how
many pods, which indexes), `tracking` (counting), `indexes`, `backoff`, `policies`.

Left out against the original: pod groups and gang scheduling; jobs managed by another controller are left
alone.
"""

from kubekit.controllers.job.controller import JobController

__all__ = ["JobController"]
