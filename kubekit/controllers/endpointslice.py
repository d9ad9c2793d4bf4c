"""The EndpointSlice controller: which addresses stand behind each Service, in slices of at most a hundred.

One reconcile puts every selected pod into the slice of its ports, changes as few slices as it can, and
keeps an empty slice when there is nothing to list. Because its cache may not show yet what it wrote a
moment ago, it remembers the generation of each slice that it wrote and waits until the watch has brought
it. Sources: pkg/controller/endpointslice and k8s.io/endpointslice.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from kubekit.api.meta import Obj, controller_reference, key_of, labels_of
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
from kubekit.controllers.slice_packing import MANAGED_BY, RESERVED, SERVICE_NAME, arrange, endpoint_key
from kubekit.controllers.slice_topology import ZONE, Topology, node_is_ready
from kubekit.controllers.slice_tracker import SliceTracker
from kubekit.controllers.template_hash import port_hash

MANAGER = "endpointslice-controller.k8s.io"
STALE_RETRY = 1.0
SLICE_DELAY = 1.0
SLICES = "endpointslices.discovery.k8s.io"


def ports_key(ports: list[Obj] | None) -> str:
    """Slices with equal ports share their endpoints."""
    return json.dumps(in_port_order(ports or []), sort_keys=True)


def in_port_order(ports: list[Obj]) -> list[Obj]:
    """The ports as slices list them: in the order of their hashes."""
    return sorted(ports, key=port_hash) if len(ports) > 1 else ports


class EndpointSliceController(Controller):
    """Keeps the EndpointSlices of each Service with a selector."""

    name: ClassVar[str] = "endpointslice-controller"
    kind: ClassVar[str] = "Service"
    event_source: ClassVar[str] = "endpoint-slice-controller"
    max_retries: ClassVar[int | None] = 15
    base_delay: ClassVar[float] = 1.0

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.services: Informer
        self.pods: Informer
        self.slices: Informer
        self.nodes: Informer
        self._times = TriggerTimes()
        self._tracker = SliceTracker()
        self._topology = Topology()

    def set_up(self) -> None:
        self._times = TriggerTimes()
        self._tracker.clear()
        self._topology.clear()
        self.services = self.follow("services")
        self.pods = self.informer("pods")
        self.slices = self.informer(SLICES)
        self.nodes = self.informer("nodes")
        self.slices.add_index("service", _service_of_slice)
        self.watch(self.nodes, self._node_changed, self._node_updated, self._node_changed)
        self.watch(
            self.pods,
            lambda pod: self._pod_changed("ADDED", None, pod),
            lambda old, new: self._pod_changed("MODIFIED", old, new),
            lambda pod: self._pod_changed("DELETED", pod, None),
        )
        self.watch(
            self.slices,
            lambda one: self._slice_changed("ADDED", one),
            self._slice_updated,
            self._slice_deleted,
        )

    # -- what it hears ----------------------------------------------------------------------------------

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        for key in services_to_update(self.services, old, new):
            self.enqueue(key, event, new or old)

    def _slice_changed(self, event: str, one: Obj) -> None:
        """What somebody else has done to a slice is undone a second later: there may be more to come."""
        for key in _service_of_slice(one):
            if self._tracker.is_foreign(key, one):
                self._soon(key, event, one)
            else:
                self.enqueue(key, event, one)

    def _slice_updated(self, old: Obj, new: Obj) -> None:
        if _service_of_slice(old) == _service_of_slice(new):
            self._slice_changed("MODIFIED", new)
            return
        for key in (*_service_of_slice(old), *_service_of_slice(new)):
            self._soon(key, "MODIFIED", new)

    def _slice_deleted(self, one: Obj) -> None:
        for key in _service_of_slice(one):
            if self._tracker.saw_deletion(key, one["metadata"]["name"]):
                self.enqueue(key, "DELETED", one)
            else:
                self._soon(key, "DELETED", one)

    def _soon(self, key: str, event: str, about: Obj) -> None:
        self.note(key, event, about)
        self.queue.add_after(key, SLICE_DELAY)

    def _node_updated(self, old: Obj, new: Obj) -> None:
        if labels_of(old).get(ZONE) != labels_of(new).get(ZONE) or node_is_ready(old) != node_is_ready(new):
            self._node_changed(new)

    def _node_changed(self, node: Obj) -> None:
        for key in self._topology.overloaded(self.nodes.list()):
            self.enqueue(key, "MODIFIED", node)

    # -- what it does -----------------------------------------------------------------------------------

    def reconcile(self, key: str) -> None:
        service = self.services.get(key)
        if service is None:
            self._times.forget(key)
            self._tracker.forget(key)
            return
        if not has_endpoints(service):
            return
        slices = [one for one in self.slices.by_index("service", key) if not _is_deleting(one)]
        if self._tracker.is_stale(key, slices):
            self.queue.add_after(key, STALE_RETRY)
            return
        pods = selected_pods(service, self.pods)
        trigger = self._times.compute(service, pods)
        families = service["spec"].get("ipFamilies") or ["IPv4"]
        homeless: list[str] = []
        for family in families:
            mine = [one for one in slices if one["addressType"] == family]
            self._reconcile_family(key, service, pods, mine, family, trigger, homeless)
        for one in slices:
            if one["addressType"] not in families:
                self._delete(key, one)
        if homeless:
            text = homeless[0] if len(homeless) == 1 else f"[{', '.join(dict.fromkeys(homeless))}]"
            self._failed(service, text)
            raise OSError(text)

    def _reconcile_family(
        self,
        key: str,
        service: Obj,
        pods: list[Obj],
        existing: list[Obj],
        family: str,
        trigger: str | None,
        homeless: list[str],
    ) -> None:
        """`homeless` gets a text for each pod whose node is unknown: it is left out and tried again."""
        owner_uid = service["metadata"]["uid"]
        delete: list[Obj] = []
        by_ports: dict[str, list[Obj]] = {}
        for one in existing:
            if any(ref["uid"] == owner_uid for ref in one["metadata"].get("ownerReferences") or ()):
                by_ports.setdefault(ports_key(one.get("ports")), []).append(one)
            else:
                delete.append(one)
        desired: dict[str, dict[tuple[Any, ...], Obj]] = {}
        ports_of: dict[str, list[Obj]] = {}
        for pod in pods:
            if not should_be_in_endpoints(pod, True):
                continue
            ports = _endpoint_ports(service, pod)
            which = ports_key(ports)
            group = desired.setdefault(which, {})
            ports_of.setdefault(which, ports)
            node_name = pod["spec"].get("nodeName", "")
            node = self.nodes.get(node_name) if node_name else None
            if node is None and not service["spec"].get("publishNotReadyAddresses"):
                homeless.append(
                    f"skipping Pod {pod['metadata']['name']} for Service {key}: Node {node_name} Not Found"
                )
                continue
            endpoint = self._endpoint(pod, service, family, node)
            if endpoint is not None:
                group[endpoint_key(endpoint)] = endpoint
        self.round.desired = sum(len(group) for group in desired.values())
        self.round.observed = sum(len(one.get("endpoints") or ()) for one in existing)
        self.round.difference = self.round.desired - self.round.observed
        create: list[Obj] = []
        update: list[Obj] = []
        for which, group in desired.items():
            empty = self._new_slice(service, family, ports_of[which])
            made, changed, gone = arrange(by_ports.get(which, []), group, empty)
            create += made
            update += changed
            delete += gone
        for which, old in by_ports.items():
            if which not in desired:
                delete += old
        if len(existing) == len(delete) and not create:
            placeholder = self._new_slice(service, family, None)
            if len(delete) == 1 and _same_placeholder(delete[0], placeholder):
                delete = []
            else:
                create.append(placeholder)
        changed_names = {one["metadata"]["name"] for one in (*update, *delete)}
        unchanged = [one for one in existing if one["metadata"]["name"] not in changed_names]
        slices = (create, update, unchanged)
        more, said = self._topology.hints(key, service, family, slices, self.nodes)
        self._write(key, service, create, update + more, delete, trigger)
        for type, reason, text in said:
            self.event(service, type, reason, text)

    def _endpoint(self, pod: Obj, service: Obj, family: str, node: Obj | None) -> Obj | None:
        addresses = addresses_of(pod, family)
        node_name = pod["spec"].get("nodeName")
        publish = bool(service["spec"].get("publishNotReadyAddresses"))
        if not addresses:
            return None
        serving = is_ready(pod)
        terminating = bool(pod["metadata"].get("deletionTimestamp"))
        meta = pod["metadata"]
        endpoint: Obj = {
            "addresses": addresses,
            "conditions": {
                "ready": publish or (serving and not terminating),
                "serving": serving,
                "terminating": terminating,
            },
            "targetRef": {
                "kind": "Pod",
                "namespace": meta["namespace"],
                "name": meta["name"],
                "uid": meta["uid"],
            },
        }
        if sets_hostname(pod, service):
            endpoint["hostname"] = pod["spec"]["hostname"]
        if node_name:
            endpoint["nodeName"] = node_name
        zone = labels_of(node).get(ZONE) if node is not None else None
        if zone:
            endpoint["zone"] = zone
        return endpoint

    def _new_slice(self, service: Obj, family: str, ports: list[Obj] | None) -> Obj:
        meta = service["metadata"]
        return {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "generateName": f"{meta['name']}-",
                "namespace": meta["namespace"],
                "labels": slice_labels(service),
                "ownerReferences": [controller_reference(service)],
            },
            "addressType": family,
            "endpoints": None,
            "ports": ports,
        }

    # -- writing ----------------------------------------------------------------------------------------

    def _write(
        self,
        key: str,
        service: Obj,
        create: list[Obj],
        update: list[Obj],
        delete: list[Obj],
        trigger: str | None,
    ) -> None:
        uid = service["metadata"]["uid"]
        # A slice that would go and one that would come make one that changes.
        kept: list[Obj] = []
        for one in delete:
            owned = any(ref["uid"] == uid for ref in one["metadata"].get("ownerReferences") or ())
            if create and owned and one["addressType"] == create[-1]["addressType"]:
                new = create.pop()
                metadata = {**one["metadata"], "labels": new["metadata"]["labels"]}
                update.append({**new, "metadata": metadata})
            else:
                kept.append(one)
        doing = ""
        try:
            if not service["metadata"].get("deletionTimestamp"):
                doing = "create"
                for one in create:
                    self._tracker.wrote(key, self.client.create(SLICES, _triggered(one, trigger)))
            for one in update:
                doing = f"update {one['metadata']['name']}"
                self._tracker.wrote(key, self.client.update(SLICES, _triggered(one, trigger)))
        except StatusError as error:
            if doing == "create" and namespace_is_terminating(error):
                return
            self._failed(service, f"failed to {doing} EndpointSlice for Service {key}: {error.message}")
            raise
        for one in kept:
            self._delete(key, one)

    def _delete(self, key: str, one: Obj) -> None:
        meta = one["metadata"]
        try:
            self.client.delete(SLICES, meta["name"], meta["namespace"])
        except StatusError as error:
            if error.code != 404:
                raise
        self._tracker.deleted(key, meta["name"])

    def _failed(self, service: Obj, why: str) -> None:
        text = f"Error updating Endpoint Slices for Service {key_of(service)}: {why}"
        self.event(service, "Warning", "FailedToUpdateEndpointSlices", text)


def _service_of_slice(one: Obj) -> list[str]:
    labels = labels_of(one)
    if labels.get(MANAGED_BY) != MANAGER or SERVICE_NAME not in labels:
        return []
    return [f"{one['metadata']['namespace']}/{labels[SERVICE_NAME]}"]


def _is_deleting(one: Obj) -> bool:
    return bool(one["metadata"].get("deletionTimestamp"))


def slice_labels(service: Obj) -> dict[str, str]:
    """The Service's labels and those that say whose slice it is."""
    labels = {k: v for k, v in labels_of(service).items() if k not in RESERVED}
    if is_headless(service):
        labels[HEADLESS_LABEL] = ""
    return {**labels, SERVICE_NAME: service["metadata"]["name"], MANAGED_BY: MANAGER}


def _endpoint_ports(service: Obj, pod: Obj) -> list[Obj]:
    ports = []
    for port in service["spec"].get("ports") or ():
        number = target_port(pod, port)
        if number is None:
            continue
        found: Obj = {
            "name": port.get("name", ""),
            "port": number,
            "protocol": port.get("protocol", "TCP"),
        }
        if port.get("appProtocol") is not None:
            found["appProtocol"] = port["appProtocol"]
        ports.append(found)
    return in_port_order(ports)


def _same_placeholder(one: Obj, placeholder: Obj) -> bool:
    return (
        not one.get("endpoints")
        and not one.get("ports")
        and labels_of(one) == labels_of(placeholder)
        and one["addressType"] == placeholder["addressType"]
    )


def _triggered(one: Obj, trigger: str | None) -> Obj:
    meta = dict(one["metadata"])
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k != TRIGGER_TIME}
    if trigger is not None:
        annotations[TRIGGER_TIME] = trigger
    meta.pop("annotations", None)
    if annotations:
        meta["annotations"] = annotations
    return {**one, "metadata": meta}
