"""Reading and changing the metadata every API object has: names, labels, owners, conditions, paths.

Called by everybody who holds an object. Objects are plain JSON dictionaries and frozen by convention once
they were stored or handed out: the functions here that change something (`set_condition`, `set_path`, ...)
work in place on a copy that the caller made with `deep_copy` first, never on an object from an informer or
a response. Source: k8s.io/apimachinery/pkg/apis/meta/v1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Obj = dict[str, Any]
"""An API object, as in a manifest."""


def deep_copy(value: Any) -> Any:
    """A copy of a JSON value that shares no dictionary and no list with the original."""
    if type(value) is dict:
        return {
            key: item if type(item) is str else deep_copy(item) if type(item) in (dict, list) else item
            for key, item in value.items()
        }
    if type(value) is list:
        return [deep_copy(item) if type(item) in (dict, list) else item for item in value]
    return value


def metadata_of(obj: Obj) -> Obj:
    """The object's `metadata`; an empty dictionary (not stored in the object) when it has none."""
    return obj.get("metadata") or {}


def name_of(obj: Obj) -> str:
    """`metadata.name`, or an empty text."""
    return (obj.get("metadata") or {}).get("name") or ""


def namespace_of(obj: Obj) -> str:
    """`metadata.namespace`, or an empty text for a cluster-scoped object."""
    return (obj.get("metadata") or {}).get("namespace") or ""


def uid_of(obj: Obj) -> str:
    """`metadata.uid`, or an empty text."""
    return (obj.get("metadata") or {}).get("uid") or ""


def key_of(obj: Obj) -> str:
    """The key informers and work queues use: `namespace/name`, or `name` when there is no namespace."""
    meta = obj.get("metadata") or {}
    namespace = meta.get("namespace")
    name: str = meta.get("name") or ""
    return f"{namespace}/{name}" if namespace else name


def split_key(key: str) -> tuple[str, str]:
    """Namespace and name of a key; the namespace of a cluster-scoped object is an empty text."""
    namespace, _, name = key.rpartition("/")
    return namespace, name


def labels_of(obj: Obj) -> dict[str, str]:
    """`metadata.labels`, an empty dictionary when there are none. Do not change it."""
    return (obj.get("metadata") or {}).get("labels") or {}


def annotations_of(obj: Obj) -> dict[str, str]:
    """`metadata.annotations`, an empty dictionary when there are none. Do not change it."""
    return (obj.get("metadata") or {}).get("annotations") or {}


def finalizers_of(obj: Obj) -> list[str]:
    """`metadata.finalizers`."""
    return (obj.get("metadata") or {}).get("finalizers") or []


def resource_version_of(obj: Obj) -> int:
    """`metadata.resourceVersion` as a number, 0 when unset."""
    return int((obj.get("metadata") or {}).get("resourceVersion") or 0)


def is_deleting(obj: Obj) -> bool:
    """Whether a deletion was asked for (`metadata.deletionTimestamp` is set)."""
    return bool((obj.get("metadata") or {}).get("deletionTimestamp"))


# --- owners --------------------------------------------------------------------------------------------


def owner_refs(obj: Obj) -> list[Obj]:
    """`metadata.ownerReferences`."""
    return (obj.get("metadata") or {}).get("ownerReferences") or []


def controller_of(obj: Obj) -> Obj | None:
    """The owner reference that says `controller: true`, or None."""
    for reference in (obj.get("metadata") or {}).get("ownerReferences") or ():
        if reference.get("controller"):
            found: Obj = reference
            return found
    return None


def is_controlled_by(obj: Obj, owner: Obj) -> bool:
    """Whether `owner` (by uid) is the controller of `obj`."""
    reference = controller_of(obj)
    return reference is not None and reference.get("uid") == uid_of(owner)


