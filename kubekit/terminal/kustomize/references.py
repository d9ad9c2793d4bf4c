"""References: names in other objects that have to follow when an object is renamed.

Source: sigs.k8s.io/kustomize/api/internal/accumulator/namereferencetransformer.go,
konfig/builtinpluginconsts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubekit.api.exchange import Obj
from kubekit.terminal.kustomize.resource import Resource

POD_SPECS = {
    "Pod": "spec",
    "CronJob": "spec.jobTemplate.spec.template.spec",
    **dict.fromkeys(
        ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"),
        "spec.template.spec",
    ),
}
"""Where a kind has the specification of its pods."""
OF_PODS = [
    ("ConfigMap", "volumes.configMap.name"),
    ("ConfigMap", "volumes.projected.sources.configMap.name"),
    ("Secret", "volumes.secret.secretName"),
    ("Secret", "volumes.projected.sources.secret.name"),
    ("Secret", "imagePullSecrets.name"),
    ("PersistentVolumeClaim", "volumes.persistentVolumeClaim.claimName"),
    ("ServiceAccount", "serviceAccountName"),
    ("ServiceAccount", "serviceAccount"),
    ("PriorityClass", "priorityClassName"),
    *(
        (kind, f"{group}.{field}")
        for group in ("containers", "initContainers")
        for kind, field in (
            ("ConfigMap", "env.valueFrom.configMapKeyRef.name"),
            ("ConfigMap", "envFrom.configMapRef.name"),
            ("Secret", "env.valueFrom.secretKeyRef.name"),
            ("Secret", "envFrom.secretRef.name"),
        )
    ),
]
"""(kind that is meant, path of its name) below a pod's specification; lists are walked through."""
OTHERS = {
    "Ingress": [
        ("Service", "spec.rules.http.paths.backend.service.name"),
        ("Service", "spec.defaultBackend.service.name"),
        ("Secret", "spec.tls.secretName"),
        ("IngressClass", "spec.ingressClassName"),
    ],
    "StatefulSet": [("Service", "spec.serviceName")],
    "ServiceAccount": [("Secret", "secrets.name"), ("Secret", "imagePullSecrets.name")],
    "PersistentVolumeClaim": [
        ("PersistentVolume", "spec.volumeName"),
        ("StorageClass", "spec.storageClassName"),
    ],
    "PersistentVolume": [("StorageClass", "spec.storageClassName")],
    "ValidatingWebhookConfiguration": [("Service", "webhooks.clientConfig.service.name")],
    "MutatingWebhookConfiguration": [("Service", "webhooks.clientConfig.service.name")],
    "APIService": [("Service", "spec.service.name")],
}
BY_KIND = {
    "RoleBinding": ["roleRef", "subjects"],
    "ClusterRoleBinding": ["roleRef", "subjects"],
    "HorizontalPodAutoscaler": ["spec.scaleTargetRef"],
}
"""Places that say kind and name themselves."""


def maps_at(value: Any, path: str) -> Iterator[Obj]:
    """The maps that a path leads to; lists on the way (and at its end) are walked through."""
    if isinstance(value, list):
        for one in value:
            yield from maps_at(one, path)
    elif isinstance(value, dict):
        head, _, rest = path.partition(".")
        if not path:
            yield value
        elif head in value:
            yield from maps_at(value[head], rest)


def follow(resources: list[Resource]) -> None:
    """Let every reference name what its object is called now."""
    for resource in resources:
        kind = resource.kind
        paths = list(OTHERS.get(kind, ()))
        if kind in POD_SPECS:
            paths += [(meant, f"{POD_SPECS[kind]}.{path}") for meant, path in OF_PODS]
        for meant, path in paths:
            parent, _, field = path.rpartition(".")
            for place in maps_at(resource.obj, parent):
                found = _meant(resources, meant, place.get(field), resource)
                if found is not None:
                    place[field] = found.name
        for path in BY_KIND.get(kind, ()):
            for place in maps_at(resource.obj, path):
                found = _meant(resources, str(place.get("kind")), place.get("name"), resource, place)
                if found is not None:
                    place["name"] = found.name
                    if "namespace" in place and found.namespace:
                        place["namespace"] = found.namespace


def _meant(
    resources: list[Resource], kind: str, name: Any, by: Resource, place: Obj | None = None
) -> Resource | None:
    """The object of that kind which is or was called so, one of the referrer's namespace first."""
    found = [one for one in resources if one.kind == kind and name in one.names]
    wanted = (place or {}).get("namespace")
    if wanted:
        found = [one for one in found if wanted in (*one.namespaces, one.namespace or "default")] or found
    near = [one for one in found if one.namespace == by.namespace or not one.namespaced]
    chosen = near or (found if not by.namespaced or place is not None else [])
    return chosen[0] if chosen else None
