"""Plugins: how one is written, and what it may ask of the scheduler.

A plugin is a class with a `name` and the methods of the extension points it takes part in; a method that is
not there is a point that does not concern it. To write one, copy a neighbour from `plugins/`, or in a
notebook::

    class EvenNodes(Plugin):
        name = "EvenNodes"

        def filter(self, state, pod, node):
            return None if int(node.name[-1]) % 2 == 0 else unschedulable("node(s) were odd")

        def score(self, state, pod, node):
            return 100 - min(100, len(node.pods))

    cluster.scheduler.register(EvenNodes, weight=5)

The points, in the order of a pod's way:

=====================  ===========================================  ========================================
point                  method                                       answer
=====================  ===========================================  ========================================
PreEnqueue             pre_enqueue(pod)                             None, or a Status that keeps it out
QueueSort              less(first, second)                          whether `first` is to be tried before
PreFilter              pre_filter(state, pod, nodes)                None, SKIP, Status, or a set of names
(what if?)             add_pod(state, pod, other, node)             nothing: adjusts PreFilter's data
                       remove_pod(state, pod, other, node)
Filter                 filter(state, pod, node)                     None, or a Status that refuses the node
PostFilter             post_filter(state, pod, statuses)            (nominated node or None, Status)
PreScore               pre_score(state, pod, nodes)                 None or SKIP
Score                  score(state, pod, node)                      an int, 0-100 after normalising
NormalizeScore         normalize_score(state, pod, nodes, scores)   the list of scores, each 0-100
Reserve                reserve / unreserve(state, pod, node_name)   None or a Status
Permit                 permit(state, pod, node_name)                None, a Status, or (WAIT status, seconds)
PreBind                pre_bind(state, pod, node_name)              None, a Status, or a `Waiting`
Bind                   bind(state, pod, node_name)                  None, SKIP or a Status
PostBind               post_bind(state, pod, node_name)             nothing
=====================  ===========================================  ========================================

`pod` is a `PodInfo`, `node` a `NodeInfo`. Whatever a plugin raises ends the attempt with an error status, an
event and a back-off; it never stops the scheduler. Do not change a NodeInfo or an API object.

Source: staging/src/k8s.io/kube-scheduler/framework/interface.go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from kubekit.scheduler.framework.events import EventWithHint
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.pod_info import PodInfo

if TYPE_CHECKING:
    from kubekit.scheduler.framework.cycle_state import CycleState
    from kubekit.scheduler.framework.node_table import NodeTable
    from kubekit.scheduler.framework.runtime import Framework
    from kubekit.scheduler.framework.status import Status

Obj = dict[str, Any]

POINTS: dict[str, str] = {
    "PreEnqueue": "pre_enqueue",
    "QueueSort": "less",
    "PreFilter": "pre_filter",
    "Filter": "filter",
    "PostFilter": "post_filter",
    "PreScore": "pre_score",
    "Score": "score",
    "Reserve": "reserve",
    "Permit": "permit",
    "PreBind": "pre_bind",
    "Bind": "bind",
    "PostBind": "post_bind",
}
"""Extension points and the method by which a plugin takes part."""

MAX_NODE_SCORE = 100


class Waiting(NamedTuple):
    """PreBind's answer when something must happen first: asked again until `done()` or `timeout` seconds."""

    done: Callable[[], bool]
    timeout: float
    what: str


class Lister(Protocol):
    """What plugins read objects through: the informer's view of one resource."""

    def get(self, key: str) -> Obj | None:
        """The object ``namespace/name`` (``name`` for cluster-scoped kinds), or None."""
        ...

    def by_index(self, name: str, value: str) -> list[Obj]:
        """Those with `value` in the index `name`; every namespaced resource has the index ``namespace``."""
        ...

    def list(self) -> list[Obj]:
        """All of them."""
        ...


class SnapshotView(Protocol):
    """The snapshot as plugins see it (see `scheduler/snapshot.py`)."""

    nodes: list[NodeInfo]
    by_name: dict[str, NodeInfo]
    with_affinity: dict[str, NodeInfo]
    with_required_anti_affinity: dict[str, NodeInfo]

    def get(self, name: str) -> NodeInfo | None: ...

    def claim_in_use(self, key: str) -> bool: ...

    def row_of(self, name: str) -> int | None: ...


