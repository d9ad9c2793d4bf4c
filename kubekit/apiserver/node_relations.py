"""What belongs to a node: its pods, and through them the secrets, configurations, claims and accounts.

`NodeRelations(server).has(node, kind, namespace, name)` says whether a path leads from an object to a node:
a secret to a pod that mounts it to the node that the pod is bound to. The index of pods by node follows the
watch cache; what a pod refers to is read from the pod itself when somebody asks. Upstream:
plugin/pkg/auth/authorizer/node/graph.go, pkg/api/v1/pod/util.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer
    from kubekit.apiserver.watch_cache import CacheEvent

Obj = dict[str, Any]
Ref = tuple[str, str]
"""(resource, name); the namespace is the pod's."""


class NodeRelations:
    """The paths from objects to nodes."""

    def __init__(self, server: APIServer) -> None:
        self._server = server
        self._pods: dict[str, dict[tuple[str, str], Obj]] = {}
        self._cache = server.store("", "pods").cache
        self._cache.changes.append(self._follow)
        self._seen = False

    def pods_of(self, node: str) -> dict[tuple[str, str], Obj]:
        """The pods bound to a node, by (namespace, name)."""
        if not self._seen:
            # The cache loads what the store already has without telling of it.
            self._seen = True
            self._pods.clear()
            for pod in self._cache.span():
                self._enter(pod)
        return self._pods.get(node, {})

    def restart(self) -> None:
        """The cache is read anew."""
        self._seen = False

    def has(self, node: str, kind: str, namespace: str, name: str) -> bool:
        """Whether an object belongs to a node; `kind` is the resource."""
        pods = self.pods_of(node)
        if kind == "pods":
            return (namespace, name) in pods
        if kind == "persistentvolumes":
            return any(volume["metadata"]["name"] == name for volume in self._volumes(node))
        if kind == "volumeattachments":
            found = self._server.store("storage.k8s.io", "volumeattachments").find("", name)
            return found is not None and (found.get("spec") or {}).get("nodeName") == node
        own = ((kind, name) in references(pod) for (where, _), pod in pods.items() if where == namespace)
        if any(own):
            return True
        if kind != "secrets":
            return False
        return any((namespace, name) in volume_secrets(volume) for volume in self._volumes(node))

    def _volumes(self, node: str) -> Iterator[Obj]:
        """The PersistentVolumes that a node's pods have through their claims."""
        claims, volumes = (
            self._server.store("", name) for name in ("persistentvolumeclaims", "persistentvolumes")
        )
        for (namespace, _), pod in self.pods_of(node).items():
            for resource, name in references(pod):
                if resource != "persistentvolumeclaims":
                    continue
                claim = claims.find(namespace, name)
                volume = (claim or {}).get("spec", {}).get("volumeName")
                found = volumes.find("", volume) if volume else None
                if found is not None:
                    yield found

    def _follow(self, event: CacheEvent) -> None:
        if not self._seen:
            return
        if event.old is not None:
            metadata = event.old["metadata"]
            node = event.old.get("spec", {}).get("nodeName")
            if node:
                self._pods.get(node, {}).pop((metadata["namespace"], metadata["name"]), None)
        if event.new is not None:
            self._enter(event.new)

    def _enter(self, pod: Obj) -> None:
        node = pod.get("spec", {}).get("nodeName")
        if node:
            metadata = pod["metadata"]
            self._pods.setdefault(node, {})[metadata["namespace"], metadata["name"]] = pod


def references(pod: Obj) -> set[Ref]:
    """What a pod refers to by name in its own namespace."""
    spec = pod.get("spec") or {}
    found: set[Ref] = {("serviceaccounts", spec.get("serviceAccountName") or "default")}
    found |= {("secrets", one.get("name", "")) for one in spec.get("imagePullSecrets") or ()}
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(group) or ():
            found |= _of_container(container)
    for volume in spec.get("volumes") or ():
        found |= _of_volume(volume, pod["metadata"]["name"])
    statuses = (pod.get("status") or {}).get("resourceClaimStatuses") or ()
    found |= {
        ("resourceclaims", one["resourceClaimName"]) for one in statuses if one.get("resourceClaimName")
    }
    for claim in spec.get("resourceClaims") or ():
        if claim.get("resourceClaimName"):
            found.add(("resourceclaims", claim["resourceClaimName"]))
    return found


def _of_container(container: Obj) -> set[Ref]:
    found: set[Ref] = set()
    for source in container.get("envFrom") or ():
        for field, resource in (("secretRef", "secrets"), ("configMapRef", "configmaps")):
            if source.get(field):
                found.add((resource, source[field].get("name", "")))
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        for field, resource in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
            if source.get(field):
                found.add((resource, source[field].get("name", "")))
    return found


_SECRETS = {"azureFile": "secretName", "secret": "secretName"}
_SECRET_REFS = ("cephfs", "flexVolume", "rbd", "scaleIO", "iscsi", "storageos")


def _of_volume(volume: Obj, pod: str) -> set[Ref]:
    found: set[Ref] = set()
    for kind, field in _SECRETS.items():
        if (volume.get(kind) or {}).get(field):
            found.add(("secrets", volume[kind][field]))
    for kind in _SECRET_REFS:
        ref = (volume.get(kind) or {}).get("secretRef")
        if ref:
            found.add(("secrets", ref.get("name", "")))
    if ref := (volume.get("csi") or {}).get("nodePublishSecretRef"):
        found.add(("secrets", ref.get("name", "")))
    if volume.get("configMap"):
        found.add(("configmaps", volume["configMap"].get("name", "")))
    if volume.get("persistentVolumeClaim"):
        found.add(("persistentvolumeclaims", volume["persistentVolumeClaim"]["claimName"]))
    if volume.get("ephemeral"):
        found.add(("persistentvolumeclaims", f"{pod}-{volume['name']}"))
    for source in (volume.get("projected") or {}).get("sources") or ():
        for field, resource in (("secret", "secrets"), ("configMap", "configmaps")):
            if source.get(field):
                found.add((resource, source[field].get("name", "")))
    return found


def volume_secrets(volume: Obj) -> set[tuple[str, str]]:
    """(namespace, name) of the secrets that a PersistentVolume names."""
    spec = volume.get("spec") or {}
    claimed = (spec.get("claimRef") or {}).get("namespace", "")
    found: set[tuple[str, str]] = set()
    azure = spec.get("azureFile")
    if azure:
        found.add((azure.get("secretNamespace") or claimed, azure.get("secretName", "")))
    for kind in (*_SECRET_REFS, "csi"):
        source = spec.get(kind) or {}
        fields = (
            ("secretRef",)
            if kind != "csi"
            else ("nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef")
        )
        for field in fields:
            if ref := source.get(field):
                found.add((ref.get("namespace") or claimed, ref.get("name", "")))
    return found
