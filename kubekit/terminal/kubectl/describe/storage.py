"""`kubectl describe` of persistent volumes, claims and storage classes.

Source: k8s.io/kubectl/pkg/describe.
"""

from __future__ import annotations

from kubekit.api.exchange import Obj
from kubekit.api.label_text import format_labels
from kubekit.apiserver.printers.cells import access_modes
from kubekit.apiserver.printers.storage import storage_class_of
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.describe.events import events_of
from kubekit.terminal.kubectl.describe.volumes import volume_source
from kubekit.terminal.kubectl.describe.writer import Writer, go_list, rfc1123

_DEFAULT = "storageclass.kubernetes.io/is-default-class"


def _status(call: Call, writer: Writer, obj: Obj) -> None:
    deleted = meta(obj).get("deletionTimestamp")
    phase = (obj.get("status") or {}).get("phase", "")
    writer.pair("Status", f"Terminating (lasts {call.age(deleted)})" if deleted else phase)


def _affinity(writer: Writer, affinity: Obj | None) -> None:
    required = (affinity or {}).get("required")
    if required is None:
        writer.pair("Node Affinity", "<none>")
        return
    writer.line(0, "Node Affinity:\t")
    terms = required.get("nodeSelectorTerms") or []
    writer.line(1, "Required Terms:\t" + ("" if terms else "<none>"))
    for index, term in enumerate(terms):
        _term(writer, "    ", index, term.get("matchExpressions") or [])


def persistent_volume(call: Call, writer: Writer, obj: Obj) -> None:
    """A persistent volume."""
    spec = obj.get("spec") or {}
    writer.heading(obj, namespaced=False)
    writer.pair("Finalizers", go_list(meta(obj).get("finalizers")))
    writer.pair("StorageClass", storage_class_of(obj))
    _status(call, writer, obj)
    claim = spec.get("claimRef")
    writer.pair("Claim", f"{claim.get('namespace')}/{claim.get('name')}" if claim else "")
    writer.pair("Reclaim Policy", spec.get("persistentVolumeReclaimPolicy", ""))
    writer.pair("Access Modes", access_modes(spec.get("accessModes")))
    if spec.get("volumeMode") is not None:
        writer.pair("VolumeMode", spec["volumeMode"])
    writer.pair("Capacity", (spec.get("capacity") or {}).get("storage", "0"))
    _affinity(writer, spec.get("nodeAffinity"))
    writer.pair("Message", (obj.get("status") or {}).get("message", ""))
    writer.line(0, "Source:")
    volume_source(writer, spec)
    events_of(call, writer, obj)


def persistent_volume_claim(call: Call, writer: Writer, obj: Obj) -> None:
    """A claim, with the pods that use it."""
    spec, status, about = obj.get("spec") or {}, obj.get("status") or {}, meta(obj)
    writer.heading(obj, labels=False)
    writer.pair("StorageClass", storage_class_of(obj))
    _status(call, writer, obj)
    bound = spec.get("volumeName") or ""
    writer.pair("Volume", bound)
    writer.labels("Labels", about.get("labels"))
    writer.annotations("Annotations", about.get("annotations"))
    writer.pair("Finalizers", go_list(about.get("finalizers")))
    writer.pair("Capacity", (status.get("capacity") or {}).get("storage", "0") if bound else "")
    writer.pair("Access Modes", access_modes(status.get("accessModes")) if bound else "")
    if spec.get("volumeMode") is not None:
        writer.pair("VolumeMode", spec["volumeMode"])
    source = spec.get("dataSource")
    if source:
        writer.line(0, "DataSource:")
        if source.get("apiGroup") is not None:
            writer.pair("APIGroup", source["apiGroup"], 1)
        writer.pair("Kind", source.get("kind"), 1)
        writer.pair("Name", source.get("name"), 1)
    users = [
        meta(pod)["name"]
        for pod in call.connection.items(call.discovery.find("pods"), about.get("namespace"))
        if any(
            (volume.get("persistentVolumeClaim") or {}).get("claimName") == about.get("name")
            for volume in (pod.get("spec") or {}).get("volumes") or []
        )
    ]
    writer.put("Used By:\t" + ("\n\t".join(sorted(users)) or "<none>") + "\n")
    if status.get("conditions"):
        writer.line(0, "Conditions:")
        rows = [
            [
                f"{c.get('type')} ",
                f"{c.get('status')} ",
                f"{rfc1123(c.get('lastProbeTime'))} ",
                f"{rfc1123(c.get('lastTransitionTime'))} ",
                f"{c.get('reason', '')} ",
                c.get("message", ""),
            ]
            for c in status["conditions"]
        ]
        header = ["Type", "Status", "LastProbeTime", "LastTransitionTime", "Reason", "Message"]
        writer.table(1, header, rows, [4, 6, 17, 18, 6, 7])
    events_of(call, writer, obj)


