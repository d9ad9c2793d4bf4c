"""A small cluster, and words for what its pods went through."""

from __future__ import annotations

from typing import Any

import pytest

import kubekit
from kubekit.cluster import Cluster

Obj = dict[str, Any]


@pytest.fixture
def cluster() -> Cluster:
    return kubekit.up(workers=1, images_present=True)


def pod(name: str, *containers: Obj, **spec: Any) -> Obj:
    """A pod manifest; containers get a name and an image when they have none."""
    made = [{"name": f"c{n}" if n else "c", "image": "busybox:1.37", **c} for n, c in enumerate(containers)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": made or [{"name": "c", "image": "nginx:1.28"}], **spec},
    }


def script(text: str, **more: Any) -> Obj:
    """A container that runs a shell script."""
    return {"command": ["sh", "-c", text], **more}


class History:
    """What a watch showed of the pods, from when it was made."""

    def __init__(self, cluster: Cluster) -> None:
        self._stream = cluster.client.watch("pods", "default")

    def states(self) -> list[str]:
        """One word or more for each change, e.g. ``Running c=running*``; equal neighbours are merged."""
        found: list[str] = []
        for event in self._stream.take():
            text = "deleted" if event.type == "DELETED" else state(event.object)
            if not found or found[-1] != text:
                found.append(text)
        return found


def state(obj: Obj) -> str:
    """Phase, then each container's state; * marks a ready one, +N restarts."""
    status = obj.get("status") or {}
    words = [status.get("phase", "?")]
    if obj["metadata"].get("deletionTimestamp"):
        words[0] += " (deleting)"
    for entry in [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]:
        kind = next(iter(entry["state"]))
        detail = entry["state"][kind].get("reason", "") or kind
        restarts = f"+{entry['restartCount']}" if entry["restartCount"] else ""
        words.append(f"{entry['name']}={detail}{'*' if entry['ready'] else ''}{restarts}")
    return " ".join(words)


def conditions(obj: Obj) -> dict[str, str]:
    """Each condition as ``True`` or ``False/Reason``."""
    return {
        c["type"]: c["status"] + (f"/{c['reason']}" if c.get("reason") else "")
        for c in obj["status"]["conditions"]
    }


def events(cluster: Cluster, name: str) -> list[str]:
    """``Reason message`` of the kubelet's events about an object, with a count when it is not 1."""
    found = []
    for event in cluster.list("events"):
        about = event.get("involvedObject", {})
        if about.get("name") == name and event["source"].get("component") == "kubelet":
            count = f" x{event['count']}" if event["count"] != 1 else ""
            found.append(f"{event['reason']} {event['message']}{count}")
    return found
