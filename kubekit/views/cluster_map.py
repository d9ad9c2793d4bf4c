"""The cluster map: every component in its place, the pods on their nodes, and the one door in the middle.

A stop of the stepper is a record; the map shows the states and the pods as they were then. Pods and nodes are
read from etcd at that record's revision, states from the records of the components: nothing is guessed. The
buttons start and stop components; everything else only looks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from kubekit.cluster.defaults import CONTROL_PLANE, PORTS
from kubekit.sim import Record
from kubekit.views import cards, etcd_on_the_map
from kubekit.views.component_card import GLYPH, card_of
from kubekit.views.view import Scene, Table, View

MOST_STOPS = 24
"""Records on the stepper: the last ones that changed something."""

MOST_PODS = 6
"""Pods that a node's box names; further ones are counted."""

Frame = dict[str, Any]


class ClusterMap(View):
    """The map of one cluster; `refresh()` draws it as it is now."""

    name = "cluster_map"

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        verbs = ("start", "stop", "crash", "pause", "resume")
        super().__init__(*self._picture(), actions={verb: self._doer(verb) for verb in verbs})

    def refresh(self) -> None:
        """Draw the present state in the same place."""
        self.update(*self._picture())

    def _doer(self, verb: str) -> Any:
        def act(component: str) -> None:
            getattr(self.cluster.component(component), verb)()
            self.cluster.settle()
            self.refresh()

        return act

    def _picture(self) -> tuple[Scene, str, Table]:
        cluster = self.cluster
        rows = cluster.rows()
        frames = [_frame(cluster, record, states) for record, states in _stops(cluster)]
        now = _frame(cluster, None, {component.name: component.state for component in cluster.components})
        if not frames:
            frames = [now]
        frames[-1] = {
            **now,
            **{key: frames[-1][key] for key in ("id", "t", "kind", "tick", "arrow", "event")},
        }
        cards_of = {component.name: card_of(cluster, component) for component in cluster.components}
        # What is down is what one came to look at; otherwise the one door.
        frames[-1]["card"] = cards_of[next(iter(_down(frames[-1])), cluster.apiserver.name)]
        places = _places(cluster, rows)
        for frame in frames:
            frame["writable"] = not etcd_on_the_map.without_quorum(places["etcd"], frame["states"])
            frame["title"] = _title(frame)
            frame["sentence"] = _sentence(frame)
            frame["legend"] = _legend(frame)
        title = frames[-1]["title"]
        table = Table(title, ["component", "on", "state", "port", "talks to"], [list(row) for row in rows])
        scene: Scene = {
            "title": title,
            "meta": [
                ["cluster", cluster.name],
                ["seed", str(cluster.settings.seed)],
                ["rev", str(cluster.etcd.store.revision)],
            ],
            "records": frames,
            "places": places,
            "inspected": cards_of,
            "cluster": f"{cluster.name}/{cluster.settings.seed}",
            "sentence": frames[-1]["sentence"],
        }
        text = f"{title}\n{table.text()}\n{_pods_text(frames[-1])}".rstrip()
        return scene, text, table


def _stops(cluster: Any) -> list[tuple[Record, dict[str, str]]]:
    """The last records that changed something, each with the components' states after it."""
    states: dict[str, str] = {}
    found: list[tuple[Record, dict[str, str]]] = []
    words = {
        "starts": "running",
        "resumes": "running",
        "stopped": "stopped",
        "crashes": "crashed",
        "paused": "paused",
    }
    for record in cluster.records:
        if record.kind == "component":
            verb = record.sentence.rstrip(".").split()[-1]
            states = {**states, record.component: words.get(verb, "running")}
        elif record.kind == "request":
            if record.came_in["routine"] or not (
                record.came_out["revision"] or record.came_out["status"] >= 400
            ):
                continue
            if record.came_in["resource"] in ("events", "leases"):
                continue
        elif record.kind != "schedule":
            continue
        found.append((record, states))
    present = {component.name: component.state for component in cluster.components}
    # Records of the start may have left the ring; what is not known from then is as it is now.
    return [(record, {**present, **states}) for record, states in found[-MOST_STOPS:]]


