"""A running API server for each test, and short ways to ask it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubekit.api.exchange import Request, Response, UserInfo, WatchStream
from kubekit.apiserver import APIServer
from kubekit.etcd import KVStore
from kubekit.sim import Loop

Obj = dict[str, Any]

ADMIN = UserInfo("kubernetes-admin", "", ("system:masters", "system:authenticated"))
CORE = "/api/v1/namespaces/default"


class Asker:
    """A server, its loop and its store; `ask` sends a request and lets the loop come to rest."""

    def __init__(self, **options: Any) -> None:
        self.loop = Loop(seed=5)
        self.store = KVStore(self.loop.clock)
        self.server = APIServer(self.loop, self.store, **options)
        self.server.start()
        self.ask("POST", f"{CORE}/serviceaccounts", {"metadata": {"name": "default"}})

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: UserInfo | None = ADMIN,
        kind: str = "",
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> Response:
        """The answer to a request; `kind` names the type of a patch (merge, strategic, json, apply)."""
        sent = dict(headers or {})
        if kind:
            sent["content-type"] = {
                "merge": "application/merge-patch+json",
                "strategic": "application/strategic-merge-patch+json",
                "json": "application/json-patch+json",
                "apply": "application/apply-patch+yaml",
            }[kind]
            body = json.dumps(body).encode()
        asked = {name.rstrip("_"): [value] for name, value in query.items()}
        answer = self.server(Request(method, path, asked, sent, body, user, "user"))
        assert isinstance(answer, Response)
        self.loop.run_until_quiet()
        return answer

    def make(self, path: str, body: Obj) -> Obj:
        """Create an object that must be accepted."""
        answer = self.ask("POST", path, body)
        assert answer.status == 201, answer.body
        return answer.json()

    def watch(self, path: str, *, user: UserInfo = ADMIN, **query: str) -> WatchStream:
        """An open watch."""
        asked = {"watch": ["1"], **{name: [value] for name, value in query.items()}}
        stream = self.server(Request("GET", path, asked, {}, None, user, "watcher"))
        assert isinstance(stream, WatchStream)
        return stream

    def pod(self, name: str, **spec: Any) -> Obj:
        """Create a pod."""
        labels = spec.pop("labels", {})
        return self.make(f"{CORE}/pods", pod(name, labels, **spec))

    def config(self, name: str, **data: str) -> Obj:
        """Create a ConfigMap."""
        return self.make(f"{CORE}/configmaps", {"metadata": {"name": name}, "data": data})


def pod(name: str, labels: Obj | None = None, **spec: Any) -> Obj:
    """A pod's manifest."""
    containers = [{"name": "c", "image": "nginx:1.25"}]
    metadata = {"name": name, "labels": labels or {}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": containers, **spec},
    }


def kinds(stream: WatchStream) -> list[tuple[str, str]]:
    """(type, name) of the events that a watch has got so far."""
    return [(event.type, event.object["metadata"].get("name", "")) for event in stream.take()]


@pytest.fixture
def api() -> Asker:
    """A fresh server."""
    return Asker()
