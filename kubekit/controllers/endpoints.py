"""The Endpoints controller: the older, single list of addresses behind each Service.

Kept for those who still read it; nothing in the kit does. A pod that is ready stands under `addresses`,
another one with an address under `notReadyAddresses`. Source:
pkg/controller/endpoint/endpoints_controller.go.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, key_of, labels_of, split_key
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.pod_control import namespace_is_terminating
from kubekit.controllers.pods import is_ready
from kubekit.controllers.service_pods import (
    HEADLESS_LABEL,
    TRIGGER_TIME,
    TriggerTimes,
    addresses_of,
    has_endpoints,
    is_headless,
    selected_pods,
    services_to_update,
    sets_hostname,
    should_be_in_endpoints,
    target_port,
)
from kubekit.controllers.subset_packing import Entry, pack

MANAGED_BY = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
CAPACITY = 1000


class EndpointsController(Controller):
    """Keeps the Endpoints object of each Service with a selector."""

    name: ClassVar[str] = "endpoints-controller"
    kind: ClassVar[str] = "Service"
    event_source: ClassVar[str] = "endpoint-controller"
    max_retries: ClassVar[int | None] = 15

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.services: Informer
        self.pods: Informer
        self.endpoints: Informer
        self._times = TriggerTimes()
        self._replaced: dict[str, str] = {}  # service -> the resourceVersion that was written over
        self._waiting: set[str] = set()  # services whose last write the cache does not show yet

    def set_up(self) -> None:
        self._times = TriggerTimes()
        self._replaced.clear()
        self.services = self.follow("services")
        self.pods = self.informer("pods")
        self.endpoints = self.informer("endpoints")
        self.watch(
            self.pods,
            lambda pod: self._pod_changed("ADDED", None, pod),
            lambda old, new: self._pod_changed("MODIFIED", old, new),
            lambda pod: self._pod_changed("DELETED", pod, None),
        )
        self.watch(
            self.endpoints,
            on_update=lambda old, new: self._caught_up(new),
            on_delete=lambda obj: self.enqueue(key_of(obj), "DELETED", obj),
        )

    def on_synced(self) -> None:
        for obj in self.endpoints.list():
            if "control-plane.alpha.kubernetes.io/leader" not in (obj["metadata"].get("annotations") or {}):
                self.enqueue(key_of(obj))

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        for key in services_to_update(self.services, old, new):
            self.enqueue(key, event, new or old)

    def _caught_up(self, obj: Obj) -> None:
        """The cache shows the last write: what waited for that can go on."""
        key = key_of(obj)
        if key in self._waiting:
            self._waiting.discard(key)
            self.enqueue(key, "MODIFIED", obj)

    def reconcile(self, key: str) -> None:
        service = self.services.get(key)
        namespace, name = split_key(key)
        if service is None:
            self._times.forget(key)
            self._replaced.pop(key, None)
            if self.endpoints.get(key) is None:
                return
            try:
                self.client.delete("endpoints", name, namespace)
            except StatusError as error:
                if error.code != 404:
                    raise
            return
        if not has_endpoints(service):
            return
        pods = selected_pods(service, self.pods)
        trigger = self._times.compute(service, pods)
        subsets = self._subsets(service, pods)
        current = self.endpoints.get(key)
        if current is not None and self._replaced.get(key) == current["metadata"]["resourceVersion"]:
            self._waiting.add(key)
            return
        labels = {k: v for k, v in labels_of(service).items() if k != HEADLESS_LABEL}
        if is_headless(service):
            labels[HEADLESS_LABEL] = ""
        labels[MANAGED_BY] = MANAGER
        if current is not None and current.get("subsets", []) == subsets and labels_of(current) == labels:
            return
        self._write(service, current, subsets, labels, trigger)

    def _write(
        self,
        service: Obj,
        current: Obj | None,
        subsets: list[Obj],
        labels: dict[str, str],
        trigger: str | None,
    ) -> None:
        meta = service["metadata"]
        metadata: Obj = dict(current["metadata"]) if current is not None else {}
        annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != TRIGGER_TIME}
        annotations.pop(OVER_CAPACITY, None)
        if trigger is not None:
            annotations[TRIGGER_TIME] = trigger
        if _truncate(subsets):
            annotations[OVER_CAPACITY] = "truncated"
        metadata.update({"name": meta["name"], "namespace": meta["namespace"], "labels": labels})
        metadata.pop("annotations", None)
        if annotations:
            metadata["annotations"] = annotations
        wanted: Obj = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}
        if subsets:
            wanted["subsets"] = subsets
        key = key_of(service)
        try:
            if current is None:
                self.client.create("endpoints", wanted)
                return
            written = self.client.update("endpoints", wanted)
        except StatusError as error:
            if namespace_is_terminating(error):
                return
            if current is None:
                text = f"Failed to create endpoint for service {key}: {error.message}"
                self.event(wanted, "Warning", "FailedToCreateEndpoint", text)
            else:
                text = f"Failed to update endpoint {key}: {error.message}"
                self.event(wanted, "Warning", "FailedToUpdateEndpoint", text)
            raise
        before = current["metadata"]["resourceVersion"]
        if written["metadata"]["resourceVersion"] != before:
            self._replaced[key] = before

    def _subsets(self, service: Obj, pods: list[Obj]) -> list[Obj]:
        spec = service["spec"]
        publish = bool(spec.get("publishNotReadyAddresses"))
        family = (spec.get("ipFamilies") or ["IPv4"])[0]
        entries: list[Entry] = []
        for pod in pods:
            if not should_be_in_endpoints(pod, publish):
                continue
            found = addresses_of(pod, family)
            if not found:
                continue
            address = _address(pod, service, found[0])
            ready = publish or is_ready(pod)
            if not spec.get("ports") and spec.get("clusterIP") == "None":
                entries.append((None, address, ready))
            for port in spec.get("ports") or ():
                number = target_port(pod, port)
                if number is not None:
                    entries.append((_port(port, number), address, ready))
        return pack(entries)


def _address(pod: Obj, service: Obj, ip: str) -> Obj:
    meta = pod["metadata"]
    address: Obj = {"ip": ip}
    if sets_hostname(pod, service):
        address["hostname"] = pod["spec"]["hostname"]
    address["nodeName"] = pod["spec"].get("nodeName", "")
    address["targetRef"] = {
        "kind": "Pod",
        "namespace": meta["namespace"],
        "name": meta["name"],
        "uid": meta["uid"],
    }
    return address


def _port(port: Obj, number: int) -> Obj:
    found: Obj = {"port": number, "protocol": port.get("protocol", "TCP")}
    if port.get("name"):
        found["name"] = port["name"]
    if port.get("appProtocol"):
        found["appProtocol"] = port["appProtocol"]
    return found


def _truncate(subsets: list[Obj]) -> bool:
    """Cut the list to a thousand addresses, ready ones first; whether that was needed."""
    left = CAPACITY
    truncated = False
    for field in ("addresses", "notReadyAddresses"):
        for subset in subsets:
            some = subset.get(field, [])
            if len(some) > left:
                truncated = True
                subset[field] = some[:left]
            left -= min(left, len(some))
    return truncated