def _frame(cluster: Any, record: Record | None, states: dict[str, str]) -> Frame:
    revision = _revision_at(cluster, record)
    nodes: dict[str, str] = {}
    for value in _stored(cluster, b"/registry/minions/", revision):
        nodes[value["metadata"]["name"]] = _readiness(value)
    placed: dict[str, list[dict[str, str]]] = {name: [] for name in nodes}
    homeless: list[dict[str, str]] = []
    for value in _stored(cluster, b"/registry/pods/", revision):
        pod = _pod(value)
        node = (value.get("spec") or {}).get("nodeName", "")
        placed.get(node, homeless).append({**pod, "node": node})
    frame: Frame = {
        "states": states,
        "nodes": nodes,
        "pods": {name: {"shown": pods[:MOST_PODS], "count": len(pods)} for name, pods in placed.items()},
        "homeless": {"shown": homeless[:3], "count": len(homeless)},
        "leader": etcd_on_the_map.leader_now(cluster)
        if record is None
        else etcd_on_the_map.leader_after(cluster.records, record.id),
        "running": sum(pod["glyph"] == "run" for pods in placed.values() for pod in pods),
        "rev": revision,
        "id": "now",
        "t": round(cluster.loop.clock.elapsed(), 3),
        "kind": "now",
        "tick": {"hue": "ask", "shape": "square"},
        "arrow": None,
        "event": "",
    }
    if record is not None:
        frame.update(_told(record))
    return frame


def _told(record: Record) -> Frame:
    hue, shape, arrow = "ask", "square", None
    if record.kind == "component":
        hue = "good" if record.sentence.endswith(("starts.", "resumes.")) else "off"
    elif record.kind == "schedule":
        came_out = record.came_out if isinstance(record.came_out, dict) else {}
        hue, shape = ("chosen", "round") if came_out.get("node") else ("wait", "round")
    else:
        arrow = {"from": str(record.came_in["source"]), "to": record.component}
        if record.came_out["status"] >= 400:
            hue, shape = "refuse", "diamond"
    return {
        "id": record.id,
        "t": round(record.at, 3),
        "kind": record.kind,
        "tick": {"hue": hue, "shape": shape},
        "arrow": arrow,
        "event": record.sentence,
        "card": cards.of(record),
    }


def _revision_at(cluster: Any, record: Record | None) -> int:
    store = cluster.etcd.store
    if record is None:
        return int(store.revision)
    revision = 0
    for other in cluster.records:
        if other.id > record.id:
            break
        if other.kind == "request" and other.came_out["revision"]:
            revision = max(revision, other.came_out["revision"])
    return max(revision, int(store.compacted_revision), 1)


def _stored(cluster: Any, prefix: bytes, revision: int) -> Iterator[dict[str, Any]]:
    end = prefix[:-1] + bytes([prefix[-1] + 1])
    for kv in cluster.etcd.store.range(prefix, end, rev=revision).kvs:
        value = json.loads(kv.value)
        if isinstance(value, dict):
            yield value


