"""Pages: what is served outside of the resources - health, version, discovery, OpenAPI, metrics.

`page(ctx)` finds the page of a path. A page is a function of the context. Upstream:
apiserver/pkg/server/healthz, apiserver/pkg/server/routes, apiserver/pkg/endpoints/discovery.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import Response
from kubekit.apiserver import discovery, openapi
from kubekit.apiserver import metrics as figures
from kubekit.apiserver.endpoints.health import health
from kubekit.apiserver.endpoints.response import form_of
from kubekit.apiserver.fairness.dumps import DUMPS

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

VERSION: Obj = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2",
    "gitCommit": "kubekit",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "go1.26",
    "compiler": "gc",
    "platform": "linux/amd64",
}


def page(ctx: Context) -> Response:
    """Answer a request for a path that is no resource."""
    path = ctx.info.path.rstrip("/") or "/"
    answer = _find(path)(ctx)
    if ctx.request.method not in ("GET", "HEAD") and answer.status == 200 and READ_ONLY(path):
        raise errors.no_such_method()
    return answer


def _find(path: str) -> Callable[[Context], Response]:
    exact = PAGES.get(path)
    if exact is not None:
        return exact
    return next((serve for prefix, serve in PREFIXES if path.startswith(prefix)), discovery.not_found)


READ_ONLY = re.compile(r"/(version|api|apis|openid|\.well-known)(/|$)").match
"""Pages that answer no other method; the others never look at it."""


def version(ctx: Context) -> Response:
    """/version."""
    return Response(200, VERSION, {"Content-Type": "application/json"})


def metrics(ctx: Context) -> Response:
    """/metrics: figures in Prometheus' text form."""
    return Response(
        200, figures.text(ctx.server), {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )


def root(ctx: Context) -> Response:
    """/: the list of paths."""
    form_of(ctx)
    return Response(200, {"paths": discovery.paths(ctx)}, {"Content-Type": "application/json"})


def openid(ctx: Context) -> Response:
    """/.well-known/openid-configuration: where the keys of ServiceAccount tokens are."""
    return Response(200, ctx.server.tokens.configuration(), {"Content-Type": "application/json"})


def jwks(ctx: Context) -> Response:
    """/openid/v1/jwks: the public keys of ServiceAccount tokens."""
    return Response(200, ctx.server.tokens.jwks(), {"Content-Type": "application/jwk-set+json"})


PAGES: dict[str, Callable[[Context], Response]] = {
    "/": root,
    "/version": version,
    "/healthz": health,
    "/livez": health,
    "/readyz": health,
    "/metrics": metrics,
    "/.well-known/openid-configuration": openid,
    "/openid/v1/jwks": jwks,
    "/api": discovery.core_versions,
    "/apis": discovery.group_list,
    **DUMPS,
    "/openapi/v2": openapi.serve_v2,
    "/openapi/v3": openapi.serve_v3,
}
PREFIXES: tuple[tuple[str, Callable[[Context], Response]], ...] = (
    ("/healthz/", health),
    ("/livez/", health),
    ("/readyz/", health),
    ("/openapi/v3/", openapi.serve_v3),
    ("/api/", discovery.resource_list),
    ("/apis/", discovery.group_or_resources),
)
