"""The text form of a Go value over which hashes of pod templates and of ports are taken.

`go_print(type, value)` writes every field of a structure, also the unset ones, with the names and types of
the Go declarations: `(v1.EndpointPort){Name:(*string)http Protocol:(*v1.Protocol)TCP ...`. Values are in the
API's JSON form, types come from `kubekit.api.schema`. Only for hashing: nobody else should depend on how Go
spells its types. Source: k8s.io/utils/dump (ForHash), which is spew's `%#v`.
"""

from __future__ import annotations

import re
from typing import Any

from kubekit.api.decoding import List, Map, Pointer, Struct, Type
from kubekit.api.meta import Obj

INITIALS = frozenset(
    [
        "csi",
        "dnsConfig",
        "dnsPolicy",
        "fc",
        "fsGroup",
        "fsGroupChangePolicy",
        "fsType",
        "grpc",
        "ip",
        "iqn",
        "iscsi",
        "iscsiInterface",
        "nfs",
        "os",
        "rbd",
        "seLinuxChangePolicy",
        "seLinuxOptions",
        "sslEnabled",
        "tcpSocket",
        "tty",
        "uid",
        "gcePersistentDisk",
        "httpGet",
        "httpHeaders",
        "gmsaCredentialSpec",
        "gmsaCredentialSpecName",
        "apiGroup",
        "apiVersion",
        "awsElasticBlockStore",
        "pdName",
    ]
)
"""Fields whose Go name begins with an abbreviation in capitals: fsGroup is FSGroup."""

OTHER_NAMES = {
    "cephfs": "CephFS",
    "chapAuthDiscovery": "DiscoveryCHAPAuth",
    "chapAuthSession": "SessionCHAPAuth",
    "diskURI": "DataDiskURI",
    "endpoints": "EndpointsName",
    "metadata": "ObjectMeta",
    "serviceAccount": "DeprecatedServiceAccount",
    "storageos": "StorageOS",
    "wwids": "WWIDs",
    "RBDVolumeSource.image": "RBDImage",
    "RBDVolumeSource.monitors": "CephMonitors",
    "RBDVolumeSource.pool": "RBDPool",
    "RBDVolumeSource.user": "RadosUser",
}

EMBEDDED: dict[str, tuple[str, frozenset[str]]] = {
    "Volume": ("VolumeSource", frozenset({"name"})),
    "EphemeralContainer": ("EphemeralContainerCommon", frozenset({"targetContainerName"})),
    "Probe": (
        "ProbeHandler",
        frozenset(
            {
                "initialDelaySeconds",
                "timeoutSeconds",
                "periodSeconds",
                "successThreshold",
                "failureThreshold",
                "terminationGracePeriodSeconds",
            }
        ),
    ),
    "SecretKeySelector": ("LocalObjectReference", frozenset({"key", "optional"})),
    "ConfigMapKeySelector": ("LocalObjectReference", frozenset({"key", "optional"})),
    "SecretEnvSource": ("LocalObjectReference", frozenset({"optional"})),
    "ConfigMapEnvSource": ("LocalObjectReference", frozenset({"optional"})),
    "SecretProjection": ("LocalObjectReference", frozenset({"items", "optional"})),
    "ConfigMapProjection": ("LocalObjectReference", frozenset({"items", "optional"})),
    "ConfigMapVolumeSource": ("LocalObjectReference", frozenset({"items", "defaultMode", "optional"})),
}
"""Structures that contain another one's fields as their own: its name, and the fields that are not its."""

