"""Profiles of `kubectl debug`: which rights a debugging container gets, and what a copy of a pod keeps.

`PROFILES[name](pod, container, style, keep)` changes a pod that is about to be sent. A profile knows three
styles: an ephemeral container in a running pod, a copy of a pod, and a pod on a node.
Source: k8s.io/kubectl/pkg/cmd/debug/profiles.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubekit.api.exchange import Obj

EPHEMERAL, COPY, NODE = "ephemeral container", "copy of a pod", "pod on a node"
GROUPS = ("initContainers", "containers", "ephemeralContainers")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


@dataclass(frozen=True)
class Keep:
    """What a copy keeps of its original."""

    labels: bool = False
    annotations: bool = False
    liveness: bool = False
    readiness: bool = False
    startup: bool = False
    init_containers: bool = True


Profile = Callable[[Obj, str, str, Keep], None]


def legacy(pod: Obj, name: str, style: str, keep: Keep) -> None:
    """What kubectl did before there were profiles."""
    if style == NODE:
        _mount_root(pod, name)
        _host_namespaces(pod)
    elif style == COPY:
        pod["metadata"].pop("labels", None)


def general(pod: Obj, name: str, style: str, keep: Keep) -> None:
    """A useful set of rights for each kind of debugging."""
    if style == NODE:
        _mount_root(pod, name)
        _container(pod, name).pop("securityContext", None)
        _host_namespaces(pod)
        return
    if style == COPY:
        _strip(pod, keep)
    _add_capabilities(pod, name, "SYS_PTRACE")
    if style == COPY:
        _share_processes(pod)


def baseline(pod: Obj, name: str, style: str, keep: Keep) -> None:
    """What the baseline level of Pod Security allows."""
    _container(pod, name).pop("securityContext", None)
    if style == COPY:
        _strip(pod, keep)
        _share_processes(pod)


def restricted(pod: Obj, name: str, style: str, keep: Keep) -> None:
    """What the restricted level of Pod Security asks for."""
    _container(pod, name)["securityContext"] = {
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "allowPrivilegeEscalation": False,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if style == COPY:
        _strip(pod, keep)
        _share_processes(pod)


def netadmin(pod: Obj, name: str, style: str, keep: Keep) -> None:
    """Rights to look into the network."""
    _add_capabilities(pod, name, "NET_ADMIN", "NET_RAW")
    if style == NODE:
        _host_namespaces(pod)
    elif style == COPY:
        _strip(pod, keep)
        _share_processes(pod)


def sysadmin(pod: Obj, name: str, style: str, keep: Keep) -> None:
    """All rights."""
    _security(pod, name)["privileged"] = True
    if style == NODE:
        _host_namespaces(pod)
        _mount_root(pod, name)
    elif style == COPY:
        _strip(pod, keep)
        _share_processes(pod)


PROFILES: dict[str, Profile] = {
    "legacy": legacy,
    "general": general,
    "baseline": baseline,
    "restricted": restricted,
    "netadmin": netadmin,
    "sysadmin": sysadmin,
}


def find(pod: Obj, name: str, groups: tuple[str, ...] = GROUPS) -> Obj | None:
    """The container of that name, of any kind, or None."""
    spec = pod["spec"]
    return next((one for group in groups for one in spec.get(group) or [] if one["name"] == name), None)


def _container(pod: Obj, name: str) -> Obj:
    found = find(pod, name)
    return found if found is not None else {}


def _security(pod: Obj, name: str) -> Obj:
    found: Obj = _container(pod, name).setdefault("securityContext", {})
    return found


def _add_capabilities(pod: Obj, name: str, *capabilities: str) -> None:
    _security(pod, name).setdefault("capabilities", {}).setdefault("add", []).extend(capabilities)


def _mount_root(pod: Obj, name: str) -> None:
    volume = "host-root"
    pod["spec"].setdefault("volumes", []).append({"name": volume, "hostPath": {"path": "/"}})
    mount: dict[str, Any] = {"mountPath": "/host", "name": volume}
    _container(pod, name).setdefault("volumeMounts", []).append(mount)


def _host_namespaces(pod: Obj) -> None:
    pod["spec"] |= {"hostNetwork": True, "hostPID": True, "hostIPC": True}


def _share_processes(pod: Obj) -> None:
    pod["spec"].setdefault("shareProcessNamespace", True)


def _strip(pod: Obj, keep: Keep) -> None:
    """Take away what would make the copy take the original's place, or restart under the debugger."""
    for kept, field in ((keep.labels, "labels"), (keep.annotations, "annotations")):
        if not kept:
            pod["metadata"].pop(field, None)
    kept_probes = zip((keep.liveness, keep.readiness, keep.startup), PROBES, strict=True)
    gone = [probe for kept, probe in kept_probes if not kept]
    for container in pod["spec"]["containers"]:
        for probe in gone:
            container.pop(probe, None)
    if not keep.init_containers:
        pod["spec"].pop("initContainers", None)
