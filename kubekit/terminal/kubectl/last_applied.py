"""What was applied last, kept in an annotation of the object.

Source: k8s.io/kubectl/pkg/util/apply.go.
"""

from __future__ import annotations

import json

from kubekit.api.exchange import Obj
from kubekit.api.jsonpath import go_json
from kubekit.api.meta import deep_copy
from kubekit.terminal.kubectl.call import meta

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def with_last_applied(obj: Obj) -> Obj:
    """A copy of the object whose annotation holds the object itself."""
    out: Obj = deep_copy(obj)
    annotations = out.setdefault("metadata", {}).get("annotations") or {}
    out["metadata"]["annotations"] = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
    text = go_json(out) + "\n"
    out["metadata"]["annotations"][LAST_APPLIED] = text
    return out


def last_applied(obj: Obj) -> Obj | None:
    """What the annotation holds."""
    text = (meta(obj).get("annotations") or {}).get(LAST_APPLIED)
    if not text:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
