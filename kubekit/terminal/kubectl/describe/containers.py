"""Containers in a description: image, ports, command, state, resources, probes, environment, mounts.

Source: k8s.io/kubectl/pkg/describe (describeContainers and below).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.api import quantity
from kubekit.api.exchange import Obj
from kubekit.terminal.kubectl.describe.writer import Writer, rfc1123, yes_no

Resolve = Callable[[Obj], str]


def _ports(container: Obj, field: str) -> str:
    found = []
    for port in container.get("ports") or []:
        text = f"{port.get(field) or 0}/{port.get('protocol', 'TCP')}"
        found.append(f"{text} ({port['name']})" if port.get("name") else text)
    return ", ".join(found)


def _port_lines(writer: Writer, container: Obj) -> None:
    for label, field in (("Port", "containerPort"), ("Host Port", "hostPort")):
        text = _ports(container, field)
        writer.pair(f"{label}s" if "," in text else label, text or "<none>", 2)


def _words(writer: Writer, label: str, words: list[str] | None) -> None:
    if words:
        writer.line(2, f"{label}:")
        for word in words:
            for line in str(word).split("\n"):
                writer.line(3, line)


def _state(writer: Writer, label: str, state: Obj) -> None:
    if state.get("running") is not None:
        writer.pair(label, "Running", 2)
        writer.pair("Started", rfc1123(state["running"].get("startedAt")), 3)
    elif state.get("terminated") is not None:
        ended = state["terminated"]
        writer.pair(label, "Terminated", 2)
        for key, name in (("reason", "Reason"), ("message", "Message")):
            if ended.get(key):
                writer.pair(name, ended[key], 3)
        writer.pair("Exit Code", ended.get("exitCode", 0), 3)
        if ended.get("signal"):
            writer.pair("Signal", ended["signal"], 3)
        writer.pair("Started", rfc1123(ended.get("startedAt")), 3)
        writer.pair("Finished", rfc1123(ended.get("finishedAt")), 3)
    else:
        writer.pair(label, "Waiting", 2)
        reason = (state.get("waiting") or {}).get("reason")
        if reason:
            writer.pair("Reason", reason, 3)


def resources(writer: Writer, found: Obj | None, level: int) -> None:
    """Limits and requests."""
    for key, label in (("limits", "Limits"), ("requests", "Requests")):
        amounts = (found or {}).get(key) or {}
        if amounts:
            writer.line(level, f"{label}:")
            for name in sorted(amounts):
                writer.pair(name, amounts[name], level + 1)


def probe_text(probe: Obj) -> str:
    """A probe on one line."""
    attributes = (
        f"delay={probe.get('initialDelaySeconds') or 0}s timeout={probe.get('timeoutSeconds') or 0}s"
        f" period={probe.get('periodSeconds') or 0}s #success={probe.get('successThreshold') or 0}"
        f" #failure={probe.get('failureThreshold') or 0}"
    )
    if "exec" in probe:
        return f"exec [{' '.join((probe['exec'] or {}).get('command') or [])}] {attributes}"
    if "httpGet" in probe:
        get = probe["httpGet"]
        scheme, path = str(get.get("scheme") or "").lower(), get.get("path") or ""
        host = f"{get.get('host', '')}:{get.get('port', '')}"
        return f"http-get {scheme + ':' if scheme else ''}//{host}{path} {attributes}"
    if "tcpSocket" in probe:
        socket = probe["tcpSocket"]
        return f"tcp-socket {socket.get('host', '')}:{socket.get('port')} {attributes}"
    if "grpc" in probe:
        return f"grpc <pod>:{probe['grpc'].get('port')} {probe['grpc'].get('service') or ''} {attributes}"
    return f"unknown {attributes}"


def _resource_value(container: Obj, reference: Obj) -> str:
    kind, _, name = str(reference.get("resource", "")).partition(".")
    amount = ((container.get("resources") or {}).get(kind) or {}).get(name)
    if amount is None:
        return "node allocatable" if kind == "limits" and name in ("cpu", "memory") else "0"
    divisor = quantity.parse(reference.get("divisor") or "1")
    if not divisor.milli_value():
        divisor = quantity.parse("1")
    parts = -(-quantity.parse(amount).milli_value() // divisor.milli_value())
    return str(parts)


def _environment(writer: Writer, container: Obj, resolve: Resolve | None) -> None:
    entries = container.get("env") or []
    writer.line(2, "Environment:" + ("" if entries else "\t<none>"))
    for entry in entries:
        name, source = entry.get("name", ""), entry.get("valueFrom")
        if source is None:
            for index, line in enumerate(str(entry.get("value") or "").split("\n")):
                writer.line(3, f"{name}:\t{line}" if index == 0 else f"\t{line}")
        elif "fieldRef" in source:
            field = source["fieldRef"]
            value = resolve(field) if resolve else ""
            writer.line(3, f"{name}:\t{value} ({field.get('apiVersion', 'v1')}:{field.get('fieldPath', '')})")
        elif "resourceFieldRef" in source:
            reference = source["resourceFieldRef"]
            writer.line(3, f"{name}:\t{_resource_value(container, reference)} ({reference.get('resource')})")
        else:
            key, noun = (
                ("secretKeyRef", "in secret")
                if "secretKeyRef" in source
                else ("configMapKeyRef", "of config map")
            )
            one = source.get(key) or {}
            optional = "true" if one.get("optional") else "false"
            writer.line(
                3,
                f"{name}:\t<set to the key '{one.get('key')}' {noun} '{one.get('name')}'>\tOptional:"
                f" {optional}",
            )


def _environment_from(writer: Writer, container: Obj) -> None:
    if not container.get("envFrom"):
        return
    writer.line(2, "Environment Variables from:")
    for entry in container["envFrom"]:
        kind, one = (
            ("ConfigMap", entry["configMapRef"])
            if "configMapRef" in entry
            else ("Secret", entry.get("secretRef") or {})
        )
        optional = "true" if one.get("optional") else "false"
        prefix = f" with prefix '{entry['prefix']}'" if entry.get("prefix") else ""
        writer.line(3, f"{one.get('name', '')}\t{kind}{prefix}\tOptional: {optional}")


def _mounts(writer: Writer, container: Obj) -> None:
    mounts = container.get("volumeMounts") or []
    none = "" if mounts else "\t<none>"
    writer.line(2, f"Mounts:{none}")
    for mount in sorted(mounts, key=lambda one: str(one.get("mountPath"))):
        flags = "ro" if mount.get("readOnly") else "rw"
        if mount.get("subPath"):
            flags += f',path="{mount["subPath"]}"'
        writer.line(3, f"{mount.get('mountPath')} from {mount.get('name')} ({flags})")
    devices = container.get("volumeDevices") or []
    if devices:
        writer.line(2, f"Devices:{none}")
        for device in sorted(devices, key=lambda one: str(one.get("devicePath"))):
            writer.line(3, f"{device.get('devicePath')} from {device.get('name')}")


def describe_containers(
    writer: Writer,
    label: str,
    containers: list[Obj],
    statuses: list[Obj] | None = None,
    resolve: Resolve | None = None,
    space: str = "",
) -> None:
    """A group of containers; without statuses only what was asked for."""
    by_name: dict[Any, Obj] = {status.get("name"): status for status in statuses or []}
    writer.line(0, f"{space}{label}:" + ("" if containers else " <none>"))
    for container in containers:
        status = by_name.get(container.get("name"))
        writer.line(1, f"{' ' if space else ''}{container.get('name')}:")
        if status is not None:
            writer.pair("Container ID", status.get("containerID", ""), 2)
        writer.pair("Image", container.get("image", ""), 2)
        if status is not None:
            writer.pair("Image ID", status.get("imageID", ""), 2)
        _port_lines(writer, container)
        profile = (container.get("securityContext") or {}).get("seccompProfile")
        if profile:
            writer.pair("SeccompProfile", profile.get("type"), 2)
            if profile.get("type") == "Localhost":
                writer.pair("LocalhostProfile", profile.get("localhostProfile"), 3)
        _words(writer, "Command", container.get("command"))
        _words(writer, "Args", container.get("args"))
        if status is not None:
            _state(writer, "State", status.get("state") or {})
            if (status.get("lastState") or {}).get("terminated") is not None:
                _state(writer, "Last State", status["lastState"])
            writer.pair("Ready", yes_no(status.get("ready")), 2)
            writer.pair("Restart Count", status.get("restartCount") or 0, 2)
        resources(writer, container.get("resources"), 2)
        for key, name in (
            ("livenessProbe", "Liveness"),
            ("readinessProbe", "Readiness"),
            ("startupProbe", "Startup"),
        ):
            if container.get(key):
                writer.pair(name, probe_text(container[key]), 2)
        _environment_from(writer, container)
        _environment(writer, container, resolve)
        _mounts(writer, container)
