"""Small kinds: what limit ranges, aggregated APIs and dynamic resources do beyond the usual.

Upstream: pkg/registry/core/limitrange, kube-aggregator/pkg/registry/apiservice, pkg/registry/resource/*,
pkg/apis/resource/v1/defaults.go (SetDefaults_DeviceTaint).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.apiserver.registry.store import now_of
from kubekit.apiserver.registry.strategy import StatusStrategy, Strategy

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]


class LimitRangeStrategy(Strategy):
    """LimitRanges."""

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """One without a name is named by chance."""
        if not obj["metadata"].get("name"):
            obj["metadata"]["name"] = ctx.server.loop.rng.uuid()


class APIServiceStrategy(Strategy):
    """APIServices."""

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """What this server answers itself is available at once."""
        super().prepare_for_create(ctx, obj)
        if (obj.get("spec") or {}).get("service") is None:
            condition = {
                "type": "Available",
                "status": "True",
                "lastTransitionTime": now_of(ctx),
                "reason": "Local",
                "message": "Local APIServices are always available",
            }
            obj["status"] = {"conditions": [condition]}


class ResourceSliceStrategy(Strategy):
    """ResourceSlices."""

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """Taints are dated."""
        _date_taints(ctx, obj)
        super().prepare_for_create(ctx, obj)

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Taints are dated."""
        _date_taints(ctx, obj)
        super().prepare_for_update(ctx, obj, old)


def _date_taints(ctx: Context, obj: Obj) -> None:
    for device in (obj.get("spec") or {}).get("devices") or ():
        taints = device.get("taints") or []
        for position, taint in enumerate(taints):
            if not taint.get("timeAdded"):
                taints[position] = {**taint, "timeAdded": now_of(ctx)}


class ResourceClaimStrategy(Strategy):
    """ResourceClaims."""

    def subresource(self, name: str) -> Strategy | None:
        """status."""
        return ResourceClaimStatusStrategy(self) if name == "status" else None


class ResourceClaimStatusStrategy(StatusStrategy):
    """resourceclaims/status: what is said of a device goes with its allocation."""

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Forget devices that were given back."""
        super().prepare_for_update(ctx, obj, old)
        status = obj.get("status") or {}
        freed = _allocated(old.get("status") or {}) - _allocated(status)
        devices = status.get("devices")
        if devices and freed:
            left = [device for device in devices if _identity(device) not in freed]
            if left:
                status["devices"] = left
            else:
                del status["devices"]


def _identity(device: Obj) -> tuple[str, ...]:
    return tuple(device.get(field) or "" for field in ("driver", "pool", "device", "shareID"))


def _allocated(status: Obj) -> set[tuple[str, ...]]:
    allocation = status.get("allocation") or {}
    return {_identity(one) for one in (allocation.get("devices") or {}).get("results") or ()}
