"""Validation of a pod spec, be it of a pod or of a template.

Called by `pod` and by `pod_template`; the pieces are in the neighbouring `pod_*` modules.
Source: pkg/apis/core/validation (ValidatePodSpec).
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import (
    FieldError,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
    too_long,
)
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.numbers import dns1123_label, dns1123_subdomain, qualified_name
from kubekit.apiserver.validation.object_meta import subdomain_name, validate_labels
from kubekit.apiserver.validation.paths import legacy_ip
from kubekit.apiserver.validation.pod_affinity import (
    validate_affinity,
    validate_tolerations,
    validate_topology_spread,
)
from kubekit.apiserver.validation.pod_amounts import pod_level, requirements
from kubekit.apiserver.validation.pod_containers import (
    Surroundings,
    validate_containers,
    validate_ephemeral_containers,
    validate_init_containers,
)
from kubekit.apiserver.validation.pod_security import operating_system, pod_context
from kubekit.apiserver.validation.pod_volumes import validate_volumes

_RESTART = ("Always", "OnFailure", "Never")
_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_GROUPS = ("initContainers", "containers", "ephemeralContainers")
_HOST_USERS = "when `hostUsers` is false"


def _choice(value: str, values: tuple[str, ...], path: Path) -> list[FieldError]:
    if value in values:
        return []
    return [not_supported(path, value, values)] if value else [required(path)]


def _resource_claims(claims: list[Obj], static: bool, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    names: set[str] = set()
    for position, claim in enumerate(claims):
        if static:
            errors.append(forbidden("", "static pods do not support resource claims"))
            continue
        at = path.index(position)
        name, one, two = (
            claim.get(key) for key in ("name", "resourceClaimName", "resourceClaimTemplateName")
        )
        if not name:
            errors.append(required(at.child("name")))
        elif name in names:
            errors.append(duplicate(at.child("name"), name))
        else:
            errors += dns1123_label(name, at.child("name"))
            names.add(name)
        shown = internal("core.PodResourceClaim", claim)
        if one is not None and two is not None:
            text = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            errors.append(invalid(at, shown, text))
        if one is None and two is None:
            text = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            errors.append(invalid(at, shown, text))
        for key, value in (("resourceClaimName", one), ("resourceClaimTemplateName", two)):
            if value is not None:
                errors += [invalid(at.child(key), value, text) for text in subdomain_name(value)]
    return errors


def _host_network(spec: Obj, is_pod: bool, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, container in enumerate(spec.get("containers") or ()):
        for number, port in enumerate(container.get("ports") or ()):
            host, own = port.get("hostPort", 0), port.get("containerPort", 0)
            if (is_pod or host) and host != own:
                at = path.child("containers").index(position).child("ports").index(number).child("hostPort")
                errors.append(invalid(at, host, "must match `containerPort` when `hostNetwork` is true"))
    return errors


def _dns_config(spec: Obj, path: Path) -> list[FieldError]:
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(path.child("nameservers"), text)]
    if config is None:
        return []
    errors: list[FieldError] = []
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    if len(servers) > 3:
        errors.append(invalid(path.child("nameservers"), servers, "must not have more than 3 nameservers"))
    for position, server in enumerate(servers):
        errors += legacy_ip(server, path.child("nameservers").index(position))
    if len(searches) > 32:
        errors.append(invalid(path.child("searches"), searches, "must not have more than 32 search paths"))
    if len(" ".join(searches)) > 2048:
        text = "must not have more than 2048 characters (including spaces) in the search list"
        errors.append(invalid(path.child("searches"), searches, text))
    for position, search in enumerate(searches):
        if search != ".":
            name, at = search.removesuffix("."), path.child("searches").index(position)
            errors += [invalid(at, name, text) for text in formats.dns1123_subdomain_with_underscore(name)]
    for position, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            errors.append(required(path.child("options").index(position), "must not be empty"))
    return errors


def _gates(spec: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, gate in enumerate(spec.get("readinessGates") or ()):
        at = path.child("readinessGates").index(position).child("conditionType")
        errors += qualified_name(gate.get("conditionType", ""), at)
    seen: set[str] = set()
    for position, gate in enumerate(spec.get("schedulingGates") or ()):
        at, name = path.child("schedulingGates").index(position), gate.get("name", "")
        errors += qualified_name(name, at)
        if name in seen:
            errors.append(duplicate(at, name))
        seen.add(name)
    return errors


def _host_process(spec: Obj, path: Path) -> list[FieldError]:
    """Windows HostProcess containers: all or none, and on the host network."""
    at_pod = ((spec.get("securityContext") or {}).get("windowsOptions") or {}).get("hostProcess")
    errors: list[FieldError] = []
    values: list[bool] = []
    for group in _GROUPS:
        for position, container in enumerate(spec.get(group) or ()):
            own = ((container.get("securityContext") or {}).get("windowsOptions") or {}).get("hostProcess")
            if at_pod is not None and own is not None and own != at_pod:
                place = (
                    path.child(group)
                    .index(position)
                    .child("securityContext", "windowsOptions", "hostProcess")
                )
                text = (
                    "pod hostProcess value must be identical if both are specified, was "
                    f"{str(at_pod).lower()}"
                )
                errors.append(invalid(place, own, text))
            values.append(bool(own if own is not None else at_pod))
    if any(values):
        if not all(values):
            text = (
                "If pod contains any hostProcess containers then all containers must be "
                "HostProcess containers"
            )
            errors.append(invalid(path, "", text))
        if not spec.get("hostNetwork"):
            text = "hostNetwork must be true if pod contains any hostProcess containers"
            errors.append(invalid(path.child("hostNetwork"), False, text))
    return errors


def _host_users(spec: Obj, path: Path) -> list[FieldError]:
    if spec.get("hostUsers") is not False:
        return []
    errors: list[FieldError] = []
    for field, shown in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
        if spec.get(field):
            errors.append(forbidden(path.child(shown), _HOST_USERS))
    for group in _GROUPS:
        for position, container in enumerate(spec.get(group) or ()):
            if container.get("volumeDevices"):
                errors.append(
                    forbidden(path.child(group).index(position).child("volumeDevices"), _HOST_USERS)
                )
    return errors


def _host_name(spec: Obj, path: Path) -> list[FieldError]:
    name = spec.get("hostnameOverride")
    if name is None:
        return []
    at = path.child("hostnameOverride")
    errors: list[FieldError] = []
    if spec.get("setHostnameAsFQDN"):
        errors.append(forbidden(at, "may not be specified when setHostnameAsFQDN is true"))
    if spec.get("hostNetwork"):
        errors.append(forbidden(at, "may not be specified when hostNetwork is true"))
    if len(name) > 64:
        errors.append(too_long(at, 64))
    return errors + dns1123_subdomain(name, at)


def _file_key_volumes(spec: Obj, path: Path) -> list[FieldError]:
    volumes: dict[str, Obj] | None = None
    errors: list[FieldError] = []
    for group in _GROUPS:
        for position, container in enumerate(spec.get(group) or ()):
            for number, variable in enumerate(container.get("env") or ()):
                source = variable.get("valueFrom")
                reference = source.get("fileKeyRef") if source else None
                if reference is None:
                    continue
                if volumes is None:
                    volumes = {one.get("name", ""): one for one in spec.get("volumes") or ()}
                at = path.child(group).index(position).child("env").index(number)
                at, name = at.child("valueFrom", "fileKeyRef", "volumeName"), reference.get("volumeName", "")
                if name not in volumes:
                    errors.append(not_found(at, name))
                elif volumes[name].get("emptyDir") is None:
                    errors.append(invalid(at, name, "referenced volume must be of type emptyDir"))
    return errors


def validate_pod_spec(spec: Obj, meta: Obj | None, path: Path, is_pod: bool) -> list[FieldError]:
    """Everything about a pod spec. `meta` is the pod's metadata, None in a template."""
    get = spec.get
    errors: list[FieldError] = []
    grace = get("terminationGracePeriodSeconds")
    if grace is None:
        errors.append(required(path.child("terminationGracePeriodSeconds")))
    meta = meta or {}
    volumes: dict[str, Obj] = {}
    if get("volumes"):
        volumes, errors_here = validate_volumes(
            spec["volumes"], meta.get("name", ""), path.child("volumes"), is_pod
        )
        errors += errors_here
    claims: frozenset[str] = frozenset()
    if listed := get("resourceClaims"):
        claims = frozenset(one["name"] for one in listed if one.get("name"))
        static = "kubernetes.io/config.mirror" in (meta.get("annotations") or {})
        errors += _resource_claims(listed, static, path.child("resourceClaims"))
    policy = get("restartPolicy", "")
    around = Surroundings(volumes, claims, grace, get("os"), policy, get("hostUsers") is not False)
    containers = get("containers") or []
    errors += validate_containers(containers, around, path.child("containers"))
    if init := get("initContainers"):
        errors += validate_init_containers(init, containers, around, path.child("initContainers"))
    if get("ephemeralContainers"):
        errors += validate_ephemeral_containers(spec, around, path.child("ephemeralContainers"))
    if get("resources") is not None:
        errors += pod_level(spec, claims, path)
    if get("hostNetwork"):
        errors += _host_network(spec, is_pod, path)
    if policy not in _RESTART:
        errors += _choice(policy, _RESTART, path.child("restartPolicy"))
    if get("dnsPolicy", "") not in _DNS:
        errors += _choice(get("dnsPolicy", ""), _DNS, path.child("dnsPolicy"))
    if get("nodeSelector"):
        errors += validate_labels(spec["nodeSelector"], path.child("nodeSelector"))
    if get("securityContext") or get("shareProcessNamespace"):
        errors += pod_context(spec, path)
    if get("affinity"):
        errors += validate_affinity(spec["affinity"], path.child("affinity"))
    if get("dnsConfig") is not None or get("dnsPolicy") == "None":
        errors += _dns_config(spec, path.child("dnsConfig"))
    if get("readinessGates") or get("schedulingGates"):
        errors += _gates(spec, path)
    if spread := get("topologySpreadConstraints"):
        errors += validate_topology_spread(spread, path.child("topologySpreadConstraints"))
    return errors + _rest(spec, path)


