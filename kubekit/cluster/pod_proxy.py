"""The proxies of pods and services: a request through the API server to a program in a pod.

``/api/v1/namespaces/shop/pods/http:web:80/proxy/path`` and the same of a service, whose name may carry a
port's name or number. The API server dials the pod's address itself; a service is one of its ready
endpoints, chosen by chance.
Source: `ResourceLocation` in pkg/registry/core/{pod,service}, `apimachinery/pkg/util/proxy`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import Request, Response
from kubekit.api.meta import Obj
from kubekit.cluster.node import Node
from kubekit.kubelet import answers
from kubekit.kubelet.http_server import reply, speaks_http
from kubekit.kubelet.runtime import Container

SCHEMES = ("http", "https")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class PodProxy:
    """Answers `pods/proxy` and `services/proxy`; the arguments are `KubeletDoor`'s."""

    def __init__(
        self,
        find: Callable[[str, str, str], Obj | None],
        select: Callable[[str, str, str], list[Obj]],
        nodes: Callable[[], dict[str, Node]],
        dial: Callable[[str, int], str],
    ) -> None:
        """`dial` connects to an address and gives the one it is seen under; raises OSError."""
        self._find = find
        self._select = select
        self._nodes = nodes
        self._dial = dial

    def __call__(self, plural: str, info: Any, request: Request) -> Response:
        """The program's answer; raises StatusError."""
        scheme, name, port = split_name(info.name, plural[:-1])
        rest = info.parts[3:] if not info.verb_in_path else info.parts[2:]
        path = "/" + "/".join(rest)
        if not rest and not request.path.endswith("/"):
            # A page's relative links need the slash.
            return Response(301, "", {"Location": f"{request.path}/", "Content-Type": "text/plain"})
        if rest and request.path.endswith("/"):
            path += "/"
        if plural == "pods":
            address, number = self._of_pod(info.namespace, name, port)
        else:
            address, number = self._of_service(info.namespace, name, port)
        if scheme == "https":
            raise _unreachable("http: server gave HTTP response to HTTPS client")
        return self._ask(address, number, request.method, path)

    def _of_pod(self, namespace: str, name: str, port: str) -> tuple[str, int]:
        pod = self._find("pods", namespace, name)
        if pod is None:
            raise errors.not_found("pods", name)
        if not port:
            declared = [p for c in pod["spec"]["containers"] for p in c.get("ports") or ()]
            port = str(declared[0]["containerPort"]) if declared else "80"
        ip = (pod.get("status") or {}).get("podIP", "")
        if not ip:
            raise errors.bad_request("address not allowed")
        if not port.isdigit():
            raise _unreachable(f"dial tcp: lookup tcp/{port}: unknown port")
        return ip, int(port)

    def _of_service(self, namespace: str, name: str, port: str) -> tuple[str, int]:
        service = self._find("services", namespace, name)
        if service is None:
            raise errors.not_found("services", name)
        ports = service["spec"].get("ports") or []
        if not port and len(ports) == 1:
            chosen = ports[0].get("name", "")
        else:
            found = next((p for p in ports if port in (p.get("name"), str(p["port"]))), None)
            if found is None:
                raise errors.service_unavailable(
                    f'no service port "{port}" found for service "{name}"'
                    if port
                    else f'no endpoints available for service "{name}"'
                )
            chosen = found.get("name", "")
        slices = self._select("endpointslices", namespace, f"kubernetes.io/service-name={name}")
        for one in slices:
            number = next(
                (p["port"] for p in one.get("ports") or () if (p.get("name") or "") == chosen), None
            )
            for endpoint in one.get("endpoints") or ():
                if number is not None and (endpoint.get("conditions") or {}).get("ready", True):
                    return endpoint["addresses"][0], number
        raise errors.service_unavailable(f'no endpoints available for service "{name}"')

    def _ask(self, address: str, port: int, method: str, path: str) -> Response:
        try:
            client = self._dial(address, port)
        except OSError as error:
            raise _unreachable(str(error)) from None
        found = server_at(self._nodes(), address, port)
        if found is None:
            raise _unreachable(f"dial tcp {address}:{port}: connect: connection refused")
        node, container = found
        if not speaks_http(container):
            raise _unreachable("EOF")
        status, headers, body = reply(container, method, path, node.runtime.loop.clock.now(), client)
        return Response(status, b"" if method == "HEAD" else body, headers)


def server_at(nodes: Mapping[str, Node], address: str, port: int) -> tuple[Node, Container] | None:
    """The container that listens there, and its node."""
    for node in nodes.values():
        for box in node.runtime.pods.values():
            newest = box.sandboxes[0] if box.sandboxes else None
            if newest is None or (node.ip if newest.host_network else newest.ip) != address:
                continue
            for container in box.containers:
                if answers.listens(container, port):
                    return node, container
    return None


def split_name(text: str, kind: str) -> tuple[str, str, str]:
    """(scheme, name, port) of ``[scheme:]name[:port]``; raises StatusError."""
    parts = text.split(":")
    if len(parts) == 1 and parts[0]:
        return "", parts[0], ""
    if len(parts) == 2 and parts[0]:
        return "", parts[0], parts[1]
    if len(parts) == 3 and parts[0] in (*SCHEMES, "") and parts[1]:
        return parts[0], parts[1], parts[2]
    raise errors.bad_request(f'invalid {kind} request "{text}"')


def _unreachable(why: str) -> errors.StatusError:
    return errors.service_unavailable(f"error trying to reach service: {why}")
