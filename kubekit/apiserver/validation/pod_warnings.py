"""Warnings about pods and pod templates: deprecated fields, duplicate entries, amounts that make no sense.

Called by `warnings`. A pod that gives no cause costs a few look-ups.
Source: pkg/api/pod/warnings.go, pkg/api/node/util.go.
"""

from __future__ import annotations

from kubekit.api.app_armor import APP_ARMOR, APP_ARMOR_FIELD, profile_of
from kubekit.api.field_path import go_quote
from kubekit.api.formats import label_value
from kubekit.api.meta import Obj
from kubekit.api.quantity import parse
from kubekit.apiserver.validation.address_warnings import address_warnings
from kubekit.apiserver.validation.known_pods import KnownPods, fingerprint
from kubekit.apiserver.validation.path_warnings import path_warnings

LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": (
        'deprecated since v1.17; use "topology.kubernetes.io/region" instead'
    ),
    "failure-domain.beta.kubernetes.io/zone": (
        'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'
    ),
    "beta.kubernetes.io/instance-type": (
        'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'
    ),
}
_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": (
        'non-functional in v1.11+; use the "sysctls" field instead'
    ),
}
VOLUMES = {
    "photonPersistentDisk": ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    "gitRepo": ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    "scaleIO": ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    "flocker": ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    "storageos": ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    "quobyte": ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    "glusterfs": ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    "cephfs": ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    "rbd": ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
}
_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_SECCOMP_FIELD = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_NULL = "a null labelSelector results in matching no pod"
_GROUPS = ("initContainers", "containers", "ephemeralContainers")
_CALM = KnownPods()


def selector_term_warnings(term: Obj, place: str, check_values: bool = False) -> list[str]:
    """Old labels in the expressions of a node selector, and values that no label can have."""
    found = []
    for position, need in enumerate(term.get("matchExpressions") or ()):
        key = need.get("key", "")
        at = f"{place}.matchExpressions[{position}]"
        if key in LABELS:
            found.append(f"{at}.key: {key} is {LABELS[key]}")
        if check_values:
            for number, value in enumerate(need.get("values") or ()):
                found += [f"{at}.values[{number}]: {value} is invalid, {text}" for text in label_value(value)]
    return found


