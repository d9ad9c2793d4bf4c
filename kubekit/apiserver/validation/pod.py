"""Validation of pods.

Called through the registry; the spec is checked in `pod_spec`, changes in `pod_update`.
Source: pkg/apis/core/validation (ValidatePodCreate, ValidatePodUpdate), pkg/registry/core/pod/strategy.go.
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, forbidden
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.known_pods import KnownPods, fingerprint
from kubekit.apiserver.validation.object_meta import METADATA, subdomain_name, validate_object_meta
from kubekit.apiserver.validation.pod_annotations import validate_pod_annotations, validate_profiles_match
from kubekit.apiserver.validation.pod_containers import image_blanks
from kubekit.apiserver.validation.pod_spec import validate_pod_spec

SPEC = Path("spec")
_VALID = KnownPods()


def metadata_and_spec(obj: Obj) -> list[FieldError]:
    """What creation and every update check alike."""
    meta, spec = obj["metadata"], obj.get("spec") or {}
    errors = validate_object_meta(meta, True, subdomain_name)
    mark = fingerprint(meta, spec)
    if _VALID.know(mark):
        return errors
    of_spec = _annotations_and_spec(meta, spec)
    if not of_spec:
        _VALID.learn(mark)
    return errors + of_spec


def _annotations_and_spec(meta: Obj, spec: Obj) -> list[FieldError]:
    """Whatever depends on nothing else (`known_pods`)."""
    errors: list[FieldError] = []
    if annotations := meta.get("annotations"):
        errors += validate_pod_annotations(annotations, spec, METADATA.child("annotations"))
    errors += validate_pod_spec(spec, meta, SPEC, True)
    if not spec.get("serviceAccountName"):
        for position, volume in enumerate(spec.get("volumes") or ()):
            for number, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
                if source.get("serviceAccountToken") is not None:
                    at = SPEC.child("volumes").index(position).child("projected", "sources").index(number)
                    text = "must not be specified when serviceAccountName is not set"
                    errors.append(forbidden(at.child("serviceAccountToken"), text))
    for group in ("containers", "initContainers"):
        for position, container in enumerate(spec.get(group) or ()):
            image = container.get("image", "")
            if image[:1].isspace() or image[-1:].isspace():
                errors += image_blanks(container, SPEC.child(group).index(position))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new pod."""
    errors = metadata_and_spec(obj)
    spec = obj.get("spec") or {}
    if spec.get("ephemeralContainers"):
        errors.append(forbidden(SPEC.child("ephemeralContainers"), "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        text = "cannot be set until all schedulingGates have been cleared"
        errors.append(forbidden(SPEC.child("nodeName"), text))
    annotations = obj["metadata"].get("annotations")
    return errors + validate_profiles_match(annotations, spec, SPEC) if annotations else errors


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed pod, by the subresource through which it came."""
    from kubekit.apiserver.validation import pod_resize, pod_status, pod_update

    if subresource == "status":
        return pod_status.validate_status(obj, old)
    if subresource == "ephemeralcontainers":
        return pod_update.validate_ephemeral(obj, old)
    if subresource == "resize":
        return pod_resize.validate_resize(obj, old)
    return pod_update.validate_spec_update(obj, old)
