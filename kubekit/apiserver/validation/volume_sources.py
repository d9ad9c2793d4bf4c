"""Validation of volume sources that pods and persistent volumes share or almost share.

Called by `pod_volumes` and `persistent_volume`. Most sources only need certain fields; these stand in a
table. Source: pkg/apis/core/validation (validate*VolumeSource).
"""

from __future__ import annotations

import re

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, invalid, not_supported, required, too_long
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.numbers import dns1123_label
from kubekit.apiserver.validation.paths import local_descending, no_backsteps

MORE_THAN_ONE = "may not specify more than 1 volume type"
MISNAMED = {"cephfs": "cephFS"}
"""Where the original tells of a second source under another name than the field has."""
HOST_PATH_TYPES = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip
_IQN = re.compile(r"iqn\.\d{4}-\d{2}\.([a-z0-9-.]+)(:[^,;*&$|\s]+)")
_EUI = re.compile(r"eui\.[0-9a-fA-F]{16}")
_NAA = re.compile(r"naa\.[0-9a-fA-F]{32}")
_NEEDED: dict[str, tuple[str, ...]] = {
    "glusterfs": ("endpoints", "path"),
    "rbd": ("monitors", "image"),
    "cinder": ("volumeID",),
    "cephfs": ("monitors",),
    "azureFile": ("secretName", "shareName"),
    "vsphereVolume": ("volumePath",),
    "photonPersistentDisk": ("pdID",),
    "portworxVolume": ("volumeID",),
    "scaleIO": ("gateway", "system", "volumeName"),
}


def host_path(source: Obj, path: Path) -> list[FieldError]:
    """A folder or file of the node."""
    if not source.get("path"):
        return [required(path.child("path"))]
    errors = no_backsteps(source["path"], path.child("path"))
    kind = source.get("type")
    if kind is not None and kind not in HOST_PATH_TYPES:
        errors.append(not_supported(path.child("type"), kind, HOST_PATH_TYPES))
    return errors


def nfs(source: Obj, path: Path) -> list[FieldError]:
    """An NFS export."""
    errors = [required(path.child(field)) for field in ("server", "path") if not source.get(field)]
    if not source.get("path", "").startswith("/"):
        errors.append(invalid(path.child("path"), source.get("path", ""), "must be an absolute path"))
    return errors


def _iqn(text: str, path: Path, hint: bool) -> list[FieldError]:
    if not text.startswith(("iqn", "eui", "naa")):
        words = "must be valid format starting with iqn, eui, or naa" if hint else "must be valid format"
        return [invalid(path, text, words)]
    pattern = {"iqn": _IQN, "eui": _EUI, "naa": _NAA}[text[:3]]
    found = pattern.match(text) if text.startswith("iqn") else pattern.fullmatch(text)
    return [] if found else [invalid(path, text, "must be valid format")]


def too_long_target(source: Obj, name: str) -> str:
    """What is said of an iSCSI target whose address is too long together with its volume's name; "" if it
    is not."""
    if source.get("initiatorName") is None or len(f"{name}:{source.get('targetPortal', '')}") <= 64:
        return ""
    return (
        "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
        "iscsi.initiatorName is specified."
    )


def iscsi(source: Obj, path: Path, persistent: bool) -> list[FieldError]:
    """An iSCSI target."""
    errors: list[FieldError] = []
    if not source.get("targetPortal"):
        errors.append(required(path.child("targetPortal")))
    if not source.get("iqn"):
        errors.append(required(path.child("iqn")))
    else:
        errors += _iqn(source["iqn"], path.child("iqn"), not persistent)
    lun = source.get("lun", 0)
    if not 0 <= lun <= 255:
        errors.append(invalid(path.child("lun"), lun, "must be between 0 and 255, inclusive"))
    secret = source.get("secretRef")
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and secret is None:
        errors.append(required(path.child("secretRef")))
    if persistent and secret is not None and not secret.get("name"):
        errors.append(required(path.child("secretRef", "name")))
    if source.get("initiatorName") is not None:
        errors += _iqn(source["initiatorName"], path.child("initiatorname"), not persistent)
    return errors


def fc(source: Obj, path: Path) -> list[FieldError]:
    """A Fibre Channel disk."""
    errors: list[FieldError] = []
    names, ids = source.get("targetWWNs"), source.get("wwids")
    if not names and not ids:
        errors.append(
            required(path.child("targetWWNs"), "must specify either targetWWNs or wwids, but not both")
        )
    if names and ids:
        text = "targetWWNs and wwids can not be specified simultaneously"
        errors.append(invalid(path.child("targetWWNs"), names, text))
    if names:
        lun = source.get("lun")
        if lun is None:
            errors.append(required(path.child("lun"), "lun is required if targetWWNs is specified"))
        elif not 0 <= lun <= 255:
            errors.append(invalid(path.child("lun"), lun, "must be between 0 and 255, inclusive"))
    return errors


def _disk(source: Obj, name: str, path: Path) -> list[FieldError]:
    errors = [] if source.get(name) else [required(path.child(name))]
    partition = source.get("partition", 0)
    if not 0 <= partition <= 255:
        errors.append(invalid(path.child("partition"), partition, "must be between 1 and 255, inclusive"))
    return errors


