"""Making and deleting pods for a controller, with the events that tell about it.

Called by the controllers that own pods (ReplicaSet, ReplicationController, DaemonSet, Job). A pod shares its
spec with the template that it is made from; nobody may change either. Modelled on RealPodControl in
kubernetes/pkg/controller/controller_utils.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.api.status_error import StatusError
from kubekit.controllers.controller import Controller


class DeletionRefused(OSError):
    """A pod could not be deleted; a condition that tells of it has these words in front."""


def namespace_is_terminating(error: Exception) -> bool:
    """Whether a creation was refused because its namespace is being deleted."""
    if not isinstance(error, StatusError):
        return False
    return any(cause.get("reason") == "NamespaceTerminating" for cause in error.causes)


def pod_prefix(name: str) -> str:
    """The generateName of a controller's pods: its name and a dash, unless that would be no valid name."""
    prefix = f"{name}-"
    return prefix if len(prefix) <= 253 else name


def pod_from_template(template: Obj, owner: Obj, reference: Obj | None) -> Obj:
    """The pod that a template asks for."""
    source = template.get("metadata") or {}
    metadata: Obj = {"generateName": pod_prefix(owner["metadata"]["name"])}
    if source.get("labels"):
        metadata["labels"] = dict(source["labels"])
    if source.get("annotations"):
        metadata["annotations"] = dict(source["annotations"])
    if source.get("finalizers"):
        metadata["finalizers"] = list(source["finalizers"])
    if reference is not None:
        metadata["ownerReferences"] = [reference]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template.get("spec") or {}}


def create_pod(controller: Controller, namespace: str, pod: Obj, owner: Obj) -> Obj:
    """Create a pod and say so; a refusal is said too (unless the namespace is going) and raised."""
    try:
        made = controller.client.create("pods", pod, namespace)
    except StatusError as error:
        if not namespace_is_terminating(error):
            controller.event(owner, "Warning", "FailedCreate", f"Error creating: {error.message}")
        raise
    controller.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {made['metadata']['name']}")
    return made


def delete_pod(controller: Controller, namespace: str, name: str, owner: Obj) -> None:
    """Delete a pod and say so; 404 when it was gone already (which is not said), else DeletionRefused."""
    try:
        controller.client.delete("pods", name, namespace)
    except StatusError as error:
        if error.code == 404:
            raise
        controller.event(owner, "Warning", "FailedDelete", f"Error deleting: {error.message}")
        raise DeletionRefused(f"unable to delete pods: {error.message}") from error
    controller.event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {name}")
