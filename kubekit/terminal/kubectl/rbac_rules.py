"""RBAC rules as `describe role` and `auth can-i --list` show them: one resource a line, verbs put together.

Source: k8s.io/kubectl/pkg/util/rbac, pkg/describe (CombineResourceGroup).
"""

from __future__ import annotations

from kubekit.api.exchange import Obj


def _go_list(values: list[str] | None) -> str:
    return "[" + " ".join(values or []) + "]"


def text_of(rule: Obj) -> str:
    """The rule as Go prints it; the order of rules is the order of these texts."""
    parts = [
        f"{name}:{_go_list(rule.get(key))},"
        for name, key in (
            ("Verbs", "verbs"),
            ("APIGroups", "apiGroups"),
            ("Resources", "resources"),
            ("ResourceNames", "resourceNames"),
            ("NonResourceURLs", "nonResourceURLs"),
        )
    ]
    return "&PolicyRule{" + "".join(parts) + "}"


def compact(rules: list[Obj]) -> list[Obj]:
    """Taken apart to one resource each, the verbs of the same resource put together, sorted."""
    simple: dict[tuple[str, str, str], list[str]] = {}
    out: list[Obj] = []
    for rule in rules:
        for group in rule.get("apiGroups") or []:
            for resource in rule.get("resources") or []:
                for name in rule.get("resourceNames") or [""]:
                    verbs = simple.setdefault((group, resource, name), [])
                    verbs += [verb for verb in rule.get("verbs") or [] if verb not in verbs]
        for url in rule.get("nonResourceURLs") or []:
            out += [{"nonResourceURLs": [url], "verbs": [verb]} for verb in rule.get("verbs") or []]
    for (group, resource, name), verbs in simple.items():
        one: Obj = {"apiGroups": [group], "resources": [resource], "verbs": verbs}
        out.append({**one, **({"resourceNames": [name]} if name else {})})
    return sorted(out, key=text_of)


def combined(rule: Obj) -> str:
    """`deployments.apps/scale`: the resource with its group."""
    if not rule.get("resources"):
        return ""
    head, slash, sub = str(rule["resources"][0]).partition("/")
    group = (rule.get("apiGroups") or [""])[0]
    return head + (f".{group}" if group else "") + (f"/{sub}" if slash else "")


def rows(rules: list[Obj]) -> list[list[str]]:
    """(resource, non-resource URLs, resource names, verbs) of compacted rules."""
    return [
        [
            combined(rule),
            _go_list(rule.get("nonResourceURLs")),
            _go_list(rule.get("resourceNames")),
            _go_list(rule.get("verbs")),
        ]
        for rule in rules
    ]
