"""Defaults of role bindings: the API group of roles, users and groups.

Called through `apply_defaults`. Source: pkg/apis/rbac/v1/defaults.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj

GROUP = "rbac.authorization.k8s.io"


def binding(obj: Obj) -> None:
    """RoleBinding and ClusterRoleBinding."""
    role = obj.setdefault("roleRef", {})
    if not role.get("apiGroup"):
        role["apiGroup"] = GROUP
    for subject in obj.get("subjects") or ():
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = GROUP


DEFAULTS = {"RoleBinding": binding, "ClusterRoleBinding": binding}
