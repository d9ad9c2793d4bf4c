"""deployment: from one set of pods to the next, without a gap.

A Deployment owns ReplicaSets, one for each pod template that it has had. The newest one's size goes up and
the others' sizes go down, step by step, so that never more than `maxSurge` pods are too many nor more than
`maxUnavailable` are missing. The old sets stay, empty, as the history to go back to.

Reading order: `controller` (what wakes it, and the order of questions), `rollout` (one reconcile's working
copy), `revisions` (which set is the new one, its number, its annotations), `rolling` and `recreate` (the
two strategies), `scaling` (sizes, proportions, clean-up), `status` (counts, conditions, the progress
deadline).

Left out against the original: nothing that can be seen; the deprecated rollback annotation is honoured.
"""

from kubekit.controllers.deployment.controller import DeploymentController

__all__ = ["DeploymentController"]
