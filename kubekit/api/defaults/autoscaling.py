"""Defaults of HorizontalPodAutoscaler, in both served versions.

Called through `apply_defaults`. The v1 form knows only a CPU percentage; what it says is kept by the v2 form,
which is the stored one.
Source: pkg/apis/autoscaling/v1/defaults.go, v2/defaults.go, v1/conversion.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.meta import Obj

DEFAULT_CPU_UTILIZATION = 80
_UP: dict[str, Any] = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_DOWN: dict[str, Any] = {
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}


def autoscaler_v1(obj: Obj) -> None:
    """At least one replica."""
    obj.setdefault("spec", {}).setdefault("minReplicas", 1)


def autoscaler(obj: Obj) -> None:
    """At least one replica, 80 % of the CPU; a behaviour that is begun is completed."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": DEFAULT_CPU_UTILIZATION}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        for name, rules in (("scaleUp", _UP), ("scaleDown", _DOWN)):
            given = behavior.get(name) or {}
            behavior[name] = {
                key: [dict(one) for one in value] if isinstance(value, list) else value
                for key, value in {**rules, **given}.items()
            }


DEFAULTS = {
    "autoscaling/v1 HorizontalPodAutoscaler": autoscaler_v1,
    "autoscaling/v2 HorizontalPodAutoscaler": autoscaler,
}
