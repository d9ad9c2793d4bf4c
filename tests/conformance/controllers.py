"""Objects made by controllers: replays each recorded scenario and compares what came of it.

A unit is a part of a scenario: the final objects, each snapshot, the events, the histories. Parts that two
recordings of the real thing did not agree about are not counted.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from kubekit.api.resources import RESOURCES
from kubekit.client import Client
from kubekit.sim import Loop
from tests.conformance.controllers_cluster import ReplayCluster
from tests.conformance.controllers_masks import Masks, comparable
from tests.conformance.controllers_states import SUMMARIES, same_history, state_of
from tests.conformance.outcome import Outcome, read_jsonl

Obj = dict[str, Any]

SKIPPED = {"events", "leases", "podtemplates"}
NAMESPACED = [
    r
    for r in RESOURCES
    if r.namespaced
    and "list" in r.verbs
    and "watch" in r.verbs
    and r.plural not in SKIPPED
    and "alpha" not in r.version
    and "beta" not in r.version
    and r.api_version != "autoscaling/v1"
]
OWN_OBJECTS = ("ns", "sa", "root-ca")
"""Categories in which the namespace's own ConfigMap and ServiceAccount are compared too."""
STEP = 0.25
PATIENCE = 900.0


class Replay:
    """One scenario on a fresh cluster."""

    def __init__(self, case: Obj) -> None:
        self.case = case
        self.cluster = ReplayCluster()
        self.loop: Loop = self.cluster.loop
        self.client: Client = self.cluster.client
        self.namespace: str = case["namespace"]
        self.masks = Masks(bool(case["workersMasked"]))
        self.snapshots: dict[str, list[Obj]] = {}
        self.histories: dict[tuple[str, str], list[Obj]] = {}
        self.names: dict[tuple[str, str], str] = {}
        self.wrong_steps: list[str] = []
        self._changed_at = 0.0
        self._extras: dict[str, None] = {}

    def run(self) -> None:
        """Do all steps and keep what they led to."""
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        self.client.create("namespaces", namespace)
        self.loop.advance(1.0)
        for resource in NAMESPACED:
            self._watch(resource)
        for step in self.case["steps"]:
            getattr(self, "do_" + step["op"].replace("-", "_"))(step)
        self.final = self._objects()

    def _watch(self, resource: Any) -> None:
        version = self.client.list(resource, self.namespace)["metadata"]["resourceVersion"]
        stream = self.client.watch(resource, self.namespace, resource_version=version)

        def heard(event: Any) -> None:
            if event.type not in ("ADDED", "MODIFIED", "DELETED"):
                return
            self._changed_at = self.loop.clock.now()
            obj = event.object
            self.masks.learn(obj)
            if resource.plural in SUMMARIES:
                key = (resource.plural, obj["metadata"]["uid"])
                states = self.histories.setdefault(key, [])
                self.names[key] = obj["metadata"]["name"]
                states.append(state_of(resource.plural, event.type, obj))

        stream.on_event(heard)

    # -- steps ------------------------------------------------------------------------------------------

    def do_http(self, step: Obj) -> None:
        path = step["path"].replace("$NS", self.namespace)
        text = json.dumps(step.get("body")).replace("$NS", self.namespace)
        while "$UID:" in text:
            start = text.index("$UID:")
            end = text.index('"', start)
            text = text[:start] + self._uid(text[start + 5 : end]) + text[end:]
        headers = {"content-type": step.get("contentType") or "application/json"}
        path, _, query = path.partition("?")
        pairs = [pair.split("=", 1) for pair in query.split("&") if pair]
        body = json.loads(text)
        answer = self.client.request(
            step["method"],
            path,
            {key: [value] for key, value in pairs},
            body.encode() if isinstance(body, str) else text.encode() if body is not None else None,
            headers,
        )
        self._note(step, answer.status, answer.body)
        if step["method"] == "POST" and answer.status < 300:
            made = answer.json()
            if made.get("metadata", {}).get("namespace") != self.namespace:
                self._extras[f"{path}/{made['metadata']['name']}"] = None

    def _uid(self, reference: str) -> str:
        kind, name = reference.split("/")
        resource = next(r for r in RESOURCES if r.kind == kind)
        return str(self.client.get(resource, name, self.namespace)["metadata"]["uid"])

    def _note(self, step: Obj, status: int, body: Any) -> None:
        wanted = step.get("status")
        message = self.masks.text(body.get("message", "") if isinstance(body, dict) else str(body))
        if wanted is not None and wanted != status:
            self.wrong_steps.append(
                f"{step['op']} {step.get('path', '')}: {status} {message}, recorded {wanted}"
            )
        elif step.get("message") and step["message"] != message:
            self.wrong_steps.append(f"{step['op']}: {message!r}, recorded {step['message']!r}")

    def do_settle(self, step: Obj) -> None:
        started = self.loop.clock.now()
        self.loop.run_ready()
        self.loop.advance(float(step.get("atLeastSeconds") or 0))
        quiet = step["quietSeconds"]
        while self.loop.clock.now() - started < PATIENCE:
            now = self.loop.clock.now()
            if now - max(self._changed_at, started) >= quiet:
                return
            self.loop.advance(STEP)

    def do_sleep(self, step: Obj) -> None:
        self.loop.advance(step["seconds"])

    def do_snapshot(self, step: Obj) -> None:
        self.snapshots[step["label"]] = self._objects()

    def do_await(self, step: Obj) -> None:
        resource = next(r for r in RESOURCES if r.kind == step["kind"])
        for _ in range(int(step["max"] / STEP)):
            if len(self.client.list(resource, self.namespace)["items"]) >= step["count"]:
                return
            self.loop.advance(STEP)

    def do_node_stop(self, step: Obj) -> None:
        self.cluster.kubelets[step["name"]].crash()
        self._extras[f"/api/v1/nodes/{step['name']}"] = None

    def do_node_start(self, step: Obj) -> None:
        self.cluster.kubelets[step["name"]].start()

    def _pick(self, step: Obj) -> Obj:
        pods = self.client.list("pods", self.namespace, label_selector=step["selector"])["items"]
        alive = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        alive.sort(key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))
        found: Obj = alive[step["index"]]
        return found

    def _on_pod(self, step: Obj, method: str, sub: str, body: Obj | None, kind: str) -> None:
        name = self._pick(step)["metadata"]["name"]
        path = f"/api/v1/namespaces/{self.namespace}/pods/{name}{sub}"
        if body is not None and body.get("kind") == "Eviction":
            body["metadata"] = {"name": name, "namespace": self.namespace}
        data = json.dumps(body).encode() if body is not None else None
        answer = self.client.request(method, path, None, data, {"content-type": kind})
        self._note(step, answer.status, answer.body)

    def do_delete_pod(self, step: Obj) -> None:
        body: Obj = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if step.get("gracePeriodSeconds") is not None:
            body["gracePeriodSeconds"] = step["gracePeriodSeconds"]
        self._on_pod(step, "DELETE", "", body, "application/json")

    def do_patch_pod(self, step: Obj) -> None:
        self._on_pod(step, "PATCH", "", step["patch"], "application/strategic-merge-patch+json")

    def do_evict(self, step: Obj) -> None:
        body = {"apiVersion": "policy/v1", "kind": "Eviction"}
        self._on_pod(step, "POST", "/eviction", body, "application/json")

    def do_delete_first(self, step: Obj) -> None:
        found = self._first(step)
        resource = next(r for r in RESOURCES if r.kind == step["kind"])
        self.client.delete(resource, found["metadata"]["name"], self.namespace, propagation="Background")

    def do_scale_rs(self, step: Obj) -> None:
        found = self._first({**step, "kind": "ReplicaSet"})
        patch = {"spec": {"replicas": step["replicas"]}}
        self.client.patch("replicasets.apps", found["metadata"]["name"], patch, self.namespace)

    def _first(self, step: Obj) -> Obj:
        resource = next(r for r in RESOURCES if r.kind == step["kind"])
        found = self.client.list(resource, self.namespace, label_selector=step["selector"])["items"]
        return dict(min(found, key=lambda o: (o["metadata"]["creationTimestamp"], o["metadata"]["name"])))

    # -- what came of it --------------------------------------------------------------------------------

    def _objects(self) -> list[Obj]:
        found = []
        own = self.case["category"] in OWN_OBJECTS
        for resource in NAMESPACED:
            for item in self.client.list(resource, self.namespace)["items"]:
                name = item["metadata"]["name"]
                if not own and (resource.plural, name) in (
                    ("configmaps", "kube-root-ca.crt"),
                    ("serviceaccounts", "default"),
                ):
                    continue
                found.append({"kind": resource.kind, "apiVersion": resource.api_version, **item})
        for path in self._extras:
            answer = self.client.request("GET", path)
            if answer.status < 300:
                found.append(answer.json())
        for obj in found:
            self.masks.learn(obj)
        return found

    def events(self) -> set[tuple[str, ...]]:
        """The events about this scenario's objects, masked."""
        found = set()
        for event in self.client.list("events")["items"]:
            about = event.get("involvedObject") or event["regarding"]
            if about.get("namespace") == self.namespace or self._is_extra(about):
                component = (event.get("source") or {}).get("component")
                component = (
                    component or event.get("reportingComponent") or event.get("reportingController", "")
                )
                found.add(
                    (
                        self.masks.text(f"{about['kind']}/{about['name']}"),
                        self.masks.text(about.get("fieldPath", "")),
                        event.get("type", ""),
                        event.get("reason", ""),
                        self.masks.text(event.get("message") or event.get("note") or ""),
                        component,
                    )
                )
        return found

    def _is_extra(self, about: Obj) -> bool:
        return any(path.endswith(f"s/{about['name']}") for path in self._extras)


