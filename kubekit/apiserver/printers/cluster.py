"""Tables of nodes, namespaces, events and the small core kinds (secrets, config maps, quotas, ...).

Source: pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.duration import since
from kubekit.api.exchange import Obj
from kubekit.apiserver.printers.cells import age, first, name, section
from kubekit.apiserver.printers.columns import AGE, NAME, Column, register

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"


def node_roles(node: Obj) -> list[str]:
    """The roles that a node's labels name, sorted."""
    roles = set()
    for key, value in (section(node, "metadata").get("labels") or {}).items():
        if key.startswith(_ROLE_PREFIX) and len(key) > len(_ROLE_PREFIX):
            roles.add(key.removeprefix(_ROLE_PREFIX))
        elif key == _ROLE_LABEL and value:
            roles.add(value)
    return sorted(roles)


def _address(node: Obj, kind: str) -> str:
    for address in section(node, "status").get("addresses") or []:
        if address.get("type") == kind:
            return str(address.get("address", ""))
    return "<none>"


def _node_status(obj: Obj) -> str:
    ready = [c for c in section(obj, "status").get("conditions") or [] if c.get("type") == "Ready"]
    status = "Unknown" if not ready else "Ready" if ready[-1].get("status") == "True" else "NotReady"
    return status + (",SchedulingDisabled" if section(obj, "spec").get("unschedulable") else "")


@register(
    "",
    "Node",
    NAME,
    Column("Status", text="The status of the node"),
    Column("Roles", text="The roles of the node"),
    AGE,
    Column("Version", doc="core_v1.NodeSystemInfo.kubeletVersion"),
    Column("Internal-IP", doc="core_v1.NodeStatus.addresses", wide=True),
    Column("External-IP", doc="core_v1.NodeStatus.addresses", wide=True),
    Column("OS-Image", doc="core_v1.NodeSystemInfo.osImage", wide=True),
    Column("Kernel-Version", doc="core_v1.NodeSystemInfo.kernelVersion", wide=True),
    Column("Container-Runtime", doc="core_v1.NodeSystemInfo.containerRuntimeVersion", wide=True),
)
def node(obj: Obj, now: float) -> list[Any]:
    """A node's row."""
    info = section(obj, "status", "nodeInfo")
    kernel = info.get("kernelVersion") or "<unknown>"
    if info.get("architecture"):
        kernel += f" ({info['architecture']})"
    return [
        name(obj),
        _node_status(obj),
        ",".join(node_roles(obj)) or "<none>",
        age(obj, now),
        info.get("kubeletVersion", ""),
        _address(obj, "InternalIP"),
        _address(obj, "ExternalIP"),
        info.get("osImage") or "<unknown>",
        kernel,
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


@register("", "Namespace", NAME, Column("Status", text="The status of the namespace"), AGE)
def namespace(obj: Obj, now: float) -> list[Any]:
    """A namespace's row."""
    return [name(obj), section(obj, "status").get("phase", ""), age(obj, now)]


_EVENT_COLUMNS = (
    Column("Last Seen", doc="core_v1.Event.lastTimestamp"),
    Column("Type", doc="core_v1.Event.type"),
    Column("Reason", doc="core_v1.Event.reason"),
    Column("Object", doc="core_v1.Event.involvedObject"),
    Column("Subobject", doc="core_v1.ObjectReference.fieldPath", wide=True),
    Column("Source", doc="core_v1.Event.source", wide=True),
    Column("Message", doc="core_v1.Event.message"),
    Column("First Seen", doc="core_v1.Event.firstTimestamp", wide=True),
    Column("Count", doc="core_v1.Event.count", wide=True),
    Column("Name", doc="meta_v1.ObjectMeta.name", format="name", wide=True),
)


@register("events.k8s.io", "Event", *_EVENT_COLUMNS)
@register("", "Event", *_EVENT_COLUMNS)
def event(obj: Obj, now: float) -> list[Any]:
    """An event's row; reads both spellings (v1 and events.k8s.io/v1)."""
    target = obj.get("involvedObject") or obj.get("regarding") or {}
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    series = obj.get("series")
    first_seen = since(
        obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp") or obj.get("eventTime"), now
    )
    last = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp")
    last_seen = since(last, now) if last else first_seen
    count = int(obj.get("count") or obj.get("deprecatedCount") or 0) or 1
    if series:
        last_seen, count = since(series.get("lastObservedTime"), now), int(series.get("count") or 0)
    kind, target_name = str(target.get("kind", "")).lower(), target.get("name", "")
    component = first(source.get("component"), obj.get("reportingComponent"), obj.get("reportingController"))
    host = first(source.get("host"), obj.get("reportingInstance"))
    return [
        last_seen,
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{kind}/{target_name}" if target_name else kind,
        target.get("fieldPath", ""),
        f"{component}, {host}" if host else component,
        str(first(obj.get("message"), obj.get("note"))).strip(),
        first_seen,
        count,
        name(obj),
    ]


@register(
    "",
    "Secret",
    NAME,
    Column("Type", doc="core_v1.Secret.type"),
    Column("Data", doc="core_v1.Secret.data"),
    AGE,
)
def secret(obj: Obj, now: float) -> list[Any]:
    """A secret's row."""
    return [name(obj), obj.get("type", ""), len(obj.get("data") or {}), age(obj, now)]


@register("", "ConfigMap", NAME, Column("Data", doc="core_v1.ConfigMap.data"), AGE)
def config_map(obj: Obj, now: float) -> list[Any]:
    """A config map's row."""
    return [name(obj), len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), age(obj, now)]


