"""Validation of the annotations that mean something to pods: mirror pods, deletion cost, old security
profiles.

Called by `pod` and `pod_template`.
Source: pkg/apis/core/validation (ValidatePodSpecificAnnotations and neighbours).
"""

from __future__ import annotations

import re

from kubekit.api.field_path import FieldError, Path, forbidden, go_quote, invalid
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.paths import local_descending

MIRROR = "kubernetes.io/config.mirror"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_GROUPS = ("initContainers", "containers", "ephemeralContainers")


def _int32(text: str) -> bool:
    if text.startswith("+") or (len(text) > 1 and text.startswith("0")) or re.match(r"-0\d", text):
        return False
    return bool(re.fullmatch(r"-?\d+", text)) and -(2**31) <= int(text) < 2**31


def _seccomp(profile: str, path: Path) -> list[FieldError]:
    if profile in ("runtime/default", "docker/default", "unconfined"):
        return []
    if profile.startswith("localhost/"):
        return local_descending(profile.removeprefix("localhost/"), path)
    return [invalid(path, profile, "must be a valid seccomp profile")]


def validate_pod_annotations(annotations: dict[str, str], spec: Obj, path: Path) -> list[FieldError]:
    """Annotations of a pod or a template; `path` is that of the annotations."""
    errors: list[FieldError] = []
    if MIRROR in annotations and not spec.get("nodeName"):
        text = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(invalid(path.key(MIRROR), annotations[MIRROR], text))
    cost = annotations.get(_DELETION_COST)
    if cost is not None and not _int32(cost):
        errors.append(invalid(path.key(_DELETION_COST), cost, "must be a 32bit integer"))
    if _SECCOMP_POD in annotations:
        errors += _seccomp(annotations[_SECCOMP_POD], path.child(_SECCOMP_POD))
    for key, value in annotations.items():
        if key.startswith(_SECCOMP_CONTAINER):
            errors += _seccomp(value, path.child(key))
    for key, value in annotations.items():
        if key.startswith(_APP_ARMOR):
            name = key.removeprefix(_APP_ARMOR)
            if not any(one.get("name") == name for group in _GROUPS for one in spec.get(group) or ()):
                errors.append(invalid(path.key(key), name, "container not found"))
            if value not in ("", "runtime/default", "unconfined") and not value.startswith("localhost/"):
                errors.append(
                    invalid(path.key(key), value, f"invalid AppArmor profile name: {go_quote(value)}")
                )
    return errors


def validate_annotation_changes(new: dict[str, str], old: dict[str, str], path: Path) -> list[FieldError]:
    """The mirror annotation and AppArmor profiles never change."""
    errors: list[FieldError] = []
    for key, value in old.items():
        if new.get(key) != value:
            if key.startswith(_APP_ARMOR):
                errors.append(forbidden(path.key(key), "may not remove or update AppArmor annotations"))
            if key == MIRROR:
                errors.append(forbidden(path.key(key), "may not remove or update mirror pod annotation"))
    for key in new:
        if key not in old:
            if key.startswith(_APP_ARMOR):
                errors.append(forbidden(path.key(key), "may not add AppArmor annotations"))
            if key == MIRROR:
                errors.append(forbidden(path.key(key), "may not add mirror pod annotation"))
    return errors


def _match(annotation: str, profile: Obj, path: Path, word: str, default: str) -> list[FieldError]:
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    if kind == "Localhost":
        if not annotation.startswith("localhost/"):
            return [forbidden(path.child("type"), f"{word} type in annotation and field must match")]
        if annotation.removeprefix("localhost/") != local:
            text = f"{word} profile in annotation and field must match"
            return [forbidden(path.child("localhostProfile"), text)]
        return []
    wanted = {"Unconfined": ("unconfined",), "RuntimeDefault": (default, "docker/default")}.get(kind)
    if wanted is not None and annotation not in wanted:
        return [forbidden(path.child("type"), f"{word} type in annotation and field must match")]
    return []


def validate_profiles_match(annotations: dict[str, str], spec: Obj, path: Path) -> list[FieldError]:
    """Where a profile stands in an annotation and in a field, both must say the same."""
    errors: list[FieldError] = []
    if not annotations:
        return errors
    at_pod = spec.get("securityContext") or {}
    if at_pod.get("seccompProfile") is not None and _SECCOMP_POD in annotations:
        place = path.child("securityContext", "seccompProfile")
        errors += _match(
            annotations[_SECCOMP_POD], at_pod["seccompProfile"], place, "seccomp", "runtime/default"
        )
    windows = (spec.get("os") or {}).get("name") == "windows"
    for field, prefix, word in (
        ("seccompProfile", _SECCOMP_CONTAINER, "seccomp"),
        ("appArmorProfile", _APP_ARMOR, "apparmor"),
    ):
        for group in _GROUPS:
            for position, container in enumerate(spec.get(group) or ()):
                profile = (container.get("securityContext") or {}).get(field)
                if profile is None and word == "apparmor" and not windows:
                    profile = at_pod.get(field)
                annotation = annotations.get(prefix + container.get("name", ""))
                if profile is not None and annotation is not None and not (windows and word == "apparmor"):
                    place = path.child(group).index(position).child("securityContext", field)
                    errors += _match(annotation, profile, place, word, "runtime/default")
    return errors
