"""A server that can be told what to answer: config maps in memory, and the ways a real one fails."""

from __future__ import annotations

from typing import Any

from kubekit.api import status_error
from kubekit.api.exchange import ConnectionRefused, Request, Response, WatchEvent, WatchStream

Obj = dict[str, Any]
PATH = "/api/v1/configmaps"


class Server:
    """A Handler for lists and watches of config maps, with switches for its failures."""

    def __init__(self) -> None:
        self.objects: dict[str, Obj] = {}
        self.revision = 10
        self.streams: list[WatchStream] = []
        self.log: list[str] = []
        self.down = False
        self.watch_is_gone = False

    def __call__(self, request: Request) -> Response | WatchStream:
        watch = request.param("watch") == "true"
        self.log.append("watch " + request.param("resourceVersion") if watch else "list")
        if self.down:
            raise ConnectionRefused("nobody answers")
        if not watch:
            metadata = {"resourceVersion": str(self.revision)}
            items = list(self.objects.values())
            return Response(200, {"kind": "ConfigMapList", "metadata": metadata, "items": items})
        if self.watch_is_gone:
            self.watch_is_gone = False
            return Response(410, status_error.expired("too old resource version: 1 (5)").status)
        stream = WatchStream()
        self.streams.append(stream)
        return stream

    def put(self, name: str, **labels: str) -> Obj:
        """Store an object and tell the watchers."""
        self.revision += 1
        kind = "MODIFIED" if name in self.objects else "ADDED"
        obj: Obj = {
            "kind": "ConfigMap",
            "apiVersion": "v1",
            "metadata": {
                "name": name,
                "namespace": "default",
                "uid": f"uid-{name}",
                "resourceVersion": str(self.revision),
                "labels": labels,
            },
        }
        self.objects[name] = obj
        self.tell(kind, obj)
        return obj

    def remove(self, name: str) -> None:
        """Delete an object and tell the watchers."""
        self.revision += 1
        obj = self.objects.pop(name)
        metadata = {**obj["metadata"], "resourceVersion": str(self.revision)}
        self.tell("DELETED", {**obj, "metadata": metadata})

    def tell(self, kind: str, obj: Obj) -> None:
        """Send an event to everybody who watches."""
        for stream in self.streams:
            stream.send(WatchEvent(kind, obj))

    def hang_up(self) -> None:
        """End all streams."""
        streams, self.streams = self.streams, []
        for stream in streams:
            stream.close()
