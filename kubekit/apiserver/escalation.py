"""Escalation: nobody grants more than they have.

Who writes a role must hold every right in it (or the verb `escalate`), who writes a binding every right of
its role (or the verb `bind`). Checked by the RBAC strategies. Upstream:
pkg/registry/rbac/escalation_check.go, pkg/registry/rbac/validation (rule.go, policy_compact.go),
component-helpers/auth/rbac/validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.field_path import go_quote
from kubekit.apiserver.authorization import SUPERUSERS, Attributes

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"


def check_role(ctx: Context, resource: Any, obj: Obj, rules: list[Obj], text: str = "") -> None:
    """Refuse a role with rights that its writer does not hold; raises Forbidden, with `text` if given."""
    if SUPERUSERS in ctx.user.groups:
        return
    info = ctx.info
    asked = Attributes(ctx.user, "escalate", info.group, "*", info.resource, "", info.namespace, info.name)
    if ctx.server.authorization.decide(asked).allowed:
        return
    _confirm(ctx, resource, obj, rules, text)


def check_binding(ctx: Context, resource: Any, obj: Obj, namespace: str) -> None:
    """Refuse a binding to a role with rights that its writer does not hold; raises Forbidden."""
    if SUPERUSERS in ctx.user.groups:
        return
    ref = obj.get("roleRef") or {}
    plural = {"ClusterRole": "clusterroles", "Role": "roles"}.get(ref.get("kind", ""))
    if plural is not None:
        asked = Attributes(
            ctx.user, "bind", ref.get("apiGroup", ""), "*", plural, "", namespace, ref.get("name", "")
        )
        if ctx.server.authorization.decide(asked).allowed:
            return
    rbac = ctx.server.authorization.rbac
    rules = rbac.rules_of_role(ref, namespace)
    if rules is None:
        # The original looks the role up in the name of this request, and so blames its resource.
        raise errors.not_found(resource, ref.get("name", ""))
    _confirm(ctx, resource, obj, rules)


def _confirm(ctx: Context, resource: Any, obj: Obj, rules: list[Obj], instead: str = "") -> None:
    rbac = ctx.server.authorization.rbac
    missing_roles: list[str] = []
    held = [rule for rule, _ in rbac.rules_for(ctx.user, ctx.info.namespace, missing_roles)]
    missing = [part for rule in rules for part in _parts(rule) if not any(_covers(own, part) for own in held)]
    if not missing:
        return
    if instead:
        raise errors.forbidden(resource, obj["metadata"].get("name", ""), instead)
    groups = "[" + " ".join(go_quote(group) for group in ctx.user.groups) + "]"
    lines = sorted({_compact_text(rule) for rule in _compacted(missing)})
    text = (
        f'user "{ctx.user.name}" (groups={groups}) is attempting to grant RBAC permissions not currently'
        " held:\n" + "\n".join(lines)
    )
    if missing_roles:
        unique = list(dict.fromkeys(missing_roles))
        shown = unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]"
        text += f"; resolution errors: {shown}"
    raise errors.forbidden(resource, obj["metadata"].get("name", ""), text)


def _parts(rule: Obj) -> list[Obj]:
    """A rule as rules of one verb, one resource and one name."""
    found: list[Obj] = []
    verbs = rule.get("verbs") or ()
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in verbs:
                base = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
                names = rule.get("resourceNames") or ()
                found += [{**base, "resourceNames": [name]} for name in names] or [base]
    for url in rule.get("nonResourceURLs") or ():
        found += [{"nonResourceURLs": [url], "verbs": [verb]} for verb in verbs]
    return found


def _has(owned: list[str], wanted: str) -> bool:
    return "*" in owned or wanted in owned


def _covers(own: Obj, part: Obj) -> bool:
    if not _has(own.get("verbs") or [], part["verbs"][0]):
        return False
    if "nonResourceURLs" in part:
        url = part["nonResourceURLs"][0]
        return any(
            held == url or (held.endswith("*") and url.startswith(held.rstrip("*")))
            for held in own.get("nonResourceURLs") or ()
        )
    if not _has(own.get("apiGroups") or [], part["apiGroups"][0]):
        return False
    resource = part["resources"][0]
    owned = own.get("resources") or []
    _, slash, sub = resource.partition("/")
    if not _has(owned, resource) and not (slash and f"*/{sub}" in owned):
        return False
    names = own.get("resourceNames") or []
    return not names or ("resourceNames" in part and part["resourceNames"][0] in names)


def _compacted(rules: list[Obj]) -> list[Obj]:
    """Rules that differ in their verb only, as one."""
    found: dict[tuple[str, str, str], Obj] = {}
    rest: list[Obj] = []
    for rule in rules:
        if "nonResourceURLs" in rule:
            rest.append(rule)
            continue
        key = (rule["apiGroups"][0], rule["resources"][0], (rule.get("resourceNames") or [""])[0])
        if key in found:
            found[key] = {**found[key], "verbs": [*found[key]["verbs"], *rule["verbs"]]}
        else:
            found[key] = rule
    return [*found.values(), *rest]


def _compact_text(rule: Obj) -> str:
    parts = []
    for field, title in (
        ("apiGroups", "APIGroups"),
        ("resources", "Resources"),
        ("nonResourceURLs", "NonResourceURLs"),
        ("resourceNames", "ResourceNames"),
        ("verbs", "Verbs"),
    ):
        if rule.get(field):
            parts.append(f"{title}:[{' '.join(go_quote(value) for value in rule[field])}]")
    return "{" + ", ".join(parts) + "}"
