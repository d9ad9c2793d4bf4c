"""Validation of StatefulSets.

Called through the registry.
Source: pkg/apis/apps/validation (ValidateStatefulSet).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj, without
from kubekit.apiserver.validation.claim_spec import validate_claim_spec
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.numbers import (
    dns1123_label,
    not_more_than_100_percent,
    positive_int_or_percent,
)
from kubekit.apiserver.validation.object_meta import (
    label_name,
    validate_annotations,
    validate_labels,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.pod_annotations import validate_pod_annotations
from kubekit.apiserver.validation.pod_template import selector_mismatch, template_labels, validate_template
from kubekit.apiserver.validation.workload import (
    SPEC,
    STATUS,
    collision_count,
    nonnegative_fields,
    not_above_replicas,
    validate_selector,
)

_COUNTS = (
    "replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas",
    "observedGeneration",
    "collisionCount",
)  # fmt: skip
_CHANGEABLE = (
    "replicas", "template", "updateStrategy", "minReadySeconds", "ordinals", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
)  # fmt: skip
_FIXED = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def _strategy(strategy: Obj) -> list[FieldError]:
    path = SPEC.child("updateStrategy")
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    at = path.child("rollingUpdate")
    if not kind:
        return [required(path)]
    if kind == "OnDelete":
        if rolling is None:
            return []
        shown = internal("apps.RollingUpdateStatefulSetStrategy", rolling)
        return [invalid(at, shown, "only allowed for updateStrategy 'RollingUpdate'")]
    if kind != "RollingUpdate":
        shown = internal("apps.StatefulSetUpdateStrategy", strategy)
        return [invalid(path, shown, "must be 'RollingUpdate' or 'OnDelete'")]
    if rolling is None:
        return []
    errors = nonnegative_fields(rolling, ("partition",), at)
    unavailable = rolling.get("maxUnavailable")
    if unavailable is not None:
        errors += positive_int_or_percent(unavailable, at.child("maxUnavailable"))
        if unavailable in (0, "0%"):
            errors.append(invalid(at.child("maxUnavailable"), unavailable, "cannot be 0"))
        errors += not_more_than_100_percent(unavailable, at.child("maxUnavailable"))
    return errors


def _template(spec: Obj) -> Obj:
    """The template as its pods will be: with a volume for each claim, without host name and subdomain."""
    template: Obj = spec.get("template") or {}
    claims = [
        (claim.get("metadata") or {}).get("name", "") for claim in spec.get("volumeClaimTemplates") or ()
    ]
    pod = without(template.get("spec") or {}, "subdomain", "hostname")
    if claims:
        volumes = [
            {"name": name, "persistentVolumeClaim": {"claimName": name}} for name in dict.fromkeys(claims)
        ]
        pod["volumes"] = volumes + [one for one in pod.get("volumes") or () if one.get("name") not in claims]
    return {**template, "spec": pod}


def _spec(spec: Obj, creating: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    management = spec.get("podManagementPolicy", "")
    at = SPEC.child("podManagementPolicy")
    if not management:
        errors.append(required(at))
    elif management not in ("OrderedReady", "Parallel"):
        errors.append(invalid(at, management, "must be 'OrderedReady' or 'Parallel'"))
    errors += _strategy(spec.get("updateStrategy") or {})
    retention = spec.get("persistentVolumeClaimRetentionPolicy")
    for field in ("whenDeleted", "whenScaled") if retention is not None else ():
        value = (retention or {}).get(field, "")
        if value not in ("Retain", "Delete"):
            place = SPEC.child("persistentVolumeClaimRetentionPolicy", field)
            errors.append(not_supported(place, value, ("Retain", "Delete")))
    if creating:
        for position, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
            place = SPEC.child("volumeClaimTemplates").index(position).child("spec")
            errors += validate_claim_spec(claim.get("spec") or {}, place)
    errors += nonnegative_fields(spec, ("replicas", "minReadySeconds"), SPEC)
    errors += nonnegative_fields(spec.get("ordinals") or {}, ("start",), SPEC.child("ordinals"))
    if creating and spec.get("serviceName"):
        errors += dns1123_label(spec["serviceName"], SPEC.child("serviceName"))
    selector, found = validate_selector(spec, "statefulset", "")
    errors += found
    template = spec.get("template") or {}
    path = SPEC.child("template")
    if selector is not None:
        checked = _template(spec)
        errors += selector_mismatch(selector, checked, path) + validate_template(checked, path)
        # The original goes over the template's metadata a second time, under other paths.
        annotations = (template.get("metadata") or {}).get("annotations") or {}
        errors += validate_labels(template_labels(template), path.child("labels"))
        errors += validate_annotations(annotations, path.child("annotations"))
        errors += validate_pod_annotations(annotations, checked["spec"], path.child("annotations"))
    pod = template.get("spec") or {}
    if pod.get("restartPolicy") != "Always":
        place = path.child("spec", "restartPolicy")
        errors.append(not_supported(place, pod.get("restartPolicy", ""), ("Always",)))
    if pod.get("activeDeadlineSeconds") is not None:
        text = "activeDeadlineSeconds in StatefulSet is not Supported"
        errors.append(forbidden(path.child("spec", "activeDeadlineSeconds"), text))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new StatefulSet."""
    return validate_object_meta(obj["metadata"], True, label_name) + _spec(obj.get("spec") or {}, True)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed StatefulSet: most of its spec stays."""
    if subresource == "status":
        status = obj.get("status") or {}
        errors = nonnegative_fields(status, _COUNTS, STATUS)
        errors += not_above_replicas(
            status, ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
        )
        if status.get("availableReplicas", 0) > status.get("readyReplicas", 0):
            text = "cannot be greater than status.readyReplicas"
            errors.append(invalid(STATUS.child("availableReplicas"), status["availableReplicas"], text))
        errors += validate_object_meta_update(obj["metadata"], old["metadata"])
        return errors + collision_count(status, old.get("status") or {})
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    errors = validate_object_meta_update(obj["metadata"], old["metadata"]) + _spec(spec, False)
    if without(spec, *_CHANGEABLE) != without(before, *_CHANGEABLE):
        errors.append(forbidden(SPEC, _FIXED))
    return errors