def flex(source: Obj, path: Path) -> list[FieldError]:
    """A FlexVolume driver and its options."""
    errors = [] if source.get("driver") else [required(path.child("driver"))]
    for key in source.get("options") or {}:
        domain = "." + key.partition("/")[0].lower()
        if domain.endswith((".kubernetes.io", ".k8s.io")):
            text = "kubernetes.io and k8s.io namespaces are reserved"
            errors.append(invalid(path.child("options").key(key), key, text))
    return errors


def _azure_disk(source: Obj, path: Path) -> list[FieldError]:
    errors = [required(path.child(field)) for field in ("diskName", "diskURI") if not source.get(field)]
    caching, kind, uri = source.get("cachingMode"), source.get("kind"), source.get("diskURI", "")
    if caching is not None and caching not in ("None", "ReadOnly", "ReadWrite"):
        errors.append(not_supported(path.child("cachingMode"), caching, ("None", "ReadOnly", "ReadWrite")))
    if kind is not None and kind not in ("Dedicated", "Managed", "Shared"):
        errors.append(not_supported(path.child("kind"), kind, ("Dedicated", "Managed", "Shared")))
    managed = (
        "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
    )
    blob = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        errors.append(not_supported(path.child("diskURI"), uri, (managed,)))
    if kind is not None and kind != "Managed" and not uri.startswith("https://"):
        errors.append(not_supported(path.child("diskURI"), uri, (blob,)))
    return errors


def _storage_os(source: Obj, path: Path, persistent: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    if not source.get("volumeName"):
        errors.append(required(path.child("volumeName")))
    else:
        errors += dns1123_label(source["volumeName"], path.child("volumeName"))
    if source.get("volumeNamespace"):
        errors += dns1123_label(source["volumeNamespace"], path.child("volumeNamespace"))
    return errors + _secret(source, path, persistent)


def _secret(source: Obj, path: Path, persistent: bool) -> list[FieldError]:
    secret = source.get("secretRef")
    if secret is None:
        return []
    fields = ("name", "namespace") if persistent else ("name",)
    return [required(path.child("secretRef", field)) for field in fields if not secret.get(field)]


def csi_driver_name(name: str, path: Path) -> list[FieldError]:
    """The name of a CSI driver: a DNS subdomain of up to 63 characters, upper case allowed."""
    if not name:
        return [required(path)]
    errors = [too_long(path, 63)] if len(name) > 63 else []
    return errors + [invalid(path, name, text) for text in formats.dns1123_subdomain(name.lower())]


def _flocker(source: Obj, path: Path) -> list[FieldError]:
    name, uuid = source.get("datasetName", ""), source.get("datasetUUID", "")
    errors: list[FieldError] = []
    if not name and not uuid:
        errors.append(required(path, "one of datasetName and datasetUUID is required"))
    if name and uuid:
        text = "datasetName and datasetUUID can not be specified simultaneously"
        errors.append(invalid(path, "resource", text))
    if "/" in name:
        errors.append(invalid(path.child("datasetName"), name, "must not contain '/'"))
    return errors


def _quobyte(source: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    text = "must be a host:port pair or multiple pairs separated by commas"
    registry = source.get("registry", "")
    if not registry:
        errors.append(required(path.child("registry"), text))
    elif len(source.get("tenant", "")) >= 65:
        words = "must be a UUID and may not exceed a length of 64 characters"
        errors.append(required(path.child("tenant"), words))
    else:
        errors += [
            invalid(path.child("registry"), registry, text) for one in registry.split(",") if ":" not in one
        ]
    return errors if source.get("volume") else [*errors, required(path.child("volume"))]


def common(kind: str, source: Obj, path: Path, persistent: bool) -> list[FieldError]:
    """A source by its field name; what this function does not know has no rules."""
    if kind in _NEEDED:
        errors = [required(path.child(field)) for field in _NEEDED[kind] if not source.get(field)]
        if kind == "cinder":
            errors += _secret(source, path, persistent)
        if kind == "azureFile" and persistent and source.get("secretNamespace") == "":
            errors.append(required(path.child("secretNamespace")))
        if kind == "glusterfs" and (space := source.get("endpointsNamespace")) is not None:
            at = path.child("endpointsNamespace")
            text = "if the endpointnamespace is set, it must be a valid namespace name"
            errors += dns1123_label(space, at) if space else [invalid(at, space, text)]
        return errors
    if kind == "gitRepo":
        errors = [] if source.get("repository") else [required(path.child("repository"))]
        return errors + local_descending(source.get("directory", ""), path.child("directory"))
    if kind == "gcePersistentDisk":
        return _disk(source, "pdName", path)
    if kind == "awsElasticBlockStore":
        return _disk(source, "volumeID", path)
    if kind == "iscsi":
        return iscsi(source, path, persistent)
    if kind == "storageos":
        return _storage_os(source, path, persistent)
    table = {
        "hostPath": host_path, "nfs": nfs, "fc": fc, "flexVolume": flex, "azureDisk": _azure_disk,
        "flocker": _flocker, "quobyte": _quobyte,
    }  # fmt: skip
    check = table.get(kind)
    return check(source, path) if check else []