def run(folder: Path, category: str | None = None) -> Outcome:
    """Replay all scenarios, or those of a category (or whose name contains it)."""
    outcome = Outcome()
    for case in read_jsonl(folder, "cases.jsonl"):
        if category and category != case["category"] and category not in case["name"]:
            continue
        replay(case, outcome)
    return outcome


def replay(case: Obj, outcome: Outcome) -> None:
    """Replay one scenario and count its parts."""
    name = case["name"]
    stable = case["stable"]
    one = Replay(case)
    trouble = ""
    try:
        one.run()
    except Exception as error:
        trouble = f"{type(error).__name__}: {error}"[:300]
    note = f" (step: {one.wrong_steps[0]})" if one.wrong_steps else ""
    for snapshot in case["snapshots"]:
        if stable["snapshots"]:
            ours = one.snapshots.get(snapshot["label"])
            part = f"{name} snapshot {snapshot['label']}"
            outcome.count(*_verdict(part, _objects_differ(one, snapshot["objects"], ours), trouble, note))
    if stable["final"]:
        ours = None if trouble else one.final
        outcome.count(*_verdict(f"{name} final", _objects_differ(one, case["final"], ours), trouble, note))
    if stable["events"]:
        outcome.count(*_verdict(f"{name} events", _events_differ(one, case["events"]), trouble, note))
    if stable["sequences"]:
        difference = _histories_differ(one, case["sequences"])
        outcome.count(*_verdict(f"{name} sequences", difference, trouble, note))


