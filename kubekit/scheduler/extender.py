"""Extenders: programs outside the scheduler that filter, score, bind and veto victims, asked over HTTP.

The older way to extend the scheduler; a plugin is better in everything but that an extender may be written
in any language. Each verb is one POST of JSON to ``urlPrefix/verb``. Filters are asked after all plugins,
one extender after the other; scores (0 to 10) are multiplied by the extender's weight and by ten and added
to the totals; the first one that binds does so instead of the Bind plugins. An extender that fails fails
the attempt, unless it is `ignorable`.

In a notebook an extender is a Python function: ``cluster.scheduler.serve_extender("http://mine", answer)``
with ``answer(verb, arguments) -> result`` stands in for a program at that address. Any other address is
really asked.

Source: pkg/scheduler/extender.go; kube-scheduler/extender/v1/types.go.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kubekit.api.duration import parse_go_duration
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.status import Code, PluginError, Status

if TYPE_CHECKING:
    import ssl

Obj = dict[str, Any]
Answer = Callable[[str, Obj], Any]
"""What stands at an address: (verb, arguments) -> result, both as JSON."""

EXTENDERS = "Extenders"
"""The name under which refusals by extenders are noted for the queue."""
MAX_SCORE = 10
DEFAULT_TIMEOUT = 5.0


class ExtenderError(PluginError):
    """The extender could not be asked, or answered nonsense."""


class Extender:
    """One entry of `extenders`. `local` are functions that stand at an address, by `urlPrefix`."""

    def __init__(self, entry: Obj, local: Mapping[str, Answer] | None = None) -> None:
        self.name: str = entry.get("urlPrefix", "")
        self.filter_verb: str = entry.get("filterVerb") or ""
        self.score_verb: str = entry.get("prioritizeVerb") or ""
        self.preempt_verb: str = entry.get("preemptVerb") or ""
        self.bind_verb: str = entry.get("bindVerb") or ""
        self.weight = int(entry.get("weight") or 0)
        self.caches_nodes = bool(entry.get("nodeCacheCapable"))
        self.ignorable = bool(entry.get("ignorable"))
        self.managed = frozenset(one.get("name", "") for one in entry.get("managedResources") or ())
        self.timeout = parse_go_duration(entry.get("httpTimeout") or "0") or DEFAULT_TIMEOUT
        self._tls = _tls(entry.get("tlsConfig") or {}) if entry.get("enableHTTPS") else None
        self.local: Mapping[str, Answer] = local or {}

    def interested(self, pod: PodInfo) -> bool:
        """Whether it wants to be asked about the pod: it manages no resource, or one that the pod names."""
        if not self.managed:
            return True
        for container in (*(pod.spec.get("containers") or ()), *(pod.spec.get("initContainers") or ())):
            resources = container.get("resources") or {}
            if self.managed & {*(resources.get("requests") or ()), *(resources.get("limits") or ())}:
                return True
        return False

    # -- verbs -------------------------------------------------------------------------------------

    def filter(self, pod: PodInfo, nodes: list[NodeInfo]) -> tuple[list[NodeInfo], dict[str, Status]]:
        """(the nodes it lets pass, in its order; why others do not). Raises `ExtenderError`."""
        result = self.send(self.filter_verb, self._arguments(pod, nodes))
        if not isinstance(result, dict):
            raise ExtenderError(f"extender {self.name!r} answers {type(result).__name__}, not an object")
        if result.get("error"):
            raise ExtenderError(str(result["error"]))
        known = {node.name: node for node in nodes}
        passed: list[NodeInfo] = []
        if self.caches_nodes and result.get("nodenames") is not None:
            names = list(result["nodenames"])
        else:
            items = (result.get("nodes") or {}).get("items") or ()
            names = [one["metadata"]["name"] for one in items]
        for name in names:
            if name not in known:
                text = f'extender "{self.name}" claims a filtered node "{name}"'
                raise ExtenderError(f"{text} which is not found in the input node list")
            passed.append(known[name])
        refused: dict[str, Status] = {}
        for name, why in (result.get("failedNodes") or {}).items():
            refused[name] = Status(Code.UNSCHEDULABLE, str(why))
        for name, why in (result.get("failedAndUnresolvableNodes") or {}).items():
            refused[name] = Status(Code.UNSCHEDULABLE_AND_UNRESOLVABLE, str(why))
        return passed, refused

    def prioritize(self, pod: PodInfo, nodes: list[NodeInfo]) -> dict[str, int]:
        """Its scores, from 0 to 10, by node. Raises `ExtenderError`."""
        result = self.send(self.score_verb, self._arguments(pod, nodes))
        try:
            return {one["host"]: int(one["score"]) for one in result}
        except (TypeError, KeyError, ValueError):
            raise ExtenderError(f"extender {self.name!r} answers no list of hosts with scores") from None

    def bind(self, pod: PodInfo, node: str) -> None:
        """Bind the pod. Raises `ExtenderError`."""
        arguments = {
            "podName": pod.name,
            "podNamespace": pod.namespace,
            "podUID": pod.pod["metadata"].get("uid", ""),
            "node": node,
        }
        result = self.send(self.bind_verb, arguments)
        if isinstance(result, dict) and result.get("error"):
            raise ExtenderError(str(result["error"]))

    def preempt(
        self, pod: PodInfo, victims: Mapping[str, tuple[list[PodInfo], int]]
    ) -> dict[str, tuple[list[str], int]]:
        """The candidates it agrees to: uids of victims and violated budgets, by node."""
        if self.caches_nodes:
            told: Obj = {
                "nodeNameToMetaVictims": {
                    node: {"pods": [{"uid": one.uid} for one in pods], "numPDBViolations": violations}
                    for node, (pods, violations) in victims.items()
                }
            }
        else:
            told = {
                "nodeNameToVictims": {
                    node: {"pods": [one.pod for one in pods], "numPDBViolations": violations}
                    for node, (pods, violations) in victims.items()
                }
            }
        result = self.send(self.preempt_verb, {"pod": pod.pod, **told})
        agreed = (result or {}).get("nodeNameToMetaVictims") or {}
        found: dict[str, tuple[list[str], int]] = {}
        for node, meta in agreed.items():
            uids = [one["uid"] for one in (meta or {}).get("pods") or ()]
            found[node] = (uids, int((meta or {}).get("numPDBViolations") or 0))
        return found

    def _arguments(self, pod: PodInfo, nodes: list[NodeInfo]) -> Obj:
        if self.caches_nodes:
            return {"pod": pod.pod, "nodenames": [node.name for node in nodes]}
        return {"pod": pod.pod, "nodes": {"items": [node.node for node in nodes]}}

    # -- asking ------------------------------------------------------------------------------------

    def send(self, verb: str, arguments: Obj) -> Any:
        """One question and its answer. Raises `ExtenderError`."""
        url = f"{self.name.rstrip('/')}/{verb}"
        local = self.local.get(self.name)
        if local is not None:
            try:
                return local(verb, arguments)
            except Exception as error:
                raise ExtenderError(f"{type(error).__name__}: {error}") from None
        # Imported here, as hardly any cluster has an extender behind a socket.
        import urllib.error
        import urllib.request

        body = json.dumps(arguments).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=self.timeout, context=self._tls) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise ExtenderError(f"failed {verb} with extender at URL {url}, code {error.code}") from None
        except (OSError, ValueError) as error:
            raise ExtenderError(f'Post "{url}": {getattr(error, "reason", error)}') from None


def _tls(config: Obj) -> ssl.SSLContext:
    """How to talk to an extender over HTTPS: without an authority nobody is verified, as in the original."""
    import ssl

    data = config.get("caData")
    authority = base64.b64decode(data).decode() if data else None
    context = ssl.create_default_context(cafile=config.get("caFile") or None, cadata=authority)
    if config.get("insecure") or not (authority or config.get("caFile")):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if config.get("certFile") and config.get("keyFile"):
        context.load_cert_chain(config["certFile"], config["keyFile"])
    return context
