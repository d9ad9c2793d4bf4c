"""Warnings about the kinds that hold no pods: deprecated fields, odd addresses, amounts that make no sense.

`KINDS` gives each kind's function of (object, object before or None). Source: WarningsOnCreate and
WarningsOnUpdate of pkg/registry/*/strategy.go; pkg/api/{persistentvolume,persistentvolumeclaim,storage,node}.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from kubekit.api.field_path import Path, go_quote
from kubekit.api.meta import Obj
from kubekit.api.quantity import parse
from kubekit.apiserver.validation.address_warnings import address_warnings, network_warnings
from kubekit.apiserver.validation.pod_warnings import (
    LABELS,
    VOLUMES,
    selector_term_warnings,
    storage_amounts,
)

_STATIC = ".static.k8s.io"
_CLASS = "volume.beta.kubernetes.io/storage-class"
_CLASS_FIELD = 'deprecated since v1.8; use "storageClassName" attribute instead'
_OPTIONS = "volume.beta.kubernetes.io/mount-options"
_MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"
_INGRESS_CLASS = "kubernetes.io/ingress.class"
_CONTROLLED = {
    "endpoints.kubernetes.io/managed-by": ("endpoint-controller",),
    "endpointslice.kubernetes.io/managed-by": (
        "endpointslice-controller.k8s.io",
        "endpointslicemirroring-controller.k8s.io",
    ),
}
_QUOTED = ("cpu", "memory", "storage", "ephemeral-storage")
_TOKENS = (
    "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent "
    "possible logging of tokens in volume attributes"
)
_VOLUME_ORDER = ("cephfs", "photonPersistentDisk", "scaleIO", "storageos", "glusterfs", "rbd")


def _controlled(obj: Obj) -> bool:
    labels = obj["metadata"].get("labels") or {}
    return any(labels.get(key) in names for key, names in _CONTROLLED.items())


def endpoints(obj: Obj, old: Obj | None) -> list[str]:
    """Addresses."""
    found: list[str] = []
    if _controlled(obj):
        return found
    for position, subset in enumerate(obj.get("subsets") or ()):
        for field in ("addresses", "notReadyAddresses"):
            for number, address in enumerate(subset.get(field) or ()):
                place = f"subsets[{position}].{field}[{number}].ip"
                found += address_warnings(place, address.get("ip", ""))
    return found


def endpoint_slice(obj: Obj, old: Obj | None) -> list[str]:
    """Addresses; names as addresses are deprecated."""
    found = []
    if old is None and obj.get("addressType") == "FQDN":
        found.append("spec.addressType: FQDN endpoints are deprecated")
    if not _controlled(obj):
        for position, endpoint in enumerate(obj.get("endpoints") or ()):
            for number, address in enumerate(endpoint.get("addresses") or ()):
                found += address_warnings(f"endpoints[{position}].addresses[{number}]", address)
    return found


def network_policy(obj: Obj, old: Obj | None) -> list[str]:
    """Networks."""
    found: list[str] = []
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for position, rule in enumerate((obj.get("spec") or {}).get(direction) or ()):
            for number, peer in enumerate(rule.get(side) or ()):
                block = peer.get("ipBlock")
                if block is not None:
                    place = f"spec.{direction}[{position}].{side}[{number}].ipBlock"
                    found += network_warnings(f"{place}.cidr", block.get("cidr", ""))
                    for index, one in enumerate(block.get("except") or ()):
                        found += network_warnings(f"{place}.except[{index}]", one)
    return found


def ingress(obj: Obj, old: Obj | None) -> list[str]:
    """The class of old."""
    annotated = _INGRESS_CLASS in (obj["metadata"].get("annotations") or {})
    if old is None and annotated and (obj.get("spec") or {}).get("ingressClassName") is None:
        return [
            f"annotation {go_quote(_INGRESS_CLASS)} is deprecated, please use 'spec.ingressClassName' instead"
        ]
    return []


def node(obj: Obj, old: Obj | None) -> list[str]:
    """Removed fields; pod networks."""
    spec, found = obj.get("spec") or {}, []
    if spec.get("configSource") is not None:
        found.append("spec.configSource: the feature is removed")
    if spec.get("externalID"):
        found.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    for position, network in enumerate(spec.get("podCIDRs") or ()):
        found += network_warnings(f"spec.podCIDRs[{position}]", network)
    return found


def persistent_volume(obj: Obj, old: Obj | None) -> list[str]:
    """Old annotations, policies, labels and plugins."""
    spec, found = obj.get("spec") or {}, []
    annotations = obj["metadata"].get("annotations") or {}
    if _CLASS in annotations:
        found.append(f"metadata.annotations[{_CLASS}]: {_CLASS_FIELD}")
    if _OPTIONS in annotations:
        text = 'deprecated since v1.31; use "mountOptions" attribute instead'
        found.append(f"metadata.annotations[{_OPTIONS}]: {text}")
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        found.append(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the "
            "recommended approach is to use dynamic provisioning."
        )
    required = (spec.get("nodeAffinity") or {}).get("required") or {}
    for position, term in enumerate(required.get("nodeSelectorTerms") or ()):
        place = f"spec.nodeAffinity.required.nodeSelectorTerms[{position}]"
        found += selector_term_warnings(term, place)
    for field in _VOLUME_ORDER:
        if spec.get(field) is not None:
            shown, text = VOLUMES[field]
            found.append(f"spec.{shown}: {text}")
    return found


def claim(obj: Obj, old: Obj | None) -> list[str]:
    """The class of old; fractions of bytes."""
    found = []
    if _CLASS in (obj["metadata"].get("annotations") or {}):
        found.append(f"metadata.annotations[{_CLASS}]: {_CLASS_FIELD}")
    return found + storage_amounts(obj.get("spec") or {}, "spec")


def storage_class(obj: Obj, old: Obj | None) -> list[str]:
    """Old labels in topologies."""
    return [
        f"allowedTopologies[{position}].matchLabelExpressions[{number}].key: {LABELS[need['key']]}"
        for position, term in enumerate(obj.get("allowedTopologies") or ())
        for number, need in enumerate(term.get("matchLabelExpressions") or ())
        if need.get("key") in LABELS
    ]


def storage_capacity(obj: Obj, old: Obj | None) -> list[str]:
    """Old labels in the topology."""
    selector = obj.get("nodeTopology") or {}
    found = selector_term_warnings(selector, "nodeTopology")
    for key in selector.get("matchLabels") or ():
        if key in LABELS:
            found.append(f"nodeTopology.matchLabels.{key}: {LABELS[key]}")
    return found


def csi_driver(obj: Obj, old: Obj | None) -> list[str]:
    """Tokens that may be logged."""
    spec = obj.get("spec") or {}
    requests = spec.get("tokenRequests")
    changed = old is None or requests != (old.get("spec") or {}).get("tokenRequests")
    return [_TOKENS] if requests and changed and spec.get("serviceAccountTokenInSecrets") is None else []


def runtime_class(obj: Obj, old: Obj | None) -> list[str]:
    """Old labels."""
    selector = (obj.get("scheduling") or {}).get("nodeSelector") or {}
    return [f"scheduling.nodeSelector: {LABELS[key]}" for key in selector if key in LABELS]


def resource_quota(obj: Obj, old: Obj | None) -> list[str]:
    """Requests above limits."""
    found: list[str] = []
    hard = (obj.get("spec") or {}).get("hard") or {}
    if old is not None:
        return found
    for name in _QUOTED:
        asked, limit = f"requests.{name}", f"limits.{name}"
        if asked not in hard and name in ("cpu", "memory"):
            asked = name
        if asked in hard and limit in hard and parse(hard[asked]) > parse(hard[limit]):
            found.append(
                f"ResourceQuota {asked} ({parse(hard[asked])}) should be less than "
                f"{limit} ({parse(hard[limit])})"
            )
    return found


def service_account(obj: Obj, old: Obj | None) -> list[str]:
    """The annotation that binds pods to their account's secrets, where it is new."""
    if _MOUNTABLE in (((old or {}).get("metadata") or {}).get("annotations") or {}):
        return []
    if _MOUNTABLE not in (obj["metadata"].get("annotations") or {}):
        return []
    text = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
    return [f"metadata.annotations[{_MOUNTABLE}]: {text}"]


