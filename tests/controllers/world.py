"""An API server and a controller manager, without scheduler and kubelets: pods do what a test says."""

from __future__ import annotations

from typing import Any

from kubekit.api.exchange import UserInfo
from kubekit.apiserver.server import APIServer
from kubekit.client import Client
from kubekit.controllers import ControllerManager
from kubekit.etcd import KVStore
from kubekit.sim import Loop, Record, rfc3339

Obj = dict[str, Any]
ADMIN = UserInfo("kubernetes-admin", groups=("system:masters", "system:authenticated"))


class World:
    """Starts with the controllers it is told to (None: all of them) and lets time pass on demand."""

    def __init__(self, controllers: list[str] | None = None, **options: Any) -> None:
        self.loop = Loop()
        self.api = APIServer(self.loop, KVStore(self.loop.clock))
        self.client = Client(self.api, user=ADMIN, name="test")
        manager = self.client.named("kube-controller-manager")
        if controllers is not None:  # no pod is admitted without a service account
            controllers = sorted({*controllers, "serviceaccount"})
        self.manager = ControllerManager(self.loop, manager, controllers, **options)
        self.api.start()
        self.manager.start()
        self.loop.advance(1.0)

    # -- objects ----------------------------------------------------------------------------------------

    def create(self, resource: str, name: str, namespace: str | None = "default", **fields: Any) -> Obj:
        """Create an object, and let the controllers react."""
        metadata = {"name": name, **fields.pop("metadata", {})}
        if namespace:
            metadata["namespace"] = namespace
        made = self.client.create(resource, {"metadata": metadata, **fields})
        self.loop.run_ready()
        return made

    def get(self, resource: str, name: str, namespace: str = "default") -> Obj:
        return self.client.get(resource, name, namespace)

    def find(self, resource: str, name: str, namespace: str = "default") -> Obj | None:
        return self.client.find(resource, name, namespace)

    def list(self, resource: str, namespace: str | None = "default") -> list[Obj]:
        items: list[Obj] = self.client.list(resource, namespace)["items"]
        return items

    def names(self, resource: str, namespace: str | None = "default") -> list[str]:
        return sorted(item["metadata"]["name"] for item in self.list(resource, namespace))

    def change(self, resource: str, name: str, patch: Obj, namespace: str = "default") -> Obj:
        """Patch an object, and let the controllers react."""
        changed = self.client.patch(resource, name, patch, namespace)
        self.loop.run_ready()
        return changed

    def delete(self, resource: str, name: str, namespace: str = "default", **how: Any) -> None:
        self.client.delete(resource, name, namespace, **how)
        self.loop.run_ready()

    # -- pods -------------------------------------------------------------------------------------------

    def pods(self, app: str = "web") -> list[Obj]:
        """The pods with this label that are not on their way out."""
        return [
            pod
            for pod in self.list("pods")
            if (pod["metadata"].get("labels") or {}).get("app") == app
            and not pod["metadata"].get("deletionTimestamp")
        ]

    def set_status(self, pod: Obj, phase: str, ready: bool = True, **more: Any) -> None:
        """What a kubelet would have written."""
        now = rfc3339(self.loop.clock.now())
        value = "True" if ready else "False"
        conditions = [{"type": "Ready", "status": value, "lastTransitionTime": now}]
        status = {"phase": phase, "conditions": conditions, **more}
        meta = pod["metadata"]
        self.client.patch("pods", meta["name"], {"status": status}, meta["namespace"], subresource="status")
        self.loop.run_ready()

    def all_ready(self, app: str = "web") -> None:
        """All pods with this label run and are ready, also those that are made because of that."""
        for _ in range(50):
            waiting = [p for p in self.pods(app) if (p.get("status") or {}).get("phase") != "Running"]
            if not waiting:
                return
            for pod in waiting:
                if self.find("pods", pod["metadata"]["name"]):
                    self.set_status(pod, "Running")
        raise AssertionError("it never ends")

    # -- what was said ----------------------------------------------------------------------------------

    def events(self, reason: str) -> list[str]:
        return [event["message"] for event in self.list("events", None) if event["reason"] == reason]

    def reconciles(self, subject: str) -> list[Record]:
        """The records about one key, oldest first."""
        return [r for r in self.loop.trace.records if r.kind == "reconcile" and r.subject == subject]


def template(app: str = "web", image: str = "nginx:1.28", **spec: Any) -> Obj:
    """A pod template."""
    containers = [{"name": "c", "image": image}]
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": containers, **spec}}


def workload(replicas: int, app: str = "web", image: str = "nginx:1.28", **spec: Any) -> Obj:
    """The spec of a Deployment, ReplicaSet or the like."""
    selector = {"matchLabels": {"app": app}}
    return {"replicas": replicas, "selector": selector, "template": template(app, image), **spec}
