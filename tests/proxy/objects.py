"""Services, EndpointSlices and the smallest API server that a kube-proxy can talk to, for these tests."""

from __future__ import annotations

import copy
from typing import Any

from kubekit.api.exchange import Request, Response, WatchEvent, WatchStream

Obj = dict[str, Any]


def service(name: str, ip: str, *, port: int = 80, protocol: str = "TCP", **spec: Any) -> Obj:
    """A Service shop/<name> with one port."""
    ports = [{"port": port, "protocol": protocol, "targetPort": 8080}]
    if "nodePort" in spec:
        ports[0]["nodePort"] = spec.pop("nodePort")
    status = {"loadBalancer": {"ingress": [{"ip": a} for a in spec.pop("ingress", [])]}}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}"},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": ip,
            "clusterIPs": [ip],
            "ipFamilies": ["IPv4"],
            "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
            "ports": ports,
            **spec,
        },
        "status": status,
    }


def endpoint_slice(name: str, endpoints: dict[str, str], *, port: int = 8080, protocol: str = "TCP") -> Obj:
    """A slice of shop/<name>: address -> node, all ready."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-abc",
            "namespace": "shop",
            "uid": f"uid-{name}-slice",
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [ip], "nodeName": node, "conditions": {"ready": True, "serving": True}}
            for ip, node in endpoints.items()
        ],
        "ports": [{"name": "", "port": port, "protocol": protocol}],
    }


class TinyServer:
    """A Handler with lists and watches, and nothing else."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Obj]] = {"services": {}, "endpointslices": {}, "nodes": {}}
        self.watchers: dict[str, list[WatchStream]] = {name: [] for name in self.objects}
        self.version = 1

    def __call__(self, request: Request) -> Response | WatchStream:
        plural = request.path.rstrip("/").split("/")[-1]
        if request.query.get("watch"):
            stream = WatchStream()
            self.watchers[plural].append(stream)
            return stream
        kind = {"services": "Service", "endpointslices": "EndpointSlice", "nodes": "Node"}[plural]
        return Response(
            200,
            {
                "kind": f"{kind}List",
                "apiVersion": "v1",
                "metadata": {"resourceVersion": str(self.version)},
                "items": list(self.objects[plural].values()),
            },
        )

    def put(self, obj: Obj) -> None:
        """Create or replace an object and tell the watchers."""
        plural = {"Service": "services", "EndpointSlice": "endpointslices", "Node": "nodes"}[obj["kind"]]
        self.version += 1
        obj = copy.deepcopy(obj)
        obj["metadata"]["resourceVersion"] = str(self.version)
        key = obj["metadata"]["name"]
        kind = "MODIFIED" if key in self.objects[plural] else "ADDED"
        self.objects[plural][key] = obj
        for stream in self.watchers[plural]:
            stream.send(WatchEvent(kind, obj))

    def delete(self, plural: str, name: str) -> None:
        """Delete an object and tell the watchers."""
        self.version += 1
        obj = copy.deepcopy(self.objects[plural].pop(name))
        obj["metadata"]["resourceVersion"] = str(self.version)
        for stream in self.watchers[plural]:
            stream.send(WatchEvent("DELETED", obj))
