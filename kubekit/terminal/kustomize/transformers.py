"""Transformers: what a kustomization does to all objects - namespace, names, labels, replicas, images.

Each is a function that changes resources in place, called in the order of the original.
Source: sigs.k8s.io/kustomize/api/internal/builtins, konfig/builtinpluginconsts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubekit.api.exchange import Obj
from kubekit.terminal.kustomize.references import POD_SPECS, maps_at
from kubekit.terminal.kustomize.resource import KustomizeError, Resource

KEEP_NAMES = ("CustomResourceDefinition", "APIService", "Namespace")
"""Kinds whose names are not free to choose."""
SELECTORS = {
    "Service": ["spec.selector"],
    "ReplicationController": ["spec.selector"],
    "Deployment": ["spec.selector.matchLabels"],
    "ReplicaSet": ["spec.selector.matchLabels"],
    "DaemonSet": ["spec.selector.matchLabels"],
    "StatefulSet": ["spec.selector.matchLabels"],
}
"""Selectors that get the labels, made where they are missing."""
IF_THERE = {
    "Job": ["spec.selector.matchLabels"],
    "CronJob": ["spec.jobTemplate.spec.selector.matchLabels"],
    "PodDisruptionBudget": ["spec.selector.matchLabels"],
    "NetworkPolicy": [
        "spec.podSelector.matchLabels",
        "spec.ingress.from.podSelector.matchLabels",
        "spec.egress.to.podSelector.matchLabels",
    ],
}
"""Selectors that get the labels only where there are some."""
REPLICATED = ("Deployment", "ReplicaSet", "StatefulSet", "ReplicationController")


def set_namespace(resources: list[Resource], namespace: str) -> None:
    """`namespace`."""
    for one in resources:
        if one.kind == "Namespace":
            one.rename(namespace)
        elif one.namespaced:
            one.obj["metadata"]["namespace"] = namespace
            one.namespaces.append(namespace)
        if one.kind in ("RoleBinding", "ClusterRoleBinding"):
            for subject in maps_at(one.obj, "subjects"):
                if subject.get("kind") == "ServiceAccount" and subject.get("name") == "default":
                    subject["namespace"] = namespace


def add_to_names(resources: list[Resource], prefix: str, suffix: str) -> None:
    """`namePrefix`, `nameSuffix`."""
    for one in resources:
        if one.kind not in KEEP_NAMES and (prefix or suffix):
            one.rename(f"{prefix}{one.name}{suffix}")


def add_labels(resources: list[Resource], pairs: Obj, selectors: bool, templates: bool) -> None:
    """`labels`, and `commonLabels` with everything included."""
    for one in resources:
        one.obj["metadata"].setdefault("labels", {}).update(pairs)
        if selectors or templates:
            claims = [_made(claim, "metadata") for claim in maps_at(one.obj, "spec.volumeClaimTemplates")]
            for about in [*_templates(one), *claims]:
                about.setdefault("labels", {}).update(pairs)
        if selectors:
            for path in SELECTORS.get(one.kind, ()):
                _made(one.obj, path).update(pairs)
            for path in IF_THERE.get(one.kind, ()):
                for found in maps_at(one.obj, path):
                    found.update(pairs)


def add_annotations(resources: list[Resource], pairs: Obj) -> None:
    """`commonAnnotations`."""
    for one in resources:
        for about in (one.obj["metadata"], *_templates(one)):
            about.setdefault("annotations", {}).update(pairs)


def set_replicas(resources: list[Resource], entry: Obj) -> None:
    """One of `replicas`."""
    name, count = entry.get("name"), entry.get("count")
    found = [one for one in resources if one.kind in REPLICATED and name in one.names]
    if not found:
        kinds = " ".join(f"{kind}.[noVer].[noGrp]" for kind in REPLICATED)
        raise KustomizeError(
            f"resource with name {name} does not match a config with the following GVK [{kinds}]"
        )
    for one in found:
        one.obj.setdefault("spec", {})["replicas"] = count


def set_image(resources: list[Resource], entry: Obj) -> None:
    """One of `images`: a new name, tag or digest for containers of that image, wherever they are."""
    for one in resources:
        for container in _containers(one.obj):
            name, sign, rest = _cut(str(container.get("image") or ""))
            if name != entry.get("name"):
                continue
            tag = str(entry.get("newTag") or "")
            digest = str(entry.get("digest") or "")
            end = f"@{digest}" if digest else f":{tag}" if tag else f"{sign}{rest}"
            if tag and digest:
                end = f":{tag}@{digest}"
            container["image"] = f"{entry.get('newName') or name}{end}"


def _cut(image: str) -> tuple[str, str, str]:
    """(name, ":" or "@", tag or digest)."""
    name, at, digest = image.partition("@")
    if at:
        return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name, "@", digest
    head, colon, tag = image.rpartition(":")
    return (head, ":", tag) if colon and "/" not in tag else (image, "", "")


def _containers(value: Any) -> Iterator[Obj]:
    if isinstance(value, list):
        for one in value:
            yield from _containers(one)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in ("containers", "initContainers") and isinstance(inner, list):
                yield from (one for one in inner if isinstance(one, dict) and "image" in one)
            else:
                yield from _containers(inner)


def _templates(resource: Resource) -> list[Obj]:
    """The metadata of the objects that an object is a template for."""
    path = POD_SPECS.get(resource.kind, "")
    found = []
    if resource.kind != "Pod" and path:
        found += [_made(one, "metadata") for one in maps_at(resource.obj, path.rpartition(".")[0])]
    if resource.kind == "CronJob":
        found += [_made(one, "metadata") for one in maps_at(resource.obj, "spec.jobTemplate")]
    return found


def _made(obj: Obj, path: str) -> Obj:
    """The map at a path, made where it is missing."""
    for name in path.split("."):
        if not isinstance(obj.get(name), dict):
            obj[name] = {}
        obj = obj[name]
    return obj
