"""The pipeline: every request passes these filters, outermost first, and the endpoint is the innermost.

`FILTERS` is the whole order; `build` folds it once, when the server is made, into one function. A filter
is `filter(ctx, next)`: it may refuse by raising a StatusError, or add what it found to the context and
call `next`. To add a filter, write it below and put its line into the list. Do not look at the request's
path in a filter: `ctx.info` knows. Upstream: apiserver/pkg/server/config.go (DefaultBuildHandlerChain).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from kubekit.api import status_error as errors
from kubekit.api.exchange import Request, Response, WatchStream
from kubekit.apiserver.authentication import Unauthorized
from kubekit.apiserver.authorization import SUPERUSERS, attributes_of, forbidden_message
from kubekit.apiserver.fairness.flow_control import full
from kubekit.apiserver.impersonation import impersonated
from kubekit.apiserver.node_authorizer import PREFIX as NODE_PREFIX
from kubekit.apiserver.node_authorizer import equal_fields
from kubekit.apiserver.request_info import BadPath, request_info
from kubekit.apiserver.storage import StoreUnavailable
from kubekit.sim import Step

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context
    from kubekit.apiserver.fairness.flow_control import Flow

Answer = Response | WatchStream
Next = Callable[["Context"], Answer]
Filter = Callable[["Context", Next], Answer]


def with_request_info(ctx: Context, next: Next) -> Answer:
    """What is asked: verb, resource, namespace, name."""
    request = ctx.request
    try:
        ctx.info = info = request_info(request.method, request.path, request.query)
    except BadPath as error:
        raise errors.bad_request(str(error)) from None
    ctx.steps.append(_asked_step(info.verb, info.resource or info.path))
    return next(ctx)


@lru_cache(maxsize=1024)
def _asked_step(verb: str, what: str) -> Step:
    return Step("Request info", "pass", f"{verb} {what}")


@lru_cache(maxsize=1024)
def _known_step(name: str, method: str, groups: tuple[str, ...]) -> Step:
    return Step("Authentication", "pass", name, {"method": method, "groups": groups})


EXTRA_SPACE = "the provided Authorization header contains extra space before the bearer token, and is ignored"
_SUPERUSER_STEP = Step("Authorization", "pass", "system:masters may do everything")


def with_authentication(ctx: Context, next: Next) -> Answer:
    """Who asks."""
    try:
        ctx.user, method = ctx.server.authentication.authenticate(ctx.request)
    except Unauthorized:
        ctx.refused("Authentication", "nobody vouches for these credentials")
        if (log := ctx.server.audit) is not None and (trail := log.trail(ctx)) is not None:
            trail.unauthenticated(_attempted(ctx.request))
        raise errors.unauthorized("Unauthorized") from None
    user = ctx.user
    if (
        user.name == "system:anonymous"
        and ctx.request.headers.get("authorization", "").strip()[:8].lower() == "bearer  "
    ):
        ctx.warn(EXTRA_SPACE)
    ctx.steps.append(_known_step(user.name, method, user.groups))
    return next(ctx)


def _attempted(request: Request) -> str:
    """Which credentials were tried, for the audit."""
    scheme, _, rest = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and rest:
        return "Authentication failed, attempted: bearer"
    return "Authentication failed, no credentials provided"


def with_deadline(ctx: Context, next: Next) -> Answer:
    """By when: the query's timeout must at least be a duration; answers here take no time."""
    given = ctx.request.query.get("timeout")
    if given and given[0] and not ctx.info.long_running and (problem := duration_problem(given[0])):
        raise errors.bad_request(f"invalid timeout specified in the request URL - {problem}")
    return next(ctx)


_DURATION = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|[+-]?0")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")


def duration_problem(text: str) -> str:
    """Why Go does not take a text as a duration; "" when it does."""
    if _DURATION.fullmatch(text):
        return ""
    if _NUMBER.fullmatch(text):
        return f'time: missing unit in duration "{text}"'
    return f'time: invalid duration "{text}"'


