"""Volumes and claims: both begin Pending.

Upstream: pkg/registry/core/persistentvolume, pkg/registry/core/persistentvolumeclaim,
pkg/api/persistentvolumeclaim.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.apiserver.registry.store import now_of
from kubekit.apiserver.registry.strategy import StatusStrategy, Strategy, keep

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]


class VolumeStrategy(Strategy):
    """PersistentVolumes."""

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """Pending, since now."""
        obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": now_of(ctx)}

    def subresource(self, name: str) -> Strategy | None:
        """status."""
        return VolumeStatusStrategy(self) if name == "status" else None


class VolumeStatusStrategy(StatusStrategy):
    """persistentvolumes/status: a change of phase is dated."""

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Date the change unless the client did."""
        super().prepare_for_update(ctx, obj, old)
        status, before = obj.get("status") or {}, old.get("status") or {}
        field = "lastPhaseTransitionTime"
        if status.get("phase") != before.get("phase"):
            if status.get(field) == before.get(field) or not status.get(field):
                status[field] = now_of(ctx)
        elif not status.get(field):
            keep(status, before, field)


class ClaimStrategy(Strategy):
    """PersistentVolumeClaims."""

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """Pending; an old-style data source is written in both places."""
        obj["status"] = {"phase": "Pending"}
        spec = obj.get("spec") or {}
        source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
        if source and not reference:
            spec["dataSourceRef"] = dict(source)
        elif reference and not source and not reference.get("namespace"):
            spec["dataSource"] = {k: v for k, v in reference.items() if k != "namespace"}


class NodeStrategy(Strategy):
    """Nodes."""

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """A node may be created with its status: the kubelet does."""


class EventStrategy(Strategy):
    """Events: they expire, and have no dependents."""

    def default_propagation(self, ctx: Context) -> str:
        """Nothing is collected."""
        return "unsupported"


class ServiceAccountStrategy(Strategy):
    """ServiceAccounts: references to secrets hold names only."""

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """Clean the references."""
        self._clean(obj)

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Clean the references."""
        self._clean(obj)

    @staticmethod
    def _clean(obj: Obj) -> None:
        if obj.get("secrets"):
            obj["secrets"] = [{"name": s.get("name", "")} if s.get("name") else {} for s in obj["secrets"]]


class PriorityClassStrategy(Strategy):
    """PriorityClasses: their generation is 1 for ever."""

    def bump_generation(self, obj: Obj, old: Obj) -> None:
        """It stays as it was."""
        keep(obj["metadata"], old["metadata"], "generation")
