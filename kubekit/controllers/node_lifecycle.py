"""The node lifecycle controller: notices that a node is not heard of any more, and says so with taints.

Every five seconds it looks when each node was last heard of. After the grace period the node's conditions
turn Unknown and its pods not ready; NoSchedule taints follow the conditions at once, NoExecute taints at
the zone's rate, and the taint eviction controller does the rest. When all zones are down it touches
nothing: then it is the controller that is cut off. Source:
pkg/controller/nodelifecycle/node_lifecycle_controller.go.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, name_of
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.node_health import FULL, INITIAL, NodeHealth, Zone, ready_condition, zone_of
from kubekit.controllers.taint_eviction import index_by_node
from kubekit.controllers.taints import (
    MANAGED_KEYS,
    NOT_READY,
    UNREACHABLE,
    has_taint,
    swap_taints,
    taints_of,
    wanted_no_schedule,
)
from kubekit.sim import parse_rfc3339, rfc3339

WATCHED_CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
EXCLUDE = "node.kubernetes.io/exclude-disruption"
BETA_LABELS = {
    "kubernetes.io/os": "beta.kubernetes.io/os",
    "kubernetes.io/arch": "beta.kubernetes.io/arch",
}
NO_EXECUTE = "NoExecute"


class NodeLifecycleController(Controller):
    """Watches over the heartbeats of nodes."""

    name: ClassVar[str] = "node-lifecycle-controller"
    kind: ClassVar[str] = "Node"
    event_source: ClassVar[str] = "node-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.nodes: Informer
        self.leases: Informer
        self.pods: Informer
        self._health: dict[str, NodeHealth] = {}
        self._known: dict[str, str] = {}  # name -> uid
        self._zones: dict[str, Zone] = {}

    def set_up(self) -> None:
        self._health.clear()
        self._known.clear()
        self._zones.clear()
        self.nodes = self.follow("nodes")
        self.leases = self.informer("leases.coordination.k8s.io", namespace="kube-node-lease")
        self.pods = self.informer("pods")
        index_by_node(self.pods)
        self.watch(self.pods, lambda pod: self._pod_bound(None, pod), self._pod_bound)
        self.every(self.options.node_monitor_period, self._monitor, what="node monitor")

    def on_synced(self) -> None:
        self._monitor()

    def _pod_bound(self, old: Obj | None, new: Obj) -> None:
        """A pod that comes to a node which is not ready is not ready either."""
        node_name = new["spec"].get("nodeName")
        if not node_name or (old is not None and old["spec"].get("nodeName") == node_name):
            return
        node = self.nodes.get(node_name)
        condition = ready_condition(node) if node is not None else None
        if condition is not None and condition["status"] != "True" and node_name in self._health:
            self._mark_pods_not_ready([new])

    # -- every few seconds ------------------------------------------------------------------------------

    def _monitor(self) -> None:
        if not self.synced:
            return
        now = self.clock.now()
        nodes = self.nodes.list()
        self._classify(nodes)
        zones: dict[str, list[Obj | None]] = {}
        for node in nodes:
            name = name_of(node)
            health = self._observe(node, now)
            condition = ready_condition(node)
            overdue = now > health.probed_at + self._grace(condition)
            if overdue:
                # Its status will say so in a moment; the zone is judged before anybody is evicted.
                condition = {"type": "Ready", "status": "Unknown"}
            if EXCLUDE not in (node["metadata"].get("labels") or {}):
                zones.setdefault(zone_of(node), []).append(condition)
            if condition is None or condition["status"] != "True":
                self.queue.add(name)
        self._handle_disruption(zones, nodes, now)

    def _observe(self, node: Obj, now: float) -> NodeHealth:
        name = name_of(node)
        health = self._health.get(name)
        if health is None:
            condition = ready_condition(node)
            created = parse_rfc3339(node["metadata"]["creationTimestamp"])
            health = self._health[name] = NodeHealth(now if condition is not None else created)
            health.heartbeat = condition.get("lastHeartbeatTime") if condition is not None else None
        health.observe(node, self.leases.get(f"kube-node-lease/{name}"), now)
        return health

    def _grace(self, condition: Obj | None) -> float:
        options = self.options
        return options.node_startup_grace_period if condition is None else options.node_monitor_grace_period

    def _classify(self, nodes: list[Obj]) -> None:
        present = set()
        for node in nodes:
            name, uid = name_of(node), node["metadata"]["uid"]
            present.add(name)
            self._zones.setdefault(zone_of(node), Zone(self.options))
            if name not in self._known:
                self._known[name] = uid
                self._node_event(name, uid, "RegisteredNode", f"Registered Node {name} in Controller")
                self._mark_reachable(node)
                self.queue.add(name)
        for name in [name for name in self._known if name not in present]:
            uid = self._known.pop(name)
            self._health.pop(name, None)
            self._node_event(name, uid, "RemovingNode", f"Removing Node {name} from Controller")

    def _node_event(self, name: str, uid: str, reason: str, text: str) -> None:
        about = {"kind": "Node", "apiVersion": "v1", "name": name, "uid": uid}
        self.event(about, "Normal", reason, f"Node {name} event: {text}")

    def _handle_disruption(self, zones: dict[str, list[Obj | None]], nodes: list[Obj], now: float) -> None:
        states = {name: self._zones[name].compute(conditions) for name, conditions in zones.items()}
        for name in [name for name in self._zones if name not in zones]:
            del self._zones[name]
        all_are = bool(states) and all(state == FULL for state in states.values())
        all_were = bool(self._zones) and all(zone.state == FULL for zone in self._zones.values())
        if all_are and not all_were:
            for node in nodes:
                self._mark_reachable(node)
            for zone in self._zones.values():
                zone.state, zone.rate = FULL, 0.0
            return
        if all_were and not all_are:
            for health in self._health.values():
                health.probed_at = now
        if not (all_are and all_were):
            for name, state in states.items():
                zone = self._zones[name]
                if zone.state != state:
                    zone.enter(state, len(zones[name]))

    # -- one node ---------------------------------------------------------------------------------------

    def reconcile(self, key: str) -> None:
        node = self.nodes.get(key)
        if node is None:
            return
        self._complete_labels(node)
        node = self._taint_no_schedule(node)
        if key not in self._known:
            return
        now = self.clock.now()
        health = self._observe(node, now)
        before = ready_condition(node)
        if now > health.probed_at + self._grace(before):
            node = self._mark_unknown(node, now)
            health.heartbeat = (ready_condition(node) or {}).get("lastHeartbeatTime")
        condition = ready_condition(node)
        if condition is None:
            return
        self.round.desired = "Ready"
        self.round.observed = f"Ready={condition['status']}"
        self._taint_no_execute(node, condition["status"])
        was_ready = before is not None and before["status"] == "True"
        if condition["status"] != "True" and was_ready:
            # Only what this controller has found out: a kubelet that says itself that its node is not ready
            # tells of its pods as well.
            name, uid = name_of(node), node["metadata"]["uid"]
            about = {"kind": "Node", "apiVersion": "v1", "name": name, "uid": uid}
            self.event(about, "Normal", "NodeNotReady", f"Node {name} status is now: NodeNotReady")
            health.pods_to_mark = True
        if health.pods_to_mark and condition["status"] != "True":
            self._mark_pods_not_ready(self.pods.by_index("node", key))
        health.pods_to_mark = False

    def _complete_labels(self, node: Obj) -> None:
        labels = node["metadata"].get("labels") or {}
        missing = {
            beta: labels[key]
            for key, beta in BETA_LABELS.items()
            if key in labels and labels.get(beta) != labels[key]
        }
        if missing:
            self.client.patch("nodes", name_of(node), {"metadata": {"labels": missing}})

    def _taint_no_schedule(self, node: Obj) -> Obj:
        wanted = wanted_no_schedule(node)
        present = [
            t["key"] for t in taints_of(node) if t["effect"] == "NoSchedule" and t["key"] in MANAGED_KEYS
        ]
        add = [(key, "NoSchedule") for key in wanted if key not in present]
        remove = [(key, "NoSchedule") for key in present if key not in wanted]
        return swap_taints(self, node, add, remove) if add or remove else node

    def _mark_unknown(self, node: Obj, now: float) -> Obj:
        status = dict(node.get("status") or {})
        conditions = list(status.get("conditions") or ())
        changed = False
        for kind in WATCHED_CONDITIONS:
            position = next((i for i, c in enumerate(conditions) if c["type"] == kind), None)
            if position is None:
                changed = True
                conditions.append(
                    {
                        "type": kind,
                        "status": "Unknown",
                        "lastHeartbeatTime": node["metadata"]["creationTimestamp"],
                        "lastTransitionTime": rfc3339(now),
                        "reason": "NodeStatusNeverUpdated",
                        "message": "Kubelet never posted node status.",
                    }
                )
            elif conditions[position]["status"] != "Unknown":
                changed = True
                conditions[position] = {
                    **conditions[position],
                    "status": "Unknown",
                    "lastTransitionTime": rfc3339(now),
                    "reason": "NodeStatusUnknown",
                    "message": "Kubelet stopped posting node status.",
                }
        if not changed:
            return node
        status["conditions"] = conditions
        return self.client.update("nodes", {**node, "status": status}, subresource="status")

    def _mark_pods_not_ready(self, pods: list[Obj]) -> None:
        for pod in pods:
            meta, status = pod["metadata"], pod.get("status") or {}
            conditions = list(status.get("conditions") or ())
            for position, condition in enumerate(conditions):
                if condition["type"] != "Ready" or condition["status"] == "False":
                    continue
                conditions[position] = {
                    **condition,
                    "status": "False",
                    "lastTransitionTime": rfc3339(self.clock.now()),
                }
                try:
                    self.client.update(
                        "pods", {**pod, "status": {**status, "conditions": conditions}}, subresource="status"
                    )
                except StatusError as error:
                    if error.code == 404:
                        break
                    raise
                self.event(
                    {"kind": "Pod", "apiVersion": "v1", **{f: meta[f] for f in ("namespace", "name", "uid")}},
                    "Warning",
                    "NodeNotReady",
                    "Node is not ready",
                )
                break

    # -- NoExecute taints -------------------------------------------------------------------------------

    def _taint_no_execute(self, node: Obj, status: str) -> None:
        name = name_of(node)
        zone = self._zones.setdefault(zone_of(node), Zone(self.options))
        if status == "True":
            zone.waiting.pop(name, None)
            self._mark_reachable(node)
            return
        wanted, other = (NOT_READY, UNREACHABLE) if status == "False" else (UNREACHABLE, NOT_READY)
        if has_taint(node, wanted, NO_EXECUTE):
            return
        if has_taint(node, other, NO_EXECUTE):
            swap_taints(self, node, [(wanted, NO_EXECUTE)], [(other, NO_EXECUTE)])
            return
        if zone.state != INITIAL and not zone.may_taint(self.clock.now()):
            zone.waiting[name] = None
            if zone.rate > 0:
                wait = max(0.1, zone.next_at - self.clock.now())
                self.queue.add_after(name, wait, background=True)
            return
        zone.waiting.pop(name, None)
        swap_taints(self, node, [(wanted, NO_EXECUTE)], [])

    def _mark_reachable(self, node: Obj) -> None:
        remove = [(key, NO_EXECUTE) for key in (UNREACHABLE, NOT_READY) if has_taint(node, key, NO_EXECUTE)]
        if remove:
            try:
                swap_taints(self, node, [], remove)
            except (StatusError, OSError):
                # Somebody was quicker, or the API server has no answer: look at this node again by itself.
                self.queue.add_rate_limited(name_of(node))
