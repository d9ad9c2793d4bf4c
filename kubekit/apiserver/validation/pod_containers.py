"""Validation of containers: regular ones, init containers and ephemeral ones.

Called by `pod`. A container that is in order costs little: paths are built only where something is looked at.
Source: pkg/apis/core/validation (validateContainers, validateInitContainers, validateContainerCommon).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    too_many,
)
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.numbers import dns1123_label, port_number
from kubekit.apiserver.validation.paths import local_descending, no_backsteps
from kubekit.apiserver.validation.pod_amounts import requirements
from kubekit.apiserver.validation.pod_env import validate_env, validate_env_from
from kubekit.apiserver.validation.pod_probes import validate_lifecycle, validate_probes
from kubekit.apiserver.validation.pod_security import container_context

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_INIT = "may not be set for init containers without restartPolicy=Always"
_EPHEMERAL = "cannot be set for an Ephemeral Container"
_EPHEMERAL_FORBIDDEN = (
    "ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe",
    "readinessProbe", "startupProbe", "lifecycle",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a container's checks must know of its pod."""

    volumes: Mapping[str, Obj]
    claims: frozenset[str]
    grace: int | None
    os: Obj | None
    restart_policy: str
    host_users: bool


def _ports(ports: list[Obj], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    names: set[str] = set()
    for position, port in enumerate(ports):
        at = path.index(position)
        name = port.get("name")
        if name:
            if wrong := formats.port_name(name):
                errors += [invalid(at.child("name"), name, text) for text in wrong]
            elif name in names:
                errors.append(duplicate(at.child("name"), name))
            else:
                names.add(name)
        number = port.get("containerPort", 0)
        errors += (
            port_number(number, at.child("containerPort"))
            if number
            else [required(at.child("containerPort"))]
        )
        if host := port.get("hostPort"):
            errors += port_number(host, at.child("hostPort"))
        protocol = port.get("protocol", "")
        if not protocol:
            errors.append(required(at.child("protocol")))
        elif protocol not in _PROTOCOLS:
            errors.append(not_supported(at.child("protocol"), protocol, _PROTOCOLS))
    return errors


def _mounts(container: Obj, around: Surroundings, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    devices = {one.get("name", ""): one.get("devicePath", "") for one in container.get("volumeDevices") or ()}
    points: set[str] = set()
    privileged = (container.get("securityContext") or {}).get("privileged")
    for position, mount in enumerate(container["volumeMounts"]):
        at = path.index(position)
        name, point = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            errors.append(required(at.child("name")))
        if name not in around.volumes:
            errors.append(not_found(at.child("name"), name))
        if not point:
            errors.append(required(at.child("mountPath")))
        if point in points:
            errors.append(invalid(at.child("mountPath"), point, "must be unique"))
        points.add(point)
        if name in devices:
            errors.append(invalid(at.child("name"), name, "must not already exist in volumeDevices"))
        if point in devices.values():
            text = "must not already exist as a path in volumeDevices"
            errors.append(invalid(at.child("mountPath"), point, text))
        below, expression = mount.get("subPath"), mount.get("subPathExpr")
        if below:
            errors += local_descending(below, path.child("subPath"))
        if expression:
            if below:
                text = "subPathExpr and subPath are mutually exclusive"
                errors.append(invalid(at.child("subPathExpr"), expression, text))
            errors += local_descending(expression, path.child("subPathExpr"))
        propagation = mount.get("mountPropagation")
        if propagation is not None:
            place = path.child("mountPropagation")
            values = ("Bidirectional", "HostToContainer", "None")
            if propagation not in values:
                errors.append(not_supported(place, propagation, values))
            if propagation == "Bidirectional" and not privileged:
                text = "Bidirectional mount propagation is available only to privileged containers"
                errors.append(forbidden(place, text))
        errors += _recursive(mount, path.child("recursiveReadOnly"))
    return errors


def _recursive(mount: Obj, path: Path) -> list[FieldError]:
    mode = mount.get("recursiveReadOnly")
    if mode is None or mode == "Disabled":
        return []
    if mode not in ("Enabled", "IfPossible"):
        return [not_supported(path, mode, ("Disabled", "Enabled", "IfPossible"))]
    errors = []
    if not mount.get("readOnly"):
        errors.append(forbidden(path, "may only be specified when readOnly is true"))
    if mount.get("mountPropagation") not in (None, "None"):
        errors.append(forbidden(path, "may only be specified when mountPropagation is None or not specified"))
    return errors


def _devices(container: Obj, around: Surroundings, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    mounts = {one.get("name", ""): one.get("mountPath", "") for one in container.get("volumeMounts") or ()}
    names: set[str] = set()
    points: set[str] = set()
    for position, device in enumerate(container["volumeDevices"]):
        at = path.index(position)
        name, point = device.get("name", ""), device.get("devicePath", "")
        volume = around.volumes.get(name)
        if not name:
            errors.append(required(at.child("name")))
        if name in names:
            errors.append(invalid(at.child("name"), name, "must be unique"))
        if volume is None:
            errors.append(not_found(at.child("name"), name))
        elif volume.get("persistentVolumeClaim") is None and volume.get("ephemeral") is None:
            text = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            errors.append(invalid(at.child("name"), name, text))
        if not point:
            errors.append(required(at.child("devicePath")))
        if point in points:
            errors.append(invalid(at.child("devicePath"), point, "must be unique"))
        if point and no_backsteps(point, path):
            errors.append(invalid(at.child("devicePath"), point, "can not contain backsteps ('..')"))
        else:
            points.add(point)
        if name in mounts:
            errors.append(invalid(at.child("name"), name, "must not already exist in volumeMounts"))
        if point in mounts.values():
            text = "must not already exist as a path in volumeMounts"
            errors.append(invalid(at.child("devicePath"), point, text))
        if name:
            names.add(name)
    return errors


def _resize_policy(policies: list[Obj], path: Path, restart_policy: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, one in enumerate(policies):
        name, policy = one.get("resourceName", ""), one.get("restartPolicy", "")
        if name in seen:
            errors.append(duplicate(path.index(position), name))
        seen.add(name)
        for value, values in ((name, ("cpu", "memory")), (policy, ("NotRequired", "RestartContainer"))):
            if not value:
                errors.append(required(path))
            elif value not in values:
                errors.append(not_supported(path, value, values))
        if restart_policy == "Never" and policy != "NotRequired":
            text = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            errors.append(invalid(path, policy, text))
    return errors


def _common(container: Obj, around: Surroundings, path: Path) -> list[FieldError]:
    """What all sorts of containers have in common."""
    errors: list[FieldError] = []
    get = container.get
    name = get("name", "")
    if not name:
        errors.append(required(path.child("name")))
    elif not formats.label_match(name) or len(name) > 63:
        errors += dns1123_label(name, path.child("name"))
    if not get("image"):
        errors.append(required(path.child("image")))
    policy = get("terminationMessagePolicy", "")
    if policy not in _MESSAGE_POLICIES:
        at = path.child("terminationMessagePolicy")
        errors.append(not_supported(at, policy, _MESSAGE_POLICIES) if policy else required(at))
    if ports := get("ports"):
        errors += _ports(ports, path.child("ports"))
    if env := get("env"):
        errors += validate_env(env, path.child("env"))
    if sources := get("envFrom"):
        errors += validate_env_from(sources, path.child("envFrom"))
    if get("volumeMounts"):
        errors += _mounts(container, around, path.child("volumeMounts"))
    if get("volumeDevices"):
        errors += _devices(container, around, path.child("volumeDevices"))
    pull = get("imagePullPolicy", "")
    if pull not in _PULL_POLICIES:
        at = path.child("imagePullPolicy")
        errors.append(not_supported(at, pull, _PULL_POLICIES) if pull else required(at))
    if resources := get("resources"):
        errors += requirements(resources, path.child("resources"), around.claims)
    if policies := get("resizePolicy"):
        errors += _resize_policy(policies, path.child("resizePolicy"), around.restart_policy)
    if context := get("securityContext"):
        errors += container_context(context, path.child("securityContext"), around.host_users)
    return errors


def _restart_policy(container: Obj, path: Path) -> list[FieldError]:
    """A container's own restart policy and its rules."""
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or []
    if policy is None and not rules:
        return []
    errors: list[FieldError] = []
    values = ("Always", "Never", "OnFailure")
    if policy is None:
        text = "must specify restartPolicy when restart rules are used"
        errors.append(required(path.child("restartPolicy"), text))
    elif policy not in values:
        errors.append(not_supported(path.child("restartPolicy"), policy, values))
    if len(rules) > 20:
        errors.append(too_many(path.child("restartPolicyRules"), len(rules), 20))
    for position, rule in enumerate(rules):
        at = path.child("restartPolicyRules").index(position)
        action = rule.get("action", "")
        if action not in ("Restart", "RestartAllContainers"):
            errors.append(not_supported(at.child("action"), action, ("Restart", "RestartAllContainers")))
        codes = rule.get("exitCodes")
        if codes is None:
            errors.append(required(at.child("exitCodes"), "must be specified"))
            continue
        operator = codes.get("operator", "")
        if operator not in ("In", "NotIn"):
            errors.append(not_supported(at.child("exitCodes", "operator"), operator, ("In", "NotIn")))
        if len(codes.get("values") or ()) > 255:
            errors.append(too_many(at.child("exitCodes", "values"), len(codes["values"]), 255))
    return errors


def _host_ports(containers: list[Obj], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    taken: set[str] = set()
    for position, container in enumerate(containers):
        for number, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            text = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if text in taken:
                errors.append(
                    duplicate(path.index(position).child("ports").index(number).child("hostPort"), text)
                )
            taken.add(text)
    return errors


def validate_containers(containers: list[Obj], around: Surroundings, path: Path) -> list[FieldError]:
    """The regular containers: at least one."""
    if not containers:
        return [required(path)]
    errors: list[FieldError] = []
    names: set[str] = set()
    for position, container in enumerate(containers):
        at = path.index(position)
        errors += _common(container, around, at)
        name = container.get("name", "")
        if name in names:
            errors.append(duplicate(at.child("name"), name))
        names.add(name)
        if (lifecycle := container.get("lifecycle")) is not None:
            errors += validate_lifecycle(lifecycle, around.grace, around.os, at.child("lifecycle"))
        errors += validate_probes(container, around.grace, at)
        errors += _restart_policy(container, at)
    return errors + _host_ports(containers, path)


def validate_init_containers(
    containers: list[Obj], regular: list[Obj], around: Surroundings, path: Path
) -> list[FieldError]:
    """Init containers; those that restart always are sidecars and may have probes."""
    errors: list[FieldError] = []
    names = {one.get("name", "") for one in regular}
    for position, container in enumerate(containers):
        at = path.index(position)
        errors += _common(container, around, at)
        errors += _restart_policy(container, at)
        name = container.get("name", "")
        if name in names:
            errors.append(duplicate(at.child("name"), name))
        elif name:
            names.add(name)
        errors += _host_ports([container], path)
        if container.get("restartPolicy") == "Always":
            if (lifecycle := container.get("lifecycle")) is not None:
                errors += validate_lifecycle(lifecycle, around.grace, around.os, at.child("lifecycle"))
            errors += validate_probes(container, around.grace, at)
        else:
            for field in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
                if container.get(field) is not None:
                    errors.append(forbidden(at.child(field), _INIT))
            for number, policy in enumerate(container.get("resizePolicy") or ()):
                if policy.get("restartPolicy") == "RestartContainer":
                    place = at.child("resizePolicy").index(number).child("restartPolicy")
                    text = "must not be set to 'RestartContainer' for non-sidecar initContainers"
                    errors.append(invalid(place, "RestartContainer", text))
    return errors


def validate_ephemeral_containers(spec: Obj, around: Surroundings, path: Path) -> list[FieldError]:
    """Ephemeral containers: no ports, probes or amounts."""
    errors: list[FieldError] = []
    others = {
        one.get("name", "") for group in ("containers", "initContainers") for one in spec.get(group) or ()
    }
    names = set(others)
    for position, container in enumerate(spec.get("ephemeralContainers") or ()):
        at = path.index(position)
        errors += _common(container, around, at)
        errors += image_blanks(container, at)
        name = container.get("name", "")
        if name in names:
            errors.append(duplicate(at.child("name"), name))
        names.add(name)
        target = container.get("targetContainerName")
        if target and target not in others:
            errors.append(not_found(at.child("targetContainerName"), target))
        for field in _EPHEMERAL_FORBIDDEN:
            if container.get(field):
                errors.append(forbidden(at.child(field), _EPHEMERAL))
        for number, mount in enumerate(container.get("volumeMounts") or ()):
            for field in ("subPath", "subPathExpr"):
                if mount.get(field):
                    errors.append(forbidden(at.child("volumeMounts").index(number).child(field), _EPHEMERAL))
    return errors


def image_blanks(container: Obj, path: Path) -> list[FieldError]:
    """No blanks around an image name (templates may have them)."""
    image = container.get("image", "")
    if image == image.strip():
        return []
    return [invalid(path.child("image"), image, "must not have leading or trailing whitespace")]
