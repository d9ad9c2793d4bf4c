"""TokenRequest: POST to serviceaccounts/<name>/token gives a token for that account.

Upstream: pkg/registry/core/serviceaccount/storage/token.go, pkg/apis/authentication/validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api import field_path as fields
from kubekit.api import status_error as errors
from kubekit.api.exchange import Response
from kubekit.apiserver.endpoints import write
from kubekit.apiserver.endpoints.body import decode_as, read_body
from kubekit.apiserver.endpoints.options import write_options
from kubekit.apiserver.endpoints.response import answer, form_of
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.sim import rfc3339

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

GROUP = "authentication.k8s.io"
MIN_SECONDS = 600
MAX_SECONDS = 2**32
POD_SECONDS = 3607
"""What the kubelet asks for: such a token warns after this time and really lasts a year."""
YEAR = 365 * 24 * 3600


def create_token(ctx: Context, scope: Scope) -> Response:
    """Answer a POST to serviceaccounts/<name>/token."""
    form = form_of(ctx)
    body = read_body(ctx)
    options = write_options(ctx, "CreateOptions")
    request = decode_as(ctx, scope, body, options.field_validation, f"{GROUP}/v1", "TokenRequest")
    name, namespace = ctx.info.name, ctx.info.namespace
    scope.store.check_namespace(ctx, request)
    write.admit(ctx, scope, name, request, None)
    metadata, spec = request["metadata"], request.setdefault("spec", {})
    if metadata.get("name", name) != name:
        text = "must match the service account name if specified"
        problem = fields.invalid("metadata.name", metadata["name"], text)
        raise errors.invalid("TokenRequest", GROUP, name, [problem])
    account = scope.store.get(namespace, name)
    uid = account["metadata"]["uid"]
    if metadata.get("uid") and metadata["uid"] != uid:
        text = (
            f"the UID in the token request ({metadata['uid']}) does not match the UID of the service account"
            f" ({uid})"
        )
        raise errors.conflict(f"TokenRequest.{GROUP}", name, text)
    audiences = spec.get("audiences") or [ctx.server.issuer]
    spec["audiences"] = audiences
    seconds = spec.get("expirationSeconds")
    if seconds is None:
        seconds = spec["expirationSeconds"] = 3600
    problems: list[fields.FieldError] = []
    if seconds < MIN_SECONDS:
        problems.append(
            fields.invalid(
                "spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes"
            )
        )
    if seconds > MAX_SECONDS:
        text = "may not specify a duration larger than 2^32 seconds"
        problems.append(fields.invalid("spec.expirationSeconds", seconds, text))
    if problems:
        raise errors.invalid("TokenRequest", GROUP, "", problems)
    metadata.update(name=name, namespace=namespace, uid=uid)
    now = ctx.server.loop.clock.now()
    metadata["creationTimestamp"] = rfc3339(now)
    write.validating(ctx, scope, name)(request, None)
    bound = _bound(ctx, namespace, name, spec.get("boundObjectRef"))
    lasting, warn_after = seconds, 0
    if "pod" in bound and seconds == POD_SECONDS and audiences == [ctx.server.issuer]:
        lasting, warn_after = YEAR, seconds
    token = "" if ctx.dry_run else ctx.server.tokens.issue(account, audiences, lasting, bound, warn_after)
    request["status"] = {"token": token, "expirationTimestamp": rfc3339(now + seconds)}
    return answer(201, request, form)


def _bound(ctx: Context, namespace: str, account: str, reference: Obj | None) -> dict[str, Obj]:
    if reference is None:
        return {}
    kind, version = reference.get("kind", ""), reference.get("apiVersion", "")
    name = reference.get("name", "")
    plural = {"Pod": "pods", "Node": "nodes", "Secret": "secrets"}.get(kind)
    if plural is None or "/" in version:
        group = (
            version.partition("/")[0] + "/" + version.partition("/")[2] if "/" in version else f"/{version}"
        )
        raise errors.bad_request(f"cannot bind token to object of type {group}, Kind={kind}")
    if not name:
        raise errors.bad_request("Name parameter required.")
    found = ctx.server.store("", plural).get("" if kind == "Node" else namespace, name)
    uid = found["metadata"]["uid"]
    bound: dict[str, Obj] = {kind.lower(): {"name": name, "uid": uid}}
    if kind == "Pod":
        spec = found.get("spec") or {}
        if spec.get("serviceAccountName") != account:
            text = (
                f'cannot bind token for serviceaccount "{account}" to pod running with different'
                " serviceaccount name."
            )
            raise errors.bad_request(text)
        if spec.get("nodeName"):
            node = ctx.server.store("", "nodes").find("", spec["nodeName"])
            bound["node"] = {"name": spec["nodeName"], **({"uid": node["metadata"]["uid"]} if node else {})}
    if reference.get("uid") and reference["uid"] != uid:
        text = (
            f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise errors.conflict(kind, name, text)
    return bound
