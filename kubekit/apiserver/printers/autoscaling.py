"""Tables of horizontal pod autoscalers and scales. The TARGETS cell shows `name: current/target` per metric.

Source: pkg/printers/internalversion/printers.go, formatHPAMetrics.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.exchange import Obj
from kubekit.apiserver.printers.cells import age, name, section
from kubekit.apiserver.printers.columns import AGE, NAME, Column, register

_SOURCES = {
    "External": "external",
    "Pods": "pods",
    "Object": "object",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}
_SHOWN = 2


def _metric(spec: Obj, current: Obj) -> str:
    kind = spec.get("type", "")
    key = _SOURCES.get(kind)
    if key is None:
        return "<unknown type>"
    source = section(spec, key)
    target, now = section(source, "target"), section(current, key, "current")
    prefix = f"{source.get('name', '')}: " if key in ("resource", "containerResource") else ""
    if target.get("averageValue") is not None:
        value = now.get("averageValue")
        suffix = " (avg)" if key in ("external", "object") else ""
        return f"{prefix}{'<unknown>' if value is None else value}/{target['averageValue']}{suffix}"
    if prefix:
        used, wanted = now.get("averageUtilization"), target.get("averageUtilization")
        left = "<unknown>" if used is None else f"{used}%"
        return f"{prefix}{left}/{'<auto>' if wanted is None else f'{wanted}%'}"
    value = now.get("value")
    return f"{'<unknown>' if value is None else value}/{target.get('value', '0')}"


def hpa_metrics(obj: Obj) -> str:
    """The TARGETS cell; understands autoscaling/v1 (a CPU percentage) and v2 (metrics)."""
    spec, status = section(obj, "spec"), section(obj, "status")
    if obj.get("apiVersion") == "autoscaling/v1" and spec.get("targetCPUUtilizationPercentage") is not None:
        used = status.get("currentCPUUtilizationPercentage")
        left = "<unknown>" if used is None else f"{used}%"
        return f"cpu: {left}/{spec['targetCPUUtilizationPercentage']}%"
    metrics = spec.get("metrics") or []
    if not metrics:
        return "<none>"
    current = status.get("currentMetrics") or []
    shown = [_metric(m, current[i] if i < len(current) else {}) for i, m in enumerate(metrics)]
    text = ", ".join(shown[:_SHOWN])
    return f"{text} + {len(shown) - _SHOWN} more..." if len(shown) > _SHOWN else text


@register(
    "autoscaling",
    "HorizontalPodAutoscaler",
    NAME,
    Column("Reference", doc="autoscaling_v2.HorizontalPodAutoscalerSpec.scaleTargetRef"),
    Column("Targets", doc="autoscaling_v2.HorizontalPodAutoscalerSpec.metrics"),
    Column("MinPods", doc="autoscaling_v2.HorizontalPodAutoscalerSpec.minReplicas"),
    Column("MaxPods", doc="autoscaling_v2.HorizontalPodAutoscalerSpec.maxReplicas"),
    Column("Replicas", doc="autoscaling_v2.HorizontalPodAutoscalerStatus.currentReplicas"),
    AGE,
)
def horizontal_pod_autoscaler(obj: Obj, now: float) -> list[Any]:
    """An autoscaler's row."""
    spec = section(obj, "spec")
    target = section(spec, "scaleTargetRef")
    least = spec.get("minReplicas")
    return [
        name(obj),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        hpa_metrics(obj),
        "<unset>" if least is None else str(least),
        int(spec.get("maxReplicas") or 0),
        int(section(obj, "status").get("currentReplicas") or 0),
        age(obj, now),
    ]


@register(
    "autoscaling",
    "Scale",
    Column("Name", doc="meta_v1.ObjectMeta.name"),
    Column("Desired", type="integer", doc="autoscaling_v1.ScaleSpec.replicas"),
    Column("Available", type="integer", doc="autoscaling_v1.ScaleStatus.replicas"),
    AGE,
)
def scale(obj: Obj, now: float) -> list[Any]:
    """The row of a scale subresource."""
    counts = [int(section(obj, part).get("replicas") or 0) for part in ("spec", "status")]
    return [name(obj), *counts, age(obj, now)]
