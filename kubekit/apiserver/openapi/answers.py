"""The pages of OpenAPI: what is answered at `/openapi/v3`, below it, and at `/openapi/v2`.

`serve_v3` and `serve_v2` are called by the API server's list of pages. A document asked for with its hash may
be kept for ever; with an old hash the client is sent to the new one. The form is chosen by Accept; what
cannot be served is 406 without a word. Upstream: k8s.io/kube-openapi/pkg/handler, pkg/handler3, and
kube-aggregator/pkg/controllers/openapiv3.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kubekit.api.exchange import Response, encode_json
from kubekit.apiserver.openapi import swagger
from kubekit.apiserver.openapi.documents import Document, Documents

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

JSON = "application/json"
V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
V2_OLD = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
YEAR = 365 * 24 * 3600.0


def serve_v3(ctx: Context) -> Response:
    """/openapi/v3: the list of documents; below it, the documents."""
    documents = Documents(ctx.server)
    if ctx.info.path == "/openapi/v3":
        return _index(documents)
    path = ctx.info.path.removeprefix("/openapi/v3/")
    found = documents.find(path)
    if found is None:
        ctx.refused("Endpoint", "no such document")
        return Response(404)
    if not _chosen(ctx, (JSON,)):
        return _not_acceptable(ctx)
    asked = ctx.request.param("hash")
    if asked and asked != found.hash:
        return _moved(f"/openapi/v3/{path}?hash={found.hash}")
    headers = {"Content-Type": JSON, "Vary": "Accept"}
    if asked:
        until = datetime.fromtimestamp(ctx.server.loop.clock.now() + YEAR, UTC)
        headers["Cache-Control"] = "public, immutable"
        headers["Expires"] = until.strftime("%a, %d %b %Y %H:%M:%S UTC")
    return _document(ctx, found, headers)


def serve_v2(ctx: Context) -> Response:
    """/openapi/v2: everything in one document, as JSON or protobuf."""
    chosen = _chosen(ctx, (JSON, V2, V2_OLD))
    if not chosen:
        return _not_acceptable(ctx)
    found = swagger.json_of(ctx.server) if chosen == JSON else swagger.protobuf_of(ctx.server)
    return _document(ctx, found, {"Content-Type": JSON if chosen == JSON else V2, "Vary": "Accept"})


def _index(documents: Documents) -> Response:
    """The list of documents, each with its hash. Its type is what Go takes it for, since none is said."""
    listed = {}
    for path in documents.paths():
        found = documents.find(path)
        if found is not None:
            listed[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={found.hash}"}
    body = encode_json({"paths": listed})[:-1]
    return Response(200, body, {"Content-Type": "text/plain; charset=utf-8"})


def _document(ctx: Context, found: Document, headers: dict[str, str]) -> Response:
    tag = f'"{found.hash}"'
    headers = {**headers, "Etag": tag}
    if tag in (ctx.request.headers.get("if-none-match") or ""):
        del headers["Content-Type"]
        return Response(304, None, headers)
    return Response(200, found.body, headers)


def _moved(where: str) -> Response:
    body = f'<a href="{where}">Moved Permanently</a>.\n\n'
    return Response(
        301, body, {"Content-Type": "text/html; charset=utf-8", "Location": where, "Vary": "Accept"}
    )


def _not_acceptable(ctx: Context) -> Response:
    ctx.refused("Endpoint", "no form that the client accepts")
    return Response(406, None, {"Vary": "Accept"})


def _chosen(ctx: Context, served: tuple[str, ...]) -> str:
    """The served form that the client likes best, "" if there is none."""
    clauses: list[tuple[float, int, str]] = []
    for place, part in enumerate((ctx.request.headers.get("accept") or "*/*").split(",")):
        media, *parameters = [piece.strip() for piece in part.split(";")]
        quality = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        try:
            clauses.append((-float(quality), place, media))
        except ValueError:
            continue
    for _, _, media in sorted(clauses):
        for form in served:
            if media in ("*/*", form) or (media.endswith("/*") and form.startswith(media[:-1])):
                return form
    return ""
