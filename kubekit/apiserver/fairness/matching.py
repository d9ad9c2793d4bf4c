"""Which flow schema a request belongs to.

`matches(schema, user, info)`: some rule names the user and covers what is asked. Here ``*`` is no pattern
but the only entry of a list that stands for everything. Upstream: apiserver/pkg/util/flowcontrol/rule.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubekit.api.exchange import UserInfo
from kubekit.apiserver.request_info import RequestInfo

Obj = dict[str, Any]

ACCOUNT = "system:serviceaccount:"


def order(schema: Obj) -> tuple[int, str]:
    """By what flow schemas are tried: precedence, then name."""
    return schema["spec"]["matchingPrecedence"], schema["metadata"]["name"]


def matches(schema: Obj, user: UserInfo, info: RequestInfo) -> bool:
    """Whether a request belongs to a flow schema."""
    return any(
        any(is_subject(subject, user) for subject in rule.get("subjects") or ()) and _covers(rule, info)
        for rule in schema["spec"].get("rules") or ()
    )


def is_subject(subject: Obj, user: UserInfo) -> bool:
    """Whether a subject of a rule is this user."""
    kind = subject.get("kind")
    if kind == "User":
        return (subject.get("user") or {}).get("name") in ("*", user.name)
    if kind == "Group":
        wanted = (subject.get("group") or {}).get("name")
        return wanted == "*" or wanted in user.groups
    if kind == "ServiceAccount":
        account = subject.get("serviceAccount") or {}
        place, name = f"{ACCOUNT}{account.get('namespace', '')}:", account.get("name", "")
        return user.name.startswith(place) if name == "*" else user.name == place + name
    return False


def _covers(rule: Obj, info: RequestInfo) -> bool:
    if not info.is_resource:
        return any(_covers_path(one, info) for one in rule.get("nonResourceRules") or ())
    return any(_covers_resource(one, info) for one in rule.get("resourceRules") or ())


def _covers_resource(rule: Obj, info: RequestInfo) -> bool:
    asked = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    if not (
        _has(rule.get("verbs"), info.verb)
        and _has(rule.get("resources"), asked)
        and _has(rule.get("apiGroups"), info.group)
    ):
        return False
    if not info.namespace:
        return bool(rule.get("clusterScope"))
    return _has(rule.get("namespaces"), info.namespace)


def _covers_path(rule: Obj, info: RequestInfo) -> bool:
    if not _has(rule.get("verbs"), info.verb):
        return False
    for path in rule.get("nonResourceURLs") or ():
        below = path.removesuffix("*")
        below = below if below.endswith("/") else below + "/"
        if path in ("*", info.path) or info.path.startswith(below):
            return True
    return False


def _has(listed: Sequence[str] | None, value: str) -> bool:
    return listed is not None and (value in listed or list(listed) == ["*"])
