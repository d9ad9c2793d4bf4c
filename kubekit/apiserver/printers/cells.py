"""What several kinds' cells have in common: ages, container lists, shortened lists, access modes.

Called by the printers beside this file. All functions read objects and never change them.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.duration import since
from kubekit.api.exchange import Obj
from kubekit.api.label_text import format_labels, selector_string

__all__ = [
    "access_modes",
    "age",
    "condition_is",
    "containers",
    "first",
    "format_labels",
    "join_some",
    "name",
    "section",
    "selector_string",
]

_MODES = (
    ("ReadWriteOnce", "RWO"),
    ("ReadOnlyMany", "ROX"),
    ("ReadWriteMany", "RWX"),
    ("ReadWriteOncePod", "RWOP"),
)


def section(obj: Obj | None, *path: str) -> Any:
    """What stands under a path of keys; an empty dict if anything on the way is missing."""
    value: Any = obj
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return {} if value is None else value


def name(obj: Obj) -> str:
    """The object's name."""
    return str(section(obj, "metadata").get("name", ""))


def age(obj: Obj, now: float) -> str:
    """Time since the object was created."""
    return since(section(obj, "metadata").get("creationTimestamp"), now)


def containers(pod_spec: Obj) -> tuple[str, str]:
    """(names, images) of a pod template, comma-separated."""
    listed = pod_spec.get("containers") or []
    return ",".join(c.get("name", "") for c in listed), ",".join(c.get("image", "") for c in listed)


def join_some(items: list[str], most: int = 3, empty: str = "<unset>") -> str:
    """The first `most` items, then `+ N more...`."""
    shown = ",".join(items[:most])
    if len(items) > most:
        return f"{shown} + {len(items) - most} more..."
    return shown or empty


def first(*texts: Any) -> str:
    """The first text that is not empty."""
    return next((str(text) for text in texts if text), "")


def condition_is(obj: Obj, kind: str, status: str = "True") -> bool:
    """Whether the first condition of that type has that status."""
    for condition in section(obj, "status").get("conditions") or []:
        if condition.get("type") == kind:
            return bool(condition.get("status") == status)
    return False


def access_modes(modes: list[str] | None) -> str:
    """`RWO,ROX` from the long names, each once, in the fixed order."""
    return ",".join(short for long, short in _MODES if long in (modes or []))
