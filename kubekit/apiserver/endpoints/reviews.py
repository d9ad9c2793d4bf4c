"""Reviews: questions that are asked by POST and answered at once, nothing is stored.

May I (SelfSubjectAccessReview), may they (SubjectAccessReview, LocalSubjectAccessReview), what may I
(SelfSubjectRulesReview), who am I (SelfSubjectReview), whose token is this (TokenReview). Upstream:
pkg/registry/authorization, pkg/registry/authentication.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kubekit.api import field_path as fields
from kubekit.api import status_error as errors
from kubekit.api.exchange import Response, UserInfo
from kubekit.api.selectors import SelectorError, parse_field_selector, parse_label_selector
from kubekit.apiserver import managed_fields
from kubekit.apiserver.authentication import with_authenticated
from kubekit.apiserver.authorization import Attributes
from kubekit.apiserver.endpoints import write
from kubekit.apiserver.endpoints.body import decode_object, read_body
from kubekit.apiserver.endpoints.options import write_options
from kubekit.apiserver.endpoints.response import answer, form_of, respond, table
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.apiserver.service_account_tokens import meant
from kubekit.apiserver.validation.access_review import validate_access_review
from kubekit.sim import rfc3339

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]
AUTHORIZATION = "authorization.k8s.io"
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def review(ctx: Context, scope: Scope) -> Response:
    """Answer a POST of any review."""
    form = form_of(ctx)
    body = read_body(ctx)
    options = write_options(ctx, "CreateOptions")
    obj = decode_object(ctx, scope, body, options.field_validation)
    ctx.body_obj = obj
    scope.store.check_namespace(ctx, obj)
    if scope.resource.group == AUTHORIZATION and obj["metadata"]:
        # Nothing but an error shows it: what may not be there is shown as it would be stored.
        managed_fields.on_create(ctx, scope, obj, write.manager_of(ctx, options))
    obj["status"] = _ANSWERS[scope.resource.plural](ctx, obj)
    if scope.resource.plural == "selfsubjectreviews":
        obj["metadata"] = {"creationTimestamp": rfc3339(ctx.server.loop.clock.now())}
    return answer(201, obj, form)


def _refuse(problems: list[fields.FieldError]) -> None:
    if problems:
        raise errors.invalid("", AUTHORIZATION, "", problems)


def _decide(ctx: Context, user: UserInfo, spec: Obj) -> Obj:
    resource = spec.get("resourceAttributes")
    if resource is not None:
        asked = Attributes(
            user,
            resource.get("verb", ""),
            resource.get("group", ""),
            resource.get("version", ""),
            resource.get("resource", ""),
            resource.get("subresource", ""),
            resource.get("namespace", ""),
            resource.get("name", ""),
        )
    else:
        other = spec["nonResourceAttributes"]
        asked = Attributes(user, other.get("verb", ""), path=other.get("path", ""), is_resource=False)
    decision = ctx.server.authorization.decide(asked)
    status: Obj = {"allowed": decision.allowed}
    if decision.reason:
        status["reason"] = decision.reason
    if resource is not None and (wrong := _evaluation_error(resource)):
        status["evaluationError"] = wrong
    return status


def _evaluation_error(resource: Obj) -> str:
    """What was left out of the selectors that narrow a question."""
    found: list[str] = []
    for field, parse in (("fieldSelector", parse_field_selector), ("labelSelector", parse_label_selector)):
        selector = resource.get(field) or {}
        needs = selector.get("requirements") or ()
        known = [need for need in needs if need.get("operator") in _OPERATORS]
        how = "" if len(known) == len(needs) else "partially ignored" if known else "ignored"
        if selector.get("rawSelector"):
            try:
                parse(selector["rawSelector"])
            except SelectorError:
                how = "ignored"
        if how:
            found.append(f"spec.resourceAttributes.{field} {how} due to parse error")
    return found[0] if len(found) == 1 else f"[{', '.join(found)}]" if found else ""


def _self_access(ctx: Context, obj: Obj) -> Obj:
    _refuse(validate_access_review(obj, whose=False))
    return _decide(ctx, ctx.user, obj["spec"])


def _access(ctx: Context, obj: Obj) -> Obj:
    _refuse(validate_access_review(obj))
    return _decide(ctx, _user_of(obj["spec"]), obj["spec"])


def _user_of(spec: Obj) -> UserInfo:
    return UserInfo(
        spec.get("user", ""),
        spec.get("uid", ""),
        tuple(spec.get("groups") or ()),
        dict(spec.get("extra") or {}),
    )


def _local_access(ctx: Context, obj: Obj) -> Obj:
    _refuse(validate_access_review(obj, local=True))
    return _decide(ctx, _user_of(obj["spec"]), obj["spec"])


def _rules(ctx: Context, obj: Obj) -> Obj:
    namespace = (obj.get("spec") or {}).get("namespace", "")
    if not namespace:
        raise errors.bad_request("no namespace on request")
    resources: list[Obj] = []
    urls: list[Obj] = []
    for rule, _ in ctx.server.authorization.rbac.rules_for(ctx.user, namespace):
        if rule.get("nonResourceURLs"):
            urls.append({"verbs": rule.get("verbs") or [], "nonResourceURLs": rule["nonResourceURLs"]})
        if rule.get("resources"):
            kept = ("verbs", "apiGroups", "resources", "resourceNames")
            resources.append({field: rule[field] for field in kept if rule.get(field)})
    obj["spec"] = {}
    return {"resourceRules": resources, "nonResourceRules": urls, "incomplete": False}


def user_object(user: UserInfo) -> Obj:
    """A user as the authentication API shows it."""
    shown: Obj = {"username": user.name}
    if user.uid:
        shown["uid"] = user.uid
    if user.groups:
        shown["groups"] = list(user.groups)
    if user.extra:
        shown["extra"] = {key: list(values) for key, values in user.extra.items()}
    return shown


def _who_am_i(ctx: Context, obj: Obj) -> Obj:
    return {"userInfo": user_object(ctx.user)}


def _token(ctx: Context, obj: Obj) -> Obj:
    spec = obj.get("spec") or {}
    token = spec.get("token", "")
    if not token:
        raise errors.bad_request("token is required for TokenReview in authentication")
    issuer, asked = ctx.server.issuer, spec.get("audiences") or [ctx.server.issuer]
    claims = ctx.server.tokens.claims(token)
    if claims is not None and "aud" in claims:
        # A token of a ServiceAccount says itself for whom it was made.
        audiences = meant(claims, asked)
        found = ctx.server.tokens.authenticate(token, asked)
        user = None if found is None else with_authenticated(found)
        if not audiences:
            text = f"{_quoted(claims['aud'])} is invalid for the target audiences {_quoted(asked)}"
            return {"user": {}, "error": f"[invalid bearer token, token audiences {text}]"}
        if user is None and (lapse := ctx.server.tokens.lapse(claims)):
            return {"user": {}, "error": f"[invalid bearer token, {lapse}]"}
    else:
        # Every other one is for this server and for nobody else.
        audiences = [issuer]
        user = ctx.server.authentication.of_token(token)[0] if issuer in asked else None
    if user is None:
        return {"user": {}, "error": "invalid bearer token"}
    return {"authenticated": True, "user": user_object(user), "audiences": audiences}


def _quoted(words: Sequence[str]) -> str:
    """A list of texts as Go prints it with %q."""
    return "[" + " ".join(json.dumps(word, ensure_ascii=False) for word in words) + "]"


_ANSWERS: dict[str, Callable[[Context, Obj], Obj]] = {
    "selfsubjectaccessreviews": _self_access,
    "subjectaccessreviews": _access,
    "localsubjectaccessreviews": _local_access,
    "selfsubjectrulesreviews": _rules,
    "selfsubjectreviews": _who_am_i,
    "tokenreviews": _token,
}


def _component_health(server: APIServer) -> list[tuple[str, bool, str]]:
    """(name, healthy, message) of the components that a ComponentStatus tells of."""
    found = []
    for name, port in (("scheduler", 10259), ("controller-manager", 10257)):
        healthy = server.probe is not None and server.probe(name)
        why = f"dial tcp 127.0.0.1:{port}: connect: connection refused"
        found.append((name, healthy, "ok" if healthy else f'Get "https://127.0.0.1:{port}/healthz": {why}'))
    etcd = server.storage_ok()
    return [*found, ("etcd-0", etcd, "ok" if etcd else "etcd does not answer")]


def component_statuses(ctx: Context, scope: Scope) -> Response:
    """The deprecated list of components: their health as this server sees it."""
    form = form_of(ctx)
    items = []
    for name, healthy, message in _component_health(ctx.server):
        condition = {"type": "Healthy", "status": "True" if healthy else "False", "message": message}
        items.append({"metadata": {"name": name}, "conditions": [condition]})
    if ctx.info.verb == "get":
        for item in items:
            if item["metadata"] == {"name": ctx.info.name}:
                return respond(ctx, scope, 200, {"kind": "ComponentStatus", "apiVersion": "v1", **item}, form)
        raise errors.not_found(scope.resource, ctx.info.name)
    if form.kind == "Table":
        return answer(200, table(ctx, scope, items, {}, form), form)
    return answer(
        200, {"kind": "ComponentStatusList", "apiVersion": "v1", "metadata": {}, "items": items}, form
    )
