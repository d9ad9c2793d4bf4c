"""The Pod Security Standards: what the levels baseline and restricted forbid, check by check, version by
version.

`evaluate(level, minor, metadata, spec)` gives a (reason, detail) for each violated check; `minor` is the
1.x of the policy, `LATEST` for the newest. The restricted level has all checks; some of its checks replace
one of baseline. Each check is a function from a pod to a detail, or "" when it is content. Upstream:
pod-security-admission/policy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from kubekit.apiserver.admission.pod_security_parts import (
    containers,
    context_of,
    has_own_users,
    is_windows,
    named,
    quoted,
    who_sets,
)
from kubekit.apiserver.admission.pod_security_profiles import app_armor, seccomp, seccomp_annotations, selinux

Obj = dict[str, Any]
Result = tuple[str, str]
Check = Callable[[Obj, Obj], "Result | None"]

LATEST = 35
"""The newest minor version in which a check changed."""


class Versioned(NamedTuple):
    """A check from a minor version on; `replaces` names a baseline check that it stands for."""

    minor: int
    check: Check
    replaces: str = ""


def _privileged(meta: Obj, spec: Obj) -> Result | None:
    bad = [c["name"] for c in containers(spec) if context_of(c).get("privileged")]
    return ("privileged", f"{named(bad)} must not set securityContext.privileged=true") if bad else None


def _host_namespaces(meta: Obj, spec: Obj) -> Result | None:
    bad = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    return ("host namespaces", ", ".join(bad)) if bad else None


def _host_path(meta: Obj, spec: Obj) -> Result | None:
    bad = [v["name"] for v in spec.get("volumes") or () if v.get("hostPath") is not None]
    return ("hostPath volumes", named(bad, "volume")) if bad else None


def _host_ports(meta: Obj, spec: Obj) -> Result | None:
    bad, ports = [], set()
    for container in containers(spec):
        used = {str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")}
        if used:
            bad.append(container["name"])
            ports |= used
    if not bad:
        return None
    uses, word = "uses" if len(bad) == 1 else "use", "hostPort" if len(ports) == 1 else "hostPorts"
    return "hostPort", f"{named(bad)} {uses} {word} {', '.join(sorted(ports))}"


def _host_probes(meta: Obj, spec: Obj) -> Result | None:
    bad, hosts = set(), set()
    for container in containers(spec):
        lifecycle = container.get("lifecycle") or {}
        handlers = [container.get(f) for f in ("livenessProbe", "readinessProbe", "startupProbe")]
        for handler in [*handlers, lifecycle.get("postStart"), lifecycle.get("preStop")]:
            for action in ("httpGet", "tcpSocket"):
                host = ((handler or {}).get(action) or {}).get("host")
                if host:
                    bad.add(container["name"])
                    hosts.add(host)
    if not bad:
        return None
    uses = "uses" if len(bad) == 1 else "use"
    word = "probe or lifecycle host" + ("" if len(hosts) == 1 else "s")
    return "probe or lifecycle host", f"{named(sorted(bad))} {uses} {word} {quoted(sorted(hosts))}"


_DEFAULT_CAPABILITIES = frozenset(
    [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)


def _capabilities(meta: Obj, spec: Obj) -> Result | None:
    bad, extra = [], set()
    for container in containers(spec):
        added = (
            set((context_of(container).get("capabilities") or {}).get("add") or ()) - _DEFAULT_CAPABILITIES
        )
        if added:
            bad.append(container["name"])
            extra |= added
    if not bad:
        return None
    text = f"{named(bad)} must not include {quoted(sorted(extra))} in securityContext.capabilities.add"
    return "non-default capabilities", text


def _capabilities_restricted(meta: Obj, spec: Obj, windows: bool = False) -> Result | None:
    if windows and is_windows(spec):
        return None
    keeping, adding, extra = [], [], set()
    for container in containers(spec):
        capabilities = context_of(container).get("capabilities") or {}
        if "ALL" not in (capabilities.get("drop") or ()):
            keeping.append(container["name"])
        added = set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}
        if added:
            adding.append(container["name"])
            extra |= added
    texts = []
    if keeping:
        texts.append(f'{named(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        texts.append(
            f"{named(adding)} must not include {quoted(sorted(extra))} in securityContext.capabilities.add"
        )
    return ("unrestricted capabilities", "; ".join(texts)) if texts else None


def _proc_mount(meta: Obj, spec: Obj, own_users: bool = False) -> Result | None:
    if own_users and has_own_users(spec):
        return None
    bad = [c for c in containers(spec) if context_of(c).get("procMount") not in (None, "Default")]
    if not bad:
        return None
    kinds = sorted({context_of(c)["procMount"] for c in bad})
    return (
        "procMount",
        f"{named([c['name'] for c in bad])} must not set securityContext.procMount to {quoted(kinds)}",
    )


_SYSCTLS = {
    0: (
        "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.tcp_syncookies"
        " net.ipv4.ping_group_range net.ipv4.ip_unprivileged_port_start"
    ),
    27: "net.ipv4.ip_local_reserved_ports",
    29: (
        "net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl"
        " net.ipv4.tcp_keepalive_probes"
    ),
    32: "net.ipv4.tcp_rmem net.ipv4.tcp_wmem",
}


def _sysctls(meta: Obj, spec: Obj, minor: int = 0) -> Result | None:
    allowed = {name for since, names in _SYSCTLS.items() if since <= minor for name in names.split()}
    bad = [s["name"] for s in context_of(spec).get("sysctls") or () if s["name"] not in allowed]
    return ("forbidden sysctls", ", ".join(bad)) if bad else None


def _host_process(meta: Obj, spec: Obj) -> Result | None:
    def bad(holder: Obj) -> bool:
        return bool((context_of(holder).get("windowsOptions") or {}).get("hostProcess"))

    setters = who_sets(bad(spec), [c["name"] for c in containers(spec) if bad(c)])
    if not setters:
        return None
    return "hostProcess", f"{setters} must not set securityContext.windowsOptions.hostProcess=true"


def _escalation(meta: Obj, spec: Obj, windows: bool = False) -> Result | None:
    if windows and is_windows(spec):
        return None
    bad = [c["name"] for c in containers(spec) if context_of(c).get("allowPrivilegeEscalation") is not False]
    if not bad:
        return None
    text = f"{named(bad)} must set securityContext.allowPrivilegeEscalation=false"
    return "allowPrivilegeEscalation != false", text


_GOOD_VOLUMES = frozenset(
    [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ]
)


def _volumes(meta: Obj, spec: Obj) -> Result | None:
    bad, types = [], set()
    for volume in spec.get("volumes") or ():
        kinds = [key for key in volume if key != "name" and volume[key] is not None]
        if not any(kind in _GOOD_VOLUMES for kind in kinds):
            bad.append(volume["name"])
            types.add(kinds[0] if kinds else "unknown")
    if not bad:
        return None
    uses, word = (
        "uses" if len(bad) == 1 else "use",
        "restricted volume type" + ("" if len(types) == 1 else "s"),
    )
    return "restricted volume types", f"{named(bad, 'volume')} {uses} {word} {quoted(sorted(types))}"


def _non_root(meta: Obj, spec: Obj, own_users: bool = False) -> Result | None:
    if own_users and has_own_users(spec):
        return None
    pod = context_of(spec).get("runAsNonRoot")
    states = [(c["name"], context_of(c).get("runAsNonRoot")) for c in containers(spec)]
    setters = who_sets(pod is False, [name for name, value in states if value is False])
    reason = "runAsNonRoot != true"
    if setters:
        return reason, f"{setters} must not set securityContext.runAsNonRoot=false"
    missing = [name for name, value in states if value is None]
    if missing and not pod:
        return reason, f"pod or {named(missing)} must set securityContext.runAsNonRoot=true"
    return None


def _run_as_user(meta: Obj, spec: Obj, own_users: bool = False) -> Result | None:
    if own_users and has_own_users(spec):
        return None
    bad = [c["name"] for c in containers(spec) if context_of(c).get("runAsUser") == 0]
    setters = who_sets(context_of(spec).get("runAsUser") == 0, bad)
    return ("runAsUser=0", f"{setters} must not set runAsUser=0") if setters else None


BASELINE: dict[str, list[Versioned]] = {
    "appArmorProfile": [Versioned(0, app_armor)],
    "capabilities_baseline": [Versioned(0, _capabilities)],
    "hostNamespaces": [Versioned(0, _host_namespaces)],
    "hostPathVolumes": [Versioned(0, _host_path)],
    "hostPorts": [Versioned(0, _host_ports)],
    "hostProbesAndHostLifecycle": [Versioned(34, _host_probes)],
    "privileged": [Versioned(0, _privileged)],
    "procMount": [Versioned(0, _proc_mount), Versioned(35, partial(_proc_mount, own_users=True))],
    "seLinuxOptions": [Versioned(0, selinux), Versioned(31, partial(selinux, engine=True))],
    "seccompProfile_baseline": [Versioned(0, seccomp_annotations), Versioned(19, seccomp)],
    "sysctls": [Versioned(minor, partial(_sysctls, minor=minor)) for minor in _SYSCTLS],
    "windowsHostProcess": [Versioned(0, _host_process)],
}
RESTRICTED: dict[str, list[Versioned]] = {
    "allowPrivilegeEscalation": [
        Versioned(8, _escalation),
        Versioned(25, partial(_escalation, windows=True)),
    ],
    "capabilities_restricted": [
        Versioned(22, _capabilities_restricted, "capabilities_baseline"),
        Versioned(25, partial(_capabilities_restricted, windows=True), "capabilities_baseline"),
    ],
    "procMount_restricted": [Versioned(35, _proc_mount, "procMount")],
    "restrictedVolumes": [Versioned(0, _volumes, "hostPathVolumes")],
    "runAsNonRoot": [Versioned(0, _non_root), Versioned(35, partial(_non_root, own_users=True))],
    "runAsUser": [Versioned(23, _run_as_user), Versioned(35, partial(_run_as_user, own_users=True))],
    "seccompProfile_restricted": [
        Versioned(19, partial(seccomp, required=True), "seccompProfile_baseline"),
        Versioned(25, partial(seccomp, required=True, windows=True), "seccompProfile_baseline"),
    ],
}


def _current(checks: dict[str, list[Versioned]], minor: int) -> dict[str, Versioned]:
    found: dict[str, Versioned] = {}
    for name in sorted(checks):
        for versioned in checks[name]:
            if versioned.minor <= minor:
                found[name] = versioned
    return found


def evaluate(level: str, minor: int, meta: Obj, spec: Obj) -> list[Result]:
    """(reason, detail) of each violated check, baseline's first."""
    if level == "privileged":
        return []
    minor = min(minor, LATEST)
    chosen = _current(BASELINE, minor)
    if level == "restricted":
        restricted = _current(RESTRICTED, minor)
        replaced = {versioned.replaces for versioned in restricted.values()}
        chosen = {name: v for name, v in chosen.items() if name not in replaced} | restricted
    return [result for versioned in chosen.values() if (result := versioned.check(meta, spec)) is not None]
