"""Impersonation: a request as somebody else, for those who may.

The Impersonate-User, -Group, -Uid and -Extra-* headers name the other. Modes are tried in order:
constrained ones (`impersonate-on:<mode>:<verb>` on what is asked, then `impersonate:<mode>` on the user)
and at last the old one (the verb `impersonate` on each part). The mode that served a user last is tried
first. Upstream: apiserver/pkg/endpoints/filters/impersonation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from kubekit.api import status_error as errors
from kubekit.api.exchange import UserInfo
from kubekit.api.field_path import Path, aggregate, go_quote
from kubekit.apiserver.authorization import Attributes, attributes_of, forbidden_message
from kubekit.apiserver.validation.job_spec import domain_path

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

ACCOUNT = "system:serviceaccount:"
NODE = "system:node:"
EXTRA = "impersonate-extra-"
AUTHENTICATION = "authentication.k8s.io"
NODE_NAME = "authentication.kubernetes.io/node-name"
MANY = 4
_KEY = Path("extra").child("key")
LEGACY = ""
MODES = ("associated-node", "arbitrary-node", "serviceaccount", "user-info", LEGACY)


def impersonated(ctx: Context) -> UserInfo:
    """The user that the headers ask for; raises BadRequest or Forbidden."""
    headers = ctx.request.headers
    wanted = UserInfo(
        headers.get("impersonate-user", ""),
        headers.get("impersonate-uid", ""),
        tuple(group for group in headers.get("impersonate-group", "").split("\n") if group),
        {
            unquote(header[len(EXTRA) :]).lower(): value.split("\n")
            for header, value in headers.items()
            if header.startswith(EXTRA)
        },
    )
    if not (wanted.name or wanted.uid or wanted.groups or wanted.extra):
        return ctx.user
    if not wanted.name:
        raise errors.bad_request(f"requested {_shown(wanted)} without impersonating a user name")
    last = ctx.server.impersonation_modes
    requestor = ctx.user.name
    known = last.get(requestor)
    order = MODES if known is None else (known, *(mode for mode in MODES if mode != known))
    first: errors.StatusError | None = None
    for mode in order:
        if not _applies(mode, wanted, ctx.user):
            continue
        try:
            user = _checked(ctx, mode, wanted)
        except errors.StatusError as error:
            first = first or error
            continue
        last[requestor] = mode
        return user
    ctx.refused("Impersonation", f"may not act as {wanted.name}")
    assert first is not None
    raise first


def _applies(mode: str, wanted: UserInfo, requestor: UserInfo) -> bool:
    node = wanted.name.startswith(NODE) and len(wanted.name) > len(NODE)
    account = _account(wanted.name) is not None
    only_name = not (wanted.uid or wanted.groups or wanted.extra)
    if mode == "associated-node":
        return only_name and node and (requestor.extra or {}).get(NODE_NAME) == [wanted.name[len(NODE) :]]
    if mode == "arbitrary-node":
        return only_name and node
    if mode == "serviceaccount":
        return only_name and account
    return mode == LEGACY or not (node or account)


def _account(name: str) -> tuple[str, str] | None:
    parts = name.split(":")
    return (parts[2], parts[3]) if name.startswith(ACCOUNT) and len(parts) == 4 else None


def _checked(ctx: Context, mode: str, wanted: UserInfo) -> UserInfo:
    """The user as this mode gives it; raises Forbidden."""
    constrained = mode != LEGACY
    if constrained:
        asked = attributes_of(ctx.user, ctx.info)
        _demand(ctx, asked._replace(verb=f"impersonate-on:{mode}:{asked.verb}"))
    verb = f"impersonate:{mode}" if constrained else "impersonate"
    group = AUTHENTICATION if constrained else ""
    groups = wanted.groups
    named = Attributes(ctx.user, verb, group, "v1", "users", "", "", wanted.name)
    account = _account(wanted.name)
    if constrained and wanted.name.startswith(NODE):
        name = "*" if mode == "associated-node" else wanted.name[len(NODE) :]
        named = named._replace(resource="nodes", name=name)
        groups = ("system:nodes",)
    if account is not None:
        named = named._replace(resource="serviceaccounts", namespace=account[0], name=account[1])
        groups = groups or ("system:serviceaccounts", f"system:serviceaccounts:{account[0]}")
    _demand(ctx, named)
    if wanted.uid:
        _demand(ctx, Attributes(ctx.user, verb, AUTHENTICATION, "v1", "uids", "", "", wanted.uid))
    _demand_groups(ctx, Attributes(ctx.user, verb, group, "v1", "groups"), wanted.groups, constrained)
    extras = Attributes(ctx.user, verb, AUTHENTICATION, "v1", "userextras")
    if constrained and (wrong := _extra_problem(wanted.extra or {})):
        raise _forbidden(extras, wrong)
    for key in sorted(wanted.extra or {}):
        for value in (wanted.extra or {})[key]:
            _demand(ctx, extras._replace(subresource=key, name=value))
    if wanted.name == "system:anonymous":
        groups = groups if "system:unauthenticated" in groups else (*groups, "system:unauthenticated")
    elif not {"system:authenticated", "system:unauthenticated"} & set(groups):
        groups = (*groups, "system:authenticated")
    return UserInfo(wanted.name, wanted.uid, groups, wanted.extra)


def _extra_problem(extra: Mapping[str, Sequence[str]]) -> str:
    """What constrained impersonation has against extra fields."""
    for key, values in extra.items():
        if not key:
            return "impersonating the empty string key in extra is not allowed"
        if found := domain_path(key, _KEY):
            return f"impersonating an invalid key in extra is not allowed: {aggregate(found)}"
        if "" in values:
            return "impersonating the empty string value in extra is not allowed"
    return ""


def _demand_groups(ctx: Context, asked: Attributes, groups: tuple[str, ...], constrained: bool) -> None:
    if constrained and "system:masters" in groups:
        raise _forbidden(
            asked._replace(name="system:masters"), "impersonating the system:masters group is not allowed"
        )
    if (
        constrained
        and len(groups) >= MANY
        and ctx.server.authorization.decide(asked._replace(name="*")).allowed
    ):
        return
    for group in groups:
        _demand(ctx, asked._replace(name=group))


def _demand(ctx: Context, asked: Attributes) -> None:
    decision = ctx.server.authorization.decide(asked)
    if not decision.allowed:
        raise _forbidden(asked, decision.reason)


def _forbidden(asked: Attributes, reason: str) -> errors.StatusError:
    why = forbidden_message(asked, reason)
    if not asked.is_resource:
        return errors.forbidden("", "", why)
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    return errors.forbidden(qualified, asked.name, why)


def _shown(wanted: UserInfo) -> str:
    groups, extra = wanted.groups, wanted.extra or {}
    listed = "[]string(nil)" if not groups else "[]string{" + ", ".join(go_quote(g) for g in groups) + "}"
    extras = "map[string][]string(nil)"
    if extra:
        inner = ", ".join(
            f"{go_quote(key)}:[]string{{{', '.join(go_quote(v) for v in extra[key])}}}"
            for key in sorted(extra)
        )
        extras = f"map[string][]string{{{inner}}}"
    return f'&user.DefaultInfo{{Name:"", UID:{go_quote(wanted.uid)}, Groups:{listed}, Extra:{extras}}}'
