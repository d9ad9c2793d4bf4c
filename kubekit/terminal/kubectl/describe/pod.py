"""`kubectl describe pod`.

Source: k8s.io/kubectl/pkg/describe (describePod).
"""

from __future__ import annotations

from kubekit.api.exchange import Obj
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.describe.containers import Resolve, describe_containers, resources
from kubekit.terminal.kubectl.describe.events import events_of
from kubekit.terminal.kubectl.describe.pod_template import tolerations, topology_spread
from kubekit.terminal.kubectl.describe.volumes import describe_volumes
from kubekit.terminal.kubectl.describe.writer import Writer, rfc1123


def _resolver(pod: Obj) -> Resolve:
    """Values of fieldRef variables, read from the pod."""

    def resolve(reference: Obj) -> str:
        # The program knows pods only as any object: of them it can tell the name and the namespace.
        field = str(reference.get("fieldPath", "")).removeprefix("metadata.")
        return str(meta(pod).get(field, "")) if field in ("name", "namespace") else ""

    return resolve


def describe(call: Call, writer: Writer, pod: Obj) -> None:
    """A pod."""
    about, spec, status = meta(pod), pod.get("spec") or {}, pod.get("status") or {}
    writer.heading(pod, labels=False)
    if spec.get("priority") is not None:
        writer.pair("Priority", spec["priority"])
    for key, label in (
        ("priorityClassName", "Priority Class Name"),
        ("runtimeClassName", "Runtime Class Name"),
        ("serviceAccountName", "Service Account"),
    ):
        if spec.get(key):
            writer.pair(label, spec[key])
    node = spec.get("nodeName")
    writer.pair("Node", f"{node}/{status.get('hostIP', '')}" if node else "<none>")
    if status.get("startTime"):
        writer.pair("Start Time", rfc1123(status["startTime"]))
    writer.labels("Labels", about.get("labels"))
    writer.annotations("Annotations", about.get("annotations"))
    if about.get("deletionTimestamp") and status.get("phase") not in ("Failed", "Succeeded"):
        writer.pair("Status", f"Terminating (lasts {call.age(about['deletionTimestamp'])})")
        writer.pair("Termination Grace Period", f"{about.get('deletionGracePeriodSeconds', 0)}s")
    else:
        writer.pair("Status", status.get("phase", ""))
    for key, label in (("reason", "Reason"), ("message", "Message")):
        if status.get(key):
            writer.pair(label, status[key])
    profile = (spec.get("securityContext") or {}).get("seccompProfile")
    if profile:
        writer.pair("SeccompProfile", profile.get("type"))
        if profile.get("type") == "Localhost":
            writer.pair("LocalhostProfile", profile.get("localhostProfile"))
    writer.pair("IP", status.get("podIP", ""))
    addresses = status.get("podIPs") or []
    writer.line(0, "IPs:" if addresses else "IPs:\t<none>")
    for address in addresses:
        writer.pair("IP", address.get("ip", ""), 1)
    writer.controlled_by(pod)
    if status.get("nominatedNodeName"):
        writer.pair("NominatedNodeName", status["nominatedNodeName"])
    if spec.get("resources"):
        writer.line(0, "Resources:")
        resources(writer, spec["resources"], 1)
    _containers(writer, pod)
    _conditions(writer, pod)
    describe_volumes(writer, spec.get("volumes"))
    writer.pair("QoS Class", status.get("qosClass") or "BestEffort")
    writer.labels("Node-Selectors", spec.get("nodeSelector"))
    tolerations(writer, "Tolerations", spec.get("tolerations"))
    topology_spread(writer, spec.get("topologySpreadConstraints"))
    events_of(call, writer, pod)


def _containers(writer: Writer, pod: Obj) -> None:
    spec, status, resolve = pod.get("spec") or {}, pod.get("status") or {}, _resolver(pod)
    if spec.get("initContainers"):
        statuses = status.get("initContainerStatuses")
        describe_containers(writer, "Init Containers", spec["initContainers"], statuses, resolve)
    describe_containers(
        writer, "Containers", spec.get("containers") or [], status.get("containerStatuses"), resolve
    )
    if spec.get("ephemeralContainers"):
        statuses = status.get("ephemeralContainerStatuses")
        describe_containers(writer, "Ephemeral Containers", spec["ephemeralContainers"], statuses, resolve)


def _conditions(writer: Writer, pod: Obj) -> None:
    conditions = (pod.get("status") or {}).get("conditions") or []
    gates = (pod.get("spec") or {}).get("readinessGates") or []
    if gates:
        writer.line(0, "Readiness Gates:")
        writer.line(1, "Type\tStatus")
        for gate in gates:
            found = [c.get("status") for c in conditions if c.get("type") == gate.get("conditionType")]
            writer.line(1, f"{gate.get('conditionType')} \t{found[0] if found else '<none>'} ")
    if conditions:
        writer.line(0, "Conditions:")
        writer.line(1, "Type\tStatus")
        for condition in conditions:
            writer.line(1, f"{condition.get('type')} \t{condition.get('status')} ")
