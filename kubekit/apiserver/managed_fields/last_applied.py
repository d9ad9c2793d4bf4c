"""From client-side to server-side apply: the last-applied annotation of kubectl.

When the manager `kubectl` applies on the server for the first time, fields that its own annotation says it
set are no conflict; and as long as the annotation is there, it is kept up to date. Upstream:
apimachinery/pkg/util/managedfields/internal (lastappliedmanager.go, lastappliedupdater.go).
"""

from __future__ import annotations

import json
from typing import Any

from kubekit.api.meta import deep_copy
from kubekit.apiserver.managed_fields.compare import compare, fields_of
from kubekit.apiserver.managed_fields.field_set import difference, has
from kubekit.apiserver.managed_fields.managers import Identity, Manager
from kubekit.apiserver.managed_fields.updater import Rules

Obj = dict[str, Any]
Found = list[tuple[Identity, Manager, tuple[str, ...]]]

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
_LIMIT = 256 * 1024


def _annotation(obj: Obj) -> str:
    value = ((obj.get("metadata") or {}).get("annotations") or {}).get(ANNOTATION)
    return value if isinstance(value, str) else ""


def still_conflicting(rules: Rules, live: Obj, found: Found) -> Found | None:
    """The conflicts that the annotation does not explain; None when there is no usable annotation."""
    text = _annotation(live)
    if not text:
        return None
    try:
        last = json.loads(text)
    except ValueError:
        return None
    if not isinstance(last, dict) or last.get("apiVersion") != rules.api_version:
        return None
    mine = fields_of(rules.shape, last)
    changed, removed = compare(rules.shape, last, live)
    mine = difference(difference(mine, changed), removed)
    return [conflict for conflict in found if not has(mine, conflict[2])]


def refresh(obj: Obj, config: Obj) -> None:
    """Bring the annotation of an object up to the configuration that was just applied."""
    if not _annotation(obj):
        return
    config = deep_copy(config)
    annotations = (config.get("metadata") or {}).get("annotations")
    if isinstance(annotations, dict):
        annotations.pop(ANNOTATION, None)
        if not annotations:
            config["metadata"].pop("annotations", None)
    text = json.dumps(config, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
    kept = {k: v for k, v in obj["metadata"]["annotations"].items() if k != ANNOTATION}
    if sum(len(k) + len(v) for k, v in kept.items()) + len(ANNOTATION) + len(text) <= _LIMIT:
        kept[ANNOTATION] = text
    obj["metadata"]["annotations"] = kept
