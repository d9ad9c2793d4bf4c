"""What the programs in pods reach: the fabric's packets, the cluster's DNS, and the servers that answer.

    runtime.network = PodNetwork(cluster, "node01")

Each connection is a packet with its record, sent by the pod (or by the node, for a pod on the host's
network): rules, cut cables and missing routes decide. Each question to a name server is a record of kind
"query". Connections to a pod's own loopback never leave it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from kubekit.api.exchange import WatchStream
from kubekit.api.status_error import StatusError
from kubekit.cluster.dns import NOERROR, Zone, outside
from kubekit.cluster.node import Node
from kubekit.cluster.pod_proxy import server_at
from kubekit.kubelet import answers
from kubekit.kubelet.http_server import reply, speaks_http
from kubekit.kubelet.pod_network import CONNECTED, REFUSED, Entry, Reached, Reply
from kubekit.kubelet.runtime import Container, PodBox
from kubekit.kubelet.web_site import UNVERIFIED, Answered, Asked, Refused, Site
from kubekit.proxy.proxy import HEALTHZ_PORT
from kubekit.sim import Step, rfc3339

if TYPE_CHECKING:
    from kubekit.cluster.cluster import Cluster

TOKEN_SECONDS = 3607
RENEW_AFTER = 0.8 * TOKEN_SECONDS
JSON = {"Content-Type": "application/json"}
PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
API_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc",
             "kubernetes.default.svc.cluster.local")  # fmt: skip
SERVICE_HOST = "KUBERNETES_SERVICE_HOST"


class PodNetwork:
    """The `Network` of the pods of one node."""

    def __init__(self, cluster: Cluster, node: str) -> None:
        self._cluster = cluster
        self._node = node
        self._zone = Zone(cluster)
        self._tokens: dict[tuple[str, str], tuple[float, str]] = {}
        self.nameserver = cluster.settings.cluster_dns
        self.upstream = cluster.fabric.gateway

    # -- connecting -------------------------------------------------------------------------------------

    def connect(
        self, box: PodBox, address: str, port: int, protocol: str = "tcp", asked_for: str = ""
    ) -> Reached:
        """A packet from the pod, and what answers it."""
        fabric, host = self._cluster.fabric, bool(box.spec.get("hostNetwork"))
        if not host and (address.startswith("127.") or address == "::1"):
            return self._inside(box, port, protocol)
        # The node lends its address to what leaves the cluster, so that answers find back.
        leaves = address in fabric.listeners and fabric.host_of_address(address) is None
        sender = self._node if host or leaves else f"{box.namespace}/{box.name}"
        try:
            sent = fabric.send(sender, address, port, protocol, asked_for=asked_for).came_out
        except KeyError:  # the pod has lost its interface
            return Reached("unreachable")
        if sent["status"] != CONNECTED:
            return Reached(sent["status"])
        after = sent["packet"]["after"]
        where, _, number = after["dst"].rpartition(":")
        to = fabric.host_of_pod(sent["receiver"].removeprefix("pod/"))
        near = to is not None and to.name == self._node
        ttl = 64 if near or sent["receiver"] == f"node/{self._node}" else 63 if to is None else 62
        client = after["src"].rpartition(":")[0].strip("[]")
        if protocol != "tcp":
            return Reached(CONNECTED, None, ttl)
        return Reached(CONNECTED, self._site(sent["receiver"], where.strip("[]"), int(number), client), ttl)

    def _inside(self, box: PodBox, port: int, protocol: str) -> Reached:
        if protocol == "icmp":
            return Reached(CONNECTED)
        for container in box.containers:
            if answers.listens(container, port, protocol):
                site = ContainerSite(self._cluster, container, "127.0.0.1")
                return Reached(CONNECTED, site if speaks_http(container) else None)
        return Reached(REFUSED)

    def _site(self, receiver: str, address: str, port: int, client: str) -> Site | None:
        cluster = self._cluster
        if receiver.startswith("address/"):
            return Beyond(port == 443)
        node = cluster.nodes.get(receiver.removeprefix("node/"))
        if node is not None:
            address = node.ip  # whichever of its addresses was asked
            if (proxy := _of_proxy(node, port)) is not None:
                return proxy
        if cluster.apiserver.address == f"{address}:{port}":
            return ApiSite(cluster)
        found = server_at(cluster.nodes, address, port)
        if found is None:
            return Locked() if receiver.startswith("node/") else None
        return ContainerSite(cluster, found[1], client) if speaks_http(found[1]) else None

    # -- names ------------------------------------------------------------------------------------------

    def ask(self, box: PodBox, server: str, names: tuple[str, ...], kind: str, asked_for: str = "") -> Reply:
        """A name server's answer, with its record."""
        if server not in (self.nameserver, self.upstream):
            return Reply("", names[-1])
        lookup = self._zone.lookup if server == self.nameserver else outside
        steps: list[Step] = []
        code, found = "NXDOMAIN", names[-1]
        entries: tuple[Entry, ...] = ()
        for name in names:
            code, entries = lookup(name, kind)
            told = ", ".join(entry.value for entry in entries) or code
            steps.append(Step(name, "pass" if entries else "refuse", told))
            if code == NOERROR:
                found = name
                break
        if code != NOERROR:
            found = names[-1]
        who, asked = f"{box.namespace}/{box.name}", asked_for or names[-1]
        answer = ", ".join(entry.value for entry in entries) or code
        self._cluster.loop.trace.emit(
            "query",
            "coredns" if server == self.nameserver else "dns",
            f"pod/{who}",
            f"{who} asks {server} for {asked} ({kind}): {answer}.",
            came_in={"server": server, "name": asked, "type": kind},
            steps=steps,
            came_out={"code": code, "name": found, "records": [list(entry) for entry in entries]},
        )
        return Reply(code, found, entries, server == self.nameserver and "cluster.local" in found)

    # -- credentials ------------------------------------------------------------------------------------

    @property
    def authority(self) -> str:
        """The certificate by which pods know the API server."""
        return bytes(self._cluster.pki.cluster_authority.certificate).decode()

    def token(self, box: PodBox, account: str) -> str:
        """A token bound to the pod, asked for by its kubelet and renewed when most of its time is over."""
        loop, key = self._cluster.loop, (box.uid, account)
        issued, token = self._tokens.get(key, (0.0, ""))
        if token and loop.clock.now() < issued + RENEW_AFTER:
            return token
        namespace, _, name = account.partition("/")
        bound = {"kind": "Pod", "apiVersion": "v1", "name": box.name, "uid": box.uid}
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS, "boundObjectRef": bound},
        }
        client = self._cluster.nodes[self._node].kubelet.client
        try:
            made = client.create("serviceaccounts", body, namespace, name=name, subresource="token")
        except (StatusError, OSError):
            return token
        self._tokens[key] = (loop.clock.now(), made["status"]["token"])
        return str(made["status"]["token"])


