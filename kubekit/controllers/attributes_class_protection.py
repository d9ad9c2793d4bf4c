"""Protection of volume attributes classes: one goes only when no volume and no claim names it.

The admission of the API server puts a finalizer on each class; this controller takes it off from one that is
being deleted when nothing names it any more. Source: pkg/controller/volume/vacprotection.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, finalizers_of, is_deleting, name_of
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.volume_protection import write_finalizers

CLASSES = "volumeattributesclasses.storage.k8s.io"
FINALIZER = "kubernetes.io/vac-protection"
INDEX = "attributes-class"


class AttributesClassProtection(Controller):
    """Lets a VolumeAttributesClass go when nothing uses it."""

    name: ClassVar[str] = "volumeattributesclass-protection-controller"
    kind: ClassVar[str] = "VolumeAttributesClass"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.classes: Informer
        self.users: tuple[Informer, ...] = ()

    def set_up(self) -> None:
        self.classes = self.informer(CLASSES)
        self.watch(self.classes, self._class_seen, lambda old, new: self._class_seen(new))
        self.users = self.informer("persistentvolumes"), self.informer("persistentvolumeclaims")
        for informer in self.users:
            informer.add_index(INDEX, classes_named)
            self.watch(
                informer,
                on_update=lambda old, new: self._freed(old, set(classes_named(new))),
                on_delete=lambda obj: self._freed(obj, set()),
            )

    def _class_seen(self, one: Obj) -> None:
        if is_deleting(one) == (FINALIZER in finalizers_of(one)):
            self.enqueue(name_of(one), "MODIFIED", one)

    def _freed(self, user: Obj, still: set[str]) -> None:
        """A volume or claim that named a class names it no more."""
        for name in classes_named(user):
            if name not in still:
                self.enqueue(name, "MODIFIED", user)

    def reconcile(self, key: str) -> None:
        one = self.classes.get(key)
        if one is None:
            return
        finalizers = finalizers_of(one)
        if not is_deleting(one):
            if FINALIZER not in finalizers:
                write_finalizers(self, CLASSES, one, [*finalizers, FINALIZER])
            return
        used = sum(len(informer.by_index(INDEX, key)) for informer in self.users)
        self.round.observed = used
        if FINALIZER in finalizers and not used:
            write_finalizers(self, CLASSES, one, [other for other in finalizers if other != FINALIZER])


def classes_named(obj: Obj) -> list[str]:
    """The classes that a volume names, or a claim: the one it wants, has, or is on its way to."""
    status = obj.get("status") or {}
    names = (
        obj["spec"].get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    )
    return list(dict.fromkeys(name for name in names if name))
