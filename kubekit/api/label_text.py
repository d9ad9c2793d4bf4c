"""Labels and label selectors as one line of text: `app=web,tier in (back,front)`.

Called by the table printers and by the terminal. `kubekit.api.selectors` parses such texts and matches with
them; this file only writes them.
Source: k8s.io/apimachinery/pkg/labels, pkg/apis/meta/v1/helpers.go.
"""

from __future__ import annotations

from typing import Any


def format_labels(labels: dict[str, Any] | None) -> str:
    """`a=1,b=2` in the order of the keys; `<none>` when there are none."""
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels)) if labels else "<none>"


def selector_string(selector: dict[str, Any] | None) -> str:
    """A LabelSelector object as text, in the order of the keys; empty if it selects all."""
    if not selector:
        return ""
    found: list[tuple[str, str]] = []
    for key in sorted(selector.get("matchLabels") or {}):
        found.append((key, f"{key}={selector['matchLabels'][key]}"))
    for need in selector.get("matchExpressions") or []:
        key, values = need.get("key", ""), ",".join(sorted(need.get("values") or []))
        text = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }.get(need.get("operator", ""))
        if text is None:
            return "<error>"
        found.append((key, text))
    return ",".join(text for _, text in sorted(found, key=lambda pair: pair[0]))


def format_label_selector(selector: dict[str, Any] | None) -> str:
    """`selector_string`, but `<none>` for a missing or empty selector."""
    return selector_string(selector) or "<none>"
