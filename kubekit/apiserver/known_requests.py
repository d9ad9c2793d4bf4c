"""Known requests: a request like one that has passed the filters passes all of them at once.

Most requests of a cluster are the same few, from few programs: a pod is created, bound, an event is written.
What the filters find out about such a request follows from its method, its path and who asks, and from the
roles, bindings, flow schemas and priority levels that there are. So it is remembered: the request info, the
user, the flow, and the steps for the record. The seat is still taken and given back for each request.

    POST /api/v1/namespaces/shop/pods by kube-controller-manager -> filters -> learn
    the same again                                               -> one look-up, take a seat, dispatch

Only what is allowed is remembered, and only plain requests: authenticated before they came, without query,
impersonation, audit, warnings and stopwatch, not long-running, and not by nodes (what they may do hangs on
single objects). Of requests for a named object the name is left out of what is remembered, unless some rule
of RBAC has resourceNames that could matter. Everything is forgotten when a role, a binding, a flow schema or
a level changes, or the authorizers themselves do (`_stamp`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api.exchange import Request, Response, UserInfo, WatchStream
from kubekit.apiserver.authorization import SUPERUSERS, attributes_of
from kubekit.apiserver.context import step_of
from kubekit.apiserver.node_authorizer import node_of
from kubekit.apiserver.pipeline import IMPERSONATE, Next, build, no_seat
from kubekit.apiserver.request_info import RequestInfo

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context
    from kubekit.apiserver.fairness.flow_control import Flow
    from kubekit.apiserver.server import APIServer
    from kubekit.sim import Step

Answer = Response | WatchStream

LIMIT = 1024
"""How many kinds of requests are remembered; then all are forgotten."""
_STEPS = 4
"""Request info, authentication, priority and fairness, authorization: the steps of a plain request."""
_VERDICT = 2
"""How many of them come before the seat is taken."""


class Known:
    """What the filters found out about requests of one kind."""

    __slots__ = ("flow", "given", "info", "steps", "user")

    def __init__(
        self, given: UserInfo, user: UserInfo, info: RequestInfo, flow: Flow, steps: list[Step]
    ) -> None:
        self.given = given
        """The user as the request had it. Kept, since entries are found by its id."""
        self.user = user
        self.info = info
        self.flow = flow
        self.steps = steps


class KnownRequests:
    """The pipeline of one server, with the short way for requests that are known."""

    def __init__(self, server: APIServer, endpoint: Next) -> None:
        self._server = server
        self._endpoint = endpoint
        self._filters = build(self._passed)
        self._at: Any = None
        self._known: dict[tuple[Any, ...], Known] = {}
        """By method, path, the method of authentication and the id of the user; for a named object, by the
        path before and after the name in place of the path."""

    def __call__(self, ctx: Context) -> Answer:
        """Answer a request; raises StatusError for a refusal."""
        request = ctx.request
        known: Known | None = None
        if not request.query and request.user is not None and ctx.stopwatch is None:
            known = self._find(ctx, request)
        if known is None:
            return self._filters(ctx)
        ctx.user, ctx.flow = known.user, known.flow
        control, flow = self._server.flow_control, known.flow
        if not control.enter(flow, ctx):
            ctx.steps.extend(known.steps[:_VERDICT])
            raise no_seat(ctx, flow)
        ctx.steps.extend(known.steps)
        try:
            return self._endpoint(ctx)
        finally:
            control.leave(flow)

    def _find(self, ctx: Context, request: Request) -> Known | None:
        """What is known about a request (None: nothing, or it is no plain one); its info goes to `ctx`."""
        server, known = self._server, self._known
        headers, given = request.headers, request.user
        if server.audit is not None or self._stamp() != self._at:
            return None
        for header in headers:
            if header.startswith(IMPERSONATE):
                return None
        method, path, how = request.method, request.path, headers.get("x-kubekit-authenticated-by", "")
        found = known.get((method, path, how, id(given)))
        if found is not None:
            if found.given is not given:
                return None
            ctx.info = found.info
            return found
        # .../pods/web/binding, and then .../pods/web
        parts = path.rsplit("/", 2)
        if len(parts) < 3:
            return None
        before, name, after = parts
        found = known.get((method, before, after, how, id(given)))
        if found is None:
            before, name, after = f"{before}/{name}", after, ""
            found = known.get((method, before, after, how, id(given)))
        if found is None or not name or found.given is not given:
            return None
        info = found.info
        ctx.info = RequestInfo(
            info.verb,
            path,
            True,
            info.prefix,
            info.group,
            info.version,
            info.namespace,
            info.resource,
            info.subresource,
            name,
            (info.resource, name, after) if after else (info.resource, name),
        )
        return found

    def _passed(self, ctx: Context) -> Answer:
        """The filters let a request through: remember it if it is a plain one, and go on."""
        request, info, user, flow = ctx.request, ctx.info, ctx.user, ctx.flow
        given = request.user
        if (
            given is not None
            and flow is not None
            and not request.query
            and ctx.trail is None
            and not ctx.warnings
            and not info.long_running
            and len(ctx.steps) == _STEPS
            and user.name != "system:anonymous"
            and node_of(user) is None
            and not any(header.startswith(IMPERSONATE) for header in request.headers)
        ):
            self._learn(request, given, Known(given, user, info, flow, [step_of(one) for one in ctx.steps]))
        return self._endpoint(ctx)

    def _learn(self, request: Request, given: UserInfo, found: Known) -> None:
        key = self._key(request.path, found)
        if not key:
            return
        stamp = self._stamp()
        if stamp != self._at or len(self._known) >= LIMIT:
            self._known, self._at = {}, stamp
        how = request.headers.get("x-kubekit-authenticated-by", "")
        self._known[(request.method, *key, how, id(given))] = found

    def _key(self, path: str, found: Known) -> tuple[str, ...]:
        """What takes the path's place in the key; () for a request that must not be remembered."""
        info, user, authorization = found.info, found.user, self._server.authorization
        if not info.name:
            return (path,)
        if info.resource == "namespaces" or info.verb_in_path:
            # The name is the namespace as well.
            return ()
        after = f"/{info.subresource}" if info.subresource else ""
        end = f"/{info.name}{after}"
        if not path.endswith(end) or len(info.parts) != (3 if after else 2):
            return ()
        if not (
            SUPERUSERS in user.groups
            or authorization.always_allow
            or authorization.rbac.allows_any_name(attributes_of(user, info))
        ):
            return ()
        return path.removesuffix(end), info.subresource

    def _stamp(self) -> tuple[Any, ...]:
        """Differs whenever the filters might find out something else than before."""
        authorization = self._server.authorization
        return (
            authorization.rbac.source.version(),
            self._server.flow_control.generation,
            authorization.always_allow,
            authorization,
            authorization.node,
        )
