"""Checks of the Pod Security Standards about profiles: AppArmor, SELinux and seccomp.

Called by `pod_security_checks`, which has the table. Upstream: pod-security-admission/policy.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.field_path import go_quote
from kubekit.apiserver.admission.pod_security_parts import (
    containers,
    context_of,
    is_windows,
    named,
    quoted,
    who_sets,
)

Obj = dict[str, Any]
Result = tuple[str, str]


def app_armor(meta: Obj, spec: Obj) -> Result | None:
    """AppArmor profiles other than the default ones."""
    allowed = ("RuntimeDefault", "Localhost")
    values: set[str] = set()

    def bad(holder: Obj) -> bool:
        profile = context_of(holder).get("appArmorProfile")
        if profile is None or profile.get("type") in allowed:
            return False
        values.add(profile.get("type", ""))
        return True

    pod = bad(spec)
    setters = [text for text in [who_sets(pod, [c["name"] for c in containers(spec) if bad(c)])] if text]
    prefix = "container.apparmor.security.beta.kubernetes.io/"
    annotations = sorted(
        f"{key}={go_quote(value)}"
        for key, value in (meta.get("annotations") or {}).items()
        if key.startswith(prefix) and not (value in ("", "runtime/default") or value.startswith("localhost/"))
    )
    listed = sorted(values) + annotations
    if annotations:
        setters.append("annotation" if len(annotations) == 1 else "annotations")
    if not setters:
        return None
    reason = "forbidden AppArmor profile" + ("" if len(listed) == 1 else "s")
    return reason, f"{' and '.join(setters)} must not set AppArmor profile type to {quoted(listed)}"


def selinux(meta: Obj, spec: Obj, engine: bool = False) -> Result | None:
    """SELinux types, users and roles."""
    allowed = {
        "",
        "container_t",
        "container_init_t",
        "container_kvm_t",
        *(["container_engine_t"] if engine else []),
    }
    types: set[str] = set()
    parts: set[str] = set()

    def bad(holder: Obj) -> bool:
        options = context_of(holder).get("seLinuxOptions") or {}
        wrong = False
        if options.get("type", "") not in allowed:
            types.add(options["type"])
            wrong = True
        for part in ("user", "role"):
            if options.get(part):
                parts.add(part)
                wrong = True
        return wrong

    setters = who_sets(bad(spec), [c["name"] for c in containers(spec) if bad(c)])
    if not setters:
        return None
    data = [f"{'type' if len(types) == 1 else 'types'} {quoted(sorted(types))}"] if types else []
    data += [f"{part} may not be set" for part in ("user", "role") if part in parts]
    return "seLinuxOptions", f"{setters} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}"


def seccomp_annotations(meta: Obj, spec: Obj) -> Result | None:
    """Seccomp profiles named by annotations (old versions)."""
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


def seccomp(meta: Obj, spec: Obj, required: bool = False, windows: bool = False) -> Result | None:
    """Seccomp profiles: none unconfined, and, when required, one for every container."""
    if windows and is_windows(spec):
        return None
    values: set[str] = set()

    def state(holder: Obj) -> str:
        profile = context_of(holder).get("seccompProfile")
        if profile is None:
            return "unset"
        if profile.get("type") in ("RuntimeDefault", "Localhost"):
            return "good"
        values.add(profile.get("type", ""))
        return "bad"

    pod = state(spec)
    states = [(c["name"], state(c)) for c in containers(spec)]
    setters = who_sets(pod == "bad", [name for name, found in states if found == "bad"])
    field = "securityContext.seccompProfile.type"
    if setters:
        return "seccompProfile", f"{setters} must not set {field} to {quoted(sorted(values))}"
    missing = [name for name, found in states if found == "unset"]
    if required and missing and pod != "good":
        return (
            "seccompProfile",
            f'pod or {named(missing)} must set {field} to "RuntimeDefault" or "Localhost"',
        )
    return None