class Handle(Protocol):
    """What a plugin may ask of the scheduler it runs in."""

    @property
    def snapshot(self) -> SnapshotView:
        """The nodes of the present cycle."""
        ...

    def lister(self, resource: str) -> Lister:
        """The objects of a resource, by plural, e.g. ``persistentvolumeclaims``."""
        ...

    def now(self) -> float:
        """Unix seconds."""
        ...

    def choose(self, items: list[str]) -> str:
        """One of several equally good ones, from the cluster's chance."""
        ...

    def nominated_pods(self, node: str) -> list[PodInfo]:
        """Pods that preemption (or somebody else) wants on this node, and that wait to be scheduled."""
        ...

    def nominated_nodes(self) -> Collection[str]:
        """The nodes that `nominated_pods` knows somebody for."""
        ...

    def preempt(self, pod: PodInfo, node: str, victims: list[PodInfo], framework: Framework) -> None:
        """Delete the victims so that `pod` may have the node; done after the cycle."""
        ...

    def preempting(self, pod: PodInfo) -> bool:
        """Whether victims are still being deleted for this pod."""
        ...

    @property
    def client(self) -> Any:
        """The API client (`kubekit.client.Client`)."""
        ...


class Plugin:
    """The base of all plugins; `framework` is set when the plugin joins a profile."""

    name = ""

    # Declared, not defined: a plugin has those whose point it takes part in, and is called only there.
    pre_enqueue: Callable[[PodInfo], Status | None]
    less: Callable[[Any, Any], bool]
    sort_key: Callable[[Any], Any]
    pre_filter: Callable[[CycleState, PodInfo, Any], Any]
    filter: Callable[[CycleState, PodInfo, NodeInfo], Status | None]
    post_filter: Callable[[CycleState, PodInfo, Any], tuple[str | None, Status]]
    pre_score: Callable[[CycleState, PodInfo, list[NodeInfo]], Status | None]
    score: Callable[[CycleState, PodInfo, NodeInfo], int]
    reserve: Callable[[CycleState, PodInfo, str], Status | None]
    unreserve: Callable[[CycleState, PodInfo, str], None]
    permit: Callable[[CycleState, PodInfo, str], Any]
    pre_bind: Callable[[CycleState, PodInfo, str], Any]
    bind: Callable[[CycleState, PodInfo, str], Status | None]
    post_bind: Callable[[CycleState, PodInfo, str], None]
    besides: Callable[[PodInfo, NodeTable], Hashable | None]
    """What its answers depend on besides the node and the pod's demands (`standing_answers`)."""

    def __init__(self, handle: Handle, args: Obj) -> None:
        self.handle = handle
        self.args = args
        self.framework: Framework

    def events(self) -> Iterable[EventWithHint] | None:
        """The events that may change this plugin's mind; None means: any event might."""
        return None

    @classmethod
    def points(cls) -> list[str]:
        """The extension points it takes part in."""
        return [point for point, method in POINTS.items() if hasattr(cls, method)]

    def __repr__(self) -> str:
        return f"<plugin {self.name}: {', '.join(self.points())}>"


def normalize(scores: list[int], reverse: bool = False) -> list[int]:
    """Scale counts so that the largest becomes 100; `reverse` for "the fewer the better".

    >>> normalize([0, 1, 4]), normalize([0, 1, 4], reverse=True)
    ([0, 25, 100], [100, 75, 0])
    """
    highest = max(scores, default=0)
    if highest <= 0:
        return [MAX_NODE_SCORE] * len(scores) if reverse else scores
    if reverse:
        return [MAX_NODE_SCORE - MAX_NODE_SCORE * score // highest for score in scores]
    return [MAX_NODE_SCORE * score // highest for score in scores]


def normalize_array(scores: Any, np: Any, reverse: bool = False) -> Any:
    """`normalize` for an array of scores."""
    highest = int(scores.max()) if len(scores) else 0
    if highest <= 0:
        return np.full(len(scores), MAX_NODE_SCORE) if reverse else scores
    scaled = MAX_NODE_SCORE * scores // highest
    return MAX_NODE_SCORE - scaled if reverse else scaled
