"""Small kinds: what limit ranges, aggregated APIs and dynamic resources do beyond the usual.

Upstream: pkg/registry/core/limitrange, kube-aggregator/pkg/registry/apiservice, pkg/registry/resource/*,
pkg/apis/resource/v1/defaults.go (SetDefaults_DeviceTaint).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.apiserver.registry.store import now_of
from kubekit.apiserver.registry.strategy import Strategy

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