@register("", "ServiceAccount", NAME, AGE)
@register("resource.k8s.io", "DeviceClass", NAME, AGE)
@register("resource.k8s.io", "ResourceClaimTemplate", NAME, AGE)
@register("scheduling.k8s.io", "Workload", NAME, AGE)
def name_and_age(obj: Obj, now: float) -> list[Any]:
    """A row of kinds that show nothing but name and age."""
    return [name(obj), age(obj, now)]


@register(
    "",
    "ComponentStatus",
    NAME,
    Column("Status", text="Status of the component conditions"),
    Column("Message", text="Message of the component conditions"),
    Column("Error", text="Error of the component conditions"),
)
def component_status(obj: Obj, now: float) -> list[Any]:
    """A component status' row."""
    for condition in obj.get("conditions") or []:
        if condition.get("type") == "Healthy":
            healthy = "Healthy" if condition.get("status") == "True" else "Unhealthy"
            return [name(obj), healthy, condition.get("message", ""), condition.get("error", "")]
    return [name(obj), "Unknown", "", ""]


@register(
    "",
    "ResourceQuota",
    NAME,
    Column(
        "Request",
        text="Request represents a minimum amount of cpu/memory that a container may consume.",
    ),
    Column(
        "Limit",
        text="Limits control the maximum amount of cpu/memory that a container may use independent of"
        " contention on the node.",
    ),
    AGE,
)
def resource_quota(obj: Obj, now: float) -> list[Any]:
    """A quota's row: what is used of what is allowed, limits in a column of their own."""
    status = section(obj, "status")
    hard, used = section(status, "hard"), section(status, "used")
    shown: dict[bool, list[str]] = {True: [], False: []}
    for key in sorted(hard):
        shown[key.startswith("limits.")].append(f"{key}: {used.get(key, '0')}/{hard[key]}")
    return [name(obj), ", ".join(shown[False]), ", ".join(shown[True]), age(obj, now)]


@register(
    "", "LimitRange", NAME, Column("Created At", type="date", doc="meta_v1.ObjectMeta.creationTimestamp")
)
def limit_range(obj: Obj, now: float) -> list[Any]:
    """A limit range's row: it has no printer of its own, so the default one speaks."""
    return [name(obj), section(obj, "metadata").get("creationTimestamp") or "<unknown>"]
