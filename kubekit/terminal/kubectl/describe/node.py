"""`kubectl describe node`: conditions, capacity, what its pods ask for together.

Source: k8s.io/kubectl/pkg/describe (describeNode, describeNodeResource), component-helpers/resource.
"""

from __future__ import annotations

from kubekit.api import quantity
from kubekit.api.exchange import Obj
from kubekit.api.status_error import StatusError
from kubekit.apiserver.printers.cluster import node_roles
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.describe.events import describe_events, search
from kubekit.terminal.kubectl.describe.writer import Writer, rfc1123

_INFO = (
    ("Machine ID", "machineID"),
    ("System UUID", "systemUUID"),
    ("Boot ID", "bootID"),
    ("Kernel Version", "kernelVersion"),
    ("OS Image", "osImage"),
    ("Operating System", "operatingSystem"),
    ("Architecture", "architecture"),
    ("Container Runtime Version", "containerRuntimeVersion"),
    ("Kubelet Version", "kubeletVersion"),
)
_STANDARD = {"cpu", "memory", "ephemeral-storage", "pods"}
Amounts = dict[str, quantity.Quantity]


def _add(into: Amounts, more: Obj | None) -> None:
    for name, amount in (more or {}).items():
        value = quantity.parse(amount)
        into[name] = into[name] + value if name in into else value


def _largest(into: Amounts, other: Amounts) -> None:
    for name, amount in other.items():
        if name not in into or into[name].milli_value() < amount.milli_value():
            into[name] = amount


def pod_amounts(pod: Obj, key: str) -> Amounts:
    """What a pod asks for (`requests`) or may use (`limits`): containers together, or the largest init one.

    Sidecars count with the containers and with every init container after them.
    """
    spec = pod.get("spec") or {}
    total: Amounts = {}
    for container in spec.get("containers") or []:
        _add(total, (container.get("resources") or {}).get(key))
    sidecars: Amounts = {}
    largest: Amounts = {}
    for container in spec.get("initContainers") or []:
        asked = (container.get("resources") or {}).get(key)
        if container.get("restartPolicy") == "Always":
            _add(total, asked)
            _add(sidecars, asked)
            _largest(largest, sidecars)
        else:
            together = dict(sidecars)
            _add(together, asked)
            _largest(largest, together)
    _largest(total, largest)
    for name, amount in ((spec.get("resources") or {}).get(key) or {}).items():
        total[name] = quantity.parse(amount)
    _add(total, {n: a for n, a in (spec.get("overhead") or {}).items() if key == "requests" or n in total})
    return total


def _share(amount: quantity.Quantity, of: quantity.Quantity) -> int:
    whole = of.milli_value()
    return amount.milli_value() * 100 // whole if whole else 0


def _amount_cell(amounts: Amounts, allocatable: Amounts, name: str) -> str:
    zero = quantity.parse("0")
    amount = amounts.get(name, zero)
    return f"{amount} ({_share(amount, allocatable.get(name, zero))}%)"


def _pods(call: Call, writer: Writer, node: Obj) -> None:
    status = node.get("status") or {}
    allocatable = {
        n: quantity.parse(a) for n, a in (status.get("allocatable") or status.get("capacity") or {}).items()
    }
    fields = f"spec.nodeName={meta(node)['name']},status.phase!=Succeeded,status.phase!=Failed"
    try:
        pods = call.connection.items(call.discovery.find("pods"), None, fields=fields)
    except StatusError as error:
        if error.code != 403:
            raise
        writer.pair("Pods", "not authorized")
        return
    writer.pair("Non-terminated Pods", f"({len(pods)} in total)")
    header = [
        "Namespace",
        "Name",
        "",
        "CPU Requests",
        "CPU Limits",
        "Memory Requests",
        "Memory Limits",
        "Age",
    ]
    rows = []
    requests: Amounts = {}
    limits: Amounts = {}
    for pod in pods:
        asked, most = pod_amounts(pod, "requests"), pod_amounts(pod, "limits")
        rows.append(
            [
                meta(pod).get("namespace"),
                meta(pod).get("name"),
                "",
                *(_amount_cell(a, allocatable, name) for name in ("cpu", "memory") for a in (asked, most)),
                call.age(meta(pod).get("creationTimestamp")),
            ]
        )
        for amounts, total in ((asked, requests), (most, limits)):
            for name, amount in amounts.items():
                total[name] = total[name] + amount if name in total else amount
    writer.table(1, header, rows)
    writer.line(0, "Allocated resources:")
    writer.line(1, "(Total limits may be over 100 percent, i.e., overcommitted.)")
    names = [
        "cpu",
        "memory",
        "ephemeral-storage",
        *sorted(n for n in allocatable if n.startswith("hugepages-")),
    ]
    shown = [
        [name, _amount_cell(requests, allocatable, name), _amount_cell(limits, allocatable, name)]
        for name in names
    ]
    for name in sorted(n for n in allocatable if n not in _STANDARD and not n.startswith("hugepages-")):
        shown.append([name, str(requests.get(name, "0")), str(limits.get(name, "0"))])
    writer.table(1, ["Resource", "Requests", "Limits"], shown)


