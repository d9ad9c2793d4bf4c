"""Admission at the kubelet: may this pod, which somebody bound here, really run on this node?

The scheduler's checks are repeated against what the kubelet knows: resources, node affinity, host ports,
NoExecute taints. A pod that does not pass is not retried; it becomes Failed with the reason found here.
Source: `pkg/kubelet/lifecycle/predicate.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kubekit.api.meta import Obj, labels_of
from kubekit.api.quantity import Quantity, parse
from kubekit.api.selectors import matches_node_selector
from kubekit.kubelet.phase import is_static
from kubekit.kubelet.resources import Amounts, has_any, totals

PREFIX = "OutOf"
ORDER = ("cpu", "memory", "ephemeral-storage")

NOT_AFFINE = "node(s) didn't match Pod's node affinity/selector"
OTHER_NODE = "node(s) didn't match the requested node name"
NO_PORTS = "node(s) didn't have free ports for the requested pod ports"
NOT_TOLERATED = "node(s) had taints that the pod didn't tolerate"


class Rejection(NamedTuple):
    """Why a pod may not run here: the reason of its status, and the message."""

    reason: str
    message: str


def requests_of(pod: Obj) -> Amounts:
    """What a pod takes of the node."""
    return totals(pod, "requests") if has_any(pod) else {}


def admit(pod: Obj, node: Obj, others: Iterable[Obj], requests: Mapping[str, Amounts]) -> Rejection | None:
    """None when the pod may run on `node` beside `others` (whose requests are given by uid)."""
    operating_system = (pod["spec"].get("os") or {}).get("name", "linux")
    if operating_system != "linux":
        return Rejection("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS")
    if labels_of(pod).get("kubernetes.io/os", "linux") != "linux":
        text = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label"
        return Rejection("PodOSSelectorNodeLabelDoesNotMatch", text)
    running = list(others)
    short = _insufficient(pod, node, running, requests)
    if short is not None:
        return short
    if not _selected(pod, node):
        return _predicate("NodeAffinity", NOT_AFFINE)
    if pod["spec"].get("nodeName") not in (None, "", node["metadata"]["name"]):
        return _predicate("NodeName", OTHER_NODE)
    taken = {port for other in running for port in _host_ports(other)}
    if any(port in taken for port in _host_ports(pod)):
        return _predicate("NodePorts", NO_PORTS)
    if not is_static(pod):
        for taint in node["spec"].get("taints") or ():
            if taint["effect"] == "NoExecute" and not tolerated(taint, pod):
                return _predicate("TaintToleration", NOT_TOLERATED)
    return None


def _predicate(name: str, why: str) -> Rejection:
    return Rejection(name, f"Predicate {name} failed: {why}")


def _insufficient(
    pod: Obj, node: Obj, others: list[Obj], requests: Mapping[str, Amounts]
) -> Rejection | None:
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    pods = parse(allocatable.get("pods", "110")).value()
    if len(others) + 1 > pods:
        return _out_of("pods", 1, len(others), pods)
    wanted = requests_of(pod)
    names = [name for name in ORDER if name in wanted] + sorted(name for name in wanted if name not in ORDER)
    for name in names:
        if name not in allocatable:
            if "/" in name:
                continue  # an extended resource that the node has never offered is not checked here
            capacity = parse("0")
        else:
            capacity = parse(allocatable[name])
        used = parse("0")
        for other in others:
            amount = requests.get(other["metadata"]["uid"], {}).get(name)
            if amount is not None:
                used = used + amount
        if wanted[name].sign() > 0 and wanted[name] + used > capacity:
            return _out_of(name, _unit(name, wanted[name]), _unit(name, used), _unit(name, capacity))
    return None


def _out_of(name: str, requested: int, used: int, capacity: int) -> Rejection:
    figures = f"requested: {requested}, used: {used}, capacity: {capacity}"
    return Rejection(f"{PREFIX}{name}", f"Node didn't have enough resource: {name}, {figures}")


def _unit(name: str, amount: Quantity) -> int:
    return amount.milli_value() if name == "cpu" else amount.value()


def _selected(pod: Obj, node: Obj) -> bool:
    labels = labels_of(node)
    for key, value in (pod["spec"].get("nodeSelector") or {}).items():
        if labels.get(key) != value:
            return False
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or matches_node_selector(required, node)


def _host_ports(pod: Obj) -> list[tuple[str, int]]:
    return [
        (port.get("protocol", "TCP"), port["hostPort"])
        for container in pod["spec"]["containers"]
        for port in container.get("ports") or ()
        if port.get("hostPort")
    ]


def tolerated(taint: Obj, pod: Obj) -> bool:
    """Whether the pod tolerates a taint."""
    for toleration in pod["spec"].get("tolerations") or ():
        if toleration.get("effect") not in (None, "", taint["effect"]):
            continue
        key = toleration.get("key") or ""
        if key and key != taint["key"]:
            continue
        operator = toleration.get("operator") or "Equal"
        if operator == "Exists" or (key and toleration.get("value", "") == taint.get("value", "")):
            return True
    return False
