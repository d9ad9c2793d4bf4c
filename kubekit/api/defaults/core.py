"""Defaults of the core group: pods, services, namespaces, nodes, volumes, configuration.

Called through `apply_defaults`; each function completes one kind in place.
Source: pkg/apis/core/v1/defaults.go, conversion.go (Secret.stringData, Node.podCIDR, Pod).
"""

from __future__ import annotations

import base64

from kubekit.api.defaults.pod_spec import claim_spec, pod_spec, resource_list, template, volume_source
from kubekit.api.meta import Obj
from kubekit.api.pod_resources import aggregate, pod_level_resource


def pod(obj: Obj) -> None:
    """Requests follow limits, host ports follow container ports on the host network.

    What the original does when it converts a pod to its internal form is here too.
    """
    spec = obj.setdefault("spec", {})
    for group in ("containers", "initContainers"):
        for container in spec.get(group) or ():
            resources = container.get("resources")
            if resources and (limits := resources.get("limits")):
                resources["requests"] = {**(resources.get("requests") or {})}
                for name, value in limits.items():
                    resources["requests"].setdefault(name, value)
    if spec.get("resources") is not None:
        _pod_level(spec)
    spec.setdefault("enableServiceLinks", True)
    if spec.get("hostNetwork"):
        for group in ("containers", "initContainers"):
            for container in spec.get(group) or ():
                for port in container.get("ports") or ():
                    if not port.get("hostPort") and port.get("containerPort"):
                        port["hostPort"] = port["containerPort"]
    pod_spec(spec)
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        spec["terminationGracePeriodSeconds"] = 1
    status = obj.get("status")
    if status:
        _addresses(status)


def _addresses(status: Obj) -> None:
    """podIP and the first of podIPs are one; podIP decides."""
    one, listed = status.get("podIP"), status.get("podIPs")
    if one and (not listed or listed[0].get("ip") != one):
        status["podIPs"] = [{"ip": one}]
    elif listed and not one:
        status["podIP"] = listed[0].get("ip", "")


def _pod_level(spec: Obj) -> None:
    """Pod-level huge page limits and requests that the containers imply."""
    resources = spec["resources"]
    if resources.get("limits") or resources.get("requests"):
        limits = dict(resources.get("limits") or {})
        for name, amount in aggregate(spec, "limits").items():
            if name.startswith("hugepages-") and name not in (resources.get("requests") or {}):
                limits.setdefault(name, str(amount))
        if limits:
            resources["limits"] = limits
    if resources.get("limits"):
        requests = dict(resources.get("requests") or {})
        for name, amount in aggregate(spec, "requests").items():
            if name in ("cpu", "memory"):
                requests.setdefault(name, str(amount))
        for name, text in resources["limits"].items():
            if pod_level_resource(name):
                requests.setdefault(name, text)
        if requests:
            resources["requests"] = requests


def pod_template(obj: Obj) -> None:
    """A PodTemplate object."""
    template(obj.setdefault("template", {}))


def replication_controller(obj: Obj) -> None:
    """One replica; selector and labels from the template."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels:
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        if not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = dict(labels)
    template(spec.get("template"))


def service(obj: Obj) -> None:
    """A ClusterIP service over TCP; target ports equal ports; traffic policies Cluster."""
    spec = obj.setdefault("spec", {})
    affinity = spec.setdefault("sessionAffinity", "None")
    if affinity == "None":
        spec.pop("sessionAffinityConfig", None)
    elif affinity == "ClientIP":
        client = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        if client.get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 10800}}
    kind = spec.setdefault("type", "ClusterIP")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (0, "", None):
            port["targetPort"] = port.get("port", 0)
    external = kind in ("LoadBalancer", "NodePort") or (kind == "ClusterIP" and spec.get("externalIPs"))
    if external:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind in ("NodePort", "LoadBalancer", "ClusterIP"):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
        for ingress in ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ():
            if ingress.get("ip"):
                ingress.setdefault("ipMode", "VIP")


def endpoints(obj: Obj) -> None:
    """Ports are TCP."""
    for subset in obj.get("subsets") or ():
        for port in subset.get("ports") or ():
            port.setdefault("protocol", "TCP")


def namespace(obj: Obj) -> None:
    """Every namespace carries its name as a label and is active."""
    meta = obj["metadata"]
    if meta.get("name"):
        meta["labels"] = {**(meta.get("labels") or {}), "kubernetes.io/metadata.name": meta["name"]}
    obj.setdefault("status", {}).setdefault("phase", "Active")


def node(obj: Obj) -> None:
    """What can be allocated is the capacity unless said otherwise."""
    status = obj.get("status")
    if status:
        if status.get("capacity") and status.get("allocatable") is None:
            status["allocatable"] = dict(status["capacity"])
        resource_list(status.get("capacity"))
        resource_list(status.get("allocatable"))
    spec = obj.get("spec")
    if spec:
        if spec.get("podCIDR") and spec["podCIDR"] not in (spec.get("podCIDRs") or ())[:1]:
            spec["podCIDRs"] = [spec["podCIDR"]]
        elif spec.get("podCIDRs") and not spec.get("podCIDR"):
            spec["podCIDR"] = spec["podCIDRs"][0]


def secret(obj: Obj) -> None:
    """Opaque by default; stringData is written into data."""
    obj.setdefault("type", "Opaque")
    text = obj.pop("stringData", None)
    if text:
        data = obj.setdefault("data", {})
        for key, value in text.items():
            data[key] = base64.b64encode(value.encode()).decode()


def persistent_volume(obj: Obj) -> None:
    """Pending, kept after release, with a file system."""
    obj.setdefault("status", {}).setdefault("phase", "Pending")
    spec = obj.setdefault("spec", {})
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    resource_list(spec.get("capacity"))
    volume_source(spec)


def persistent_volume_claim(obj: Obj) -> None:
    """Pending, with a file system."""
    status = obj.setdefault("status", {})
    status.setdefault("phase", "Pending")
    claim_spec(obj.setdefault("spec", {}))
    resource_list(status.get("capacity"))
    resource_list(status.get("allocatedResources"))


def limit_range(obj: Obj) -> None:
    """For containers: the limit from the maximum, the request from the limit or the minimum."""
    for item in (obj.get("spec") or {}).get("limits") or ():
        if item.get("type") == "Container":
            default = {**(item.get("default") or {})}
            request = {**(item.get("defaultRequest") or {})}
            for name, value in (item.get("max") or {}).items():
                default.setdefault(name, value)
            for name, value in [*default.items(), *(item.get("min") or {}).items()]:
                request.setdefault(name, value)
            if default:
                item["default"] = default
            if request:
                item["defaultRequest"] = request
        for listed in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
            resource_list(item.get(listed))


def resource_quota(obj: Obj) -> None:
    """Amounts are rounded up to thousandths."""
    resource_list((obj.get("spec") or {}).get("hard"))
    resource_list((obj.get("status") or {}).get("hard"))
    resource_list((obj.get("status") or {}).get("used"))


DEFAULTS = {
    "Pod": pod,
    "PodTemplate": pod_template,
    "ReplicationController": replication_controller,
    "Service": service,
    "Endpoints": endpoints,
    "Namespace": namespace,
    "Node": node,
    "Secret": secret,
    "PersistentVolume": persistent_volume,
    "PersistentVolumeClaim": persistent_volume_claim,
    "LimitRange": limit_range,
    "ResourceQuota": resource_quota,
}
