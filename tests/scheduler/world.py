"""Nodes, pods, and the smallest API server that a scheduler can work with, for these tests."""

from __future__ import annotations

import copy
from typing import Any

from kubekit.api.exchange import ConnectionRefused, Request, Response, WatchEvent, WatchStream
from kubekit.api.resources import by_plural
from kubekit.client import Client
from kubekit.scheduler import Scheduler
from kubekit.sim import Loop

Obj = dict[str, Any]


def node(name: str, *, cpu: str = "4", memory: str = "8Gi", pods: str = "110", **more: Any) -> Obj:
    """A node; `labels`, `taints`, `unschedulable` and `images` as keywords."""
    labels = {"kubernetes.io/hostname": name, **more.get("labels", {})}
    spec = {key: more[key] for key in ("taints", "unschedulable") if key in more}
    status = {"allocatable": {"cpu": cpu, "memory": memory, "pods": pods, **more.get("extra", {})}}
    if "images" in more:
        status["images"] = more["images"]
    metadata = {"name": name, "uid": f"uid-{name}", "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, "status": status}


def pod(
    name: str, *, cpu: str = "", memory: str = "", on: str = "", namespace: str = "shop", **more: Any
) -> Obj:
    """A pod with one container; `labels` and anything of the spec as keywords."""
    requests = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value}
    container: Obj = {"name": "c", "image": more.pop("image", "nginx:1.27")}
    if requests:
        container["resources"] = {"requests": requests}
    metadata: Obj = {"name": name, "namespace": namespace, "uid": f"uid-{name}"}
    if "labels" in more:
        metadata["labels"] = more.pop("labels")
    spec: Obj = {"containers": [container], "schedulerName": "default-scheduler", **more}
    if on:
        spec["nodeName"] = on
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec,
        "status": {"phase": "Pending"},
    }


class Server:
    """A Handler with lists, watches, bindings, status patches and deletions."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Obj]] = {}
        self.watchers: dict[str, list[WatchStream]] = {}
        self.version = 1
        self.down = False
        self.refuse_bindings = 0
        self.requests: list[tuple[str, str]] = []

    def __call__(self, request: Request) -> Response | WatchStream:
        if self.down:
            raise ConnectionRefused("dial tcp 192.168.0.10:6443: connect: connection refused")
        if request.method != "GET":
            self.requests.append((request.method, request.path))
        parts = [part for part in request.path.split("/") if part]
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        plural, name, subresource = (*rest, "", "")[:3]
        key = f"{namespace}/{name}" if namespace else name
        if request.method == "GET" and name:
            found = self.objects.get(plural, {}).get(key)
            return Response(200, found) if found else _failure(404, "NotFound", f'{plural} "{key}" not found')
        if request.method == "GET":
            return self._read(request, plural)
        body: Obj = request.body if isinstance(request.body, dict) else {}
        return self._write(request.method, plural, key, subresource, body)

    def _read(self, request: Request, plural: str) -> Response | WatchStream:
        if request.query.get("watch"):
            stream = WatchStream()
            self.watchers.setdefault(plural, []).append(stream)
            return stream
        items = list(self.objects.get(plural, {}).values())
        return Response(200, {"metadata": {"resourceVersion": str(self.version)}, "items": items})

    def _write(self, method: str, plural: str, key: str, subresource: str, body: Obj) -> Response:
        if subresource == "binding":
            if self.refuse_bindings:
                self.refuse_bindings -= 1
                return _failure(409, "Conflict", "somebody else was faster")
            old = self.objects["pods"][key]
            bound = {**old, "spec": {**old["spec"], "nodeName": body["target"]["name"]}}
            return Response(201, self.put(bound))
        if method == "POST":
            return Response(201, self.put(body))
        if key not in self.objects.get(plural, {}):
            return _failure(404, "NotFound", f'{plural} "{key}" not found')
        if method == "DELETE":
            return Response(200, self.delete(plural, key))
        old = copy.deepcopy(self.objects[plural][key])
        if method == "PUT":
            return Response(200, self.put(body))
        status = old.setdefault("status", {})
        for field, value in body["status"].items():
            if field == "conditions":
                known = {c["type"]: c for c in status.get("conditions", ())}
                known.update({c["type"]: c for c in value})
                status["conditions"] = list(known.values())
            elif value is None:
                status.pop(field, None)
            else:
                status[field] = value
        return Response(200, self.put(old))

    def put(self, obj: Obj) -> Obj:
        """Create or replace an object and tell the watchers."""
        plural = by_plural(obj["kind"]).plural
        self.version += 1
        obj = copy.deepcopy(obj)
        obj["metadata"]["resourceVersion"] = str(self.version)
        namespace = obj["metadata"].get("namespace")
        key = f"{namespace}/{obj['metadata']['name']}" if namespace else obj["metadata"]["name"]
        stored = self.objects.setdefault(plural, {})
        self._tell(plural, "MODIFIED" if key in stored else "ADDED", obj)
        stored[key] = obj
        return obj

    def delete(self, plural: str, key: str) -> Obj:
        """Delete an object and tell the watchers."""
        self.version += 1
        obj = copy.deepcopy(self.objects[plural].pop(key))
        obj["metadata"]["resourceVersion"] = str(self.version)
        self._tell(plural, "DELETED", obj)
        return obj

    def _tell(self, plural: str, kind: str, obj: Obj) -> None:
        for stream in self.watchers.get(plural, ()):
            stream.send(WatchEvent(kind, obj))


def _failure(code: int, reason: str, message: str) -> Response:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message}
    return Response(code, {**status, "reason": reason, "code": code})


class World:
    """A server, a loop and a running scheduler."""

    def __init__(self, *objects: Obj, config: Obj | None = None, seed: int = 0, start: bool = True) -> None:
        self.loop = Loop(seed=seed)
        self.server = Server()
        for obj in objects:
            self.server.put(obj)
        self.scheduler = Scheduler(self.loop, Client(self.server, name="kube-scheduler"), config)
        if start:
            self.scheduler.start()
            self.settle()

    def put(self, *objects: Obj) -> None:
        """Create or change objects and let the scheduler react."""
        for obj in objects:
            self.server.put(obj)
        self.settle()

    def settle(self) -> None:
        """Run everything that is ready now; time stands still."""
        self.loop.run_ready()

    def node_of(self, name: str) -> str:
        """Where the pod shop/<name> is bound, or ""."""
        return str(self.server.objects["pods"][f"shop/{name}"]["spec"].get("nodeName", ""))

    def pod(self, name: str) -> Obj:
        """The pod shop/<name> as stored."""
        return self.server.objects["pods"][f"shop/{name}"]

    def condition(self, name: str) -> Obj:
        """The pod's PodScheduled condition."""
        found = [c for c in self.pod(name)["status"].get("conditions", ()) if c["type"] == "PodScheduled"]
        return found[0] if found else {}

    def events(self, reason: str) -> list[str]:
        """The notes of all events with this reason, in order."""
        return [e["note"] for e in self.server.objects.get("events", {}).values() if e["reason"] == reason]
