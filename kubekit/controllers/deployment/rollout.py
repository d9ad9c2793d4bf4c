"""One reconcile of one Deployment: the working copy, its ReplicaSets, and the questions asked of them.

The Deployment that the informer holds is frozen, so a `Rollout` has its own copy of the parts that a
reconcile changes (annotations, status). The ReplicaSets are the cache's own: `scaling` makes changed
copies. Nothing here talks to the API server. Source: pkg/controller/deployment/util/deployment_util.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kubekit.api.meta import Obj
from kubekit.controllers.int_or_percent import scaled

if TYPE_CHECKING:
    from kubekit.controllers.deployment.controller import DeploymentController

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
ROLLBACK_TO = "deprecated.deployment.rollback.to"
HASH_LABEL = "pod-template-hash"
NO_DEADLINE = 2147483647

Sets = list[Obj]


class Rollout:
    """A Deployment as one reconcile sees and changes it."""

    def __init__(self, controller: DeploymentController, deployment: Obj, sets: Sets) -> None:
        self.controller = controller
        meta = deployment["metadata"]
        self.deployment: Obj = {
            **deployment,
            "metadata": {**meta, "annotations": dict(meta.get("annotations") or {})},
            "status": dict(deployment.get("status") or {}),
        }
        self.sets = sets

    # -- the deployment ---------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Its name."""
        name: str = self.deployment["metadata"]["name"]
        return name

    @property
    def namespace(self) -> str:
        """Its namespace."""
        namespace: str = self.deployment["metadata"]["namespace"]
        return namespace

    @property
    def spec(self) -> Obj:
        """Its spec (frozen)."""
        spec: Obj = self.deployment["spec"]
        return spec

    @property
    def status(self) -> Obj:
        """Its status, the working copy's."""
        status: Obj = self.deployment["status"]
        return status

    @property
    def annotations(self) -> dict[str, str]:
        """Its annotations, the working copy's."""
        annotations: dict[str, str] = self.deployment["metadata"]["annotations"]
        return annotations

    @property
    def replicas(self) -> int:
        """How many pods it should have."""
        replicas: int = self.spec.get("replicas", 1)
        return replicas

    @property
    def rolling(self) -> bool:
        """Whether its strategy is RollingUpdate."""
        return bool((self.spec.get("strategy") or {}).get("type") == "RollingUpdate")

    @property
    def roll_back_to(self) -> int | None:
        """The revision that the deprecated annotation asks for (0: the last one), or None."""
        try:
            return int(self.annotations.get(ROLLBACK_TO, ""))
        except ValueError:
            return None

    @property
    def deadline(self) -> int | None:
        """`progressDeadlineSeconds`, None when there is none."""
        value = self.spec.get("progressDeadlineSeconds")
        return None if value is None or value == NO_DEADLINE else int(value)

    def fenceposts(self) -> tuple[int, int]:
        """(max surge, max unavailable) in pods; they are never both zero."""
        rolling = (self.spec.get("strategy") or {}).get("rollingUpdate") or {}
        surge = scaled(rolling.get("maxSurge"), self.replicas, round_up=True)
        unavailable = scaled(rolling.get("maxUnavailable"), self.replicas, round_up=False)
        return surge, 1 if surge == 0 and unavailable == 0 else unavailable

    @property
    def max_surge(self) -> int:
        """How many pods more than `replicas` there may be."""
        return self.fenceposts()[0] if self.rolling else 0

    @property
    def max_unavailable(self) -> int:
        """How many pods may be missing."""
        if not self.rolling or self.replicas == 0:
            return 0
        return min(self.fenceposts()[1], self.replicas)

    def write_status(self) -> None:
        """Send the working copy's status (and, with it, its annotations)."""
        controller = self.controller
        written = controller.client.update(controller.resource, self.deployment, subresource="status")
        meta = written["metadata"]
        self.deployment = {
            **written,
            "metadata": {**meta, "annotations": dict(meta.get("annotations") or {})},
            "status": dict(written.get("status") or {}),
        }


# -- ReplicaSets ----------------------------------------------------------------------------------------


def size_of(replica_set: Obj) -> int:
    """`spec.replicas`."""
    size: int = replica_set["spec"].get("replicas", 1)
    return size


def count(replica_set: Obj | None, field: str) -> int:
    """A count in a set's status."""
    if replica_set is None:
        return 0
    value: int = (replica_set.get("status") or {}).get(field, 0)
    return value


def total_size(sets: Iterable[Obj | None]) -> int:
    """The sum of the sizes."""
    return sum(size_of(one) for one in sets if one is not None)


def total(sets: Iterable[Obj | None], field: str) -> int:
    """The sum of a count over the sets' status."""
    return sum(count(one, field) for one in sets)


def active(sets: Iterable[Obj | None]) -> Sets:
    """The sets that should have pods."""
    return [one for one in sets if one is not None and size_of(one) > 0]


def annotation(obj: Obj, name: str) -> str:
    """An annotation's value, or an empty text."""
    value: str = (obj["metadata"].get("annotations") or {}).get(name, "")
    return value


def number_in(obj: Obj, name: str) -> int | None:
    """An annotation that is a whole number, or None."""
    text = annotation(obj, name)
    return int(text) if text.isdigit() else None


def by_creation(sets: Iterable[Obj]) -> Sets:
    """Oldest first, then by name."""
    return sorted(
        sets, key=lambda one: (one["metadata"].get("creationTimestamp", ""), one["metadata"]["name"])
    )


def same_template(a: Obj, b: Obj) -> bool:
    """Whether two pod templates are the same but for the hash label."""
    if a.get("spec") != b.get("spec"):
        return False

    def shown(template: Obj) -> Obj:
        meta = {key: value for key, value in (template.get("metadata") or {}).items() if value}
        labels = {k: v for k, v in (meta.pop("labels", None) or {}).items() if k != HASH_LABEL}
        return {**meta, "labels": labels}

    return shown(a) == shown(b)
