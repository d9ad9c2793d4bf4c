"""When a container that ended is started again: restartPolicy of the pod, of the container, and its rules.

Pure questions about a pod's spec and what the runtime reports; used by the status and by the sync alike, so
that both always agree. Source: `pkg/api/v1/pod/util.go`, `pkg/kubelet/container/helpers.go`.
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.kubelet.runtime import EXITED as _EXITED
from kubekit.kubelet.runtime import RUNNING, ContainerStatus, PodStatus


def is_sidecar(container: Obj) -> bool:
    """Whether an init container is a restartable one (restartPolicy Always)."""
    return container.get("restartPolicy") == "Always"


def restarts_on_failure(pod: Obj) -> bool:
    """Whether the pod's policy starts a failed container again."""
    return bool(pod["spec"].get("restartPolicy", "Always") != "Never")


def policy_restarts(container: Obj, spec: Obj, exit_code: int) -> bool:
    """Whether a container that ended with `exit_code` is to be started again."""
    policy = container.get("restartPolicy")
    if policy is not None:
        for rule in container.get("restartPolicyRules") or ():
            codes = rule.get("exitCodes") or {}
            if (exit_code in codes.get("values", ())) == (codes.get("operator") == "In"):
                return True
    else:
        policy = spec.get("restartPolicy", "Always")
    if policy == "Always":
        return True
    return bool(policy == "OnFailure" and exit_code != 0)


def should_start(container: Obj, pod: Obj, status: PodStatus) -> bool:
    """Whether the container is to be started now, given what the runtime last reported."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    found = status.find(container["name"])
    if found is None:
        return True
    if found.state == RUNNING:
        return False
    if found.state != _EXITED:
        return True
    return policy_restarts(container, pod["spec"], found.exit_code)


def init_failed(status: ContainerStatus) -> bool:
    """Whether an init container ended without success."""
    return (status.state == _EXITED and status.exit_code != 0) or status.state == "unknown"
