"""Impersonation: a request as somebody else, for those who may.

The Impersonate-User, -Group, -Uid and -Extra-* headers name the other; each part must be allowed by the verb
`impersonate` on users, groups, uids, userextras or serviceaccounts. Upstream:
apiserver/pkg/endpoints/filters/impersonation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from kubekit.api import status_error as errors
from kubekit.api.exchange import UserInfo
from kubekit.api.field_path import go_quote
from kubekit.apiserver.authorization import Attributes, attributes_of, forbidden_message

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

ACCOUNT = "system:serviceaccount:"
EXTRA = "impersonate-extra-"
AUTHENTICATION = "authentication.k8s.io"


def impersonated(ctx: Context) -> UserInfo:
    """The user that the headers ask for; raises BadRequest or Forbidden."""
    headers = ctx.request.headers
    name = headers.get("impersonate-user", "")
    uid = headers.get("impersonate-uid", "")
    groups = tuple(group for group in headers.get("impersonate-group", "").split("\n") if group)
    extra = {
        unquote(header[len(EXTRA) :]).lower(): value.split("\n")
        for header, value in headers.items()
        if header.startswith(EXTRA)
    }
    if not name:
        raise errors.bad_request(f"requested {_shown(uid, groups, extra)} without impersonating a user name")
    if (constrained := _refusal(ctx, name, uid, groups, extra)) is not None:
        raise constrained
    return _complete(name, uid, groups, extra)


def _complete(name: str, uid: str, groups: tuple[str, ...], extra: dict[str, list[str]]) -> UserInfo:
    if name.startswith(ACCOUNT) and not groups:
        namespace = name.split(":")[2] if name.count(":") == 3 else ""
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    if name == "system:anonymous":
        if "system:unauthenticated" not in groups:
            groups = (*groups, "system:unauthenticated")
    elif not {"system:authenticated", "system:unauthenticated"} & set(groups):
        groups = (*groups, "system:authenticated")
    return UserInfo(name, uid, groups, extra)


def _questions(
    ctx: Context, name: str, uid: str, groups: tuple[str, ...], extra: dict[str, list[str]]
) -> list[Attributes]:
    user = ctx.user
    found: list[Attributes] = []
    if name.startswith(ACCOUNT) and name.count(":") == 3:
        _, _, namespace, account = name.split(":")
        found.append(Attributes(user, "impersonate", "", "v1", "serviceaccounts", "", namespace, account))
    else:
        found.append(Attributes(user, "impersonate", "", "v1", "users", "", "", name))
    found += [Attributes(user, "impersonate", "", "v1", "groups", "", "", group) for group in groups]
    for key in sorted(extra):
        found += [
            Attributes(user, "impersonate", AUTHENTICATION, "v1", "userextras", key, "", value) for value in extra[key]
        ]
    if uid:
        found.append(Attributes(user, "impersonate", AUTHENTICATION, "v1", "uids", "", "", uid))
    return found


def _refusal(
    ctx: Context, name: str, uid: str, groups: tuple[str, ...], extra: dict[str, list[str]]
) -> errors.StatusError | None:
    first = True
    for asked in _questions(ctx, name, uid, groups, extra):
        decision = ctx.server.authorization.decide(asked)
        if decision.allowed:
            first = False
            continue
        ctx.refused("Impersonation", f"may not impersonate {asked.resource} {asked.name}")
        if first:
            # Nothing at all may be impersonated: the answer speaks of the request itself
            # (constrained impersonation asks for the verb impersonate-on:<mode>:<verb>).
            return _constrained(ctx, name)
        qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
        return errors.forbidden(qualified, asked.name, forbidden_message(asked, decision.reason))
    return None


def _constrained(ctx: Context, name: str) -> errors.StatusError:
    mode = "serviceaccount" if name.startswith(ACCOUNT) else "user-info"
    asked = attributes_of(ctx.user, ctx.info)
    verb = f"impersonate-on:{mode}:{asked.verb}"
    asked = Attributes(
        ctx.user,
        verb,
        asked.group,
        asked.version,
        asked.resource,
        asked.subresource,
        asked.namespace,
        asked.name,
        asked.path,
        asked.is_resource,
    )
    why = forbidden_message(asked)
    if not asked.is_resource:
        return errors.forbidden("", "", why)
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    return errors.forbidden(qualified, asked.name, why)


def _shown(uid: str, groups: tuple[str, ...], extra: dict[str, list[str]]) -> str:
    listed = "[]string(nil)" if not groups else "[]string{" + ", ".join(go_quote(g) for g in groups) + "}"
    extras = "map[string][]string(nil)"
    if extra:
        inner = ", ".join(
            f"{go_quote(key)}:[]string{{{', '.join(go_quote(v) for v in extra[key])}}}" for key in sorted(extra)
        )
        extras = f"map[string][]string{{{inner}}}"
    return f'&user.DefaultInfo{{Name:"", UID:{go_quote(uid)}, Groups:{listed}, Extra:{extras}}}'
