"""What happened to one object, as far as a check wants to know: read from the cluster's records.

The objects say what is; the records say how it came to be: who created the pod, how often, who bound it,
which writes were refused. A check asks for them through `Look.history(...)`. Records are bounded in number,
and a cluster that kubekit only connects to keeps none: without records every answer is the empty one. Dry
runs do not count, for they store nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

COMPONENTS = ("kube-", "kubelet/")
"""How the names of components begin; everybody else is a user's program."""


class History:
    """The requests about one object, oldest first. `records` are those of its subject."""

    def __init__(self, records: Iterable[Any]) -> None:
        self._requests = [
            (record.came_in, record.came_out if isinstance(record.came_out, dict) else {})
            for record in records
            if record.kind == "request" and isinstance(record.came_in, dict)
        ]

    @property
    def creations(self) -> list[str]:
        """Which program created it, each time that it was created."""
        return [
            str(asked.get("source", ""))
            for asked, came in self._requests
            if not asked.get("subresource") and came.get("status") == 201 and came.get("writes")
        ]

    @property
    def deleted_by_user(self) -> bool:
        """Whether somebody who is no component had it deleted."""
        return any(
            asked.get("verb") == "delete" and came.get("status") in (200, 202) and _is_user(asked)
            for asked, came in self._requests
        )

    @property
    def refused_writes(self) -> int:
        """How many writes of users to the existing object were refused."""
        return sum(
            asked.get("verb") in ("patch", "update", "apply")
            and came.get("status", 0) >= 400
            and _is_user(asked)
            for asked, came in self._requests
        )

    @property
    def bound_by(self) -> str:
        """Which program bound the pod that there is now to its node; "" when nobody did."""
        found = ""
        for asked, came in self._requests:
            if came.get("status") != 201:
                continue
            if not asked.get("subresource"):
                found = ""  # a new pod of the same name begins without a node
            elif asked.get("subresource") == "binding" and came.get("writes"):
                found = str(asked.get("source", "")) or "somebody"
        return found

    def values(self, *path: str) -> list[Any]:
        """The values that a field had, write by write, e.g. ``values("spec", "replicas")``."""
        found: list[Any] = []
        for _, came in self._requests:
            value: Any = came.get("object") if came.get("writes") else None
            for step in path:
                value = value.get(step) if isinstance(value, dict) else None
            if value is not None and found[-1:] != [value]:
                found.append(value)
        return found


def _is_user(asked: dict[str, Any]) -> bool:
    return not str(asked.get("source", "")).startswith(COMPONENTS)