def with_priority_and_fairness(ctx: Context, next: Next) -> Answer:
    """Whether there is a seat of the request's priority level; if not, come again in a second."""
    control, info = ctx.server.flow_control, ctx.info
    ctx.flow = flow = control.classify(ctx.user, info)
    if info.long_running:
        if info.verb == "watch":
            # It has its seat only while it begins.
            flow.served += 1
        ctx.steps.append(flow.step)
        return next(ctx)
    if not control.enter(flow, ctx):
        raise no_seat(ctx, flow)
    ctx.steps.append(flow.step)
    try:
        return next(ctx)
    finally:
        control.leave(flow)


def no_seat(ctx: Context, flow: Flow) -> errors.StatusError:
    """The refusal of a request whose level has no seat left, noted as a step."""
    ctx.refused("Priority and fairness", f"all {flow.level.current} seats of {flow.level.name} are taken")
    return full()


def with_audit(ctx: Context, next: Next) -> Answer:
    """What is written down of it: nothing without an audit policy."""
    log = ctx.server.audit
    if log is None or (trail := log.trail(ctx)) is None:
        return next(ctx)
    ctx.trail = trail
    trail.received()
    try:
        answer = next(ctx)
    except errors.StatusError as error:
        trail.refused(error)
        raise
    except StoreUnavailable as error:
        trail.failed(str(error))
        raise
    except Exception as error:
        trail.panicked(error)
        raise
    trail.answered(answer)
    return answer


IMPERSONATE = "impersonate-"
"""How the headers begin that say as whom a request is made."""


def with_impersonation(ctx: Context, next: Next) -> Answer:
    """As whom: a user who may impersonate goes on as somebody else."""
    for name in ctx.request.headers:
        if name.startswith(IMPERSONATE):
            before = ctx.user.name
            ctx.user = impersonated(ctx)
            ctx.passed("Impersonation", f"{before} acts as {ctx.user.name}")
            break
    return next(ctx)


def with_authorization(ctx: Context, next: Next) -> Answer:
    """May they."""
    if SUPERUSERS in ctx.user.groups:
        ctx.steps.append(_SUPERUSER_STEP)
        if ctx.trail is not None:
            ctx.trail.decided(True, "")
        return next(ctx)
    asked = attributes_of(ctx.user, ctx.info)
    if asked.verb in ("list", "watch") and ctx.user.name.startswith(NODE_PREFIX):
        asked = asked._replace(selected=equal_fields(ctx.request.query.get("fieldSelector", ())))
    decision = ctx.server.authorization.decide(asked, explain=True)
    if ctx.trail is not None:
        ctx.trail.decided(decision.allowed, decision.reason)
    if not decision.allowed:
        why = forbidden_message(asked, decision.reason)
        ctx.refused("Authorization", decision.reason or "RBAC: no opinion", {"bindings": decision.looked_at})
        info = ctx.info
        if not info.is_resource:
            raise errors.forbidden("", "", why)
        qualified = f"{info.resource}.{info.group}" if info.group else info.resource
        raise errors.forbidden(qualified, info.name, why)
    ctx.steps.append(Step("Authorization", "pass", decision.reason or "everything is allowed"))
    return next(ctx)


FILTERS: tuple[Filter, ...] = (
    with_request_info,
    with_authentication,
    with_deadline,
    with_audit,
    with_impersonation,
    with_priority_and_fairness,
    with_authorization,
)
"""Outermost first. The record of the request is made around all of them, by the server."""


def build(endpoint: Next, filters: tuple[Filter, ...] = FILTERS) -> Next:
    """Fold the filters around the endpoint."""
    handler = endpoint
    for layer in reversed(filters):
        handler = _wrap(layer, handler)
    return handler


def _wrap(layer: Filter, inner: Next) -> Next:
    def call(ctx: Context) -> Answer:
        return layer(ctx, inner)

    return call
