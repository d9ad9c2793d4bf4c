"""Volumes of a pod, and what stands behind a persistent volume.

Source: k8s.io/kubectl/pkg/describe (describeVolumes, print*VolumeSource).
"""

from __future__ import annotations

from typing import Any

from kubekit.api.exchange import Obj
from kubekit.apiserver.printers.storage import storage_class_of
from kubekit.terminal.kubectl.call import meta
from kubekit.terminal.kubectl.describe.writer import LONGEST, Writer

_SIMPLE: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "nfs": (
        "NFS (an NFS mount that lasts the lifetime of a pod)",
        (("Server", "server"), ("Path", "path"), ("ReadOnly", "readOnly")),
    ),
    "local": ("LocalVolume (a persistent volume backed by local storage on a node)", (("Path", "path"),)),
    "image": (
        "Image (a container image or OCI artifact)",
        (("Reference", "reference"), ("PullPolicy", "pullPolicy")),
    ),
    "persistentVolumeClaim": (
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        (("ClaimName", "claimName"), ("ReadOnly", "readOnly")),
    ),
}


def _bool(value: Any) -> str:
    return "true" if value else "false"


def _lines(writer: Writer, kind: str, *pairs: tuple[str, Any]) -> None:
    writer.line(2, f"Type:\t{kind}")
    for label, value in pairs:
        writer.line(2, f"{label}:\t{value}")


def _projected(writer: Writer, source: Obj) -> None:
    writer.line(2, "Type:\tProjected (a volume that contains injected data from multiple sources)")
    for one in source.get("sources") or []:
        if "secret" in one:
            writer.pair("SecretName", one["secret"].get("name", ""), 2)
            writer.pair("Optional", _bool(one["secret"].get("optional")), 2)
        elif "downwardAPI" in one:
            writer.pair("DownwardAPI", "true", 2)
        elif "configMap" in one:
            writer.pair("ConfigMapName", one["configMap"].get("name", ""), 2)
            writer.pair("Optional", _bool(one["configMap"].get("optional")), 2)
        elif "serviceAccountToken" in one:
            writer.pair("TokenExpirationSeconds", one["serviceAccountToken"].get("expirationSeconds", 0), 2)


def volume_source(writer: Writer, volume: Obj) -> None:
    """What a volume is made of; reads both pods' volumes and persistent volumes' specs."""
    for key in (
        "hostPath",
        "emptyDir",
        "secret",
        "configMap",
        "downwardAPI",
        "projected",
        "ephemeral",
        "csi",
        *_SIMPLE,
    ):
        if volume.get(key) is None:
            continue
        source: Obj = volume[key]
        if key == "hostPath":
            kind = source.get("type")
            shown = "<none>" if kind is None else kind
            _lines(
                writer,
                "HostPath (bare host directory volume)",
                ("Path", source.get("path")),
                ("HostPathType", shown),
            )
        elif key == "emptyDir":
            _lines(
                writer,
                "EmptyDir (a temporary directory that shares a pod's lifetime)",
                ("Medium", source.get("medium", "")),
                ("SizeLimit", source.get("sizeLimit") or "<unset>"),
            )
        elif key == "secret":
            optional = _bool(source.get("optional"))
            _lines(
                writer,
                "Secret (a volume populated by a Secret)",
                ("SecretName", source.get("secretName", "")),
                ("Optional", optional),
            )
        elif key == "configMap":
            optional = _bool(source.get("optional"))
            _lines(
                writer,
                "ConfigMap (a volume populated by a ConfigMap)",
                ("Name", source.get("name", "")),
                ("Optional", optional),
            )
        elif key == "downwardAPI":
            writer.line(2, "Type:\tDownwardAPI (a volume populated by information about the pod)")
            writer.line(2, "Items:")
            for item in source.get("items") or []:
                field = item.get("fieldRef", {}).get("fieldPath") or item.get("resourceFieldRef", {}).get(
                    "resource"
                )
                writer.line(3, f"{field} -> {item.get('path', '')}")
        elif key == "projected":
            _projected(writer, source)
        elif key == "csi":
            _csi(writer, source)
        elif key == "ephemeral":
            _ephemeral(writer, source)
        else:
            kind, pairs = _SIMPLE[key]
            values = [(label, source.get(name)) for label, name in pairs]
            _lines(writer, kind, *((label, _bool(v) if label == "ReadOnly" else v) for label, v in values))
        return
    writer.line(1, "<unknown>")


def _csi(writer: Writer, source: Obj) -> None:
    pairs: list[tuple[str, Any]] = [("Driver", source.get("driver", ""))]
    if "volumeHandle" in source:
        pairs += [("FSType", source.get("fsType", "")), ("VolumeHandle", source["volumeHandle"])]
    else:
        pairs += [("FSType", source.get("fsType", ""))]
    _lines(
        writer,
        "CSI (a Container Storage Interface (CSI) volume source)",
        *pairs,
        ("ReadOnly", _bool(source.get("readOnly"))),
    )
    attributes = source.get("volumeAttributes") or {}
    writer.put("    VolumeAttributes:\t")
    if not attributes:
        writer.put("<none>\n")
    for index, key in enumerate(sorted(attributes)):
        line = f"{key}={attributes[key]}"
        shown = line if len(line) <= LONGEST else f"{line[:LONGEST]}..."
        writer.put(("        \t" if index else "") + f"    {shown}\n")


def _ephemeral(writer: Writer, source: Obj) -> None:
    writer.line(
        2,
        "Type:\tEphemeralVolume (an inline specification for a volume that gets created and deleted with"
        " the pod)",
    )
    template = source.get("volumeClaimTemplate")
    if template is None:
        return
    about, spec = meta(template), template.get("spec") or {}
    writer.pair("StorageClass", storage_class_of(template), 2)
    writer.pair("Volume", spec.get("volumeName") or "", 2)
    _nested(
        writer, "Labels", [f"{key}={value}" for key, value in sorted((about.get("labels") or {}).items())]
    )
    annotations = sorted((about.get("annotations") or {}).items())
    _nested(writer, "Annotations", [f"{key}: {value}" for key, value in annotations])
    writer.pair("Capacity", "", 2)
    writer.pair("Access Modes", "", 2)
    if spec.get("volumeMode") is not None:
        writer.pair("VolumeMode", spec["volumeMode"], 2)


def _nested(writer: Writer, title: str, lines: list[str]) -> None:
    # Each piece is indented where it is written, in the middle of a line, too.
    writer.put(f"    {title}:\t")
    for index, line in enumerate(lines or ["<none>"]):
        writer.put(("    \t" if index else "") + f"    {line}\n")


def describe_volumes(writer: Writer, volumes: list[Obj] | None, space: str = "") -> None:
    """The volumes of a pod or of a template (`space`: its indentation)."""
    if not volumes:
        writer.line(0, f"{space}Volumes:\t<none>")
        return
    writer.line(0, f"{space}Volumes:")
    for volume in volumes:
        writer.line(1, f"{' ' if space else ''}{volume.get('name', '')}:")
        volume_source(writer, volume)