def _placement(spec: Obj, at: str) -> list[str]:
    found = [
        f"{at}.nodeSelector[{key}]: {LABELS[key]}" for key in spec.get("nodeSelector") or () if key in LABELS
    ]
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    for position, term in enumerate((affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()):
        place = f"{at}.affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms[{position}]"
        found += selector_term_warnings(term, place)
    for position, term in enumerate(affinity.get(_PREFERRED) or ()):
        place = f"{at}.affinity.nodeAffinity.{_PREFERRED}[{position}].preference"
        found += selector_term_warnings(term.get("preference") or {}, place, True)
    for position, one in enumerate(spec.get("topologySpreadConstraints") or ()):
        place = f"{at}.topologySpreadConstraints[{position}]"
        key = one.get("topologyKey", "")
        if key in LABELS:
            found.append(f"{place}.topologyKey: {key} is {LABELS[key]}")
        if one.get("labelSelector") is None:
            found.append(f"{place}.labelSelector: {_NULL}")
    return found


def _lists(spec: Obj, at: str) -> list[str]:
    found: list[str] = []
    for position, volume in enumerate(spec.get("volumes") or ()):
        for field, (shown, text) in VOLUMES.items():
            if volume.get(field) is not None:
                found.append(f"{at}.volumes[{position}].{shown}: {text}")
        if template := (volume.get("ephemeral") or {}).get("volumeClaimTemplate"):
            place = f"{at}.volumes[{position}].ephemeral.volumeClaimTemplate.spec"
            found += storage_amounts(template.get("spec") or {}, place)
    found += path_warnings(spec.get("volumes") or [])
    for field, key in (("hostAliases", "ip"), ("imagePullSecrets", "name")):
        seen: set[str] = set()
        for position, item in enumerate(spec.get(field) or ()):
            value = item.get(key, "")
            if value in seen:
                found.append(f"{at}.{field}[{position}].{key}: duplicate {key} {go_quote(value)}")
            seen.add(value)
    for position, item in enumerate(spec.get("imagePullSecrets") or ()):
        if not item.get("name"):
            found.append(f'{at}.imagePullSecrets[{position}].name: invalid empty name ""')
    return found + _fractions(spec.get("overhead"), f"{at}.overhead")


def storage_amounts(spec: Obj, path: str) -> list[str]:
    """Fractions of bytes in a claim's spec."""
    found = []
    for listed in ("requests", "limits"):
        text = ((spec.get("resources") or {}).get(listed) or {}).get("storage")
        if text is not None and parse(text).milli_value() % 1000:
            place = f"{path}.resources.{listed}[storage]"
            shown = go_quote(str(parse(text)))
            found.append(f"{place}: fractional byte value {shown} is invalid, must be an integer")
    return found


def _fractions(amounts: dict[str, str] | None, place: str) -> list[str]:
    found = []
    for name in ("memory", "ephemeral-storage"):
        text = (amounts or {}).get(name)
        if text is not None and text[-1:] in "mun" and parse(text).milli_value() % 1000:
            shown = go_quote(str(parse(text)))
            found.append(f"{place}[{name}]: fractional byte value {shown} is invalid, must be an integer")
    return found


def _old_profile(container: Obj, annotations: dict[str, str], spec: Obj, root: str) -> list[str]:
    """Annotations for which fields exist now. An AppArmor annotation of a pod itself warns when it becomes
    a field."""
    found = []
    context = container.get("securityContext") or {}
    key = _SECCOMP_CONTAINER + container.get("name", "")
    if key in annotations and context.get("seccompProfile") is None:
        found.append(f"{root}metadata.annotations[{key}]: {_SECCOMP_FIELD}")
    key = APP_ARMOR + container.get("name", "")
    if root and key in annotations and context.get("appArmorProfile") is None:
        of_pod = (spec.get("securityContext") or {}).get("appArmorProfile")
        if of_pod is None or of_pod != profile_of(annotations[key]):
            found.append(f"{root}metadata.annotations[{key}]: {APP_ARMOR_FIELD}")
    return found


def _containers(spec: Obj, at: str, annotations: dict[str, str], root: str) -> list[str]:
    found: list[str] = []
    if _SECCOMP in annotations and (spec.get("securityContext") or {}).get("seccompProfile") is None:
        found.append(f"{root}metadata.annotations[{_SECCOMP}]: {_SECCOMP_FIELD}")
    for group in _GROUPS:
        for position, container in enumerate(spec.get(group) or ()):
            place = f"{at}.{group}[{position}]"
            if annotations:
                found += _old_profile(container, annotations, spec, root)
            resources = container.get("resources") or {}
            for name in ("memory", "ephemeral-storage"):
                for listed in ("limits", "requests"):
                    amount = (resources.get(listed) or {}).get(name)
                    one = {} if amount is None else {name: amount}
                    found += _fractions(one, f"{place}.resources.{listed}")
            seen: set[str] = set()
            for number, variable in enumerate(container.get("env") or ()):
                name = variable.get("name", "")
                reference, value = f"$({name})", variable.get("value", "")
                if name in seen and (
                    variable.get("valueFrom") is not None or value == reference or reference not in value
                ):
                    found.append(
                        f"{place}.env[{number}]: hides previous definition of {go_quote(name)}, "
                        "which may be dropped when using apply"
                    )
                seen.add(name)
    return found + _ports(spec, at)


def _ports(spec: Obj, at: str) -> list[str]:
    found: list[str] = []
    known: dict[tuple[int, str], list[tuple[str, Obj]]] = {}
    names: dict[str, str] = {}
    later: list[str] = []
    for group in _GROUPS:
        for position, container in enumerate(spec.get(group) or ()):
            for number, port in enumerate(container.get("ports") or ()):
                place = f"{at}.{group}[{position}].ports[{number}]"
                host, ip = port.get("hostPort", 0), port.get("hostIP", "")
                if ip and not host:
                    shown = (
                        f"{{Name:{port.get('name', '')} HostPort:0 "
                        f"ContainerPort:{port.get('containerPort', 0)} "
                        f"Protocol:{port.get('protocol', '')} HostIP:{ip}}}"
                    )
                    found.append(f"{place}: hostIP set without hostPort: {shown}")
                others = known.setdefault((port.get("containerPort", 0), port.get("protocol", "")), [])
                for other_place, other in others:
                    other_host, other_ip = other.get("hostPort", 0), other.get("hostIP", "")
                    if ip == other_ip and host == other_host:
                        found.append(f"{place}: duplicate port definition with {other_place}")
                    elif not host or not other_host:
                        found.append(f"{place}: overlapping port definition with {other_place}")
                    elif host == other_host and bool(ip) != bool(other_ip):
                        found.append(f"{place}: dangerously ambiguous port definition with {other_place}")
                others.append((place, port))
                name = port.get("name", "")
                if name in names:
                    first = names[name]
                    later.append(
                        f"{place}: duplicate port name {go_quote(name)} with {first}, services and "
                        f"probes that "
                        f"select ports by name will use {first}"
                    )
                elif name:
                    names[name] = place
    return found + later


def pod_warnings(holder: Obj, prefix: str) -> list[str]:
    """The warnings of a pod, or of a template found at `prefix` in its object."""
    spec, meta = holder.get("spec") or {}, holder.get("metadata") or {}
    mark = fingerprint(meta, spec)
    if mark and prefix:
        # A few annotations mean another thing in a template than in a pod.
        mark += b"t"
    if _CALM.know(mark):
        return []
    found = _all_warnings(meta, spec, prefix)
    if not found:
        _CALM.learn(mark)
    return found


def _all_warnings(meta: Obj, spec: Obj, prefix: str) -> list[str]:
    root = f"{prefix}." if prefix else ""
    at = root + "spec"
    found = _placement(spec, at)
    annotations = meta.get("annotations") or {}
    if annotations:
        found += [
            f"{root}metadata.annotations[{key}]: {text}"
            for key, text in _ANNOTATIONS.items()
            if key in annotations
        ]
    found += _lists(spec, at) + _containers(spec, at, annotations, root)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        found.append(
            f"{at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid "
            "and will be treated as 1"
        )
    affinity = spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = affinity.get(kind) or {}
        for position, term in enumerate(terms.get(_REQUIRED) or ()):
            if term.get("labelSelector") is None:
                found.append(f"{at}.affinity.{kind}.{_REQUIRED}[{position}].labelSelector: {_NULL}")
        for position, term in enumerate(terms.get(_PREFERRED) or ()):
            if (term.get("podAffinityTerm") or {}).get("labelSelector") is None:
                place = f"{at}.affinity.{kind}.{_PREFERRED}[{position}].podAffinityTerm.labelSelector"
                found.append(f"{place}: {_NULL}")
    for position, server in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        found += address_warnings(f"{at}.dnsConfig.nameservers[{position}]", server)
    for position, alias in enumerate(spec.get("hostAliases") or ()):
        found += address_warnings(f"{at}.hostAliases[{position}].ip", alias.get("ip", ""))
    return found
