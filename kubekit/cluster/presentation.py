"""The hook by which a higher floor shows a cluster.

A view that can draw the cluster map registers a function here; without one the map is plain text. This room
never imports what draws.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Present = Callable[[Any], dict[str, Any]]

_present: list[Present] = []


def register(present: Present) -> None:
    """Draw clusters with `present(cluster) -> MIME bundle` from now on; the last one registered counts."""
    _present.append(present)


def bundle(cluster: Any) -> dict[str, Any]:
    """The MIME bundle of a cluster; text always."""
    text = {"text/plain": repr(cluster)}
    return {**text, **_present[-1](cluster)} if _present else text
