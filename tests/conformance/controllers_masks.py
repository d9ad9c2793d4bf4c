"""Normalisation of objects and events, as the README of the recordings describes it.

A `Masks` learns the generated suffixes and template hashes from every object that was seen, and then replaces
whatever differs between two runs (times, uids, addresses, names' random ends) in any JSON value.
"""

from __future__ import annotations

import json
import re
from typing import Any

Obj = dict[str, Any]

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
POD_IP = re.compile(r"\b10\.244\.\d+\.\d+\b(?!/)")
CLUSTER_IP = re.compile(r"\b10\.(?:9[6-9]|10\d|11[01])\.\d+\.\d+\b(?!/)")
CONTAINER_ID = re.compile(r"(containerd://)[0-9a-f]{12,}")
API_ACCESS = re.compile(r"kube-api-access-[a-z0-9]{5}")
MINUTE = re.compile(r"-\d{8}\b")
WORKER = re.compile(r"\bworker[123]\b")
WORKER_IP = re.compile(r"\b172\.18\.0\.[345]\b")
REFUSED_POD = re.compile(r'(pods "[^"]*-)[bcdfghjklmnpqrstvwxz2456789]{5}"')
HASH_LABELS = ("pod-template-hash", "controller-revision-hash", "controller.kubernetes.io/hash")
DROPPED = ("managedFields", "resourceVersion", "uid", "creationTimestamp")


class Masks:
    """What differs from run to run, and what stands for it."""

    def __init__(self, mask_workers: bool) -> None:
        self.mask_workers = mask_workers
        self._suffixes: dict[str, str] = {}
        self._compiled: re.Pattern[str] | None = None

    def learn(self, obj: Obj) -> None:
        """Remember the generated parts of an object's names."""
        meta = obj.get("metadata") or {}
        for label in HASH_LABELS:
            value = (meta.get("labels") or {}).get(label)
            if value:
                self._add(value.rpartition("-")[2], "<hash>")
        name, prefix = meta.get("name", ""), meta.get("generateName", "")
        if prefix and name.startswith(prefix) and len(name) == len(prefix) + 5:
            self._add(name[len(prefix) :], "<rand>")

    def _add(self, text: str, mask: str) -> None:
        if text and text not in self._suffixes:
            self._suffixes[text] = mask
            self._compiled = None

    def text(self, value: str) -> str:
        """A string with everything masked."""
        if self._suffixes:
            if self._compiled is None:
                longest = sorted(self._suffixes, key=lambda text: (-len(text), text))
                self._compiled = re.compile(
                    r"(?<=-)(?:" + "|".join(map(re.escape, longest)) + r")(?![a-z0-9])"
                )
            value = self._compiled.sub(lambda found: self._suffixes[found.group()], value)
        value = TIME.sub("<time>", value)
        value = UID.sub("<uid>", value)
        value = POD_IP.sub("<pod-ip>", value)
        value = CLUSTER_IP.sub("<cluster-ip>", value)
        value = CONTAINER_ID.sub(r"\1<container-id>", value)
        value = API_ACCESS.sub("kube-api-access-<rand>", value)
        value = REFUSED_POD.sub(r'\1<rand>"', value)
        value = MINUTE.sub("-<minute>", value)
        if self.mask_workers:
            value = WORKER.sub("<worker>", value)
            value = WORKER_IP.sub("<node-ip>", value)
        return value

    def value(self, value: Any, key: str = "") -> Any:
        """Any JSON value with everything masked; metadata loses what never repeats."""
        if isinstance(value, str):
            if key == "ca.crt":
                return "<ca>"
            if key in ("imageID", "token"):
                return "<image-id>" if key == "imageID" else "<token>"
            if key in HASH_LABELS:
                return "<hash>"
            if key == "resourceVersion":
                return "<rv>"
            return self.text(value)
        if isinstance(value, bool):
            return value
        if isinstance(value, int) and key in ("nodePort", "healthCheckNodePort") and value >= 30000:
            return "<node-port>"
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            found = {}
            for name, inner in value.items():
                if key == "metadata" and name in DROPPED:
                    continue
                if key == "status" and name == "images":
                    continue
                found[self.text(name)] = self.value(inner, name)
            return found
        return value


def comparable(obj: Obj) -> Obj:
    """What of a normalised object is compared: lists without order sorted, kubelets' details left out."""
    obj = json.loads(json.dumps(obj))
    kind = obj.get("kind")
    _hide_hashes(obj)
    for empty in ("labels", "annotations"):
        meta = obj.get("metadata") or {}
        if meta.get(empty) == {}:
            del meta[empty]
    if kind == "Pod":
        status = obj.get("status") or {}
        for condition in status.get("conditions") or ():
            condition.pop("lastProbeTime", None)
        status["conditions"] = sorted(status.get("conditions") or (), key=lambda c: c["type"])
        for field in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
            status[field] = sorted(
                (_container(one) for one in status.get(field) or ()), key=lambda c: c["name"]
            )
        status.pop("resources", None)
        status.pop("allocatedResources", None)
    if kind == "EndpointSlice":
        obj["endpoints"] = sorted(obj.get("endpoints") or (), key=lambda e: json.dumps(e, sort_keys=True))
        obj["ports"] = obj.get("ports") or None
    if kind == "Endpoints":
        for subset in obj.get("subsets") or ():
            for field in ("addresses", "notReadyAddresses"):
                if field in subset:
                    subset[field].sort(key=lambda a: json.dumps(a, sort_keys=True))
    if kind == "Node":
        obj.pop("status", None)
    return obj


def _container(status: Obj) -> Obj:
    state = status.get("state") or {}
    name = next(iter(state), "")
    return {
        "name": status.get("name"),
        "ready": status.get("ready"),
        "restartCount": status.get("restartCount"),
        "state": name,
        "reason": (state.get(name) or {}).get("reason"),
        "exitCode": (state.get(name) or {}).get("exitCode"),
    }


def _hide_hashes(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in HASH_LABELS and isinstance(inner, str):
                value[key] = "<hash>"
            else:
                _hide_hashes(inner)
    elif isinstance(value, list):
        for inner in value:
            _hide_hashes(inner)
