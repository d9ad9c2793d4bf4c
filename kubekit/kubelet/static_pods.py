"""Static pods: manifests in a directory of the node, run by its kubelet without asking anybody.

`ManifestDirectory` is /etc/kubernetes/manifests of one node; it is the node's disk and outlives the kubelet.
The kubelet runs what lies there and shows each pod in the API as a *mirror pod*, which can be read and even
deleted, but comes back. Source: `pkg/kubelet/config/{file,common}.go`, `pkg/kubelet/pod/mirror_client.go`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import yaml

from kubekit.api.defaults import apply_defaults
from kubekit.api.meta import Obj, deep_copy
from kubekit.api.status_error import StatusError
from kubekit.client import Client
from kubekit.kubelet.phase import STATIC_SOURCE
from kubekit.sim import rfc3339_micro

HASH = "kubernetes.io/config.hash"
MIRROR = "kubernetes.io/config.mirror"
SEEN = "kubernetes.io/config.seen"


class ManifestDirectory:
    """The static pod manifests of one node, by file name.

    >>> directory = ManifestDirectory()
    >>> directory.write("web.yaml", {"kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": []}})
    >>> directory.names()
    ['web.yaml']
    """

    path = "/etc/kubernetes/manifests"

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self.on_change: Callable[[], None] | None = None

    def names(self) -> list[str]:
        """The files, sorted."""
        return sorted(self._files)

    def read(self, name: str) -> str:
        """The text of a file; raises KeyError."""
        return self._files[name]

    def write(self, name: str, manifest: str | Obj) -> None:
        """Put a manifest there (YAML text or an object); the kubelet notices."""
        self._files[name] = (
            manifest if isinstance(manifest, str) else yaml.safe_dump(manifest, sort_keys=False)
        )
        self._changed()

    def remove(self, name: str) -> None:
        """Take a manifest away; raises KeyError when there is none of that name."""
        del self._files[name]
        self._changed()

    def pods(self, node_name: str, now: float) -> list[Obj]:
        """The pods that the files describe, as this node runs them; files that are no pod are skipped."""
        found = []
        for name in self.names():
            try:
                obj = yaml.safe_load(self._files[name])
            except yaml.YAMLError:
                continue
            if isinstance(obj, dict) and obj.get("kind") == "Pod" and obj.get("spec", {}).get("containers"):
                found.append(_static(obj, f"{self.path}/{name}", node_name, now))
        return found

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()


def _static(manifest: Obj, path: str, node_name: str, now: float) -> Obj:
    pod: Obj = deep_copy(manifest)
    digest = hashlib.md5(
        json.dumps([manifest, path, node_name], sort_keys=True).encode(), usedforsecurity=False
    ).hexdigest()
    meta = pod["metadata"]
    meta["name"] = f"{meta['name']}-{node_name}"
    meta.setdefault("namespace", "default")
    meta["uid"] = f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"
    meta["annotations"] = {
        **(meta.get("annotations") or {}),
        HASH: digest,
        SEEN: rfc3339_micro(now),
        STATIC_SOURCE: "file",
    }
    pod.setdefault("apiVersion", "v1")
    pod["spec"]["nodeName"] = node_name
    pod["spec"]["tolerations"] = [
        *(pod["spec"].get("tolerations") or []),
        {"operator": "Exists", "effect": "NoExecute"},
    ]
    pod["status"] = {"phase": "Pending"}
    apply_defaults(pod)
    return pod


def is_mirror(pod: Obj) -> bool:
    """Whether an API pod only shows a static pod."""
    return MIRROR in (pod["metadata"].get("annotations") or {})


def mirrors(mirror: Obj, pod: Obj) -> bool:
    """Whether `mirror` shows this very version of the static pod."""
    shown = (mirror["metadata"].get("annotations") or {}).get(MIRROR)
    return bool(shown == pod["metadata"]["annotations"][HASH])


def create_mirror(client: Client, pod: Obj, node_uid: str) -> None:
    """Show a static pod in the API; failures are left to the next sync."""
    meta = pod["metadata"]
    owner = {
        "apiVersion": "v1",
        "kind": "Node",
        "name": pod["spec"]["nodeName"],
        "uid": node_uid,
        "controller": True,
    }
    mirror: Obj = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": meta["name"],
            "namespace": meta["namespace"],
            "labels": meta.get("labels") or {},
            "annotations": {**meta["annotations"], MIRROR: meta["annotations"][HASH]},
            "ownerReferences": [owner],
        },
        "spec": deep_copy(pod["spec"]),
    }
    try:
        client.create("pods", mirror)
    except (StatusError, OSError):
        return


def delete_mirror(client: Client, mirror: Obj) -> None:
    """Take a mirror pod out of the API."""
    meta = mirror["metadata"]
    try:
        client.delete("pods", meta["name"], meta["namespace"], grace_seconds=0, uid=meta["uid"])
    except (StatusError, OSError):
        return
