"""PodInfo: a pod with everything the scheduler asks about it computed once.

A plugin gets a `PodInfo`, not the bare object: requests, tolerations, affinity terms, host ports and claims
are attributes here, so that evaluating a thousand nodes parses nothing. `pod` is the API object itself
(frozen: never change it). A `QueuedPodInfo` is what waits in the scheduling queue.

Source: pkg/scheduler/framework/types.go; kube-scheduler/framework/types.go (AffinityTerm).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from kubekit.api.exchange import snug
from kubekit.scheduler.framework.events import ClusterEvent
from kubekit.scheduler.framework.resources import requested_by
from kubekit.scheduler.framework.selector import PreferredTerms, RequiredNodeAffinity, Selector

Obj = dict[str, Any]
HostPort = tuple[str, str, int]
"""Address, protocol, port."""

NO_LABELS: dict[str, str] = {}


class AffinityTerm:
    """One pod (anti-)affinity term: which pods it means, and over which topology."""

    __slots__ = ("_key", "namespace_selector", "namespaces", "selector", "topology_key", "weight")

    def __init__(self, namespace: str, term: Obj, weight: int = 0) -> None:
        named = term.get("namespaces") or ()
        wanted = term.get("namespaceSelector")
        self.namespaces = frozenset(named) if named or wanted is not None else frozenset((namespace,))
        self.namespace_selector = Selector.of(wanted)
        self.selector = Selector.of(term.get("labelSelector"))
        self.topology_key: str = term.get("topologyKey", "")
        self.weight = weight
        self._key: tuple[Any, ...] | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """A hashable value: terms with equal keys mean the same pods over the same topology."""
        if self._key is None:
            self._key = (
                self.topology_key,
                self.namespaces,
                self.namespace_selector.key,
                self.selector.key,
            )
        return self._key

    def matches(self, pod: PodInfo, namespace_labels: Mapping[str, str] = NO_LABELS) -> bool:
        """Whether the term means this pod; `namespace_labels` are those of the pod's namespace, if known."""
        if pod.namespace in self.namespaces or self.namespace_selector.matches(namespace_labels):
            return self.selector.matches(pod.labels)
        return False

    def also_in(self, namespaces: Iterable[str]) -> AffinityTerm:
        """The same term, with the namespaces that its selector was found to mean."""
        copy = AffinityTerm.__new__(AffinityTerm)
        copy.namespaces = self.namespaces.union(namespaces)
        copy.namespace_selector = self.namespace_selector
        copy.selector = self.selector
        copy.topology_key = self.topology_key
        copy.weight = self.weight
        copy._key = None
        return copy


Terms = tuple[AffinityTerm, ...]
NO_TERMS: tuple[Terms, Terms] = ((), ())
_TERMS: dict[tuple[str, bytes], tuple[Terms, Terms]] = {}
MOST_TERMS = 4096


def _terms(namespace: str, affinity: Obj | None) -> tuple[Terms, Terms]:
    """The required and preferred terms of a pod (anti-)affinity; pods of one template share them."""
    if not affinity:
        return NO_TERMS
    key = (namespace, orjson.dumps(affinity, str))
    known = _TERMS.get(key)
    if known is None:
        if len(_TERMS) >= MOST_TERMS:
            _TERMS.clear()
        required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        known = _TERMS[namespace, snug(key[1])] = (
            tuple(AffinityTerm(namespace, term) for term in required),
            tuple(
                AffinityTerm(namespace, term.get("podAffinityTerm") or {}, int(term.get("weight", 0)))
                for term in preferred
            ),
        )
    return known


