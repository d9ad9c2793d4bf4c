"""Hypothetical changes: what may be different in a what-if, one small class each.

A change knows its `sentence` and how to `apply` itself to a `Hypothesis`, which collects changed copies of
nodes and of the pod; the originals are never touched. Changes combine in the order given. A change that
cannot be made (a node that does not exist) raises `Impossible`.

>>> SetPodRequest("cpu", "250m").sentence
'the pod requests cpu 250m'
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Protocol

from kubekit.api.quantity import parse
from kubekit.scheduler.hypothesis import Hypothesis, Impossible

Obj = dict[str, Any]


class Change(Protocol):
    """One thing that is different."""

    @property
    def sentence(self) -> str:
        """What is different, to stand after "if"."""
        ...

    def apply(self, thought: Hypothesis) -> None:
        """Make it so."""
        ...


def _quantity(text: str) -> str:
    try:
        parse(text)
    except ValueError as error:
        raise Impossible(str(error)) from None
    return text


@dataclass(frozen=True)
class SetPodRequest:
    """The pod's (first) container requests another amount of a resource; "" for none."""

    resource: str
    quantity: str
    container: int = 0

    @property
    def sentence(self) -> str:
        what = f"{self.resource} {self.quantity}" if self.quantity else f"no {self.resource}"
        return f"the pod requests {what}"

    def apply(self, thought: Hypothesis) -> None:
        container = thought.pod["spec"]["containers"][self.container]
        requests = container.setdefault("resources", {}).setdefault("requests", {})
        if self.quantity:
            requests[self.resource] = _quantity(self.quantity)
        else:
            requests.pop(self.resource, None)


@dataclass(frozen=True)
class SetPodLabel:
    """The pod has another label, or (None) has it no more."""

    key: str
    value: str | None

    @property
    def sentence(self) -> str:
        what = f"no label {self.key}" if self.value is None else f"the label {self.key}={self.value}"
        return f"the pod has {what}"

    def apply(self, thought: Hypothesis) -> None:
        _set_label(thought.pod, self.key, self.value)


@dataclass(frozen=True)
class SetPodPriority:
    """The pod has another priority."""

    priority: int

    @property
    def sentence(self) -> str:
        return f"the pod has priority {self.priority}"

    def apply(self, thought: Hypothesis) -> None:
        thought.pod["spec"]["priority"] = self.priority


@dataclass(frozen=True)
class AddToleration:
    """The pod tolerates a taint; an empty key tolerates all, an empty effect every effect."""

    key: str
    value: str = ""
    effect: str = ""

    @property
    def sentence(self) -> str:
        return f"the pod tolerates {_taint_text(self.key, self.value, self.effect)}"

    def apply(self, thought: Hypothesis) -> None:
        made: Obj = {"operator": "Equal", "value": self.value} if self.value else {"operator": "Exists"}
        if self.key:
            made["key"] = self.key
        if self.effect:
            made["effect"] = self.effect
        spec = thought.pod["spec"]
        spec["tolerations"] = [*(spec.get("tolerations") or ()), made]


@dataclass(frozen=True)
class SetPodField:
    """Any field of the pod's spec is different, e.g. `affinity`; None takes it away."""

    field: str
    value: Any

    @property
    def sentence(self) -> str:
        return f"the pod's {self.field} {'is not there' if self.value is None else 'is another'}"

    def apply(self, thought: Hypothesis) -> None:
        if self.value is None:
            thought.pod["spec"].pop(self.field, None)
        else:
            thought.pod["spec"][self.field] = copy.deepcopy(self.value)


@dataclass(frozen=True)
class SetNodeLabel:
    """A node has another label, or (None) has it no more."""

    node: str
    key: str
    value: str | None

    @property
    def sentence(self) -> str:
        what = f"no label {self.key}" if self.value is None else f"the label {self.key}={self.value}"
        return f"{self.node} has {what}"

    def apply(self, thought: Hypothesis) -> None:
        thought.rewrite(self.node, lambda node: _set_label(node, self.key, self.value))


