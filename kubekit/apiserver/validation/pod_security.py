"""Validation of security contexts, of pods and of containers, and what an operating system excludes.

Called by `pod` and `pod_containers`.
Source: pkg/apis/core/validation (ValidateSecurityContext, validatePodSpecSecurityContext, validateWindows).
"""

from __future__ import annotations

import re

from kubekit.api import formats
from kubekit.api.field_path import (
    FieldError,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.paths import local_descending

_MAX_ID = 2**31 - 1
_SYSCTL = "([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_LOCALHOST = ("Localhost", "RuntimeDefault", "Unconfined")
_NET_SYSCTLS = ("net",)
_IPC_SYSCTLS = frozenset(
    ("kernel.sem", "kernel.shm", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
     "kernel.msg", "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni")
)  # fmt: skip
_MAX_PROFILE = 4095
_WINDOWS = "cannot be set for a windows pod"
_NETBIOS = re.compile(r'[^\\/:\*\?"<>|\.][^\\/:\*\?"<>|]{0,14}')
_DNS = re.compile(
    r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)


def _id(context: Obj, field: str, path: Path) -> list[FieldError]:
    value = context.get(field)
    if value is None or 0 <= value <= _MAX_ID:
        return []
    return [invalid(path.child(field), value, text) for text in formats.in_range(value, 0, _MAX_ID)]


def _seccomp(profile: Obj | None, path: Path) -> list[FieldError]:
    if profile is None:
        return []
    errors: list[FieldError] = []
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    if not kind:
        errors.append(required(path.child("type"), "type is required when seccompProfile is set"))
    elif kind not in _LOCALHOST:
        errors.append(not_supported(path.child("type"), kind, _LOCALHOST))
    at = path.child("localhostProfile")
    if kind == "Localhost":
        if local is None:
            errors.append(required(at, "must be set when seccomp type is Localhost"))
        else:
            errors += local_descending(local, at)
    elif local is not None:
        shown = internal("core.SeccompProfile", profile)
        errors.append(invalid(at, shown, "can only be set when seccomp type is Localhost"))
    return errors


def _app_armor(profile: Obj | None, path: Path) -> list[FieldError]:
    if profile is None:
        return []
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    at = path.child("localhostProfile")
    if kind == "Localhost":
        needed = "must be set when AppArmor type is Localhost"
        if local is None:
            return [required(at, needed)]
        errors = [] if local else [required(at, needed)]
        if local.strip() != local:
            errors.append(invalid(at, local, "must not be padded with whitespace"))
        if len(local) > _MAX_PROFILE:
            errors.append(too_long(at, _MAX_PROFILE))
        return errors
    if kind in ("RuntimeDefault", "Unconfined"):
        return (
            [] if local is None else [invalid(at, local, "can only be set when AppArmor type is Localhost")]
        )
    if not kind:
        return [required(path.child("type"), "type is required when appArmorProfile is set")]
    return [not_supported(path.child("type"), kind, _LOCALHOST)]


def _windows_options(options: Obj | None, path: Path) -> list[FieldError]:
    if options is None:
        return []
    errors: list[FieldError] = []
    name = options.get("gmsaCredentialSpecName")
    if name is not None:
        at = path.child("gmsaCredentialSpecName")
        errors += [invalid(at, name, text) for text in formats.dns1123_subdomain(name)]
    spec = options.get("gmsaCredentialSpec")
    if spec == "":
        text = "gmsaCredentialSpec cannot be an empty string"
        errors.append(invalid(path.child("gmsaCredentialSpec"), spec, text))
    elif spec is not None and len(spec) > 65536:
        text = "gmsaCredentialSpec size must be under 64 KiB"
        errors.append(invalid(path.child("gmsaCredentialSpec"), spec, text))
    user = options.get("runAsUserName")
    if user is not None:
        errors += [invalid(path.child("runAsUserName"), user, text) for text in _user_name(user)]
    return errors


def _user_name(text: str) -> list[str]:
    if not text:
        return ["runAsUserName cannot be an empty string"]
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        return ["runAsUserName cannot contain control characters"]
    parts = text.split("\\")
    if len(parts) > 2:
        return ["runAsUserName cannot contain more than one backslash"]
    domain, user = (parts[0], parts[1]) if len(parts) == 2 else (None, parts[0])
    errors = []
    if domain is not None:
        if len(domain) >= 256:
            errors.append("runAsUserName's Domain length must be under 256 characters")
        if not _NETBIOS.fullmatch(domain) and not _DNS.fullmatch(domain):
            errors.append("runAsUserName's Domain doesn't match the NetBios nor the DNS format")
    if not user:
        errors.append("runAsUserName's User cannot be empty")
    elif len(user) > 104:
        errors.append("runAsUserName's User length must not be longer than 104 characters")
    if re.fullmatch(r"[. ]+", user):
        errors.append("runAsUserName's User cannot contain only periods or spaces")
    if re.search(r'["/\\:;|=,+*?<>@\[\]]', user):
        errors.append("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]")
    return errors


def container_context(context: Obj | None, path: Path, host_users: bool) -> list[FieldError]:
    """The security context of a container."""
    if not context:
        return []
    errors = _id(context, "runAsUser", path) + _id(context, "runAsGroup", path)
    mount = context.get("procMount")
    if mount is not None:
        at = path.child("procMount")
        if mount not in ("Default", "Unmasked"):
            errors.append(not_supported(at, mount, ("Default", "Unmasked")))
        if host_users and mount == "Unmasked":
            errors.append(invalid(at, mount, "`hostUsers` must be false to use `Unmasked`"))
    errors += _seccomp(context.get("seccompProfile"), path.child("seccompProfile"))
    if context.get("allowPrivilegeEscalation") is False:
        shown = internal("core.SecurityContext", context)
        text = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        if context.get("privileged"):
            errors.append(invalid(path, shown, text))
        for one in (context.get("capabilities") or {}).get("add") or ():
            if one == "CAP_SYS_ADMIN":
                text = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
                errors.append(invalid(path, shown, text))
    errors += _windows_options(context.get("windowsOptions"), path.child("windowsOptions"))
    return errors + _app_armor(context.get("appArmorProfile"), path.child("appArmorProfile"))


def pod_context(spec: Obj, path: Path) -> list[FieldError]:
    """The security context of a pod; `path` is that of the spec."""
    context = spec.get("securityContext") or {}
    at = path.child("securityContext")
    errors: list[FieldError] = []
    if context:
        for field in ("fsGroup", "runAsUser", "runAsGroup"):
            errors += _id(context, field, at)
        for position, group in enumerate(context.get("supplementalGroups") or ()):
            place = at.child("supplementalGroups").index(position)
            errors += [invalid(place, group, text) for text in formats.in_range(group, 0, _MAX_ID)]
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        text = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(invalid(at.child("shareProcessNamespace"), True, text))
    if not context:
        return errors
    errors += _sysctls(context.get("sysctls") or [], spec, at.child("sysctls"))
    policy = context.get("fsGroupChangePolicy")
    if policy is not None and policy not in ("Always", "OnRootMismatch"):
        errors.append(not_supported(at.child("fsGroupChangePolicy"), policy, ("Always", "OnRootMismatch")))
    errors += _seccomp(context.get("seccompProfile"), at.child("seccompProfile"))
    errors += _windows_options(context.get("windowsOptions"), at.child("windowsOptions"))
    errors += _app_armor(context.get("appArmorProfile"), at.child("appArmorProfile"))
    for field, values in (
        ("supplementalGroupsPolicy", ("Merge", "Strict")),
        ("seLinuxChangePolicy", ("MountOption", "Recursive")),
    ):
        value = context.get(field)
        if value is not None and value not in values:
            errors.append(not_supported(at.child(field), value, values))
    return errors


def _sysctls(sysctls: list[Obj], spec: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, one in enumerate(sysctls):
        at, name = path.index(position).child("name"), one.get("name", "")
        if not name:
            errors.append(required(at))
        elif len(name) > 253 or not re.fullmatch(_SYSCTL, name):
            errors.append(invalid(at, name, f"must have at most 253 characters and match regex ^{_SYSCTL}$"))
        elif name in seen:
            errors.append(duplicate(at, name))
        plain = name.replace("/", ".")
        if spec.get("hostNetwork") and plain.startswith("net."):
            errors.append(invalid(at, name, "may not be specified when 'hostNetwork' is true"))
        elif spec.get("hostIPC") and (plain in _IPC_SYSCTLS or plain.startswith("fs.mqueue.")):
            errors.append(invalid(at, name, "may not be specified when 'hostIPC' is true"))
        seen.add(name)
    return errors


_POD_ON_WINDOWS = (
    ("securityContext", "appArmorProfile"), ("securityContext", "seLinuxOptions"), ("hostUsers",),
    ("hostPID",),
    ("hostIPC",), ("securityContext", "seccompProfile"), ("securityContext", "fsGroup"),
    ("securityContext", "fsGroupChangePolicy"), ("securityContext", "sysctls"), ("shareProcessNamespace",),
    ("securityContext", "runAsUser"), ("securityContext", "runAsGroup"),
    ("securityContext", "supplementalGroups"),
    ("securityContext", "supplementalGroupsPolicy"), ("securityContext", "seLinuxChangePolicy"),
)  # fmt: skip
_PLAIN = ("hostPID", "hostIPC", "sysctls")
"""Fields that say nothing when they are empty."""
_CONTAINER_ON_WINDOWS = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip


def operating_system(spec: Obj, path: Path) -> list[FieldError]:
    """spec.os, and what may not be set for that system."""
    system = spec.get("os")
    if system is None:
        return []
    name = system.get("name", "")
    if not name:
        return [required(path.child("os", "name"))]
    if name not in ("linux", "windows"):
        return [not_supported(path.child("os"), name, ("linux", "windows"))]
    errors: list[FieldError] = []
    context = spec.get("securityContext") or {}
    if name == "linux":
        fields: tuple[str, ...] = ("windowsOptions",)
        text = "windows options cannot be set for a linux pod"
        if context.get("windowsOptions") is not None:
            errors.append(forbidden(path.child("securityContext", "windowsOptions"), text))
    else:
        fields, text = _CONTAINER_ON_WINDOWS, _WINDOWS
        for steps in _POD_ON_WINDOWS:
            value = context.get(steps[1]) if len(steps) == 2 else spec.get(steps[0])
            if value is not None and (value or steps[-1] not in _PLAIN):
                errors.append(forbidden(path.child(*steps), text))
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for position, container in enumerate(spec.get(group) or ()):
            own = container.get("securityContext") or {}
            at = path.child(group).index(position).child("securityContext")
            errors += [forbidden(at.child(field), text) for field in fields if own.get(field) is not None]
    return errors
