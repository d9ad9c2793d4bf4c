"""What the checks of the Pod Security Standards share: finding containers, and naming them in texts.

Called by `pod_security_checks`. Upstream: pod-security-admission/policy (helpers.go, visitor.go).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Obj = dict[str, Any]


def containers(spec: Obj) -> Iterator[Obj]:
    """Every container, in the order in which the checks look."""
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def context_of(holder: Obj) -> Obj:
    """The security context of a pod or container."""
    found: Obj = holder.get("securityContext") or {}
    return found


def quoted(items: list[str]) -> str:
    """Names as texts list them."""
    return ", ".join(f'"{item}"' for item in items)


def named(names: list[str], word: str = "container") -> str:
    """One or several things by their names."""
    return f"{word if len(names) == 1 else word + 's'} {quoted(names)}"


def who_sets(pod: bool, names: list[str]) -> str:
    """Who sets something: the pod, containers, or both."""
    return " and ".join([*(["pod"] if pod else []), *([named(names)] if names else [])])


def is_windows(spec: Obj) -> bool:
    """Whether the pod is for Windows."""
    return bool((spec.get("os") or {}).get("name") == "windows")


def has_own_users(spec: Obj) -> bool:
    """Whether the pod has users of its own."""
    return spec.get("hostUsers") is False