def _lease(call: Call, writer: Writer, name: str) -> None:
    try:
        lease = call.connection.get(
            call.discovery.find("leases.coordination.k8s.io"), "kube-node-lease", name
        )
    except StatusError as error:
        writer.pair("Lease", f"Failed to get lease: {error.message}")
        return
    spec = lease.get("spec") or {}
    writer.line(0, "Lease:")
    writer.pair("HolderIdentity", spec.get("holderIdentity") or "<unset>", 1)
    for key, label in (("acquireTime", "AcquireTime"), ("renewTime", "RenewTime")):
        writer.pair(label, rfc1123(spec[key]) if spec.get(key) else "<unset>", 1)


def _taints(writer: Writer, taints: list[Obj] | None) -> None:
    writer.put("Taints:\t")
    if not taints:
        writer.put("<none>\n")
        return
    for index, one in enumerate(
        sorted(taints, key=lambda taint: f"{taint.get('effect')},{taint.get('key')}")
    ):
        value = f"={one['value']}" if one.get("value") else ""
        effect = f":{one['effect']}" if one.get("effect") else ""
        writer.put(("\t" if index else "") + f"{one.get('key')}{value}{effect}\n")


def describe(call: Call, writer: Writer, node: Obj) -> None:
    """A node."""
    about, spec, status = meta(node), node.get("spec") or {}, node.get("status") or {}
    writer.pair("Name", about.get("name", ""))
    writer.pair("Roles", ",".join(node_roles(node)) or "<none>")
    writer.labels("Labels", about.get("labels"))
    writer.annotations("Annotations", about.get("annotations"))
    writer.pair("CreationTimestamp", rfc1123(about.get("creationTimestamp")))
    _taints(writer, spec.get("taints"))
    writer.pair("Unschedulable", "true" if spec.get("unschedulable") else "false")
    _lease(call, writer, about["name"])
    conditions = status.get("conditions") or []
    if conditions:
        writer.line(0, "Conditions:")
        rows = [
            [
                f"{c.get('type')} ",
                f"{c.get('status')} ",
                f"{rfc1123(c.get('lastHeartbeatTime'))} ",
                f"{rfc1123(c.get('lastTransitionTime'))} ",
                f"{c.get('reason', '')} ",
                c.get("message", ""),
            ]
            for c in conditions
        ]
        header = ["Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message"]
        writer.table(1, header, rows)
    writer.line(0, "Addresses:")
    for address in status.get("addresses") or []:
        writer.pair(address.get("type"), address.get("address"), 1)
    for key, label in (("capacity", "Capacity"), ("allocatable", "Allocatable")):
        amounts = status.get(key) or {}
        if amounts:
            writer.line(0, f"{label}:")
            for name in sorted(amounts):
                writer.pair(name, amounts[name], 1)
    writer.line(0, "System Info:")
    info = status.get("nodeInfo") or {}
    for label, key in _INFO:
        writer.pair(label, info.get(key, ""), 1)
    if spec.get("podCIDR"):
        writer.pair("PodCIDR", spec["podCIDR"])
    if spec.get("podCIDRs"):
        writer.pair("PodCIDRs", ",".join(spec["podCIDRs"]))
    if spec.get("providerID"):
        writer.pair("ProviderID", spec["providerID"])
    _pods(call, writer, node)
    if call.flags.get("show-events", True):
        # The kubelet reports its node by name where a uid belongs.
        by_uid, by_name = search(call, node), search(call, node, uid=about["name"])
        if by_uid is not None:
            describe_events(call, writer, by_uid + (by_name or []))