def static_name(obj: Obj, old: Obj | None) -> list[str]:
    """Names of configurations that come from files."""
    if not obj["metadata"].get("name", "").endswith(_STATIC):
        return []
    return [
        f'metadata.name: names ending with "{_STATIC}" are reserved for static manifest-based configurations'
        " and cannot be managed via the API"
    ]


def resource_slice(obj: Obj, old: Obj | None) -> list[str]:
    """Drivers in capital letters."""
    driver = (obj.get("spec") or {}).get("driver", "")
    if driver == driver.lower():
        return []
    text = f"driver names should be lowercase; {go_quote(driver)} contains uppercase characters"
    return [f"spec.driver: {text}"]


def secret(obj: Obj, old: Obj | None) -> list[str]:
    """A certificate or key that is none."""
    if obj.get("type") != "kubernetes.io/tls":
        return []
    data = obj.get("data") or {}
    certificate = base64.b64decode(data.get("tls.crt") or "")
    if b"-----BEGIN" not in certificate:
        return ["tls: failed to find any PEM data in certificate input"]
    key = base64.b64decode(data.get("tls.key") or "")
    return [] if b"-----BEGIN" in key else ["tls: failed to find any PEM data in key input"]


def service(obj: Obj, old: Obj | None) -> list[str]:
    """Fields that mean nothing for the type; addresses."""
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
    for position, network in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        found += network_warnings(f"spec.loadBalancerSourceRanges[{position}]", network)
    if kind == "ExternalName" and external:
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if kind != "ExternalName" and spec.get("externalName"):
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found


KINDS: dict[str, Callable[[Obj, Obj | None], list[str]]] = {
    "CSIDriver": csi_driver,
    "CSIStorageCapacity": storage_capacity,
    "EndpointSlice": endpoint_slice,
    "Endpoints": endpoints,
    "Ingress": ingress,
    "MutatingAdmissionPolicy": static_name,
    "MutatingAdmissionPolicyBinding": static_name,
    "MutatingWebhookConfiguration": static_name,
    "NetworkPolicy": network_policy,
    "Node": node,
    "PersistentVolume": persistent_volume,
    "PersistentVolumeClaim": claim,
    "ResourceQuota": resource_quota,
    "ResourceSlice": resource_slice,
    "RuntimeClass": runtime_class,
    "Secret": secret,
    "Service": service,
    "ServiceAccount": service_account,
    "StorageClass": storage_class,
    "ValidatingAdmissionPolicy": static_name,
    "ValidatingAdmissionPolicyBinding": static_name,
    "ValidatingWebhookConfiguration": static_name,
}
