"""Validation of services: ports, addresses, families, traffic policies.

Called through the registry. Node ports and addresses that are taken are the allocators' business, not ours.
Source: pkg/apis/core/validation (validateService, ValidateServiceUpdate).
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, duplicate, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.endpoint_address import endpoint_ip
from kubekit.apiserver.validation.numbers import (
    dns1123_label,
    dns1123_subdomain,
    port_number_or_name,
    qualified_name,
)
from kubekit.apiserver.validation.object_meta import (
    METADATA,
    label_name,
    validate_labels,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.paths import legacy_cidr, legacy_ip, parse_sloppy

SPEC = Path("spec")
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_FAMILIES = ("IPv4", "IPv6")
_FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_ONCE = "may not change once set"
_HINTS = "service.kubernetes.io/topology-aware-hints"
_MODE = "service.kubernetes.io/topology-mode"
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_LB_ONLY = "may only be used when `type` is 'LoadBalancer'"


def is_headless(spec: Obj) -> bool:
    """Whether the service has no address on purpose."""
    return spec.get("clusterIPs") == ["None"]


def _accessible(spec: Obj) -> bool:
    kind = spec.get("type")
    return kind in ("LoadBalancer", "NodePort") or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


def _needs_health_check(spec: Obj) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _port(port: Obj, need_name: bool, names: set[str], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    name = port.get("name", "")
    if name:
        errors += dns1123_label(name, path.child("name"))
        if name in names:
            errors.append(duplicate(path.child("name"), name))
        names.add(name)
    elif need_name:
        errors.append(required(path.child("name")))
    number = port.get("port", 0)
    errors += [invalid(path.child("port"), number, text) for text in formats.port_number(number)]
    protocol = port.get("protocol", "")
    if not protocol:
        errors.append(required(path.child("protocol")))
    elif protocol not in ("SCTP", "TCP", "UDP"):
        errors.append(not_supported(path.child("protocol"), protocol, ("SCTP", "TCP", "UDP")))
    errors += port_number_or_name(port.get("targetPort", 0), path.child("targetPort"))
    if port.get("appProtocol") is not None:
        errors += qualified_name(port["appProtocol"], path.child("appProtocol"))
    return errors


def _type_rules(spec: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = spec.get("type", "")
    if kind in ("LoadBalancer", "NodePort") and is_headless(spec):
        text = f"may not be set to 'None' for {kind} services"
        errors.append(invalid(SPEC.child("clusterIPs").index(0), "None", text))
    if kind == "ExternalName":
        for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if spec.get(field):
                errors.append(forbidden(SPEC.child(field), "may not be set for ExternalName services"))
        name = spec.get("externalName", "").removesuffix(".")
        at = SPEC.child("externalName")
        errors += dns1123_subdomain(name, at) if name else [required(at)]
    return errors


def _affinity(spec: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    affinity, config = spec.get("sessionAffinity", ""), spec.get("sessionAffinityConfig")
    if not affinity:
        errors.append(required(SPEC.child("sessionAffinity")))
    elif affinity not in ("ClientIP", "None"):
        errors.append(not_supported(SPEC.child("sessionAffinity"), affinity, ("ClientIP", "None")))
    at = SPEC.child("sessionAffinityConfig")
    if affinity == "ClientIP":
        text = "when session affinity type is ClientIP"
        if config is None:
            return [*errors, required(at, text)]
        if config.get("clientIP") is None:
            return [*errors, required(at.child("clientIP"), text)]
        seconds = config["clientIP"].get("timeoutSeconds")
        place = at.child("clientIP", "timeoutSeconds")
        if seconds is None:
            errors.append(required(place, text))
        elif not 0 < seconds <= 86400:
            errors.append(invalid(place, seconds, "must be greater than 0 and less than 86400"))
    elif affinity == "None" and config is not None:
        errors.append(forbidden(at, "must not be set when session affinity is None"))
    return errors


def cluster_ip_problems(obj: Obj, old: Obj | None = None) -> list[FieldError]:
    """What contradicts itself in cluster addresses and families; also asked before allocation."""
    spec = obj.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return []
    errors: list[FieldError] = []
    at = SPEC.child("clusterIPs")
    first, ips, families = (
        spec.get("clusterIP", ""),
        spec.get("clusterIPs") or [],
        spec.get("ipFamilies") or [],
    )
    if first:
        if not ips:
            errors.append(required(at))
        elif ips[0] != first:
            errors.append(invalid(at, ips, "first value must match `clusterIP`"))
    elif ips:
        errors.append(invalid(at, ips, "must be empty when `clusterIP` is not specified"))
    for position, family in enumerate(families):
        place = SPEC.child("ipFamilies").index(position)
        if family not in _FAMILIES:
            errors.append(not_supported(place, family, _FAMILIES))
        if family in families[:position]:
            errors.append(duplicate(place, family))
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in _FAMILY_POLICIES:
        errors.append(not_supported(SPEC.child("ipFamilyPolicy"), policy, _FAMILY_POLICIES))
    wrong = False
    for position, ip in enumerate(ips):
        if position == 0 and ip == "None":
            if len(ips) > 1:
                wrong = True
                errors.append(invalid(at, ips, "'None' must be the first and only value"))
            continue
        found = legacy_ip(ip, at.index(position))
        wrong = wrong or bool(found)
        errors += found
    if len(ips) > 2:
        errors.append(invalid(at, ips, "may only hold up to 2 values"))
    if wrong:
        return errors
    versions = [address.version for ip in ips if (address := parse_sloppy(ip)) is not None]
    if len(ips) > 1 and len(set(versions)) < 2:
        errors.append(invalid(at, ips, "may specify no more than one IP for each IP family"))
    if not is_headless(spec):
        for position, (ip, family) in enumerate(zip(ips, families)):
            if f"IPv{versions[position]}" != family and family in _FAMILIES:
                text = f"expected an {family} value as indicated by `ipFamilies[{position}]`"
                errors.append(invalid(at.index(position), ip, text))
    return errors


def _duplicate_ports(ports: list[Obj], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[tuple[str, int]] = set()
    for position, port in enumerate(ports):
        key = (port.get("protocol", ""), port.get("nodePort", 0))
        if key[1]:
            if key in seen:
                errors.append(duplicate(path.index(position).child("nodePort"), key[1]))
            seen.add(key)
    seen = set()
    for position, port in enumerate(ports):
        key = (port.get("protocol", ""), port.get("port", 0))
        if key in seen:
            shown = {
                "Name": "",
                "Protocol": key[0],
                "AppProtocol": None,
                "Port": key[1],
                "TargetPort": 0,
                "NodePort": 0,
            }
            errors.append(duplicate(path.index(position), shown))
        seen.add(key)
    return errors


def _source_ranges(obj: Obj) -> list[FieldError]:
    spec = obj["spec"]
    balanced = spec.get("type") == "LoadBalancer"
    annotation = (obj["metadata"].get("annotations") or {}).get(_RANGES)
    if spec.get("loadBalancerSourceRanges"):
        at = SPEC.child("LoadBalancerSourceRanges")
        errors = [] if balanced else [forbidden(at, _LB_ONLY)]
        for position, text in enumerate(spec["loadBalancerSourceRanges"]):
            errors += legacy_cidr(text.strip(), at.index(position))
        return errors
    if annotation is None:
        return []
    at = METADATA.child("annotations").key(_RANGES)
    errors = [] if balanced else [forbidden(at, _LB_ONLY)]
    for text in annotation.strip().split(",") if annotation.strip() else ():
        errors += legacy_cidr(text.strip(), at)
    return errors


def _traffic(spec: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    kind, policy, port = (
        spec.get("type"),
        spec.get("externalTrafficPolicy", ""),
        spec.get("healthCheckNodePort", 0),
    )
    at = SPEC.child("externalTrafficPolicy")
    if not _accessible(spec):
        if policy:
            errors.append(invalid(at, policy, "may only be set for externally-accessible services"))
    elif not policy:
        errors.append(required(at))
    elif policy not in ("Cluster", "Local"):
        errors.append(not_supported(at, policy, ("Cluster", "Local")))
    at = SPEC.child("healthCheckNodePort")
    if not _needs_health_check(spec):
        if port:
            text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
            errors.append(invalid(at, port, text))
    elif port:
        errors += [invalid(at, port, text) for text in formats.port_number(port)]
    inner = spec.get("internalTrafficPolicy")
    if inner is None and kind in ("NodePort", "LoadBalancer", "ClusterIP"):
        errors.append(required(SPEC.child("internalTrafficPolicy")))
    if inner is not None and inner not in ("Cluster", "Local"):
        errors.append(not_supported(SPEC.child("internalTrafficPolicy"), inner, ("Cluster", "Local")))
    distribution = spec.get("trafficDistribution")
    values = ("PreferClose", "PreferSameZone", "PreferSameNode")
    if distribution is not None and distribution not in values:
        errors.append(not_supported(SPEC.child("trafficDistribution"), distribution, values))
    return errors


def _class(spec: Obj) -> list[FieldError]:
    name = spec.get("loadBalancerClass")
    if name is None:
        return []
    at = SPEC.child("loadBalancerClass")
    return qualified_name(name, at) if spec.get("type") == "LoadBalancer" else [forbidden(at, _LB_ONLY)]


def _service(obj: Obj) -> list[FieldError]:
    spec = obj.get("spec") or {}
    annotations = obj["metadata"].get("annotations") or {}
    errors: list[FieldError] = []
    if _MODE in annotations and _HINTS in annotations and annotations[_MODE] != annotations[_HINTS]:
        text = f"must match annotations[{_HINTS}] when both are specified"
        errors.append(invalid(METADATA.child("annotations").key(_MODE), annotations[_MODE], text))
    kind, ports = spec.get("type", ""), spec.get("ports") or []
    if not ports and not is_headless(spec) and kind != "ExternalName":
        errors.append(required(SPEC.child("ports")))
    errors += _type_rules(spec)
    names: set[str] = set()
    at = SPEC.child("ports")
    for position, port in enumerate(ports):
        errors += _port(port, len(ports) > 1, names, at.index(position))
    if spec.get("selector"):
        errors += validate_labels(spec["selector"], SPEC.child("selector"))
    errors += _affinity(spec) + cluster_ip_problems(obj)
    for position, ip in enumerate(spec.get("externalIPs") or ()):
        place = SPEC.child("externalIPs").index(position)
        errors += legacy_ip(ip, place) or endpoint_ip(ip, place)
    if not kind:
        errors.append(required(SPEC.child("type")))
    elif kind not in _TYPES:
        errors.append(not_supported(SPEC.child("type"), kind, _TYPES))
    if kind == "ClusterIP":
        for position, port in enumerate(ports):
            if port.get("nodePort"):
                text = "may not be used when `type` is 'ClusterIP'"
                errors.append(forbidden(at.index(position).child("nodePort"), text))
    errors += _duplicate_ports(ports, at) + _source_ranges(obj)
    allocate = spec.get("allocateLoadBalancerNodePorts")
    if allocate is not None and kind != "LoadBalancer":
        errors.append(forbidden(SPEC.child("allocateLoadBalancerNodePorts"), _LB_ONLY))
    if allocate is None and kind == "LoadBalancer":
        errors.append(required("allocateLoadBalancerNodePorts"))
    return errors + _class(spec) + _traffic(spec)


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new service."""
    return validate_object_meta(obj["metadata"], True, label_name) + _service(obj)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed service."""
    from kubekit.apiserver.validation import service_update

    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    if subresource == "status":
        return errors + service_update.load_balancer_status(obj)
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    errors += service_update.changed_addresses(spec, before)
    if spec.get("type") == before.get("type") == "LoadBalancer":
        name = spec.get("loadBalancerClass")
        if name != before.get("loadBalancerClass"):
            errors.append(invalid(SPEC.child("loadBalancerClass"), name, _ONCE))
    errors += _class(spec)
    changed = spec.get("healthCheckNodePort", 0) != before.get("healthCheckNodePort", 0)
    if changed and _needs_health_check(spec) and _needs_health_check(before):
        errors.append(forbidden(SPEC.child("healthCheckNodePort"), "field is immutable"))
    return errors + _service(obj)
