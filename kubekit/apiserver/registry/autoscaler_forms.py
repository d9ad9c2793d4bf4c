"""HorizontalPodAutoscalers in their two versions: autoscaling/v1 knows one CPU target, v2 any metrics.

They are stored as v2. `to_v1` and `to_v2` are the converters of the v1 endpoint; what v1 has no fields for
travels in annotations, so that a v1 client can read and write an object without losing anything. Upstream:
pkg/apis/autoscaling/v1/conversion.go.
"""

from __future__ import annotations

import json
from typing import Any

Obj = dict[str, Any]

_PREFIX = "autoscaling.alpha.kubernetes.io/"
METRICS, STATUSES = _PREFIX + "metrics", _PREFIX + "current-metrics"
CONDITIONS, BEHAVIOR = _PREFIX + "conditions", _PREFIX + "behavior"
_CARRIED = (
    METRICS,
    STATUSES,
    CONDITIONS,
    BEHAVIOR,
    _PREFIX + "scale-down-tolerance",
    _PREFIX + "scale-up-tolerance",
)
_DEFAULT_UTILIZATION = 80
_PLAIN = ("scaleTargetRef", "minReplicas", "maxReplicas")
_COUNTED = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")


def _is_cpu(metric: Obj) -> bool:
    return metric.get("type") == "Resource" and (metric.get("resource") or {}).get("name") == "cpu"


def _cpu_target(metric: Obj) -> int | None:
    if not _is_cpu(metric):
        return None
    found: int | None = metric["resource"].get("target", {}).get("averageUtilization")
    return found


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _with_annotations(obj: Obj, extra: dict[str, str]) -> Obj:
    metadata = dict(obj.get("metadata") or {})
    kept = {key: value for key, value in (metadata.get("annotations") or {}).items() if key not in _CARRIED}
    kept.update(extra)
    if kept:
        metadata["annotations"] = kept
    else:
        metadata.pop("annotations", None)
    return metadata


def to_v1(obj: Obj) -> Obj:
    """A stored autoscaler as autoscaling/v1 shows it."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    metrics = spec.get("metrics") or []
    extra: dict[str, str] = {}
    if others := [_metric_v1(metric) for metric in metrics if _cpu_target(metric) is None]:
        extra[METRICS] = _compact(others)
    if status.get("currentMetrics"):
        extra[STATUSES] = _compact([_status_v1(metric) for metric in status["currentMetrics"]])
    if spec.get("behavior"):
        extra[BEHAVIOR] = _compact(_capitals(spec["behavior"]))
    if status.get("conditions"):
        extra[CONDITIONS] = _compact(status["conditions"])
    found_spec = {key: spec[key] for key in _PLAIN if key in spec}
    target = next((value for value in map(_cpu_target, metrics) if value is not None), None)
    if target is not None:
        found_spec["targetCPUUtilizationPercentage"] = target
    found_status = {key: status[key] for key in _COUNTED if key in status}
    found_status.setdefault("currentReplicas", 0)
    found_status.setdefault("desiredReplicas", 0)
    for metric in status.get("currentMetrics") or ():
        used = (
            (metric.get("resource") or {}).get("current", {}).get("averageUtilization")
            if _is_cpu(metric)
            else None
        )
        if used is not None:
            found_status["currentCPUUtilizationPercentage"] = used
    return {
        **obj,
        "apiVersion": "autoscaling/v1",
        "metadata": _with_annotations(obj, extra),
        "spec": found_spec,
        "status": found_status,
    }


def to_v2(obj: Obj) -> Obj:
    """An autoscaler that came in as autoscaling/v1, as it is stored."""
    if obj.get("apiVersion") == "autoscaling/v2":
        return obj
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    carried = (obj.get("metadata") or {}).get("annotations") or {}
    found_spec = {key: spec[key] for key in _PLAIN if key in spec}
    metrics = [_metric_v2(metric) for metric in _carried(carried, METRICS)]
    target = spec.get("targetCPUUtilizationPercentage")
    if target is None and not metrics:
        target = _DEFAULT_UTILIZATION
    if target is not None:
        wanted = {"type": "Utilization", "averageUtilization": target}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": wanted}})
    found_spec["metrics"] = metrics
    if behavior := _small(_carried(carried, BEHAVIOR, dict)):
        found_spec["behavior"] = behavior
    found_status = {key: status[key] for key in _COUNTED if key in status}
    current = [_status_v2(metric) for metric in _carried(carried, STATUSES)]
    if not current and status.get("currentCPUUtilizationPercentage") is not None:
        used = {"averageUtilization": status["currentCPUUtilizationPercentage"]}
        current = [{"type": "Resource", "resource": {"name": "cpu", "current": used}}]
    found_status["currentMetrics"] = current or None
    if conditions := _carried(carried, CONDITIONS):
        found_status["conditions"] = conditions
    return {
        **obj,
        "apiVersion": "autoscaling/v2",
        "metadata": _with_annotations(obj, {}),
        "spec": found_spec,
        "status": found_status,
    }


def _carried(annotations: Obj, key: str, kind: type = list) -> Any:
    """What an annotation carries; nothing when it is not what it should be."""
    try:
        value = json.loads(annotations.get(key, "null"))
    except ValueError:
        return kind()
    return value if isinstance(value, kind) else kind()


def _capitals(value: Any) -> Any:
    """Fields as the original's internal types spell them."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: _capitals(item) for key, item in value.items()}
    return [_capitals(item) for item in value] if isinstance(value, list) else value


