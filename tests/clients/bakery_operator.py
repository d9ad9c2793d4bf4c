"""An operator as kopf's users write them: cakes get a ConfigMap and a status, and are cleaned up after.

Started by `test_kopf` with `kopf run`; it knows nothing of kubekit.
"""

from __future__ import annotations

from typing import Any

import kopf
import kubernetes


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Connect, and say little."""
    kubernetes.config.load_kube_config()
    settings.posting.level = 20


@kopf.on.create("bakery.example", "v1", "cakes")
def bake(spec: Any, body: Any, name: str, namespace: str, **_: Any) -> dict[str, Any]:
    """A new cake: a recipe, owned by it."""
    recipe = {"metadata": {"name": f"{name}-recipe"}, "data": {"layers": str(spec["layers"])}}
    kopf.adopt(recipe)
    kubernetes.client.CoreV1Api().create_namespaced_config_map(namespace, recipe)
    kopf.info(body, reason="Baked", message=f"{name} is in the oven no more")
    return {"baked": spec["layers"]}


@kopf.on.field("bakery.example", "v1", "cakes", field="spec.layers")
def grow(old: Any, new: Any, name: str, namespace: str, patch: kopf.Patch, **_: Any) -> None:
    """It is to have another height."""
    if old is not None:
        kubernetes.client.CoreV1Api().patch_namespaced_config_map(
            f"{name}-recipe", namespace, {"data": {"layers": str(new)}}
        )
        patch.status["height"] = f"{old} -> {new}"


@kopf.on.delete("bakery.example", "v1", "cakes")
def eat(name: str, namespace: str, **_: Any) -> None:
    """It is gone: say so where it can be seen."""
    body = {"metadata": {"name": f"{name}-was-eaten"}}
    kubernetes.client.CoreV1Api().create_namespaced_config_map(namespace, body)
