"""Mountable secrets: a ServiceAccount that says so limits its pods to the secrets that it lists.

The annotation is old, and still honoured. Used by the ServiceAccount plugin. Upstream:
plugin/pkg/admission/serviceaccount/admission.go (limitSecretReferences).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Obj = dict[str, Any]

ANNOTATION = "kubernetes.io/enforce-mountable-secrets"


def enforced(account: Obj) -> bool:
    """Whether an account limits its pods."""
    annotations = (account.get("metadata") or {}).get("annotations") or {}
    return annotations.get(ANNOTATION, "") in ("1", "t", "T", "true", "TRUE", "True")


def _of_containers(spec: Obj, field: str, word: str) -> Iterator[tuple[str, str]]:
    """(the secret, how texts name the place) of each reference of a container."""
    for container in spec.get(field) or ():
        head = f"{word} {container.get('name', '')} with"
        for variable in container.get("env") or ():
            found = (variable.get("valueFrom") or {}).get("secretKeyRef")
            if found is not None:
                yield found.get("name", ""), f"{head} envVar {variable.get('name', '')} referencing"
        for source in container.get("envFrom") or ():
            if source.get("secretRef") is not None:
                yield source["secretRef"].get("name", ""), f"{head} envFrom referencing"


def secret_references(spec: Obj, ephemeral: bool = False) -> Iterator[tuple[str, str]]:
    """Every reference to a secret; those of ephemeral containers are looked at by themselves."""
    if ephemeral:
        yield from _of_containers(spec, "ephemeralContainers", "ephemeral container")
        return
    for volume in spec.get("volumes") or ():
        if volume.get("secret") is not None:
            yield volume["secret"].get("secretName", ""), "volume with"
    yield from _of_containers(spec, "initContainers", "init container")
    yield from _of_containers(spec, "containers", "container")


def limit_problem(account: Obj, spec: Obj, ephemeral: bool = False) -> str:
    """The first reference that the account does not allow, in words; nothing when all are allowed."""
    if not enforced(account):
        return ""
    name = account["metadata"]["name"]
    listed = {one.get("name") for one in account.get("secrets") or ()}
    for secret, place in secret_references(spec, ephemeral):
        if secret not in listed:
            why = f"is not allowed because service account {name} does not reference that secret"
            return f'{place} secret.secretName="{secret}" {why}'
    if ephemeral:
        return ""
    pulling = {one.get("name") for one in account.get("imagePullSecrets") or ()}
    for position, one in enumerate(spec.get("imagePullSecrets") or ()):
        if one.get("name") not in pulling:
            why = f"is not allowed because service account {name} does not reference that imagePullSecret"
            return f'imagePullSecrets[{position}].name="{one.get("name", "")}" {why}'
    return ""
