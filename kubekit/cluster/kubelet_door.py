"""The API server's way to the kubelets: logs and exec of a pod are answered by the node on which it runs.

The API server knows no kubelet; it is handed `KubeletDoor` as its `connect`. The pod's `spec.nodeName`
decides whom to ask, and a node that does not answer is reported as the real API server reports it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import Request, Response
from kubekit.api.meta import Obj
from kubekit.cluster.node import Node

EXEC_TEXT = "application/json"


class KubeletDoor:
    """Finds the kubelet of a pod; `pod(namespace, name)` reads the pod, `nodes()` gives the nodes by name."""

    def __init__(self, pod: Callable[[str, str], Obj | None], nodes: Callable[[], dict[str, Node]]) -> None:
        self._pod = pod
        self._nodes = nodes

    def __call__(self, ctx: Any, scope: Any) -> Response:
        """Answer a connect request (`log`, `exec`) of the API server; raises StatusError."""
        info, request = ctx.info, ctx.request
        return self.answer(info.namespace, info.name, info.subresource, request)

    def answer(self, namespace: str, name: str, subresource: str, request: Request) -> Response:
        """The kubelet's answer for one pod's subresource; raises StatusError."""
        pod = self._pod(namespace, name)
        if pod is None:
            raise errors.not_found("pods", name)
        container = self._container(pod, request.param("container"))
        node_name = pod["spec"].get("nodeName", "")
        if not node_name:
            if subresource == "log":
                return Response(200, "", {"Content-Type": "text/plain"})
            raise errors.bad_request(f"pod {name} does not have a host assigned")
        path = {"log": "containerLogs", "exec": "exec", "attach": "attach"}.get(subresource, subresource)
        answer = self._ask(node_name, f"/{path}/{namespace}/{name}/{container}", request)
        if answer.status == 400:
            raise errors.bad_request(str(answer.body))
        return answer

    def exec(self, namespace: str, name: str, container: str, argv: list[str]) -> tuple[int, str, str]:
        """Run a command in a container: (exit status, standard output, standard error)."""
        query = {"container": [container] if container else [], "command": list(argv)}
        answer = self.answer(namespace, name, "exec", Request("POST", "", query))
        body = answer.json()
        return body["exitCode"], body["stdout"], body["stderr"]

    def _ask(self, node_name: str, path: str, request: Request) -> Response:
        node = self._nodes().get(node_name)
        if node is None:
            raise errors.internal_error(f"dial tcp: lookup {node_name}: no such host")
        try:
            return node.kubelet.server(Request("GET", path, request.query, source="kube-apiserver"))
        except OSError as error:
            url = f"https://{node.ip}:10250{path}"
            raise errors.internal_error(f'Get "{url}": {error}') from None

    def _container(self, pod: Obj, wanted: str) -> str:
        spec, name = pod["spec"], pod["metadata"]["name"]
        lists: dict[str, list[str]] = {
            kind: [c["name"] for c in spec.get(kind) or ()]
            for kind in ("containers", "initContainers", "ephemeralContainers")
        }
        if wanted:
            if not any(wanted in names for names in lists.values()):
                raise errors.bad_request(f"container {wanted} is not valid for pod {name}")
            return wanted
        if len(lists["containers"]) == 1:
            return lists["containers"][0]
        text = f"a container name must be specified for pod {name}, choose one of: "
        text += f"[{' '.join(lists['containers'])}]"
        if lists["initContainers"]:
            text += f" or one of the init containers: [{' '.join(lists['initContainers'])}]"
        raise errors.bad_request(text)
