"""The pod template in the description of a workload, and what pods and templates share.

Source: k8s.io/kubectl/pkg/describe (DescribePodTemplate, printPodTolerationsMultiline, ...).
"""

from __future__ import annotations

from kubekit.api.exchange import Obj
from kubekit.api.label_text import format_label_selector
from kubekit.terminal.kubectl.describe.containers import describe_containers
from kubekit.terminal.kubectl.describe.volumes import describe_volumes
from kubekit.terminal.kubectl.describe.writer import Writer


def tolerations(writer: Writer, title: str, found: list[Obj] | None) -> None:
    """A toleration a line, in the order of the keys."""
    writer.put(f"{title}:\t")
    if not found:
        writer.put("<none>\n")
        return
    for index, one in enumerate(sorted(found, key=lambda toleration: str(toleration.get("key") or ""))):
        key, value, effect = one.get("key") or "", one.get("value") or "", one.get("effect") or ""
        text = key + (f"={value}" if value else "") + (f":{effect}" if effect else "")
        if one.get("operator") == "Exists" and not value:
            text += " op=Exists" if key or effect else "op=Exists"
        if one.get("tolerationSeconds") is not None:
            text += f" for {one['tolerationSeconds']}s"
        writer.put(("\t" if index else "") + text + "\n")


def topology_spread(writer: Writer, constraints: list[Obj] | None, space: str = "") -> None:
    """The topology spread constraints, if there are any."""
    if not constraints:
        return
    writer.put(f"{space}Topology Spread Constraints:\t")
    for index, one in enumerate(
        sorted(constraints, key=lambda constraint: str(constraint.get("topologyKey")))
    ):
        writer.put(f"{space}\t" if index else "")
        text = (
            f"{one.get('topologyKey')}:{one.get('whenUnsatisfiable')} when max skew {one.get('maxSkew')}"
            f" is exceeded"
        )
        if one.get("labelSelector") is not None:
            text += f" for selector {format_label_selector(one['labelSelector'])}"
        writer.put(text + "\n")


def pod_template(writer: Writer, template: Obj | None) -> None:
    """A workload's pod template."""
    writer.line(0, "Pod Template:")
    if template is None:
        writer.put("  <unset>")
        return
    about, spec = template.get("metadata") or {}, template.get("spec") or {}
    writer.labels("  Labels", about.get("labels"))
    if about.get("annotations"):
        writer.annotations("  Annotations", about["annotations"])
    if spec.get("serviceAccountName"):
        writer.pair("Service Account", spec["serviceAccountName"], 1)
    if spec.get("initContainers"):
        describe_containers(writer, "Init Containers", spec["initContainers"], space="  ")
    describe_containers(writer, "Containers", spec.get("containers") or [], space="  ")
    describe_volumes(writer, spec.get("volumes"), "  ")
    topology_spread(writer, spec.get("topologySpreadConstraints"), "  ")
    if spec.get("priorityClassName"):
        writer.pair("Priority Class Name", spec["priorityClassName"], 1)
    writer.labels("  Node-Selectors", spec.get("nodeSelector"))
    tolerations(writer, "  Tolerations", spec.get("tolerations"))