def _small(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _small(item) for key, item in value.items() if item is not None}
    return [_small(item) for item in value] if isinstance(value, list) else value


_FIELDS = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}
_OF_RESOURCE = (("targetAverageUtilization", "averageUtilization"), ("targetAverageValue", "averageValue"))
_AMOUNTS: dict[str, tuple[tuple[str, str], ...]] = {
    "Resource": _OF_RESOURCE,
    "ContainerResource": _OF_RESOURCE,
    "Pods": (("targetAverageValue", "averageValue"),),
    "Object": (("targetValue", "value"), ("averageValue", "averageValue")),
    "External": (("targetValue", "value"), ("targetAverageValue", "averageValue")),
}
"""Of each sort of metric: how v1 and v2 call the amounts that are aimed at."""


def _names_v1(sort: str, source: Obj) -> Obj:
    found: Obj = {key: source[key] for key in ("name", "container") if key in source}
    if sort == "Object":
        found["target"] = source.get("describedObject") or {}
    if metric := source.get("metric"):
        found["metricName"] = metric.get("name", "")
        if metric.get("selector"):
            found["metricSelector" if sort == "External" else "selector"] = metric["selector"]
    return found


def _names_v2(sort: str, source: Obj) -> Obj:
    found: Obj = {key: source[key] for key in ("name", "container") if key in source}
    if sort == "Object":
        found["describedObject"] = source.get("target") or {}
    if "metricName" in source:
        found["metric"] = {"name": source["metricName"]}
        if selector := source.get("metricSelector") or source.get("selector"):
            found["metric"]["selector"] = selector
    return found


def _metric_v1(metric: Obj) -> Obj:
    sort = metric.get("type", "")
    field = _FIELDS.get(sort, "")
    source = metric.get(field) or {}
    found, target = _names_v1(sort, source), source.get("target") or {}
    for old, new in _AMOUNTS.get(sort, ()):
        if new in target:
            found[old] = target[new]
    return {"type": sort, field: found} if field else dict(metric)


def _metric_v2(metric: Obj) -> Obj:
    sort = metric.get("type", "")
    field = _FIELDS.get(sort, "")
    source = metric.get(field) or {}
    target: Obj = {new: source[old] for old, new in _AMOUNTS.get(sort, ()) if source.get(old) is not None}
    if "averageUtilization" in target:
        target["type"] = "Utilization"
    elif "averageValue" in target:
        target["type"] = "AverageValue"
        if target.get("value") in ("0", 0):
            del target["value"]
    else:
        target["type"] = "Value"
    return {"type": sort, field: {**_names_v2(sort, source), "target": target}} if field else dict(metric)


def _status_v1(metric: Obj) -> Obj:
    sort = metric.get("type", "")
    field = _FIELDS.get(sort, "")
    source = metric.get(field) or {}
    current = source.get("current") or {}
    found = _names_v1(sort, source)
    for new, old in (("averageUtilization", "currentAverageUtilization"), ("value", "currentValue")):
        if new in current:
            found[old] = current[new]
    if "averageValue" in current:
        found["averageValue" if sort == "Object" else "currentAverageValue"] = current["averageValue"]
    return {"type": sort, field: found} if field else dict(metric)


def _status_v2(metric: Obj) -> Obj:
    sort = metric.get("type", "")
    field = _FIELDS.get(sort, "")
    source = metric.get(field) or {}
    current = {
        new: source[old]
        for old, new in (
            ("currentAverageUtilization", "averageUtilization"),
            ("currentValue", "value"),
            ("currentAverageValue", "averageValue"),
            ("averageValue", "averageValue"),
        )
        if source.get(old) is not None
    }
    return {"type": sort, field: {**_names_v2(sort, source), "current": current}} if field else dict(metric)
