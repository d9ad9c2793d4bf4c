"""Warnings: what the server accepts but tells the client to change.

Called on create and update through `warnings_for`; `pod_warnings` has those of pods and templates. A
warning never depends on other objects.
Source: pkg/api/service/warnings.go, pkg/registry/*/strategy.go (WarningsOnCreate, WarningsOnUpdate).
"""

from __future__ import annotations

import base64

from kubekit.api.field_path import Path, go_quote
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.pod_warnings import address_warnings, pod_warnings

_TEMPLATES = {
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "ReplicationController": ("spec", "template"),
    "PodTemplate": ("template",),
}


def _service(obj: Obj) -> list[str]:
    spec = obj.get("spec") or {}
    found: list[str] = []
    if "service.kubernetes.io/topology-aware-hints" in (obj["metadata"].get("annotations") or {}):
        found.append(
            "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use "
            "service.kubernetes.io/topology-mode instead"
        )
    external, kind = spec.get("externalIPs") or [], spec.get("type")
    headless = kind == "ClusterIP" and spec.get("clusterIP") == "None"
    if not headless:
        for position, ip in enumerate(spec.get("clusterIPs") or ()):
            found += address_warnings(Path("spec").child("clusterIPs").index(position), ip)
    if headless:
        if spec.get("loadBalancerIP"):
            found.append("spec.loadBalancerIP is ignored for headless services")
        if external:
            found.append("spec.externalIPs is ignored for headless services")
        if spec.get("sessionAffinity") != "None":
            found.append("spec.SessionAffinity is ignored for headless services")
    for position, ip in enumerate(external):
        found += address_warnings(Path("spec").child("externalIPs").index(position), ip)
    if external and not headless and kind != "ExternalName":
        found.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.get("loadBalancerIP"):
        found += address_warnings(Path("spec").child("loadBalancerIP"), spec["loadBalancerIP"])
    if kind == "ExternalName" and external:
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if kind != "ExternalName" and spec.get("externalName"):
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found


def _secret(obj: Obj) -> list[str]:
    if obj.get("type") != "kubernetes.io/tls":
        return []
    data = obj.get("data") or {}
    certificate = base64.b64decode(data.get("tls.crt") or "")
    if b"-----BEGIN" not in certificate:
        return ["tls: failed to find any PEM data in certificate input"]
    key = base64.b64decode(data.get("tls.key") or "")
    return [] if b"-----BEGIN" in key else ["tls: failed to find any PEM data in key input"]


def _storage_requests(spec: Obj, path: str) -> list[str]:
    from kubekit.api.quantity import parse

    text = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if text is None or parse(text).milli_value() % 1000 == 0:
        return []
    shown = go_quote(str(parse(text)))
    return [
        f"{path}.resources.requests[storage]: fractional byte value {shown} is invalid, must be an integer"
    ]


def warnings_for(obj: Obj, old: Obj | None = None) -> list[str]:
    """The texts for the Warning headers."""
    kind = obj.get("kind", "")
    if kind == "Pod":
        return pod_warnings(obj, "") if old is None else []
    if kind == "Service":
        return _service(obj)
    if kind == "Secret":
        return _secret(obj)
    if kind == "PersistentVolumeClaim":
        return _storage_requests(obj.get("spec") or {}, "spec")
    steps = _TEMPLATES.get(kind)
    if steps is None:
        return []
    found: list[str] = []
    changed = old is None or obj["metadata"].get("generation") != old["metadata"].get("generation")
    if changed:
        template: Obj = obj
        for step in steps:
            template = template.get(step) or {}
        found += pod_warnings(template, ".".join(steps))
    spec = obj.get("spec") or {}
    if kind == "StatefulSet":
        for position, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
            place = f"spec.volumeClaimTemplates[{position}]" + ("" if old is None else ".Spec")
            found += _storage_requests(claim.get("spec") or {}, place)
        if (spec.get("revisionHistoryLimit") or 0) < 0:
            found.append(
                "spec.revisionHistoryLimit: a negative value retains all historical revisions; "
                "a value >= 0 is recommended"
            )
    return found
