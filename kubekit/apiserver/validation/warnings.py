"""Warnings: what the server accepts but tells the client to change.

Called on create and update through `validation.warnings`. A warning never depends on other objects.
Source: pkg/api/pod/warnings.go, pkg/api/service/warnings.go and neighbours.
"""

from __future__ import annotations

from kubekit.api.meta import Obj


def warnings_for(obj: Obj, old: Obj | None = None) -> list[str]:
    """The texts for the Warning headers."""
    return []
