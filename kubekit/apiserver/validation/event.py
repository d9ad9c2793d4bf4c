"""Validation of events, in both served forms.

Called through the registry: core/v1 events (kind Event with involvedObject) have the old, lenient rules,
events.k8s.io/v1 events (regarding) strict ones.
Source: pkg/apis/core/validation/events.go.
"""

from __future__ import annotations

import functools
from typing import Any

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, invalid, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.numbers import qualified_name
from kubekit.apiserver.validation.object_meta import (
    immutable,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)

_NAMESPACE = "does not match event.namespace"
_FIXED = (
    ("regarding", "involvedObject"), ("reason", "reason"), ("note", "message"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"), ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"), ("reason", "reason"), ("type", "type"), ("eventTime", "eventTime"),
    ("action", "action"), ("related", "related"), ("reportingController", "reportingController"),
    ("reportingInstance", "reportingInstance"),
)  # fmt: skip


def _is_old(obj: Obj) -> bool:
    return obj.get("apiVersion") == "v1"


def _longer(value: Any, limit: int, field: str) -> list[FieldError]:
    if len((value or "").encode()) <= limit:
        return []
    return [invalid(field, "", f"can have at most {limit} characters")]


def _common(obj: Obj) -> list[FieldError]:
    old = _is_old(obj)
    errors: list[FieldError] = []
    own = obj["metadata"].get("namespace", "")
    about = (obj.get("involvedObject" if old else "regarding") or {}).get("namespace", "")
    at = Path("involvedObject").child("namespace")
    if not obj.get("eventTime"):
        wrong = own not in ("", "default") if not about else own != about
        if wrong:
            errors.append(invalid(at, about, _NAMESPACE))
    else:
        if not about and own not in ("default", "kube-system"):
            errors.append(invalid(at, about, _NAMESPACE))
        field = "reportingComponent" if old else "reportingController"
        controller, instance = obj.get(field, ""), obj.get("reportingInstance", "")
        if not controller:
            errors.append(required(field))
        errors += qualified_name(controller, Path(field))
        if not instance:
            errors.append(required("reportingInstance"))
        errors += _longer(instance, 128, "reportingInstance")
        for name in ("action", "reason"):
            if not obj.get(name):
                errors.append(required(name))
            errors += _longer(obj.get(name), 128, name)
        errors += _longer(obj.get("message" if old else "note"), 1024, "message")
    return errors + [invalid("namespace", own, text) for text in formats.dns1123_subdomain(own)]


@functools.lru_cache(maxsize=1024)
def _sort_in_order(controller: Any, instance: Any, action: Any, reason: Any, kind: Any) -> bool:
    """Whether what all events of one sort say alike is in order: it follows from these texts alone."""
    texts = (controller, instance, action, reason)
    return (
        all(type(text) is str and 0 < len(text.encode()) <= 128 for text in texts)
        and not qualified_name(controller, Path(""))
        and kind in ("Normal", "Warning")
    )


def _ordinary(obj: Obj) -> bool:
    """Whether a new event of the new form is one like most, with nothing wrong but perhaps its metadata."""
    own = obj["metadata"].get("namespace", "")
    get = obj.get
    note = get("note") or ""
    return bool(
        get("eventTime")
        and "series" not in obj
        and not (get("deprecatedSource") or get("deprecatedCount"))
        and not (get("deprecatedFirstTimestamp") or get("deprecatedLastTimestamp"))
        and ((get("regarding") or {}).get("namespace") or own in ("default", "kube-system"))
        and len(own) <= 253
        and formats.subdomain_match(own)
        and (len(note) <= 256 or len(note.encode()) <= 1024)
        and _sort_in_order(
            get("reportingController"), get("reportingInstance"), get("action"), get("reason"), get("type")
        )
    )


def _series(obj: Obj) -> list[FieldError]:
    series = obj.get("series")
    if series is None:
        return []
    errors = []
    if series.get("count", 0) < 2:
        errors.append(invalid("series.count", "", "should be at least 2"))
    if not series.get("lastObservedTime"):
        errors.append(required("series.lastObservedTime"))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new event."""
    if not _is_old(obj) and _ordinary(obj):
        return validate_object_meta(obj["metadata"], True, subdomain_name)
    errors = _common(obj)
    if _is_old(obj):
        return errors
    errors += validate_object_meta(obj["metadata"], True, subdomain_name) + _series(obj)
    if not obj.get("eventTime"):
        errors.append(required("eventTime"))
    if obj.get("type") not in ("Normal", "Warning"):
        errors.append(invalid("type", "", f"has invalid value: {obj.get('type', '')}"))
    for field, shown in (
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedCount", "count"),
        ("deprecatedSource", "source"),
    ):
        if obj.get(field):
            errors.append(invalid(shown, "", "needs to be unset"))
    return errors


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed event: of the new form only the series may change."""
    errors = _common(obj)
    if _is_old(obj):
        return errors
    errors += validate_object_meta_update(obj["metadata"], old["metadata"])
    if obj.get("series") != old.get("series"):
        errors += _series(obj)
    for field, shown in _FIXED:
        errors += immutable(obj.get(field), old.get(field), Path(shown))
    return errors
