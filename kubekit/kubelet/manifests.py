"""The manifest directory of a node: /etc/kubernetes/manifests, and the static pods that it describes.

It is the node's disk and outlives the kubelet. A static pod gets the node's name as a suffix and a uid that
is made from its text, so a changed file is another pod. Source: `pkg/kubelet/config/{file,common}.go`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import yaml

from kubekit.api.defaults import apply_defaults
from kubekit.api.meta import Obj, deep_copy
from kubekit.kubelet.phase import STATIC_SOURCE
from kubekit.sim import rfc3339_micro

HASH = "kubernetes.io/config.hash"
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
