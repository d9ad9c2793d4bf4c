"""Defaults of PriorityClass. Called through `apply_defaults`.

Source: pkg/apis/scheduling/v1/defaults.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj


def priority_class(obj: Obj) -> None:
    """Pods of this class may preempt."""
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


DEFAULTS = {"PriorityClass": priority_class}
