"""Volumes and claims: both begin Pending.

Upstream: pkg/registry/core/persistentvolume, pkg/registry/core/persistentvolumeclaim,
pkg/api/persistentvolumeclaim.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.apiserver.registry import gated_fields
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
        """Pending, with one source in both places."""
        obj["status"] = {"phase": "Pending"}
        self._sources(obj, None)

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """The status stays; the source is written in both places."""
        super().prepare_for_update(ctx, obj, old)
        self._sources(obj, old)

    @staticmethod
    def _sources(obj: Obj, old: Obj | None) -> None:
        gated_fields.claim(obj, old)
        spec = obj.get("spec") or {}
        before = (old or {}).get("spec") or {}
        source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
        used = before.get("dataSource") is not None or before.get("dataSourceRef") is not None
        if source is not None and reference is None and not used:
            # The old field is for claims and snapshots only; anything else is forgotten without a word.
            known = (source.get("kind", ""), source.get("apiGroup") or "")
            if known not in _OLD_SOURCES:
                source = None
                del spec["dataSource"]
        if source is not None and reference is None:
            spec["dataSourceRef"] = dict(source)
        elif reference is not None and source is None and not reference.get("namespace"):
            spec["dataSource"] = {k: v for k, v in reference.items() if k != "namespace"}


_OLD_SOURCES = (("PersistentVolumeClaim", ""), ("VolumeSnapshot", "snapshot.storage.k8s.io"))


class NodeStrategy(Strategy):
    """Nodes."""

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """A node may be created with its status: the kubelet does. Configuration from objects is gone."""
        (obj.get("spec") or {}).pop("configSource", None)
        (obj.get("status") or {}).pop("config", None)

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """The status stays, and no configuration source comes back."""
        super().prepare_for_update(ctx, obj, old)
        if (old.get("spec") or {}).get("configSource") is None:
            (obj.get("spec") or {}).pop("configSource", None)

    def subresource(self, name: str) -> Strategy | None:
        """status."""
        return NodeStatusStrategy(self) if name == "status" else None


class NodeStatusStrategy(StatusStrategy):
    """nodes/status."""

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """No status of a configuration comes back."""
        super().prepare_for_update(ctx, obj, old)
        status = obj.get("status") or {}
        if "config" in status and (old.get("status") or {}).get("config") is None:
            del status["config"]


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