def owner_reference(owner: Obj, *, controller: bool = False, block: bool = False) -> Obj:
    """A plain reference to `owner`, to be put into `metadata.ownerReferences` of another object."""
    meta = owner.get("metadata") or {}
    reference: Obj = {
        "apiVersion": owner.get("apiVersion", ""),
        "kind": owner.get("kind", ""),
        "name": meta.get("name", ""),
        "uid": meta.get("uid", ""),
    }
    if controller:
        reference["controller"] = True
    if block:
        reference["blockOwnerDeletion"] = True
    return reference


def controller_reference(owner: Obj) -> Obj:
    """What a controller writes into the objects it makes: `controller` and `blockOwnerDeletion` are true."""
    return owner_reference(owner, controller=True, block=True)


def object_reference(obj: Obj, field_path: str = "") -> Obj:
    """An ObjectReference as events and bindings hold it (fields that are empty are left out)."""
    meta = obj.get("metadata") or {}
    found = {
        "apiVersion": obj.get("apiVersion"),
        "fieldPath": field_path,
        "kind": obj.get("kind"),
        "name": meta.get("name"),
        "namespace": meta.get("namespace"),
        "resourceVersion": meta.get("resourceVersion"),
        "uid": meta.get("uid"),
    }
    return {key: value for key, value in found.items() if value}


# --- paths ---------------------------------------------------------------------------------------------


def get_path(obj: Any, *path: str | int, default: Any = None) -> Any:
    """The value at a path of keys and indexes; `default` where the path leaves the object."""
    for step in path:
        try:
            obj = obj[step]
        except (KeyError, IndexError, TypeError):
            return default
    return default if obj is None else obj


def set_path(obj: Obj, *path: str, value: Any) -> None:
    """Sets the value at a path of keys in place; missing dictionaries on the way are made."""
    for step in path[:-1]:
        inner = obj.get(step)
        if inner is None:
            inner = obj[step] = {}
        obj = inner
    obj[path[-1]] = value


def without(mapping: Obj, *keys: str) -> Obj:
    """A shallow copy of a dictionary less some keys."""
    return {key: value for key, value in mapping.items() if key not in keys}


# --- conditions ----------------------------------------------------------------------------------------


def find_condition(obj: Obj, kind: str) -> Obj | None:
    """The condition of that type in `status.conditions`, or None."""
    for condition in (obj.get("status") or {}).get("conditions") or ():
        if condition.get("type") == kind:
            found: Obj = condition
            return found
    return None


def is_true(obj: Obj, kind: str) -> bool:
    """Whether the condition of that type has the status "True"."""
    condition = find_condition(obj, kind)
    return condition is not None and condition.get("status") == "True"


def set_condition(obj: Obj, condition: Obj) -> bool:
    """Puts a condition into `status.conditions` in place; says whether that changed anything.

    `lastTransitionTime` of the given condition is taken over only when `status` differs from before.
    """
    status = obj.get("status")
    if status is None:
        status = obj["status"] = {}
    conditions: list[Obj] = list(status.get("conditions") or ())
    status["conditions"] = conditions
    for index, old in enumerate(conditions):
        if old.get("type") != condition.get("type"):
            continue
        new = {**old, **condition}
        if old.get("status") == condition.get("status") and "lastTransitionTime" in old:
            new["lastTransitionTime"] = old["lastTransitionTime"]
        if new == old:
            return False
        conditions[index] = new
        return True
    conditions.append(dict(condition))
    return True


def remove_condition(obj: Obj, kind: str) -> bool:
    """Takes a condition out of `status.conditions` in place; says whether it was there."""
    status = obj.get("status") or {}
    conditions = status.get("conditions") or []
    kept = [condition for condition in conditions if condition.get("type") != kind]
    if len(kept) == len(conditions):
        return False
    status["conditions"] = kept
    return True


def sorted_by_creation(objects: Iterable[Obj]) -> list[Obj]:
    """Oldest first, then by namespace and name: the order in which ties are usually broken."""
    return sorted(objects, key=lambda obj: (metadata_of(obj).get("creationTimestamp") or "", key_of(obj)))
