"""The endpoint slice mirroring controller: Endpoints that somebody wrote by hand, copied into EndpointSlices.

Only slices are read by proxies nowadays. Of a Service without a selector nobody makes any, so what its
Endpoints object says is copied: one slice for each family of addresses and set of ports, at most a thousand
addresses from each subset. Source: pkg/controller/endpointslicemirroring.
"""

from __future__ import annotations

import ipaddress
from typing import Any, ClassVar

from kubekit.api.meta import Obj, annotations_of, controller_reference, key_of, labels_of, split_key
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.endpointslice import SLICES, STALE_RETRY, ports_key
from kubekit.controllers.pod_control import namespace_is_terminating
from kubekit.controllers.service_pods import TRIGGER_TIME
from kubekit.controllers.slice_packing import MANAGED_BY, SERVICE_NAME, endpoint_key
from kubekit.controllers.slice_tracker import SliceTracker
from kubekit.controllers.subset_packing import entries_of, pack

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MAX_PER_SUBSET = 1000

Wanted = dict[tuple[str, str], tuple[list[Obj], dict[tuple[Any, ...], Obj]]]
"""(family, key of the ports) -> the ports, and the endpoints by what makes them the same."""


class EndpointSliceMirroringController(Controller):
    """Copies Endpoints of Services without a selector into EndpointSlices."""

    name: ClassVar[str] = "endpointslice-mirroring-controller"
    kind: ClassVar[str] = "Endpoints"
    event_source: ClassVar[str] = "endpoint-slice-mirroring-controller"
    max_retries: ClassVar[int | None] = 15
    base_delay: ClassVar[float] = 1.0
    max_delay: ClassVar[float] = 100.0

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.endpoints: Informer
        self.services: Informer
        self.slices: Informer
        self._tracker = SliceTracker()

    def set_up(self) -> None:
        self._tracker.clear()
        self.endpoints = self.informer("endpoints")
        self.services = self.informer("services")
        self.slices = self.informer(SLICES)
        self.slices.add_index("mirrored", _mirrored_for)
        self.watch(
            self.endpoints,
            lambda obj: self._endpoints_changed("ADDED", obj),
            lambda old, new: self._endpoints_changed("MODIFIED", new, old),
            lambda obj: self._endpoints_changed("DELETED", obj),
        )
        self.watch(
            self.services,
            lambda obj: self._service_changed("ADDED", obj),
            self._service_updated,
            lambda obj: self._service_changed("DELETED", obj),
        )
        self.watch(
            self.slices,
            lambda one: self._slice_changed("ADDED", one),
            lambda old, new: self._slice_changed("MODIFIED", new, old),
            self._slice_deleted,
        )

    # -- what it hears ----------------------------------------------------------------------------------

    def _endpoints_changed(self, event: str, obj: Obj, old: Obj | None = None) -> None:
        key = key_of(obj)
        service = self.services.get(key)
        # Nearly all Endpoints are made by a controller: those have nothing to be copied or cleared away.
        if service is not None and _selects(service) and not self.slices.by_index("mirrored", key):
            return
        if _is_mirrored(obj) or (old is not None and _is_mirrored(old)):
            self.enqueue(key, event, obj)

    def _service_changed(self, event: str, service: Obj) -> None:
        if not _selects(service):
            self.enqueue(key_of(service), event, service)

    def _service_updated(self, old: Obj, new: Obj) -> None:
        if _selects(old) != _selects(new):
            self.enqueue(key_of(new), "MODIFIED", new)

    def _slice_changed(self, event: str, one: Obj, old: Obj | None = None) -> None:
        for key in dict.fromkeys([*_mirrored_for(one), *(_mirrored_for(old) if old is not None else ())]):
            self.enqueue(key, event, one)

    def _slice_deleted(self, one: Obj) -> None:
        for key in _mirrored_for(one):
            self._tracker.saw_deletion(key, one["metadata"]["name"])
            self.enqueue(key, "DELETED", one)

    # -- what it does -----------------------------------------------------------------------------------

    def reconcile(self, key: str) -> None:
        endpoints, service = self.endpoints.get(key), self.services.get(key)
        slices = self.slices.by_index("mirrored", key)
        if endpoints is None or not _is_mirrored(endpoints) or service is None or _selects(service):
            self._tracker.forget(key)
            for one in slices:
                self.client.delete(SLICES, one["metadata"]["name"], one["metadata"]["namespace"])
            return
        if self._tracker.is_stale(key, slices):
            self.queue.add_after(key, STALE_RETRY)
            return
        wanted = self._wanted(endpoints)
        by_ports: dict[tuple[str, str], list[Obj]] = {}
        for one in slices:
            by_ports.setdefault((one["addressType"], ports_key(one.get("ports"))), []).append(one)
        create: list[Obj] = []
        update: list[Obj] = []
        delete = [one for which, some in by_ports.items() if which not in wanted for one in some]
        for which, (ports, group) in wanted.items():
            existing = by_ports.get(which, [])
            if not group:
                delete += existing
                continue
            delete += existing[1:]
            if existing and _is_up_to_date(existing[0], group, endpoints):
                continue
            made = _new_slice(endpoints, ports, which[0], list(group.values())[:MAX_PER_SUBSET])
            (update if existing else create).append(_named(made, existing[0]) if existing else made)
        self.round.desired = sum(len(group) for _, group in wanted.values())
        self.round.observed = sum(len(one.get("endpoints") or ()) for one in slices)
        self.round.difference = self.round.desired - self.round.observed
        self._write(key, endpoints, create, update, delete)

    def _wanted(self, endpoints: Obj) -> Wanted:
        wanted: Wanted = {}
        invalid = skipped = 0
        for subset in pack(entries_of(endpoints.get("subsets") or ())):
            ports = [_port(port) for port in subset.get("ports") or ()]
            which = ports_key(ports)
            for family in ("IPv4", "IPv6"):
                wanted.setdefault((family, which), (ports, {}))
            added = total = 0
            for field, ready in (("addresses", True), ("notReadyAddresses", False)):
                for address in subset.get(field) or ():
                    total += 1
                    if added >= MAX_PER_SUBSET:
                        continue
                    family, endpoint = _endpoint(address, ready)
                    if endpoint is None:
                        invalid += 1
                        continue
                    group = wanted[family, which][1]
                    group[endpoint_key(endpoint)] = endpoint
                    added += 1
            skipped += total - added
        if invalid:
            text = f"Skipped {invalid} invalid IP addresses when mirroring to EndpointSlices"
            self.event(endpoints, "Warning", "InvalidIPAddress", text)
        if skipped > invalid:
            text = (
                f"A max of {MAX_PER_SUBSET} addresses can be mirrored to EndpointSlices per Endpoints subset."
                f" {skipped} addresses were skipped"
            )
            self.event(endpoints, "Warning", "TooManyAddressesToMirror", text)
        return wanted

    def _write(
        self, key: str, endpoints: Obj, create: list[Obj], update: list[Obj], delete: list[Obj]
    ) -> None:
        # A slice that would go and one that would come make one that changes.
        kept: list[Obj] = []
        for one in delete:
            new = next((made for made in create if made["addressType"] == one["addressType"]), None)
            if new is None:
                kept.append(one)
                continue
            create.remove(new)
            update.append({**new, "metadata": {**new["metadata"], "name": one["metadata"]["name"]}})
        if not endpoints["metadata"].get("deletionTimestamp"):
            for one in create:
                try:
                    self._tracker.wrote(key, self.client.create(SLICES, one))
                except StatusError as error:
                    if namespace_is_terminating(error):
                        return
                    raise
        for one in update:
            self._tracker.wrote(key, self.client.update(SLICES, one))
        for one in kept:
            self.client.delete(SLICES, one["metadata"]["name"], one["metadata"]["namespace"])
            self._tracker.deleted(key, one["metadata"]["name"])