class ContainerSite:
    """The web server of a container; `client` is whom it sees."""

    secure = False

    def __init__(self, cluster: Cluster, container: Container, client: str) -> None:
        self._cluster = cluster
        self._container = container
        self._client = client

    def handshake(self, roots: list[object] | None, certificate: object, host: str) -> Refused | None:
        """Never asked: it is not secure."""
        return None

    def answer(self, asked: Asked) -> Answered:
        """What the container's server says."""
        now = self._cluster.loop.clock.now()
        status, headers, body = reply(self._container, asked.method, asked.target, now, self._client)
        return Answered(status, {**headers, "Content-Length": str(len(body))}, body)


class ApiSite:
    """The API server's port, as a pod sees it."""

    secure = True

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def handshake(self, roots: list[object] | None, certificate: object, host: str) -> Refused | None:
        """A client knows the server by the cluster's authority and by its names."""
        if roots is None:
            return None
        cluster = self._cluster
        known = {_lines(text) for text in self._authorities()}
        if not any(_lines(str(root)) in known for root in roots):
            problem = "unable to get local issuer certificate"
            return Refused(60, f"SSL certificate problem: {problem}\n{UNVERIFIED}")
        first = next(iter(cluster.nodes.values()))
        if host not in (
            *API_NAMES,
            first.name,
            first.ip,
            cluster.nodes[first.name].kubelet.service_environment[SERVICE_HOST],
        ):
            problem = f"no alternative certificate subject name matches target host name '{host}'"
            return Refused(60, f"SSL: {problem}\n{UNVERIFIED}")
        return None

    def _authorities(self) -> list[str]:
        cluster = self._cluster
        found = [bytes(cluster.pki.cluster_authority.certificate).decode()]
        for one in cluster.apiserver.store("", "configmaps").cache.span("kube-system"):
            if one["metadata"]["name"] == "kube-root-ca.crt":
                found.append((one.get("data") or {}).get("ca.crt", ""))
        return found

    def answer(self, asked: Asked) -> Answered:
        """As over a socket: who shows no token is anonymous."""
        response = self._cluster.apiserver(asked.as_request(None, "curl"))
        if isinstance(response, WatchStream):
            lines = b"".join(event.encode() for event in response.take())
            response.close()
            return Answered(200, dict(response.headers), lines, ended=False)
        body: Any = response.body if isinstance(response.body, dict) else response.encoded()
        if isinstance(body, bytes) and body.startswith(b"{"):
            body = orjson.loads(body)
        # The API server writes for eyes when it sees that curl or wget asks.
        shown = body if isinstance(body, bytes) else orjson.dumps(body, option=orjson.OPT_INDENT_2)
        return Answered(response.status, {**JSON, **response.headers}, shown)