def _readiness(node: dict[str, Any]) -> str:
    for condition in (node.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready":
            return "Ready" if condition["status"] == "True" else "NotReady"
    return "NotReady"


PHASES = {"Pending": "wait", "Succeeded": "done", "Failed": "fail", "Unknown": "unknown"}


def _pod(pod: dict[str, Any]) -> dict[str, str]:
    status = pod.get("status") or {}
    phase = str(status.get("phase", "Pending"))
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
    glyph = PHASES.get(phase, "run" if ready else "half")
    if "deletionTimestamp" in pod["metadata"]:
        glyph, phase = "terminating", "terminating"
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    return {"name": name, "full": f"{namespace}/{name}", "phase": phase, "glyph": glyph}


def _places(cluster: Any, rows: Any) -> dict[str, Any]:
    ports = {(row.component, row.on): row.port for row in rows}
    # An API server that joined another's etcd has no nodes of its own.
    nodes = list(cluster.nodes.values())
    first, others = (nodes[0], nodes[1:]) if nodes else (None, [])
    name = first.name if first is not None else CONTROL_PLANE
    own = [] if first is None else [first.kubelet, first.kube_proxy]
    return {
        "controlplane": {
            "name": name,
            "ip": first.ip if first is not None else "",
            "taint": ", ".join(_taint(taint) for taint in first.plan.taints) if first is not None else "",
            "components": [
                {
                    "id": component.name,
                    "name": component.name.split("/")[0],
                    "port": _port(ports, component, name),
                }
                for component in (cluster.scheduler, cluster.controller_manager, *own)
            ],
        },
        "apiserver": {
            "id": cluster.apiserver.name,
            "port": ports.get((cluster.apiserver.name, name), ""),
        },
        "etcd": etcd_on_the_map.place(cluster, str(PORTS["etcd"])),
        "nodes": [
            {
                "name": node.name,
                "ip": node.ip,
                "kubelet": node.kubelet.name,
                "kube_proxy": node.kube_proxy.name,
            }
            for node in others
        ],
    }


def _port(ports: dict[tuple[str, str], str], component: Any, on: str) -> str:
    return ports.get((component.name.split("/")[0], on), "")


def _taint(taint: dict[str, str]) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"


def _down(frame: Frame) -> list[str]:
    return [name for name, state in frame["states"].items() if state != "running"]


def _title(frame: Frame) -> str:
    down, waiting = _down(frame), frame["homeless"]["count"]
    pods = f"{waiting} pod{'s' if waiting != 1 else ''} wait{'s' if waiting == 1 else ''} for a node"
    if down:
        name = down[0]
        words = {frame["states"][one] for one in down}
        word = words.pop() if len(words) == 1 else "down"
        others = f" and {len(down) - 1} more" if len(down) > 1 else ""
        tail = pods if waiting else "everything else goes on"
        if not frame["writable"]:
            tail = "without a quorum nothing can be written"
        return f"{name}{others} {'is' if len(down) == 1 else 'are'} {word}: {tail}"
    unready = [name for name, state in frame["nodes"].items() if state != "Ready"]
    if unready:
        return f"{', '.join(unready)} {'is' if len(unready) == 1 else 'are'} not Ready"
    count, running = len(frame["nodes"]), frame["running"]
    told = f"{count} nodes are Ready, " if count != 1 else "one node is Ready, "
    told += f"{running} pods run" if running != 1 else "one pod runs"
    return f"{told}, {pods}" if waiting else told


def _sentence(frame: Frame) -> str:
    event = frame["event"] or "Every call goes through the API server; only the API server talks to etcd."
    down = [name for name in _down(frame) if name == "kube-scheduler"]
    if down and frame["homeless"]["count"]:
        name = frame["homeless"]["shown"][0]["full"]
        return (
            f"Nobody picks nodes now. `{name}` is stored in etcd and stays Pending, without an event: "
            f"the component that would explain it is the one that is {frame['states']['kube-scheduler']}."
        )
    return str(event)


def _legend(frame: Frame) -> list[dict[str, str]]:
    states = set(frame["states"].values())
    items = [{"glyph": "run", "text": "running"}]
    items += [
        {"glyph": GLYPH[state], "text": state}
        for state in ("paused", "stopped", "crashed")
        if state in states
    ]
    phases = {
        pod["glyph"]: pod["phase"]
        for group in [*frame["pods"].values(), frame["homeless"]]
        for pod in group["shown"]
        if pod["glyph"] not in ("run", "fail")
    }
    items += [
        {"glyph": glyph, "text": "Running, not ready" if glyph == "half" else text}
        for glyph, text in phases.items()
    ]
    if frame["leader"] and frame["writable"]:
        items.append({"glyph": "lead", "text": "etcd's leader"})
    return [
        *items,
        {"line": "request", "text": "request"},
        {"line": "watch", "text": "watch: what changed is pushed back"},
    ]


def _pods_text(frame: Frame) -> str:
    lines = []
    for node, group in frame["pods"].items():
        for pod in group["shown"]:
            lines.append(f"{node}  {pod['full']}  {pod['phase']}")
        if group["count"] > MOST_PODS:
            lines.append(f"{node}  and {group['count'] - MOST_PODS} more pods")
    lines += [f"on no node  {pod['full']}  {pod['phase']}" for pod in frame["homeless"]["shown"]]
    return "\n".join(lines)