def storage_class(call: Call, writer: Writer, obj: Obj) -> None:
    """A storage class."""
    annotations = meta(obj).get("annotations") or {}
    writer.pair("Name", meta(obj).get("name", ""))
    writer.pair("IsDefaultClass", "Yes" if annotations.get(_DEFAULT) == "true" else "No")
    writer.pair("Annotations", format_labels(annotations))
    writer.pair("Provisioner", obj.get("provisioner", ""))
    writer.pair("Parameters", format_labels(obj.get("parameters")))
    expansion = obj.get("allowVolumeExpansion")
    writer.pair("AllowVolumeExpansion", "<unset>" if expansion is None else str(bool(expansion)))
    options = obj.get("mountOptions") or []
    writer.line(0, "MountOptions:" if options else "MountOptions:\t<none>")
    for option in options:
        writer.line(1, option)
    for key, label in (("reclaimPolicy", "ReclaimPolicy"), ("volumeBindingMode", "VolumeBindingMode")):
        if obj.get(key) is not None:
            writer.pair(label, obj[key])
    if obj.get("allowedTopologies") is not None:
        _topologies(writer, obj["allowedTopologies"])
    events_of(call, writer, obj)


def _topologies(writer: Writer, terms: list[Obj]) -> None:
    writer.put("AllowedTopologies:\t" + ("\n" if terms else "<none>\n"))
    for number, term in enumerate(terms):
        _term(writer, "  ", number, term.get("matchLabelExpressions") or [])


def _term(writer: Writer, indent: str, number: int, needs: list[Obj]) -> None:
    """One term of a selector; where only labels are asked about, a need has no operator: it is `in`."""
    writer.put(f"{indent}Term {number}:\t" + ("" if needs else "<none>\n"))
    for place, need in enumerate(needs):
        values = f" [{', '.join(need['values'])}]" if need.get("values") else ""
        text = f"{need.get('key')} {str(need.get('operator', 'in')).lower()}{values}\n"
        writer.put((f"{indent}\t" if place else "") + text)


def csi_node(call: Call, writer: Writer, obj: Obj) -> None:
    """The storage drivers of a node."""
    writer.heading(obj, namespaced=False)
    writer.pair("CreationTimestamp", rfc1123(meta(obj).get("creationTimestamp")))
    writer.line(0, "Spec:")
    drivers = (obj.get("spec") or {}).get("drivers")
    if drivers is not None:
        writer.line(1, "Drivers:")
    for driver in drivers or []:
        writer.line(2, f"{driver.get('name')}:")
        writer.pair("Node ID", driver.get("nodeID", ""), 3)
        count = (driver.get("allocatable") or {}).get("count")
        if count is not None:
            writer.line(3, "Allocatables:")
            writer.pair("Count", count, 4)
        if driver.get("topologyKeys") is not None:
            writer.pair("Topology Keys", go_list(driver["topologyKeys"]), 3)
    events_of(call, writer, obj)
