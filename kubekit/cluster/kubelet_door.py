"""The API server's way to the nodes: logs, exec, attach, port-forward of a pod, and the proxies.

The API server knows no kubelet; it is handed `KubeletDoor` as its `connect`. The pod's `spec.nodeName`
decides whom to ask, and a node that does not answer is reported as the real API server reports it. A stream
needs a request that asks for an upgrade; what the kubelet refuses is passed on raw, as the real proxy does.
Source: `pkg/registry/core/pod/rest/subresources.go`, `apiserver/pkg/util/proxy`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from kubekit.api import status_error as errors
from kubekit.api.exchange import Request, Response, WatchStream
from kubekit.api.meta import Obj
from kubekit.apiserver.authorization import attributes_of, forbidden_message
from kubekit.apiserver.endpoints.connect import container_of
from kubekit.cluster.egress import Egress
from kubekit.cluster.node import Node
from kubekit.cluster.pod_proxy import PodProxy
from kubekit.kubelet.server import PORT

STREAMS = {"exec": "exec", "attach": "attach", "portforward": "portForward"}

Answer = Response | WatchStream


class KubeletDoor:
    """Finds the kubelet of a pod.

    `find(plural, namespace, name)` reads an object or gives None, `select(plural, namespace, labels)` lists,
    and `nodes()` gives the nodes by name; `egress` dials them.
    """

    def __init__(
        self,
        find: Callable[[str, str, str], Obj | None],
        select: Callable[[str, str, str], list[Obj]],
        nodes: Callable[[], dict[str, Node]],
        egress: Egress,
    ) -> None:
        self._find = find
        self._nodes = nodes
        self._egress = egress
        self._proxy = PodProxy(find, select, nodes, egress.dial)

    def __call__(self, ctx: Any, scope: Any) -> Answer:
        """Answer a connect request of the API server; raises StatusError."""
        self._egress.ways.clear()
        try:
            return self._connect(ctx, scope)
        finally:
            for way in self._egress.ways:
                ctx.note(f"Egress to {way.to}", way.via, way.figures())

    def _connect(self, ctx: Any, scope: Any) -> Answer:
        info, request = ctx.info, ctx.request
        if info.subresource == "proxy" or info.verb_in_path:
            return self._proxied(scope.resource.plural, info, request)
        if info.subresource in STREAMS:
            self._may_create(ctx)
        return self.answer(info.namespace, info.name, info.subresource, request)

    def answer(self, namespace: str, name: str, subresource: str, request: Request) -> Answer:
        """The kubelet's answer for one pod's subresource; raises StatusError."""
        pod = self._pod(namespace, name)
        place = f"{namespace}/{name}"
        if subresource != "portforward":
            place += f"/{container_of(pod, request.param('container'))}"
        node_name = pod["spec"].get("nodeName", "")
        if subresource == "log":
            return self._log(node_name, place, request)
        if not node_name:
            raise errors.bad_request(f"pod {name} does not have a host assigned")
        if "upgrade" not in request.headers.get("connection", "").lower():
            raise errors.bad_request("Upgrade request required")
        try:
            return self._ask(node_name, f"/{STREAMS[subresource]}/{place}", request)
        except OSError as error:
            text = str(error).partition(": ")[2]
            raise errors.StatusError(errors.status(500, "", f"error dialing backend: {text}")) from None

    def exec(self, namespace: str, name: str, container: str, argv: list[str]) -> tuple[int, str, str]:
        """Run a command in a container to its end: (exit status, standard output, standard error)."""
        pod = self._pod(namespace, name)
        chosen = container_of(pod, container)
        node_name = pod["spec"].get("nodeName", "")
        if not node_name:
            raise errors.bad_request(f"pod {name} does not have a host assigned")
        try:
            answer = self._ask(
                node_name, f"/run/{namespace}/{name}/{chosen}", Request("POST", "", {"command": list(argv)})
            )
        except OSError as error:
            raise errors.internal_error(f"error sending request: {self._post(error)}") from None
        assert isinstance(answer, Response)
        if answer.status != 200:
            text = str(answer.body)
            raise errors.internal_error(
                text if text.startswith("error ") else f"unable to upgrade connection: {text}"
            )
        body = answer.json()
        return body["exitCode"], body["stdout"], body["stderr"]

    def _log(self, node_name: str, place: str, request: Request) -> Answer:
        if not node_name:
            return Response(200, "", {"Content-Type": "text/plain"})
        try:
            answer = self._ask(node_name, f"/containerLogs/{place}", request)
        except OSError as error:
            raise errors.StatusError(errors.status(500, "", f"Get {error}")) from None
        if isinstance(answer, Response) and answer.status == 400:
            raise errors.bad_request(str(answer.body))
        return answer

    def _ask(self, node_name: str, path: str, request: Request) -> Answer:
        """The kubelet's answer; raises OSError with `"url": why` when it cannot be reached."""
        node = self._nodes().get(node_name)
        query = {key: values for key, values in request.query.items() if key != "container"}
        asked = urlencode(sorted(query.items()), doseq=True)
        suffix = f"{path}?{asked}" if asked else path
        if node is None:
            why = f"dial tcp: lookup {node_name}: no such host"
            raise OSError(f'"https://{node_name}:{PORT}{suffix}": {why}')
        try:
            self._egress.dial(node.ip, PORT)
            asked_for = Request("GET", path, request.query, request.headers, source="kube-apiserver")
            return node.kubelet.server(asked_for)
        except OSError as error:
            raise OSError(f'"https://{node.ip}:{PORT}{suffix}": {error}') from None

    @staticmethod
    def _post(error: OSError) -> str:
        return f"Post {error}"

    def _proxied(self, plural: str, info: Any, request: Request) -> Answer:
        if plural != "nodes":
            return self._proxy(plural, info, request)
        name, _, port = info.name.partition(":")
        if self._find("nodes", "", name) is None:
            raise errors.not_found("nodes", name)
        path = "/" + "/".join(info.parts[3:] if not info.verb_in_path else info.parts[2:])
        try:
            if port not in ("", "10250"):
                address = f"{self._nodes()[name].ip}:{port}" if name in self._nodes() else f"{name}:{port}"
                raise OSError(f'"": dial tcp {address}: connect: connection refused')
            return self._ask(name, path, replace(request, method="GET"))
        except OSError as error:
            text = str(error).partition(": ")[2]
            raise errors.service_unavailable(f"error trying to reach service: {text}") from None

    def _may_create(self, ctx: Any) -> None:
        """A stream changes what runs: also when it is asked for by GET, "create" is needed."""
        asked = attributes_of(ctx.user, ctx.info)
        if asked.verb == "create" or "system:masters" in ctx.user.groups:
            return
        asked = asked._replace(verb="create")
        decision = ctx.server.authorization.decide(asked, explain=True)
        if not decision.allowed:
            qualified = f"{ctx.info.resource}.{ctx.info.group}" if ctx.info.group else ctx.info.resource
            raise errors.forbidden(qualified, ctx.info.name, forbidden_message(asked, decision.reason))

    def _pod(self, namespace: str, name: str) -> Obj:
        pod = self._find("pods", namespace, name)
        if pod is None:
            raise errors.not_found("pods", name)
        return pod
