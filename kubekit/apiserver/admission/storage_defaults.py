"""Three plugins about storage: protection, the default class, and growth.

StorageObjectInUseProtection puts a finalizer on volumes and claims, so that none goes while it is used.
DefaultStorageClass names the class of a claim that names none. PersistentVolumeClaimResize refuses to grow
a claim whose class does not allow it. Upstream: plugin/pkg/admission/storage.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.quantity import parse
from kubekit.apiserver.admission.plugin import CREATE, UPDATE, AdmissionPlugin, Attributes

Obj = dict[str, Any]
GROUP = "storage.k8s.io"
FINALIZERS = {
    "persistentvolumes": "kubernetes.io/pv-protection",
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "volumeattributesclasses": "kubernetes.io/vac-protection",
}
DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


class StorageObjectInUseProtection(AdmissionPlugin):
    """See the module."""

    name = "StorageObjectInUseProtection"
    operations = frozenset({CREATE})
    resources = frozenset(
        {("", "persistentvolumes"), ("", "persistentvolumeclaims"), (GROUP, "volumeattributesclasses")}
    )

    def admit(self, a: Attributes) -> None:
        """Add the finalizer."""
        if a.obj is None:
            return
        wanted = FINALIZERS[a.resource.plural]
        present = a.obj["metadata"].get("finalizers") or []
        if wanted not in present:
            a.change("/metadata", a.obj["metadata"], "finalizers", [*present, wanted])


class DefaultStorageClass(AdmissionPlugin):
    """See the module."""

    name = "DefaultStorageClass"
    operations = frozenset({CREATE})
    resources = frozenset({("", "persistentvolumeclaims")})

    def admit(self, a: Attributes) -> None:
        """Name the newest default class."""
        if a.obj is None or _has_class(a.obj):
            return
        classes = a.ctx.server.store(GROUP, "storageclasses").cache.span()
        defaults = [c for c in classes if is_default(c, DEFAULT)]
        if defaults:
            newest = max(c["metadata"]["creationTimestamp"] for c in defaults)
            chosen = min(
                c["metadata"]["name"] for c in defaults if c["metadata"]["creationTimestamp"] == newest
            )
            a.change("/spec", a.part("spec"), "storageClassName", chosen)


class PersistentVolumeClaimResize(AdmissionPlugin):
    """See the module."""

    name = "PersistentVolumeClaimResize"
    operations = frozenset({UPDATE})
    resources = frozenset({("", "persistentvolumeclaims")})

    def validate(self, a: Attributes) -> None:
        """Only bound claims of a class that allows it may grow."""
        if a.obj is None or a.old is None or _size(a.obj) <= _size(a.old):
            return
        if (a.old.get("status") or {}).get("phase") != "Bound":
            raise a.forbidden("Only bound persistent volume claims can be expanded")
        name, before = class_of(a.obj), class_of(a.old)
        found = a.ctx.server.store(GROUP, "storageclasses").find("", name) if name else None
        if not name or name != before or found is None or not found.get("allowVolumeExpansion"):
            text = (
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc"
                " must support resize"
            )
            raise a.forbidden(text)


def is_default(obj: Obj, annotations: tuple[str, ...]) -> bool:
    """Whether an annotation says that this class is the default."""
    given = obj["metadata"].get("annotations") or {}
    return any(given.get(name) == "true" for name in annotations)


def class_of(claim: Obj) -> str:
    """The storage class of a claim."""
    annotations = claim["metadata"].get("annotations") or {}
    name: str = annotations.get(CLASS_ANNOTATION, (claim.get("spec") or {}).get("storageClassName") or "")
    return name


def _has_class(claim: Obj) -> bool:
    annotations = claim["metadata"].get("annotations") or {}
    return CLASS_ANNOTATION in annotations or (claim.get("spec") or {}).get("storageClassName") is not None


def _size(claim: Obj) -> Any:
    return parse(
        (((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage", "0")
    )
