"""Validation of HorizontalPodAutoscalers, in both served forms, and of Scale objects' replicas.

Called through the registry. The v1 form has neither metrics nor behaviour; the rest is the same.
Source: pkg/apis/autoscaling/validation.
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.api.quantity import parse
from kubekit.apiserver.validation.numbers import dns1123_label, nonnegative_quantity
from kubekit.apiserver.validation.object_meta import (
    path_segment_name,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.pod_amounts import container_resource_name
from kubekit.apiserver.validation.workload import SPEC, STATUS, nonnegative_fields

_SOURCES = {
    "Object": "object", "External": "external", "Pods": "pods", "Resource": "resource",
    "ContainerResource": "containerResource",
}  # fmt: skip
_TYPES = tuple(sorted(_SOURCES))
_POPULATE = "must populate information for the given metric source"


def _reference(found: Obj, path: Path, need_group: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in ("kind", "name"):
        value = found.get(field, "")
        if not value:
            errors.append(required(path.child(field)))
        else:
            errors += [invalid(path.child(field), value, text) for text in path_segment_name(value)]
    version = found.get("apiVersion", "")
    if version.count("/") > 1:
        text = f"unexpected GroupVersion string: {version}"
        errors.append(invalid(path.child("apiVersion"), version, text))
    elif need_group and not version.rpartition("/")[0]:
        errors.append(invalid(path.child("apiVersion"), version, "apiVersion must specify API group"))
    return errors


def _identifier(metric: Obj, path: Path) -> list[FieldError]:
    name = metric.get("name", "")
    if not name:
        return [required(path.child("name"), "must specify a metric name")]
    return [invalid(path.child("name"), name, text) for text in path_segment_name(name)]


def _target(target: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = target.get("type", "")
    if not kind:
        errors.append(required(path.child("type"), "must specify a metric target type"))
    if kind not in ("AverageValue", "Utilization", "Value"):
        text = "must be either Utilization, Value, or AverageValue"
        errors.append(invalid(path.child("type"), kind, text))
    for field in ("value", "averageValue"):
        value = target.get(field)
        if value is not None and parse(value).nanos <= 0:
            errors.append(invalid(path.child(field), str(parse(value)), "must be positive"))
    used = target.get("averageUtilization")
    if used is not None and used < 1:
        errors.append(invalid(path.child("averageUtilization"), used, "must be greater than 0"))
    return errors


def _source(kind: str, source: Obj, path: Path) -> list[FieldError]:
    target, at = source.get("target") or {}, path.child("target")
    value, average, used = (target.get(key) for key in ("value", "averageValue", "averageUtilization"))
    errors: list[FieldError] = []
    if kind in ("object", "external", "pods"):
        if kind == "object":
            errors += _reference(source.get("describedObject") or {}, path.child("describedObject"), False)
        errors += _identifier(source.get("metric") or {}, path.child("metric")) + _target(target, at)
        if kind == "pods":
            if average is None:
                errors.append(
                    required(at.child("averageValue"), "must specify a positive target averageValue")
                )
        elif value is None and average is None:
            word = (
                "a target value or averageValue"
                if kind == "object"
                else "a target value for metric or a per-pod target"
            )
            errors.append(required(at.child("averageValue"), f"must set either {word}"))
        elif kind == "external" and value is not None and average is not None:
            text = "may not set both a target value for metric and a per-pod target"
            errors.append(forbidden(at.child("value"), text))
        return errors
    name = source.get("name", "")
    if not name:
        errors.append(required(path.child("name"), "must specify a resource name"))
    elif kind == "containerResource":
        errors += container_resource_name(name, path.child("name"))
    if kind == "containerResource":
        container, place = source.get("container", ""), path.child("container")
        errors += (
            dns1123_label(container, place) if container else [required(place, "must specify a container")]
        )
    errors += _target(target, at)
    if used is None and average is None:
        text = "must set either a target raw value or a target utilization"
        errors.append(required(at.child("averageUtilization"), text))
    if used is not None and average is not None:
        text = "may not set both a target raw value and a target utilization"
        errors.append(forbidden(at.child("averageValue"), text))
    return errors


def _metric(metric: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = metric.get("type", "")
    if not kind:
        errors.append(required(path.child("type"), "must specify a metric source type"))
    if kind not in _SOURCES:
        errors.append(not_supported(path.child("type"), kind, _TYPES))
    present = [field for field in _SOURCES.values() if metric.get(field) is not None]
    if present:
        errors += _source(present[0], metric[present[0]], path.child(present[0]))
    expected = _SOURCES.get(kind)
    if expected is None:
        errors.append(not_supported(path.child("type"), kind, _TYPES))
    elif metric.get(expected) is None:
        errors.append(required(path.child(expected), _POPULATE))
    if len(present) != 1:
        others = [field for field in present if field != expected]
        errors += [
            forbidden(path.child(field), "must populate the given metric source only") for field in others
        ]
    return errors


def _rules(rules: Obj | None, path: Path) -> list[FieldError]:
    if rules is None:
        return []
    errors: list[FieldError] = []
    window, select = rules.get("stabilizationWindowSeconds"), rules.get("selectPolicy")
    at = path.child("stabilizationWindowSeconds")
    if window is not None and window < 0:
        errors.append(invalid(at, window, "must be greater than or equal to zero"))
    if window is not None and window > 3600:
        errors.append(invalid(at, window, "must be less than or equal to 3600"))
    if select is not None and select not in ("Disabled", "Max", "Min"):
        errors.append(not_supported(path.child("selectPolicy"), select, ("Disabled", "Max", "Min")))
    policies = rules.get("policies") or []
    if not policies:
        errors.append(required(path.child("policies"), "must specify at least one Policy"))
    for position, policy in enumerate(policies):
        place = path.child("policies").index(position)
        kind, value, period = policy.get("type", ""), policy.get("value", 0), policy.get("periodSeconds", 0)
        if kind not in ("Percent", "Pods"):
            errors.append(not_supported(place.child("type"), kind, ("Percent", "Pods")))
        if value <= 0:
            errors.append(invalid(place.child("value"), value, "must be greater than zero"))
        if period <= 0:
            errors.append(invalid(place.child("periodSeconds"), period, "must be greater than zero"))
        if period > 1800:
            errors.append(invalid(place.child("periodSeconds"), period, "must be less than or equal to 1800"))
    if rules.get("tolerance") is not None:
        errors += nonnegative_quantity(parse(rules["tolerance"]), path.child("tolerance"))
    return errors


def _target_reference(spec: Obj, before: Obj | None, path: Path) -> list[FieldError]:
    """What is scaled. Its version is looked at when it is new, and only one kind may be without a group."""
    target, was = (one.get("scaleTargetRef") or {} for one in (spec, before or {}))
    if before is not None and all(target.get(key) == was.get(key) for key in ("apiVersion", "kind")):
        return _reference({**target, "apiVersion": ""}, path, False)
    return _reference(target, path, target.get("kind") != "ReplicationController")


def _spec(spec: Obj, before: Obj | None = None) -> list[FieldError]:
    errors: list[FieldError] = []
    low, high = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    least = 0 if before is not None and before.get("minReplicas") == 0 else 1
    if low is not None and low < least:
        text = f"must be greater than or equal to {least}"
        errors.append(invalid(SPEC.child("minReplicas"), low, text))
    at = SPEC.child("maxReplicas")
    if high == 0:
        errors.append(required(at, "must be set and greater than 0"))
    elif high < 0:
        errors.append(invalid(at, high, "must be greater than or equal to 1"))
    if low is not None and high < low:
        errors.append(invalid(at, high, "must be greater than or equal to `minReplicas`"))
    errors += _target_reference(spec, before, SPEC.child("scaleTargetRef"))
    metrics = spec.get("metrics") or []
    for position, metric in enumerate(metrics):
        errors += _metric(metric, SPEC.child("metrics").index(position))
    if low == 0 and not any(one.get("type") in ("Object", "External") for one in metrics):
        text = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(forbidden(SPEC.child("metrics"), text))
    behavior = spec.get("behavior")
    if behavior is not None:
        for field in ("scaleUp", "scaleDown"):
            errors += _rules(behavior.get(field), SPEC.child("behavior", field))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new autoscaler or Scale."""
    errors = validate_object_meta(obj["metadata"], True, subdomain_name)
    if obj.get("kind") == "Scale":
        return errors + nonnegative_fields(obj.get("spec") or {}, ("replicas",), SPEC)
    return errors + _spec(obj.get("spec") or {})


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed autoscaler."""
    if obj.get("kind") == "Scale":
        return validate_create(obj)
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    if subresource == "status":
        return errors + nonnegative_fields(
            obj.get("status") or {}, ("currentReplicas", "desiredReplicas"), STATUS
        )
    return errors + _spec(obj.get("spec") or {}, old.get("spec") or {})
