"""Gated fields: what a release knows but drops, because the feature is off by default.

`drop(group, plural)` gives the function that takes such fields out of a new or changed object of a kind, None
for a kind without any. A field stays when the object used it before. Dropping happens when a strategy
prepares an object, so before validation. Nothing is changed in place that `old` may share.
Upstream: pkg/api/pod (DropDisabledPodFields, DropDisabledTemplateFields), pkg/registry/*/strategy.go
(dropDisabledFields and its like), pkg/features/kube_features.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Obj = dict[str, Any]
Drop = Callable[[Obj, Obj | None], None]

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_STATUSES = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
_PROJECTIONS = ("clusterTrustBundle", "podCertificate")
"""ClusterTrustBundleProjection and PodCertificateRequest."""
_LISTS = ("bools", "ints", "strings", "versions")
"""DRAListTypeAttributes."""


def _without(holder: Obj, fields: Iterable[str]) -> Obj:
    return {key: value for key, value in holder.items() if key not in fields}


def pod_spec(spec: Obj, old: Obj | None) -> None:
    """The spec of a pod or of a template."""
    # GenericWorkload
    if "schedulingGroup" in spec and not (old or {}).get("schedulingGroup"):
        del spec["schedulingGroup"]
    _stop_signals(spec, old)
    for position, volume in enumerate(spec.get("volumes") or ()):
        sources = (volume.get("projected") or {}).get("sources")
        if sources:
            for field in _PROJECTIONS:
                if any(field in source for source in sources) and not _projects(old, field):
                    sources = [_without(source, (field,)) for source in sources]
                    volume = {**volume, "projected": {**volume["projected"], "sources": sources}}
                    spec["volumes"] = [*spec["volumes"]]
                    spec["volumes"][position] = volume


def _projects(spec: Obj | None, field: str) -> bool:
    return any(
        field in source
        for volume in (spec or {}).get("volumes") or ()
        for source in (volume.get("projected") or {}).get("sources") or ()
    )


def _stop_signals(spec: Obj, old: Obj | None) -> None:
    """ContainerStopSignals."""
    for group in _CONTAINERS:
        for position, container in enumerate(spec.get(group) or ()):
            lifecycle = container.get("lifecycle")
            if lifecycle and "stopSignal" in lifecycle:
                if _has_stop_signals(old):
                    return
                left = _without(lifecycle, ("stopSignal",))
                changed = {**container, "lifecycle": left} if left else _without(container, ("lifecycle",))
                spec[group] = [*spec[group]]
                spec[group][position] = changed


def _has_stop_signals(spec: Obj | None) -> bool:
    return any(
        "stopSignal" in (container.get("lifecycle") or ())
        for group in _CONTAINERS
        for container in (spec or {}).get(group) or ()
    )


def pod(obj: Obj, old: Obj | None) -> None:
    """A pod's spec."""
    if obj.get("spec"):
        pod_spec(obj["spec"], old and old.get("spec"))


def pod_status(status: Obj, old: Obj) -> None:
    """DRANodeAllocatableResources and ImageVolumeWithDigest."""
    field = "nodeAllocatableResourceClaimStatuses"
    if field in status and not old.get(field):
        del status[field]
    for group in _STATUSES:
        for position, container in enumerate(status.get(group) or ()):
            mounts = container.get("volumeMounts")
            if mounts and any("volumeStatus" in mount for mount in mounts) and not _has_digests(old):
                bare = [_without(mount, ("volumeStatus",)) for mount in mounts]
                status[group] = [*status[group]]
                status[group][position] = {**container, "volumeMounts": bare}


def _has_digests(status: Obj) -> bool:
    return any(
        "volumeStatus" in mount
        for group in _STATUSES
        for container in status.get(group) or ()
        for mount in container.get("volumeMounts") or ()
    )


def _template(*steps: str) -> Drop:
    """The pod template at a place of its kind."""

    def find(obj: Obj | None) -> Obj | None:
        value: Any = obj
        for step in steps:
            value = value.get(step) if value else None
        return value or None

    def drop(obj: Obj, old: Obj | None) -> None:
        spec = find(obj)
        if spec:
            pod_spec(spec, find(old))

    return drop


def stateful_set(obj: Obj, old: Obj | None) -> None:
    """MaxUnavailableStatefulSet, and the template."""
    spec = obj.get("spec") or {}
    rolling = (spec.get("updateStrategy") or {}).get("rollingUpdate")
    if rolling and "maxUnavailable" in rolling:
        before = (((old or {}).get("spec") or {}).get("updateStrategy") or {}).get("rollingUpdate") or {}
        if "maxUnavailable" not in before:
            kept = _without(rolling, ("maxUnavailable",))
            spec["updateStrategy"] = {**spec["updateStrategy"], "rollingUpdate": kept}
    _WORKLOAD(obj, old)


def claim(obj: Obj, old: Obj | None) -> None:
    """CrossNamespaceVolumeDataSource: a reference to another namespace goes as a whole."""
    spec = obj.get("spec") or {}
    used = ((old or {}).get("spec") or {}).get("dataSourceRef") is not None
    if (spec.get("dataSourceRef") or {}).get("namespace") and not used:
        del spec["dataSourceRef"]


def _spec_fields(*fields: str) -> Drop:
    """Plain fields of the spec."""

    def drop(obj: Obj, old: Obj | None) -> None:
        spec = obj.get("spec") or {}
        before = (old or {}).get("spec") or {}
        for field in fields:
            if field in spec and before.get(field) is None:
                del spec[field]

    return drop


def resource_slice(obj: Obj, old: Obj | None) -> None:
    """DRANodeAllocatableResources and DRAListTypeAttributes."""
    devices = (obj.get("spec") or {}).get("devices") or []
    before = ((old or {}).get("spec") or {}).get("devices") or []
    mappings = any(device.get("nodeAllocatableResourceMappings") for device in before)
    lists = any(
        field in attribute
        for device in before
        for attribute in (device.get("attributes") or {}).values()
        for field in _LISTS
    )
    for position, device in enumerate(devices):
        changed = device if mappings else _without(device, ("nodeAllocatableResourceMappings",))
        attributes = changed.get("attributes")
        if attributes and not lists:
            bare = {name: _without(value, _LISTS) for name, value in attributes.items()}
            changed = {**changed, "attributes": bare}
        devices[position] = changed


_WORKLOAD = _template("spec", "template", "spec")
_DROPS: dict[tuple[str, str], Drop] = {
    ("", "persistentvolumeclaims"): claim,
    ("", "pods"): pod,
    ("", "podtemplates"): _template("template", "spec"),
    ("", "replicationcontrollers"): _WORKLOAD,
    ("apps", "daemonsets"): _WORKLOAD,
    ("apps", "deployments"): _WORKLOAD,
    ("apps", "replicasets"): _WORKLOAD,
    ("apps", "statefulsets"): stateful_set,
    ("batch", "cronjobs"): _template("spec", "jobTemplate", "spec", "template", "spec"),
    ("batch", "jobs"): _WORKLOAD,
    ("coordination.k8s.io", "leases"): _spec_fields("strategy", "preferredHolder"),
    ("resource.k8s.io", "resourceslices"): resource_slice,
    ("storage.k8s.io", "csidrivers"): _spec_fields("preventPodSchedulingIfMissing"),
}


def drop(group: str, plural: str) -> Drop | None:
    """What drops the gated fields of a resource's objects."""
    return _DROPS.get((group, plural))
