"""statefulset: pods with a name, an order and a volume each.

Pod `db-0` is always `db-0`, with the claim `data-db-0`; pods come up one after the other and go down the
other way round, and a rolling update goes from the last to the first, one at a time.

Reading order: `controller` (what wakes it, revisions, status), `rollout` (one pass over all ordinals),
`identity` (names, labels, volumes), `retention` (whether claims go when pods or the set go).

Left out against the original: the MaxUnavailableStatefulSet feature, which is off in the reference release.
"""

from kubekit.controllers.statefulset.controller import StatefulSetController

__all__ = ["StatefulSetController"]
