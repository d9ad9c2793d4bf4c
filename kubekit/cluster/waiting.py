"""Waiting: sentences like "pod/web is Running" as questions about the cluster.

`condition_of` turns a sentence into a callable that `run_until` asks again and again. The grammar is small on
purpose: `<kind>/[<namespace>/]<name> is <state>`, where a state is a phase, a condition that is True, or one
of Ready, Running, gone; and `all <plural> are <state>`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kubekit.api.meta import Obj
from kubekit.api.resources import CATALOG
from kubekit.api.status_error import StatusError
from kubekit.client import Client
from kubekit.cluster.errors import KubekitError

ONE = re.compile(
    r"^\s*(?P<kind>[\w.]+)[/ ](?:(?P<namespace>[\w.-]+)/)?(?P<name>[\w.:-]+)\s+is\s+(?P<state>[\w ]+?)\s*$"
)
ALL = re.compile(r"^\s*all\s+(?P<kind>[\w.]+)\s+are\s+(?P<state>[\w ]+?)\s*$")

HOW = "write it like 'pod/web is Running', 'deployment/shop/web is Available' or 'all nodes are Ready'"


def condition_of(client: Client, sentence: str) -> Callable[[], bool]:
    """The question that `sentence` asks; raises KubekitError when it is none."""
    every = ALL.match(sentence)
    if every is not None:
        return _all(client, every["kind"], every["state"])
    one = ONE.match(sentence)
    if one is None:
        raise KubekitError(f"{sentence!r} is no condition: {HOW}")
    resource = CATALOG.find(one["kind"])
    if resource is None:
        raise KubekitError(f"there is no kind {one['kind']!r}: {HOW}")
    namespace = (one["namespace"] or "default") if resource.namespaced else None
    name, state = one["name"], one["state"]

    def holds() -> bool:
        try:
            found = client.find(resource, name, namespace)
        except (StatusError, OSError):
            return False
        if state.lower() in ("gone", "deleted"):
            return found is None
        return found is not None and is_state(found, state)

    return holds


def _all(client: Client, kind: str, state: str) -> Callable[[], bool]:
    resource = CATALOG.find(kind)
    if resource is None:
        raise KubekitError(f"there is no kind {kind!r}: {HOW}")

    def holds() -> bool:
        try:
            items = client.list(resource)["items"]
        except (StatusError, OSError):
            return False
        if state.lower() in ("gone", "deleted"):
            return not items
        return bool(items) and all(is_state(item, state) for item in items)

    return holds


def is_state(obj: Obj, state: str) -> bool:
    """Whether an object is in a state: a phase, a true condition, or enough replicas.

    >>> is_state({"status": {"phase": "Running"}}, "Running")
    True
    """
    negated = state.lower().startswith("not ")
    if negated:
        return not is_state(obj, state[4:])
    word = state.replace(" ", "").lower()
    status = obj.get("status") or {}
    if str(status.get("phase", "")).lower() == word:
        return not (word == "running" and (obj.get("metadata") or {}).get("deletionTimestamp"))
    for condition in status.get("conditions") or ():
        if condition["type"].lower() == word:
            return bool(condition["status"] == "True")
    if word == "scheduled":
        return bool((obj.get("spec") or {}).get("nodeName"))
    if word in ("ready", "available", "running") and "replicas" in (obj.get("spec") or {}):
        wanted = obj["spec"]["replicas"]
        field = "availableReplicas" if word == "available" else "readyReplicas"
        return bool(status.get(field, 0) == wanted)
    if word in ("complete", "completed") and obj.get("kind") == "Pod":
        return bool(status.get("phase") == "Succeeded")
    return False