def _selects(service: Obj) -> bool:
    return service["spec"].get("selector") is not None


def _is_mirrored(endpoints: Obj) -> bool:
    return labels_of(endpoints).get(SKIP) != "true" and LEADER not in annotations_of(endpoints)


def _mirrored_for(one: Obj) -> list[str]:
    labels = labels_of(one)
    if labels.get(MANAGED_BY) != MANAGER or not labels.get(SERVICE_NAME):
        return []
    return [f"{one['metadata']['namespace']}/{labels[SERVICE_NAME]}"]


def _port(port: Obj) -> Obj:
    found: Obj = {
        "name": port.get("name", ""),
        "port": port["port"],
        "protocol": port.get("protocol", "TCP"),
    }
    if port.get("appProtocol") is not None:
        found["appProtocol"] = port["appProtocol"]
    return found


def _endpoint(address: Obj, ready: bool) -> tuple[str, Obj | None]:
    """The family and the endpoint of an address; no endpoint when it is no address."""
    try:
        ip = ipaddress.ip_address(address.get("ip", ""))
    except ValueError:
        return "", None
    endpoint: Obj = {"addresses": [str(ip)], "conditions": {"ready": ready}}
    for field in ("targetRef", "nodeName", "hostname"):
        if address.get(field):
            endpoint[field] = address[field]
    return f"IPv{ip.version}", endpoint


def _new_slice(endpoints: Obj, ports: list[Obj], family: str, some: list[Obj]) -> Obj:
    _, name = split_key(key_of(endpoints))
    owner = {"apiVersion": "v1", "kind": "Endpoints", **endpoints}
    metadata: Obj = {
        "generateName": f"{name}-",
        "namespace": endpoints["metadata"]["namespace"],
        "labels": {**labels_of(endpoints), SERVICE_NAME: name, MANAGED_BY: MANAGER},
        "ownerReferences": [controller_reference(owner)],
    }
    annotations = _copied_annotations(endpoints)
    if annotations:
        metadata["annotations"] = annotations
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": family,
        "endpoints": some,
        "ports": ports or None,
    }


def _named(new: Obj, existing: Obj) -> Obj:
    """The new content under the name of a slice that exists."""
    metadata = {key: value for key, value in new["metadata"].items() if key != "generateName"}
    return {**new, "metadata": {**metadata, "name": existing["metadata"]["name"]}}


def _copied_annotations(endpoints: Obj) -> dict[str, str]:
    return {k: v for k, v in annotations_of(endpoints).items() if k not in (TRIGGER_TIME, LAST_APPLIED)}


def _is_up_to_date(one: Obj, group: dict[tuple[Any, ...], Obj], endpoints: Obj) -> bool:
    old = one.get("endpoints") or []
    labels = {k: v for k, v in labels_of(one).items() if k not in (MANAGED_BY, SERVICE_NAME)}
    meta = endpoints["metadata"]
    return (
        len(old) == len(group)
        and all(group.get(endpoint_key(endpoint)) == endpoint for endpoint in old)
        and labels == labels_of(endpoints)
        and annotations_of(one) == _copied_annotations(endpoints)
        and not any(
            ref["kind"] == "Endpoints" and ref["name"] == meta["name"] and ref["uid"] != meta["uid"]
            for ref in one["metadata"].get("ownerReferences") or ()
        )
    )
