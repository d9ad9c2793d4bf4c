"""`kubectl describe` of config maps, secrets, service accounts, namespaces, quotas, limit ranges, priority
classes.

Source: k8s.io/kubectl/pkg/describe.
"""

from __future__ import annotations

import base64
from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.label_text import format_labels
from kubekit.api.status_error import StatusError
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.describe.events import events_of
from kubekit.terminal.kubectl.describe.writer import Writer, rfc1123

_LIMIT_HEADER = [
    "Type",
    "Resource",
    "Min",
    "Max",
    "Default Request",
    "Default Limit",
    "Max Limit/Request Ratio",
]
_SCOPE_HELP = {
    "Terminating": "Matches all pods that have an active deadline. These pods have a limited lifespan on a"
    " node before"
    " being actively terminated by the system.",
    "NotTerminating": "Matches all pods that do not have an active deadline. These pods usually include"
    " long running pods"
    " whose container command is not expected to terminate.",
    "BestEffort": "Matches all pods that do not have resource requirements set. These pods have a best"
    " effort quality of"
    " service.",
    "NotBestEffort": "Matches all pods that have at least one resource requirement set. These pods have a"
    " burstable or"
    " guaranteed quality of service.",
}


def config_map(call: Call, writer: Writer, obj: Obj) -> None:
    """A config map, with its data."""
    writer.heading(obj)
    writer.put("\nData\n====\n")
    for key in sorted(obj.get("data") or {}):
        writer.put(f"{key}:\n----\n{obj['data'][key]}\n\n")
    writer.put("\nBinaryData\n====\n")
    for key in sorted(obj.get("binaryData") or {}):
        writer.put(f"{key}: {len(base64.b64decode(obj['binaryData'][key]))} bytes\n")
    writer.put("\n")
    events_of(call, writer, obj)


def secret(call: Call, writer: Writer, obj: Obj) -> None:
    """A secret: the sizes of its data, never the data."""
    writer.heading(obj)
    writer.put(f"\nType:\t{obj.get('type', '')}\n")
    writer.put("\nData\n====\n")
    for key in sorted(obj.get("data") or {}):
        value = base64.b64decode(obj["data"][key])
        if key == "token" and obj.get("type") == "kubernetes.io/service-account-token":
            writer.pair(key, value.decode(errors="replace"))
        else:
            writer.pair(key, f"{len(value)} bytes")


def service_account(call: Call, writer: Writer, obj: Obj) -> None:
    """A service account."""
    writer.heading(obj)
    names = [one.get("name", "") for one in obj.get("imagePullSecrets") or []]
    if not names:
        writer.line(0, "Image pull secrets:\t<none>")
    for index, name in enumerate(names):
        writer.line(0, f"{' ' * 19 if index else 'Image pull secrets:'}\t{name}")
    events_of(call, writer, obj)


def _limits(writer: Writer, spec: Obj, prefix: str) -> None:
    for item in spec.get("limits") or []:
        fields = ("min", "max", "defaultRequest", "default", "maxLimitRequestRatio")
        names = sorted({name for field in fields for name in item.get(field) or {}})
        for name in names:
            cells: list[Any] = [(item.get(field) or {}).get(name, "-") for field in fields]
            writer.line(
                0, prefix + "\t".join([str(item.get("type", "")), name, *(str(cell) for cell in cells)])
            )


def limit_range(call: Call, writer: Writer, obj: Obj) -> None:
    """A limit range."""
    writer.heading(obj, labels=False)
    writer.table(0, _LIMIT_HEADER, [])
    _limits(writer, obj.get("spec") or {}, "")


def _scopes(writer: Writer, obj: Obj, level: int, bullet: str) -> None:
    scopes = sorted((obj.get("spec") or {}).get("scopes") or [])
    if scopes:
        writer.pair("Scopes", ", ".join(scopes), level)
        for scope in scopes:
            if scope in _SCOPE_HELP:
                writer.line(level, f"{bullet}{_SCOPE_HELP[scope]}")


def quota(call: Call, writer: Writer, obj: Obj) -> None:
    """A resource quota."""
    writer.heading(obj, labels=False)
    _scopes(writer, obj, 0, " * ")
    writer.table(0, ["Resource", "Used", "Hard"], _used(obj))


def _used(obj: Obj) -> list[list[Any]]:
    status = obj.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    return [[name, used.get(name, "0"), hard[name]] for name in sorted(hard)]


def namespace(call: Call, writer: Writer, obj: Obj) -> None:
    """A namespace, with its quotas and limits."""
    name = meta(obj).get("name", "")
    writer.heading(obj, namespaced=False)
    writer.pair("Status", (obj.get("status") or {}).get("phase", ""))
    conditions = (obj.get("status") or {}).get("conditions") or []
    if conditions:
        writer.line(0, "Conditions:")
        rows = [
            [
                c.get("type"),
                c.get("status"),
                rfc1123(c.get("lastTransitionTime")),
                c.get("reason"),
                c.get("message"),
            ]
            for c in conditions
        ]
        writer.table(1, ["Type", "Status", "LastTransitionTime", "Reason", "Message"], rows)
    for word, show in (("resourcequotas", _quotas), ("limitranges", _limit_ranges)):
        try:
            found = call.connection.items(call.discovery.find(word), name)
        except StatusError as error:
            if error.code == 404:
                continue
            raise
        writer.put("\n")
        show(writer, found)


def _quotas(writer: Writer, found: list[Obj]) -> None:
    if not found:
        writer.line(0, "No resource quota.")
        return
    writer.line(0, "Resource Quotas")
    for one in sorted(found, key=lambda obj: str(meta(obj).get("name"))):
        writer.pair("Name", meta(one).get("name"), 1)
        _scopes(writer, one, 1, "* ")
        writer.table(1, ["Resource", "Used", "Hard"], _used(one), [8, 3, 3])


def _limit_ranges(writer: Writer, found: list[Obj]) -> None:
    if not found:
        writer.line(0, "No LimitRange resource.")
        return
    writer.line(0, "Resource Limits")
    writer.line(0, " " + "\t".join(_LIMIT_HEADER))
    writer.line(0, " " + "\t".join("-" * len(name) for name in _LIMIT_HEADER))
    for one in found:
        _limits(writer, one.get("spec") or {}, " ")


def priority_class(call: Call, writer: Writer, obj: Obj) -> None:
    """A priority class."""
    writer.pair("Name", meta(obj).get("name", ""))
    writer.pair("Value", obj.get("value", 0))
    writer.pair("GlobalDefault", "true" if obj.get("globalDefault") else "false")
    writer.pair("PreemptionPolicy", obj.get("preemptionPolicy", ""))
    writer.pair("Description", obj.get("description", ""))
    writer.pair("Annotations", format_labels(meta(obj).get("annotations")))
    events_of(call, writer, obj)
