"""The Pod Security Standards: what the levels baseline and restricted forbid, check by check, version by version.

`evaluate(level, minor, metadata, spec)` gives a (reason, detail) for each violated check; `minor` is the 1.x of the
policy, `LATEST` for the newest. The restricted level has all checks; some of its checks replace one of baseline.
Each check is a function from a pod to a detail, or "" when it is content. Upstream: pod-security-admission/policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from kubekit.api.field_path import go_quote

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


def containers(spec: Obj) -> Iterator[Obj]:
    """Every container, in the order in which the checks look."""
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def _context(holder: Obj) -> Obj:
    found: Obj = holder.get("securityContext") or {}
    return found


def _quoted(items: list[str]) -> str:
    return ", ".join(f'"{item}"' for item in items)


def _named(names: list[str], word: str = "container") -> str:
    return f"{word if len(names) == 1 else word + 's'} {_quoted(names)}"


def _setters(pod: bool, names: list[str]) -> str:
    return " and ".join([*(["pod"] if pod else []), *([_named(names)] if names else [])])


def _windows(spec: Obj) -> bool:
    return bool((spec.get("os") or {}).get("name") == "windows")


def _own_users(spec: Obj) -> bool:
    return spec.get("hostUsers") is False


def _privileged(meta: Obj, spec: Obj) -> Result | None:
    bad = [c["name"] for c in containers(spec) if _context(c).get("privileged")]
    return ("privileged", f"{_named(bad)} must not set securityContext.privileged=true") if bad else None


def _host_namespaces(meta: Obj, spec: Obj) -> Result | None:
    bad = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    return ("host namespaces", ", ".join(bad)) if bad else None


def _host_path(meta: Obj, spec: Obj) -> Result | None:
    bad = [v["name"] for v in spec.get("volumes") or () if v.get("hostPath") is not None]
    return ("hostPath volumes", _named(bad, "volume")) if bad else None


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
    return "hostPort", f"{_named(bad)} {uses} {word} {', '.join(sorted(ports))}"


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
    return "probe or lifecycle host", f"{_named(sorted(bad))} {uses} {word} {_quoted(sorted(hosts))}"


def _app_armor(meta: Obj, spec: Obj) -> Result | None:
    allowed = ("RuntimeDefault", "Localhost")
    values: set[str] = set()

    def bad(holder: Obj) -> bool:
        profile = _context(holder).get("appArmorProfile")
        if profile is None or profile.get("type") in allowed:
            return False
        values.add(profile.get("type", ""))
        return True

    pod = bad(spec)
    setters = [text for text in [_setters(pod, [c["name"] for c in containers(spec) if bad(c)])] if text]
    prefix = "container.apparmor.security.beta.kubernetes.io/"
    annotations = sorted(
        f"{key}={go_quote(value)}"
        for key, value in (meta.get("annotations") or {}).items()
        if key.startswith(prefix)
        and not (value in ("", "runtime/default") or value.startswith("localhost/"))
    )
    listed = sorted(values) + annotations
    if annotations:
        setters.append("annotation" if len(annotations) == 1 else "annotations")
    if not setters:
        return None
    reason = "forbidden AppArmor profile" + ("" if len(listed) == 1 else "s")
    return reason, f"{' and '.join(setters)} must not set AppArmor profile type to {_quoted(listed)}"


_DEFAULT_CAPABILITIES = frozenset(
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT".split()
)


def _capabilities(meta: Obj, spec: Obj) -> Result | None:
    bad, extra = [], set()
    for container in containers(spec):
        added = set((_context(container).get("capabilities") or {}).get("add") or ()) - _DEFAULT_CAPABILITIES
        if added:
            bad.append(container["name"])
            extra |= added
    if not bad:
        return None
    text = f"{_named(bad)} must not include {_quoted(sorted(extra))} in securityContext.capabilities.add"
    return "non-default capabilities", text


def _capabilities_restricted(meta: Obj, spec: Obj, windows: bool = False) -> Result | None:
    if windows and _windows(spec):
        return None
    keeping, adding, extra = [], [], set()
    for container in containers(spec):
        capabilities = _context(container).get("capabilities") or {}
        if "ALL" not in (capabilities.get("drop") or ()):
            keeping.append(container["name"])
        added = set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}
        if added:
            adding.append(container["name"])
            extra |= added
    texts = []
    if keeping:
        texts.append(f'{_named(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        texts.append(f"{_named(adding)} must not include {_quoted(sorted(extra))} in securityContext.capabilities.add")
    return ("unrestricted capabilities", "; ".join(texts)) if texts else None


def _proc_mount(meta: Obj, spec: Obj, own_users: bool = False) -> Result | None:
    if own_users and _own_users(spec):
        return None
    bad = [c for c in containers(spec) if _context(c).get("procMount") not in (None, "Default")]
    if not bad:
        return None
    kinds = sorted({_context(c)["procMount"] for c in bad})
    return "procMount", f"{_named([c['name'] for c in bad])} must not set securityContext.procMount to {_quoted(kinds)}"


def _selinux(meta: Obj, spec: Obj, engine: bool = False) -> Result | None:
    allowed = {"", "container_t", "container_init_t", "container_kvm_t", *(["container_engine_t"] if engine else [])}
    types: set[str] = set()
    parts: set[str] = set()

    def bad(holder: Obj) -> bool:
        options = _context(holder).get("seLinuxOptions") or {}
        wrong = False
        if options.get("type", "") not in allowed:
            types.add(options["type"])
            wrong = True
        for part in ("user", "role"):
            if options.get(part):
                parts.add(part)
                wrong = True
        return wrong

    setters = _setters(bad(spec), [c["name"] for c in containers(spec) if bad(c)])
    if not setters:
        return None
    data = [f"{'type' if len(types) == 1 else 'types'} {_quoted(sorted(types))}"] if types else []
    data += [f"{part} may not be set" for part in ("user", "role") if part in parts]
    return "seLinuxOptions", f"{setters} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}"


def _seccomp_annotations(meta: Obj, spec: Obj) -> Result | None:
    annotations = meta.get("annotations") or {}
    prefix = "container.seccomp.security.alpha.kubernetes.io/"
    keys = ["seccomp.security.alpha.kubernetes.io/pod", *(prefix + c["name"] for c in containers(spec))]
    bad = sorted(
        {
            f"{key}={go_quote(annotations[key])}"
            for key in keys
            if key in annotations
            and annotations[key] not in ("runtime/default", "docker/default")
            and not annotations[key].startswith("localhost/")
        }
    )
    if not bad:
        return None
    return "seccompProfile", f"forbidden {'annotation' if len(bad) == 1 else 'annotations'} {', '.join(bad)}"


def _seccomp(meta: Obj, spec: Obj, required: bool = False, windows: bool = False) -> Result | None:
    if windows and _windows(spec):
        return None
    values: set[str] = set()

    def state(holder: Obj) -> str:
        profile = _context(holder).get("seccompProfile")
        if profile is None:
            return "unset"
        if profile.get("type") in ("RuntimeDefault", "Localhost"):
            return "good"
        values.add(profile.get("type", ""))
        return "bad"

    pod = state(spec)
    states = [(c["name"], state(c)) for c in containers(spec)]
    setters = _setters(pod == "bad", [name for name, found in states if found == "bad"])
    field = "securityContext.seccompProfile.type"
    if setters:
        return "seccompProfile", f"{setters} must not set {field} to {_quoted(sorted(values))}"
    missing = [name for name, found in states if found == "unset"]
    if required and missing and pod != "good":
        return "seccompProfile", f'pod or {_named(missing)} must set {field} to "RuntimeDefault" or "Localhost"'
    return None


_SYSCTLS = {
    0: "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.tcp_syncookies net.ipv4.ping_group_range "
    "net.ipv4.ip_unprivileged_port_start",
    27: "net.ipv4.ip_local_reserved_ports",
    29: "net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes",
    32: "net.ipv4.tcp_rmem net.ipv4.tcp_wmem",
}


def _sysctls(meta: Obj, spec: Obj, minor: int = 0) -> Result | None:
    allowed = {name for since, names in _SYSCTLS.items() if since <= minor for name in names.split()}
    bad = [s["name"] for s in _context(spec).get("sysctls") or () if s["name"] not in allowed]
    return ("forbidden sysctls", ", ".join(bad)) if bad else None


def _host_process(meta: Obj, spec: Obj) -> Result | None:
    def bad(holder: Obj) -> bool:
        return bool((_context(holder).get("windowsOptions") or {}).get("hostProcess"))

    setters = _setters(bad(spec), [c["name"] for c in containers(spec) if bad(c)])
    if not setters:
        return None
    return "hostProcess", f"{setters} must not set securityContext.windowsOptions.hostProcess=true"


def _escalation(meta: Obj, spec: Obj, windows: bool = False) -> Result | None:
    if windows and _windows(spec):
        return None
    bad = [c["name"] for c in containers(spec) if _context(c).get("allowPrivilegeEscalation") is not False]
    if not bad:
        return None
    text = f"{_named(bad)} must set securityContext.allowPrivilegeEscalation=false"
    return "allowPrivilegeEscalation != false", text


_GOOD_VOLUMES = frozenset(
    "configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret".split()
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
    uses, word = "uses" if len(bad) == 1 else "use", "restricted volume type" + ("" if len(types) == 1 else "s")
    return "restricted volume types", f"{_named(bad, 'volume')} {uses} {word} {_quoted(sorted(types))}"


def _non_root(meta: Obj, spec: Obj, own_users: bool = False) -> Result | None:
    if own_users and _own_users(spec):
        return None
    pod = _context(spec).get("runAsNonRoot")
    states = [(c["name"], _context(c).get("runAsNonRoot")) for c in containers(spec)]
    setters = _setters(pod is False, [name for name, value in states if value is False])
    reason = "runAsNonRoot != true"
    if setters:
        return reason, f"{setters} must not set securityContext.runAsNonRoot=false"
    missing = [name for name, value in states if value is None]
    if missing and not pod:
        return reason, f"pod or {_named(missing)} must set securityContext.runAsNonRoot=true"
    return None


def _run_as_user(meta: Obj, spec: Obj, own_users: bool = False) -> Result | None:
    if own_users and _own_users(spec):
        return None
    bad = [c["name"] for c in containers(spec) if _context(c).get("runAsUser") == 0]
    setters = _setters(_context(spec).get("runAsUser") == 0, bad)
    return ("runAsUser=0", f"{setters} must not set runAsUser=0") if setters else None


BASELINE: dict[str, list[Versioned]] = {
    "appArmorProfile": [Versioned(0, _app_armor)],
    "capabilities_baseline": [Versioned(0, _capabilities)],
    "hostNamespaces": [Versioned(0, _host_namespaces)],
    "hostPathVolumes": [Versioned(0, _host_path)],
    "hostPorts": [Versioned(0, _host_ports)],
    "hostProbesAndHostLifecycle": [Versioned(34, _host_probes)],
    "privileged": [Versioned(0, _privileged)],
    "procMount": [Versioned(0, _proc_mount), Versioned(35, partial(_proc_mount, own_users=True))],
    "seLinuxOptions": [Versioned(0, _selinux), Versioned(31, partial(_selinux, engine=True))],
    "seccompProfile_baseline": [Versioned(0, _seccomp_annotations), Versioned(19, _seccomp)],
    "sysctls": [Versioned(minor, partial(_sysctls, minor=minor)) for minor in _SYSCTLS],
    "windowsHostProcess": [Versioned(0, _host_process)],
}
RESTRICTED: dict[str, list[Versioned]] = {
    "allowPrivilegeEscalation": [Versioned(8, _escalation), Versioned(25, partial(_escalation, windows=True))],
    "capabilities_restricted": [
        Versioned(22, _capabilities_restricted, "capabilities_baseline"),
        Versioned(25, partial(_capabilities_restricted, windows=True), "capabilities_baseline"),
    ],
    "procMount_restricted": [Versioned(35, _proc_mount, "procMount")],
    "restrictedVolumes": [Versioned(0, _volumes, "hostPathVolumes")],
    "runAsNonRoot": [Versioned(0, _non_root), Versioned(35, partial(_non_root, own_users=True))],
    "runAsUser": [Versioned(23, _run_as_user), Versioned(35, partial(_run_as_user, own_users=True))],
    "seccompProfile_restricted": [
        Versioned(19, partial(_seccomp, required=True), "seccompProfile_baseline"),
        Versioned(25, partial(_seccomp, required=True, windows=True), "seccompProfile_baseline"),
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
