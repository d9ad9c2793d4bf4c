"""AppArmor's old annotations: the key of a container's, and the field that a value stands for.

Called when a pod is created (the annotation becomes a field) and by the warnings about templates.
Source: pkg/api/pod/util.go (ApparmorFieldForAnnotation), core/v1 annotation_key_constants.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj

APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
APP_ARMOR_FIELD = 'deprecated since v1.30; use the "appArmorProfile" field instead'
_PROFILES = {"unconfined": "Unconfined", "runtime/default": "RuntimeDefault"}
_LOCALHOST = "localhost/"


def profile_of(annotation: str) -> Obj | None:
    """The field that an annotation's value stands for; None for a value that means nothing."""
    if annotation in _PROFILES:
        return {"type": _PROFILES[annotation]}
    if annotation.startswith(_LOCALHOST) and len(annotation) > len(_LOCALHOST):
        return {"type": "Localhost", "localhostProfile": annotation[len(_LOCALHOST) :]}
    return None
