"""The forms of the what-if view: which changes can be asked for, with which fields, and their code.

`forms(pod, nodes, weights)` describes them for the drawing; `make(kind, fields)` turns what was filled in
into a change of `kubekit.scheduler.changes`, or raises `KubekitError` with what is wrong; `code(change)` is
the Python that makes the same change.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kubekit.cluster.errors import KubekitError
from kubekit.scheduler import changes as made
from kubekit.scheduler.changes import Change

Obj = dict[str, Any]
Fields = Mapping[str, Any]

EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"]
RESOURCES = ["cpu", "memory", "ephemeral-storage"]
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


def forms(nodes: Sequence[str], weights: Mapping[str, int], pods: Mapping[str, Sequence[str]]) -> list[Obj]:
    """Every kind of change: {kind, text, fields [{name, text, options, value, hint}]}."""
    node = _field("node", "node", options=list(nodes))
    key, value = _field("key", "key", hint="disk"), _field("value", "value", hint="ssd")
    effect = _field("effect", "effect", options=EFFECTS)
    every = _field("effect", "effect", options=["", *EFFECTS])
    resource = _field("resource", "resource", options=RESOURCES)
    quantity = _field("quantity", "quantity", hint="500m, 2Gi")
    found = [
        _form("request", "the pod requests (empty: nothing)", resource, quantity),
        _form("label", "the pod has the label", key, value),
        _form("toleration", "the pod tolerates", key, _field("value", "value"), every),
        _form("priority", "the pod has the priority", _field("priority", "priority", value="0")),
        _form("taint", "a node has the taint", node, key, _field("value", "value"), effect),
        _form("untaint", "a node has no taint", node, key),
        _form("node label", "a node has the label", node, key, value),
        _form(
            "capacity",
            "a node has to give",
            node,
            _field("resource", "resource", options=[*RESOURCES, "pods"]),
            _field("quantity", "quantity", hint="8, 16Gi"),
        ),
        _form("cordon", "a node is cordoned", node),
        _form("uncordon", "a node is not cordoned", node),
        _form(
            "weight",
            "a plugin has the weight",
            _field("plugin", "plugin", options=list(weights)),
            _field("weight", "weight", value="1"),
        ),
        _form(
            "add node",
            "there is another node",
            _field("name", "name", value="node-new"),
            _field("cpu", "cpu", value="4"),
            _field("memory", "memory", value="8Gi"),
        ),
        _form("remove node", "a node is gone", node),
    ]
    others = [f"{on} {pod}" for on, there in pods.items() for pod in there]
    if others:
        found.append(_form("remove pod", "a pod is gone", _field("pod", "node and pod", options=others)))
    return found


def make(kind: str, fields: Fields) -> Change:
    """The change of a filled-in form; raises `KubekitError` with what is wrong."""
    maker = MAKERS.get(kind)
    if maker is None:
        raise KubekitError(f"there is no change {kind!r}: {', '.join(MAKERS)}")
    return maker({name: str(value).strip() for name, value in fields.items()})


def code(change: Change) -> str:
    """The Python expression that makes the change."""
    if isinstance(change, made.AddNode):
        return f"AddNode({change.node!r})"
    if not dataclasses.is_dataclass(change):
        return repr(change)
    values = [(field, getattr(change, field.name)) for field in dataclasses.fields(change)]
    while values and values[-1][0].default is not dataclasses.MISSING:
        if values[-1][1] != values[-1][0].default:
            break
        values.pop()
    told = ", ".join(_quoted(value) for _, value in values)
    return f"{type(change).__name__}({told})"


def whole_code(pod: str, wanted: Sequence[Change]) -> str:
    """The lines that ask the same in a cell."""
    call = ", ".join([_quoted(pod), *(code(change) for change in wanted)])
    ask = f"cluster.scheduler.what_if({call}).sentence"
    if not wanted:
        return ask
    names = ", ".join(sorted({type(change).__name__ for change in wanted}))
    return f"from kubekit.scheduler.changes import {names}\n{ask}"


def _quoted(value: Any) -> str:
    return (
        '"' + value + '"'
        if isinstance(value, str) and '"' not in value and "\\" not in value
        else repr(value)
    )


def _form(kind: str, text: str, *fields: Obj) -> Obj:
    return {"kind": kind, "text": text, "fields": list(fields)}


def _field(name: str, text: str, *, options: list[str] | None = None, value: str = "", hint: str = "") -> Obj:
    first = options[0] if options else ""
    return {"name": name, "text": text, "options": options, "value": value or first, "hint": hint}


def _needed(fields: Fields, name: str) -> str:
    value = str(fields.get(name, ""))
    if not value:
        raise KubekitError(f"{name} is empty")
    return value


def _number(fields: Fields, name: str, low: int, high: int) -> int:
    text = _needed(fields, name)
    try:
        number = int(text)
    except ValueError:
        raise KubekitError(f"{name} is a whole number, not {text!r}") from None
    if not low <= number <= high:
        raise KubekitError(f"{name} must be between {low} and {high}: {number}")
    return number


def _new_node(fields: Fields) -> Change:
    name = _needed(fields, "name")
    if NAME.fullmatch(name) is None:
        raise KubekitError(f"{name!r} is no name of a node: lower case letters, digits, '-' and '.'")
    has = {"cpu": _needed(fields, "cpu"), "memory": _needed(fields, "memory"), "pods": "110"}
    labels = {"kubernetes.io/hostname": name}
    return made.AddNode({"metadata": {"name": name, "labels": labels}, "status": {"allocatable": has}})


def _gone_pod(fields: Fields) -> Change:
    node, _, pod = _needed(fields, "pod").partition(" ")
    return made.RemovePod(node, pod)


MAKERS: dict[str, Callable[[Fields], Change]] = {
    "request": lambda f: made.SetPodRequest(_needed(f, "resource"), f.get("quantity", "")),
    "label": lambda f: made.SetPodLabel(_needed(f, "key"), f.get("value", "")),
    "toleration": lambda f: made.AddToleration(f.get("key", ""), f.get("value", ""), f.get("effect", "")),
    "priority": lambda f: made.SetPodPriority(_number(f, "priority", -(2**31), 2**31 - 1)),
    "taint": lambda f: made.AddTaint(
        _needed(f, "node"), _needed(f, "key"), f.get("value", ""), _needed(f, "effect")
    ),
    "untaint": lambda f: made.RemoveTaint(_needed(f, "node"), _needed(f, "key")),
    "node label": lambda f: made.SetNodeLabel(_needed(f, "node"), _needed(f, "key"), f.get("value", "")),
    "capacity": lambda f: made.SetCapacity(
        _needed(f, "node"), _needed(f, "resource"), _needed(f, "quantity")
    ),
    "cordon": lambda f: made.SetCordon(_needed(f, "node"), True),
    "uncordon": lambda f: made.SetCordon(_needed(f, "node"), False),
    "weight": lambda f: made.SetWeight(_needed(f, "plugin"), _number(f, "weight", 0, 100)),
    "add node": _new_node,
    "remove node": lambda f: made.RemoveNode(_needed(f, "node")),
    "remove pod": _gone_pod,
}
"""By kind of form: how its change is made."""