def _verdict(part: str, difference: str, trouble: str, note: str) -> tuple[bool, str, str]:
    difference = trouble or difference
    return not difference, part, difference + note


def _objects_differ(one: Replay, recorded: list[Obj], ours: list[Obj] | None) -> str:
    if ours is None:
        return "it was not reached"
    wanted: Counter[str] = Counter()
    for entry in recorded:
        if not entry["object"].get("absent"):
            wanted[json.dumps(comparable(entry["object"]), sort_keys=True)] += entry["count"]
    found = Counter(json.dumps(comparable(one.masks.value(obj)), sort_keys=True) for obj in ours)
    missing, extra = list((wanted - found).elements()), list((found - wanted).elements())
    if not missing and not extra:
        return ""
    return _explain(missing, extra)


def _explain(missing: list[str], extra: list[str]) -> str:
    if missing and extra:
        first = json.loads(missing[0])
        same = [json.loads(text) for text in extra if json.loads(text).get("kind") == first.get("kind")]
        if same:
            differences: list[str] = []
            _differences(first, same[0], "", differences)
            return f"{first.get('kind')} {first['metadata'].get('name')}: " + "; ".join(differences[:4])
    text = (missing or extra)[0]
    return f"{'missing' if missing else 'too much'}: {text[:200]}"


def _differences(wanted: Any, found: Any, path: str, out: list[str]) -> None:
    if wanted == found:
        return
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted({*wanted, *found}):
            _differences(wanted.get(key), found.get(key), f"{path}.{key}", out)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for position, (a, b) in enumerate(zip(wanted, found)):
            _differences(a, b, f"{path}[{position}]", out)
    else:
        out.append(f"{path[1:]}: recorded {json.dumps(wanted)[:120]}, ours {json.dumps(found)[:120]}")


def _events_differ(one: Replay, recorded: list[Obj]) -> str:
    fields = ("object", "fieldPath", "type", "reason", "message", "component")
    wanted = {tuple(event[field] for field in fields) for event in recorded}
    found = one.events()
    missing, extra = sorted(wanted - found), sorted(found - wanted)
    parts = []
    if missing:
        parts.append(f"missing {missing[0]}" + (f" and {len(missing) - 1} more" if len(missing) > 1 else ""))
    if extra:
        parts.append(f"too much {extra[0]}" + (f" and {len(extra) - 1} more" if len(extra) > 1 else ""))
    return "; ".join(parts)


def _histories_differ(one: Replay, recorded: list[Obj]) -> str:
    ours: list[tuple[str, str, list[Obj]]] = []
    for (resource, uid), states in one.histories.items():
        merged: list[Obj] = []
        for state in one.masks.value(states):
            if merged and {**merged[-1], "event": ""} == {**state, "event": ""}:
                continue
            merged.append(state)
        ours.append((resource, one.masks.text(one.names[(resource, uid)]), merged))
    for entry in recorded:
        for _ in range(entry["count"]):
            named = [o for o in ours if o[0] == entry["resource"] and o[1] == entry["name"]]
            match = next((o for o in named if same_history(entry["states"], o[2])), None)
            if match is None:
                shown = f"; ours {json.dumps(named[0][2])[:400]}" if named else "; there is none"
                told = json.dumps(entry["states"])[:400]
                return f"{entry['resource']} {entry['name']}: recorded {told}{shown}"
            ours.remove(match)
    return f"too much: {ours[0][:2]}" if ours else ""