class Locked:
    """A component's own port on a node, which wants a certificate."""

    secure = True

    def handshake(self, roots: list[object] | None, certificate: object, host: str) -> Refused | None:
        """Nothing that a pod has signed it."""
        if roots is None:
            return None
        problem = "unable to get local issuer certificate"
        return Refused(60, f"SSL certificate problem: {problem}\n{UNVERIFIED}")

    def answer(self, asked: Asked) -> Answered:
        """Nobody known."""
        return Answered(401, PLAIN, b"Unauthorized")


class Page:
    """A port that says one thing over plain HTTP."""

    secure = False

    def __init__(self, answered: Answered) -> None:
        self._answered = answered

    def handshake(self, roots: list[object] | None, certificate: object, host: str) -> Refused | None:
        """Never asked: it is not secure."""
        return None

    def answer(self, asked: Asked) -> Answered:
        """The one thing."""
        return self._answered


def _of_proxy(node: Node, port: int) -> Page | None:
    """kube-proxy's own ports: its health, and that of Services with a health check port."""
    health = node.kube_proxy.health
    if port == HEALTHZ_PORT:
        stamp = rfc3339(node.kubelet.loop.clock.now())
        told = f'{{"lastUpdated": "{stamp}","currentTime": "{stamp}", "nodeEligible": true}}'
        return Page(Answered(200, JSON, told.encode()))
    for service, (number, _) in health.services.items():
        if number == port:
            found = health.answer(service)
            return Page(Answered(found.status, found.headers, found.body.encode()))
    return None


class Beyond:
    """The one machine outside."""

    def __init__(self, secure: bool) -> None:
        self.secure = secure

    def handshake(self, roots: list[object] | None, certificate: object, host: str) -> Refused | None:
        """Known by the authorities that come with every image."""
        return None

    def answer(self, asked: Asked) -> Answered:
        """A page that says what it is."""
        name = asked.headers.get("host", "")
        page = (
            f"<!doctype html>\n<title>{name}</title>\n<p>This is {name}, in a world that is pretended.</p>\n"
        )
        return Answered(200, {"Content-Type": "text/html"}, page.encode())


def _lines(text: str) -> str:
    return "".join(text.split())