def host_ports(spec: Obj) -> tuple[HostPort, ...]:
    """The ports that containers (and sidecars) want of the node itself."""
    found: list[HostPort] = []
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in (*sidecars, *(spec.get("containers") or ())):
        for port in container.get("ports") or ():
            number = port.get("hostPort", 0)
            if number > 0:
                found.append((port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", number))
    return tuple(found)


def with_tag(image: str) -> str:
    """The image's name with a tag.

    >>> with_tag("nginx"), with_tag("localhost:5000/nginx"), with_tag("nginx:1.27")
    ('nginx:latest', 'localhost:5000/nginx:latest', 'nginx:1.27')
    """
    return image if image.rfind(":") > image.rfind("/") else f"{image}:latest"


class PodInfo:
    """A pod and what scheduling needs to know of it.

    Attributes: `pod` (the API object), `spec`, `name`, `namespace`, `uid`, `key` ("ns/name"), `labels`,
    `priority`, `tolerations` (list of API objects), `requests` (`Resource`: what it takes from its node),
    `nonzero_cpu` and `nonzero_memory` (the same with scoring defaults), `ports`, `claims` (names of its
    PersistentVolumeClaims), `containers` (how many), `terminating`, and the four tuples of affinity terms.
    """

    __slots__ = (
        "_demands",
        "_images",
        "_marks",
        "_preferred_nodes",
        "_request_key",
        "_required_nodes",
        "claims",
        "containers",
        "fit_request",
        "key",
        "labels",
        "name",
        "namespace",
        "nonzero_cpu",
        "nonzero_memory",
        "pod",
        "ports",
        "preferred_affinity",
        "preferred_anti_affinity",
        "priority",
        "requests",
        "required_affinity",
        "required_anti_affinity",
        "scored_amounts",
        "spec",
        "terminating",
        "tolerations",
        "uid",
        "with_affinity",
    )

    def __init__(self, pod: Obj) -> None:
        metadata = pod["metadata"]
        spec: Obj = pod.get("spec") or {}
        self.pod = pod
        self.spec = spec
        self.name: str = metadata["name"]
        self.namespace: str = metadata.get("namespace", "")
        self.key = f"{self.namespace}/{self.name}"
        self.uid: str = metadata.get("uid") or self.key
        self.labels: dict[str, str] = metadata.get("labels") or NO_LABELS
        self.priority: int = spec.get("priority") or 0
        self.terminating = metadata.get("deletionTimestamp") is not None
        self.tolerations: list[Obj] = spec.get("tolerations") or []
        self.ports = host_ports(spec)
        self.claims: tuple[str, ...] = tuple(
            volume["persistentVolumeClaim"].get("claimName", "")
            for volume in spec.get("volumes") or ()
            if volume.get("persistentVolumeClaim") is not None
        )
        affinity = spec.get("affinity") or {}
        to_pods, from_pods = affinity.get("podAffinity"), affinity.get("podAntiAffinity")
        self.with_affinity = to_pods is not None or from_pods is not None
        self.required_affinity, self.preferred_affinity = _terms(self.namespace, to_pods)
        self.required_anti_affinity, self.preferred_anti_affinity = _terms(self.namespace, from_pods)
        requested = requested_by(pod)
        self.requests = requested.requests
        self.nonzero_cpu = requested.nonzero_cpu
        self.nonzero_memory = requested.nonzero_memory
        self.fit_request = requested.fit
        """What must be free on a node for it to fit (its wish, not what it runs with)."""
        self.scored_amounts = requested.scored
        self.containers = len(spec.get("containers") or ()) + len(spec.get("initContainers") or ())
        self._request_key = requested.key
        self._demands: tuple[Any, ...] | None = None
        self._marks: tuple[Any, ...] | None = None
        self._images: tuple[str, ...] | None = None
        self._required_nodes: RequiredNodeAffinity | None = None
        self._preferred_nodes: PreferredTerms | None = None

    @property
    def node_name(self) -> str:
        """The node it is bound to (or assumed on), or ""."""
        return str(self.spec.get("nodeName") or "")

    @property
    def nominated_node(self) -> str:
        """`status.nominatedNodeName`, or ""."""
        return str((self.pod.get("status") or {}).get("nominatedNodeName") or "")

    @property
    def scheduler_name(self) -> str:
        """The profile that is responsible for it."""
        return str(self.spec.get("schedulerName") or "default-scheduler")

    @property
    def required_nodes(self) -> RequiredNodeAffinity:
        """What it demands of the node's labels and name."""
        if self._required_nodes is None:
            self._required_nodes = RequiredNodeAffinity(self.spec)
        return self._required_nodes

    @property
    def preferred_nodes(self) -> PreferredTerms | None:
        """What it would like of the node, or None."""
        if self._preferred_nodes is None:
            wanted = ((self.spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
                "preferredDuringSchedulingIgnoredDuringExecution"
            )
            if wanted is None:
                return None
            self._preferred_nodes = PreferredTerms(wanted)
        return self._preferred_nodes

    @property
    def demands(self) -> tuple[Any, ...]:
        """What it asks of a node itself, as a hashable value.

        Pods with equal demands have the same requests, host ports, tolerations, node selector, node affinity
        and `spec.nodeName`. Raises TypeError when the spec is not JSON.
        """
        if self._demands is None:
            spec = self.spec
            text = orjson.dumps(
                (
                    self.tolerations,
                    spec.get("nodeSelector"),
                    (spec.get("affinity") or NO_LABELS).get("nodeAffinity"),
                    spec.get("nodeName"),
                )
            )
            self._demands = (self._request_key, self.ports, snug(text))
        return self._demands

    @property
    def marks(self) -> tuple[Any, ...]:
        """All that a selector looks at, as a hashable value: namespace, labels, whether it terminates."""
        if self._marks is None:
            self._marks = (self.namespace, self.terminating, tuple(self.labels.items()))
        return self._marks

    @property
    def images(self) -> tuple[str, ...]:
        """The images of its containers and image volumes, as nodes report them: with a tag."""
        if self._images is None:
            spec = self.spec
            wanted = [
                c.get("image") or ""
                for c in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
            ]
            wanted += [v["image"].get("reference") or "" for v in spec.get("volumes") or () if v.get("image")]
            self._images = tuple(with_tag(image) for image in wanted)
        return self._images

    def on_node(self, node: str) -> PodInfo:
        """The same pod as it will be once bound to `node`: what the cache assumes."""
        assumed: Obj = dict(self.pod)
        assumed["spec"] = {**self.spec, "nodeName": node}
        return self.with_pod(assumed)

    def with_pod(self, pod: Obj) -> PodInfo:
        """Another version of the object that asks for exactly the same."""
        copy = PodInfo.__new__(PodInfo)
        for name in PodInfo.__slots__:
            setattr(copy, name, getattr(self, name))
        copy.pod = pod
        copy.spec = pod.get("spec") or {}
        copy._demands = None
        return copy

    def __repr__(self) -> str:
        return f"PodInfo({self.key})"


class QueuedPodInfo:
    """A pod in the scheduling queue, with the history of its attempts.

    Times are Unix seconds; `added` is when it entered the queue (again) and orders pods of equal priority.
    """

    __slots__ = (
        "added",
        "arrival",
        "attempts",
        "backoff_until",
        "cause",
        "consecutive_errors",
        "event",
        "first_attempt",
        "gate_events",
        "gated_by",
        "info",
        "moves",
        "pending_plugins",
        "unschedulable_count",
        "unschedulable_plugins",
    )

    def __init__(self, info: PodInfo, now: float) -> None:
        self.info = info
        self.added = now
        self.arrival = 0
        """Counts up: orders pods that entered the queue at the same moment."""
        self.attempts = 0
        self.moves: list[Any] = []
        """How it went through the queue since its last attempt (`queue_history.Move`)."""
        self.backoff_until: float | None = None
        self.unschedulable_count = 0
        self.consecutive_errors = 0
        self.first_attempt: float | None = None
        self.unschedulable_plugins: set[str] = set()
        self.pending_plugins: set[str] = set()
        self.gated_by = ""
        self.gate_events: tuple[ClusterEvent, ...] = ()
        self.cause: int | None = None
        """The record that brought it into the queue, or moved it, last."""
        self.event = ""
        """The event that did so, as the original labels it."""

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return self.info.key

    @property
    def rejectors(self) -> set[str]:
        """The plugins that refused it at its last attempt."""
        return self.unschedulable_plugins | self.pending_plugins

    def forget_rejectors(self) -> None:
        """Start an attempt's bookkeeping afresh."""
        self.unschedulable_plugins = set()
        self.pending_plugins = set()
        self.gated_by = ""
        self.gate_events = ()