@dataclass(frozen=True)
class AddTaint:
    """A node is tainted."""

    node: str
    key: str
    value: str = ""
    effect: str = "NoSchedule"

    @property
    def sentence(self) -> str:
        return f"{self.node} has the taint {_taint_text(self.key, self.value, self.effect)}"

    def apply(self, thought: Hypothesis) -> None:
        taint = {"key": self.key, "effect": self.effect, **({"value": self.value} if self.value else {})}

        def change(node: Obj) -> None:
            spec = node.setdefault("spec", {})
            spec["taints"] = [*(spec.get("taints") or ()), taint]

        thought.rewrite(self.node, change)


@dataclass(frozen=True)
class RemoveTaint:
    """A node loses the taints of a key (of one effect, if given)."""

    node: str
    key: str
    effect: str = ""

    @property
    def sentence(self) -> str:
        return f"{self.node} has no taint {_taint_text(self.key, '', self.effect)}"

    def apply(self, thought: Hypothesis) -> None:
        def change(node: Obj) -> None:
            spec = node.setdefault("spec", {})
            spec["taints"] = [
                taint
                for taint in spec.get("taints") or ()
                if taint.get("key") != self.key or (self.effect and taint.get("effect") != self.effect)
            ]

        thought.rewrite(self.node, change)


@dataclass(frozen=True)
class SetCordon:
    """A node is cordoned, or is not."""

    node: str
    cordoned: bool

    @property
    def sentence(self) -> str:
        return f"{self.node} is {'cordoned' if self.cordoned else 'not cordoned'}"

    def apply(self, thought: Hypothesis) -> None:
        thought.rewrite(
            self.node, lambda node: node.setdefault("spec", {}).update(unschedulable=self.cordoned)
        )


@dataclass(frozen=True)
class SetCapacity:
    """A node has another amount of a resource to give (``pods`` counts too)."""

    node: str
    resource: str
    quantity: str

    @property
    def sentence(self) -> str:
        return f"{self.node} has {self.resource} {self.quantity} to give"

    def apply(self, thought: Hypothesis) -> None:
        def change(node: Obj) -> None:
            status = node.setdefault("status", {})
            status["allocatable"] = {
                **(status.get("allocatable") or {}),
                self.resource: _quantity(self.quantity),
            }

        thought.rewrite(self.node, change)


@dataclass(frozen=True)
class SetWeight:
    """A score plugin has another weight; 0 takes it out of scoring."""

    plugin: str
    weight: int

    @property
    def sentence(self) -> str:
        return f"{self.plugin} has weight {self.weight}"

    def apply(self, thought: Hypothesis) -> None:
        thought.weights[self.plugin] = self.weight


class AddNode:
    """There is one more node."""

    def __init__(self, node: Obj) -> None:
        self.node = node

    @property
    def sentence(self) -> str:
        return f"there is another node {self.node['metadata']['name']}"

    def apply(self, thought: Hypothesis) -> None:
        thought.add(copy.deepcopy(self.node))


@dataclass(frozen=True)
class RemoveNode:
    """A node is gone, with its pods."""

    node: str

    @property
    def sentence(self) -> str:
        return f"there is no {self.node}"

    def apply(self, thought: Hypothesis) -> None:
        thought.remove(self.node)


@dataclass(frozen=True)
class RemovePod:
    """Another pod is gone from its node."""

    node: str
    pod: str

    @property
    def sentence(self) -> str:
        return f"{self.pod} is gone from {self.node}"

    def apply(self, thought: Hypothesis) -> None:
        info = thought.node(self.node)
        found = next((other for other in info.pods if other.key == self.pod), None)
        if found is None:
            raise Impossible(f"{self.pod} is not on {self.node}")
        info.remove_pod(found)


def _set_label(obj: Obj, key: str, value: str | None) -> None:
    labels = dict(obj["metadata"].get("labels") or {})
    if value is None:
        labels.pop(key, None)
    else:
        labels[key] = value
    obj["metadata"]["labels"] = labels


def _taint_text(key: str, value: str, effect: str) -> str:
    text = f"{key}={value}" if value else key or "every taint"
    return f"{text}:{effect}" if effect else text