_ABBREVIATION = re.compile(r"gmsa|gce|aws|http|api|dns|fs|se(?=L)|ssl|tcp|pd|iscsi|[a-z]+")
_NO_TIME = "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}"
_QUANTITY = re.compile(r"([+-]?)(\d*)\.?(\d*)(.*)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def field_name(struct: str, name: str) -> str:
    """The Go name of a field by its JSON name.

    >>> [field_name("PodSpec", name) for name in ("hostPID", "fsGroup", "serviceAccount")]
    ['HostPID', 'FSGroup', 'DeprecatedServiceAccount']
    """
    other = OTHER_NAMES.get(f"{struct}.{name}") or OTHER_NAMES.get(name)
    if other is not None:
        return other
    if name in INITIALS:
        found = _ABBREVIATION.match(name)
        assert found is not None
        return found.group().upper() + name[found.end() :]
    return name[0].upper() + name[1:]


def go_print(type: Type, value: Any, typed: bool = True) -> str:
    """The value as Go prints it; `typed` writes its own type in front."""
    if isinstance(type, Pointer):
        if value is None:
            return f"(*{type.go_name})<nil>" if typed else "<nil>"
        return (f"(*{type.go_name})" if typed else "<*>") + go_print(type.inner, value, False)
    name = f"({type.go_name})" if typed else ""
    return name + _bare(type, value)


def _bare(type: Type, value: Any) -> str:
    if isinstance(type, Struct):
        return _struct(type, value or {})
    if isinstance(type, List):
        if not value:
            return "<nil>"
        return "[" + " ".join(go_print(type.element, item, False) for item in value) + "]"
    if isinstance(type, Map):
        if not value:
            return "<nil>"
        items = (f"{key}:{go_print(type.element, value[key], False)}" for key in sorted(value))
        return "map[" + " ".join(items) + "]"
    if type.scalar == "quantity":
        return _quantity(str(value))
    if type.scalar == "int-or-string":
        text = isinstance(value, str)
        number, string = (0, value) if text else (value or 0, "")
        return f"{{Type:(intstr.Type){int(text)} IntVal:(int32){number} StrVal:(string){string}}}"
    if type.scalar == "time":
        return _NO_TIME
    if value is None:
        value = type.zero()
    return str(value).lower() if isinstance(value, bool) else str(value)


def _struct(type: Struct, value: dict[str, Any]) -> str:
    inner, own = EMBEDDED.get(type.short, ("", frozenset(type.fields)))
    before: list[str] = []
    inside: list[str] = []
    after: list[str] = []
    for name, field in type.fields.items():
        owner = type.short if name in own else inner
        text = f"{field_name(owner, name)}:{go_print(field.type, value.get(name))}"
        if name not in own:
            inside.append(text)
        elif inside:
            after.append(text)
        else:
            before.append(text)
    middle = [f"{inner}:(v1.{inner}){{{' '.join(inside)}}}"] if inner else []
    return "{" + " ".join([*before, *middle, *after]) + "}"


def _quantity(text: str) -> str:
    """A quantity as it is in memory: an integer with a decimal scale, and its text where that is canonical.

    Stored quantities are canonical already: binary ones have no fraction.

    >>> _quantity("100m")[:52]
    '{i:(resource.int64Amount){value:(int64)100 scale:(re'
    """
    if text == "0":
        return _amount(0, 0, "0", "DecimalSI")
    found = _QUANTITY.fullmatch(text)
    assert found is not None
    sign, whole, fraction, suffix = found.groups()
    digits = (whole.lstrip("0") + fraction) if whole.strip("0") else whole + fraction
    number = int(whole + fraction or "0")
    if suffix in _BINARY:
        shown = text if number & 7 else ""
        result = number << _BINARY[suffix]
        return _amount(-result if sign == "-" else result, 0, shown, "BinarySI")
    form = "DecimalSI" if suffix in _DECIMAL else "DecimalExponent"
    exponent = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    scale = exponent - len(fraction)
    canonical = scale % 3 == 0 and not digits.endswith("000") and not digits.startswith("0")
    return _amount(-number if sign == "-" else number, scale, text if canonical else "", form)


def _amount(value: int, scale: int, text: str, form: str) -> str:
    return (
        f"{{i:(resource.int64Amount){{value:(int64){value} scale:(resource.Scale){scale}}}"
        f" d:(resource.infDecAmount){{Dec:(*inf.Dec)<nil>}} s:(string){text} Format:(resource.Format){form}}}"
    )


def print_selector(selector: Obj | None) -> str:
    """A pointer to a label selector, as `%v` prints it."""
    if selector is None:
        return "nil"
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    rules = "".join(
        f"LabelSelectorRequirement{{Key:{one['key']},Operator:{one['operator']},"
        f"Values:[{' '.join(one.get('values') or ())}],}},"
        for one in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{rules}}},}}"
    )