def _rest(spec: Obj, path: Path) -> list[FieldError]:
    """The second half of a pod spec: rare fields and names."""
    get = spec.get
    errors = _host_process(spec, path) + _host_users(spec, path) + _host_name(spec, path)
    for field in ("serviceAccountName", "nodeName"):
        if name := get(field):
            errors += [invalid(path.child(field), name, text) for text in subdomain_name(name)]
    deadline = get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline < 2**31:
        text = "must be between 1 and 2147483647, inclusive"
        errors.append(invalid(path.child("activeDeadlineSeconds"), deadline, text))
    for field in ("hostname", "subdomain"):
        if get(field):
            errors += dns1123_label(spec[field], path.child(field))
    if get("tolerations"):
        errors += validate_tolerations(spec["tolerations"], path.child("tolerations"))
    for position, alias in enumerate(get("hostAliases") or ()):
        at = path.child("hostAliases").index(position)
        errors += legacy_ip(alias.get("ip", ""), at.child("ip"))
        for number, name in enumerate(alias.get("hostnames") or ()):
            errors += dns1123_subdomain(name, at.child("hostnames").index(number))
    for field in ("priorityClassName", "runtimeClassName"):
        if name := get(field):
            errors += [invalid(path.child(field), name, text) for text in subdomain_name(name)]
    preemption = get("preemptionPolicy")
    if preemption is not None:
        errors += _choice(preemption, ("PreemptLowerPriority", "Never"), path.child("preemptionPolicy"))
    if get("overhead"):
        errors += requirements({"limits": spec["overhead"]}, path.child("overhead"))
    if get("os") is not None:
        errors += operating_system(spec, path)
    return errors + _file_key_volumes(spec, path)
