"""Parts of a pod or node that somebody else answers: logs, commands, ports and proxies.

The server finds the pod, the container and the node, and refuses what it can refuse itself; then it passes
the request on to `server.connect`, which knows the way to the kubelets. A server without such a way finds
every kubelet's port closed. Upstream: pkg/registry/core/pod/strategy.go (LogLocation, streamLocation),
pkg/registry/core/pod/rest, pkg/kubelet/client (GetConnectionInfo), validation.ValidatePodLogOptions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from kubekit.api import field_path as fields
from kubekit.api import status_error as errors
from kubekit.api.exchange import Response, WatchStream
from kubekit.api.field_path import FieldError
from kubekit.apiserver.endpoints.options import parse_int
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.sim import parse_rfc3339

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

CONNECTED = frozenset({"exec", "attach", "portforward", "log", "proxy"})
STREAMS = {"exec": "exec", "attach": "attach", "portforward": "portForward"}
KUBELET_PORT = 10250
ADDRESS_TYPES = ("Hostname", "InternalDNS", "InternalIP", "ExternalDNS", "ExternalIP")
"""Of which kind of address a node is reached by, the first it has."""
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_LOG_NUMBERS = ("sinceSeconds", "tailLines", "limitBytes")


def connect(ctx: Context, scope: Scope) -> Response | WatchStream:
    """Refuse a request or pass it on."""
    info = ctx.info
    if info.subresource == "proxy" or info.verb_in_path:  # a proxy's name may hold a scheme and a port
        if ctx.server.connect is None:
            raise errors.service_unavailable("no kubelet can be reached from this API server")
        return ctx.server.connect(ctx, scope)
    if info.subresource == "log":
        _check_log_options(ctx)
    pod = scope.store.get(info.namespace, info.name)
    container = "" if info.subresource == "portforward" else container_of(pod, ctx.request.param("container"))
    node_name = (pod.get("spec") or {}).get("nodeName")
    if not node_name:
        if info.subresource == "log":
            return Response(204, "", {})
        raise errors.bad_request(f"pod {info.name} does not have a host assigned")
    node = ctx.server.store("", "nodes").get("", node_name)
    if ctx.server.connect is None:
        raise _closed(ctx, node, container)
    return ctx.server.connect(ctx, scope)


def container_of(pod: Obj, wanted: str) -> str:
    """The container that is meant; raises BadRequest."""
    spec, name = pod.get("spec") or {}, pod["metadata"]["name"]
    names = [one["name"] for group in _CONTAINERS for one in spec.get(group) or ()]
    if wanted:
        if wanted not in names:
            raise errors.bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    own: list[str] = [one["name"] for one in spec.get("containers") or ()]
    if len(own) == 1:
        return own[0]
    shown = " ".join(names)
    raise errors.bad_request(f"a container name must be specified for pod {name}, choose one of: [{shown}]")


def _check_log_options(ctx: Context) -> None:
    query = ctx.request.query
    given = {key: parse_int(query[key][0]) for key in _LOG_NUMBERS if key in query}
    moment = query["sinceTime"][0] if "sinceTime" in query else None
    if moment:
        try:
            parse_rfc3339(moment)
        except ValueError:
            layout = "2006-01-02T15:04:05Z07:00"
            text = f'parsing time "{moment}" as "{layout}": cannot parse "{moment}" as "2006"'
            raise errors.bad_request(text) from None
    problems: list[FieldError] = []
    if (tail := given.get("tailLines")) is not None and tail < 0:
        problems.append(fields.invalid("tailLines", tail, "must be greater than or equal to 0"))
    if (limit := given.get("limitBytes")) is not None and limit < 1:
        problems.append(fields.invalid("limitBytes", limit, "must be greater than 0"))
    seconds = given.get("sinceSeconds")
    if seconds is not None and moment is not None:
        text = "at most one of `sinceTime` or `sinceSeconds` may be specified"
        problems.append(fields.forbidden("", text))
    elif seconds is not None and seconds < 1:
        problems.append(fields.invalid("sinceSeconds", seconds, "must be greater than 0"))
    if "stream" in query:
        # PodLogsQuerySplitStreams is off.
        problems.append(fields.forbidden("stream", "may not be specified"))
    if problems:
        raise errors.invalid("PodLogOptions", "", ctx.info.name, problems)


def _closed(ctx: Context, node: Obj, container: str) -> errors.StatusError:
    """What a client hears when nobody listens at a node's address."""
    info, status = ctx.info, node.get("status") or {}
    known = status.get("addresses") or []
    found = [one["address"] for kind in ADDRESS_TYPES for one in known if one.get("type") == kind]
    if not found:
        shown = " ".join(f"{{{one.get('type', '')} {one.get('address', '')}}}" for one in known)
        text = f"no preferred addresses found; known addresses: [{shown}]"
        return errors.StatusError(errors.status(500, "", text))
    endpoint = (status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}
    where = f"{found[0]}:{endpoint.get('Port') or KUBELET_PORT}"
    refused = f"dial tcp {where}: connect: connection refused"
    if info.subresource in STREAMS:
        if "upgrade" not in ctx.request.headers.get("connection", "").lower():
            return errors.bad_request("Upgrade request required")
        return errors.StatusError(errors.status(500, "", f"error dialing backend: {refused}"))
    asked = urlencode(sorted((k, v[0]) for k, v in ctx.request.query.items() if k != "container"))
    path = f"/containerLogs/{info.namespace}/{info.name}/{container}" + (f"?{asked}" if asked else "")
    return errors.StatusError(errors.status(500, "", f'Get "https://{where}{path}": {refused}'))
