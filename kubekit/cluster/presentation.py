"""Hooks by which higher floors show a cluster, and by which the API server reaches the nodes.

A view that can draw the cluster map registers a function here; without one the map is plain text. The way to
a kubelet (logs, exec) is likewise handed to the API server as a function, because the API server knows no
kubelet by itself.
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


def connection_to_kubelets(cluster: Any) -> Callable[[Any, Any], Any] | None:
    """What the API server calls for the subresources that a kubelet answers; None while nothing does."""
    return None
