"""Named faults: what may be broken on purpose, off until somebody switches it on.

A room asks `faults.get("name")` at the place where the fault would strike; a learner or a test sets it.
Faults carry a value (a delay in seconds, a probability, a list of nodes), not behaviour.
"""

from __future__ import annotations

from typing import Any


class Faults:
    """The faults that are on now, by name.

    >>> faults = Faults()
    >>> faults.active("image-pull-slow")
    False
    >>> faults.set("image-pull-slow", 30)
    >>> faults.get("image-pull-slow")
    30
    """

    __slots__ = ("_on",)

    def __init__(self) -> None:
        self._on: dict[str, Any] = {}

    def set(self, name: str, value: Any = True) -> None:
        """Switch a fault on with a value; a false value switches it off."""
        if value:
            self._on[name] = value
        else:
            self._on.pop(name, None)

    def clear(self, name: str | None = None) -> None:
        """Switch one fault off, or all of them."""
        if name is None:
            self._on.clear()
        else:
            self._on.pop(name, None)

    def active(self, name: str) -> bool:
        """Whether the fault is on."""
        return name in self._on

    def get(self, name: str, default: Any = None) -> Any:
        """The fault's value, or `default` when it is off."""
        return self._on.get(name, default)

    def names(self) -> list[str]:
        """The faults that are on, sorted."""
        return sorted(self._on)
