"""`kubectl rollout status`: what it says of an object, and how it waits until the rollout is done.

Source: k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go.
"""

from __future__ import annotations

from kubekit.api.exchange import Obj, WatchEvent
from kubekit.api.resources import Resource
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.kubectl import selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.manifests import Info


def infos_of(call: Call) -> list[Info]:
    """The objects that a rollout verb works on."""
    if not call.args and not selection.has_files(call):
        raise CommandError("required resource not specified")
    return selection.select(call, default_all=True)


def shown(resource: Resource) -> str:
    """`Deployment.apps`."""
    return f"{resource.kind}.{resource.group}" if resource.group else resource.kind


def _deployment(obj: Obj, revision: int) -> tuple[str, bool]:
    name, spec, status = meta(obj).get("name"), obj.get("spec") or {}, obj.get("status") or {}
    if revision > 0:
        running = int((meta(obj).get("annotations") or {}).get("deployment.kubernetes.io/revision") or 0)
        if running != revision:
            raise CommandError(
                f"desired revision ({revision}) is different from the running revision ({running})"
            )
    if int(meta(obj).get("generation") or 0) > int(status.get("observedGeneration") or 0):
        return "Waiting for deployment spec update to be observed...\n", False
    for condition in status.get("conditions") or []:
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            raise CommandError(f'deployment "{name}" exceeded its progress deadline')
    wanted, updated = int(spec.get("replicas", 1)), int(status.get("updatedReplicas") or 0)
    have, available = int(status.get("replicas") or 0), int(status.get("availableReplicas") or 0)
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    if updated < wanted:
        return f"{waiting}{updated} out of {wanted} new replicas have been updated...\n", False
    if have > updated:
        return f"{waiting}{have - updated} old replicas are pending termination...\n", False
    if available < updated:
        return f"{waiting}{available} of {updated} updated replicas are available...\n", False
    return f'deployment "{name}" successfully rolled out\n', True


def _daemon_set(obj: Obj) -> tuple[str, bool]:
    name, spec, status = meta(obj).get("name"), obj.get("spec") or {}, obj.get("status") or {}
    if (spec.get("updateStrategy") or {}).get("type") != "RollingUpdate":
        raise CommandError("rollout status is only available for RollingUpdate strategy type")
    if int(meta(obj).get("generation") or 0) > int(status.get("observedGeneration") or 0):
        return "Waiting for daemon set spec update to be observed...\n", False
    wanted = int(status.get("desiredNumberScheduled") or 0)
    updated, available = (
        int(status.get("updatedNumberScheduled") or 0),
        int(status.get("numberAvailable") or 0),
    )
    waiting = f'Waiting for daemon set "{name}" rollout to finish: '
    if updated < wanted:
        return f"{waiting}{updated} out of {wanted} new pods have been updated...\n", False
    if available < wanted:
        return f"{waiting}{available} of {wanted} updated pods are available...\n", False
    return f'daemon set "{name}" successfully rolled out\n', True


def _stateful_set(obj: Obj) -> tuple[str, bool]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") != "RollingUpdate":
        raise CommandError("rollout status is only available for RollingUpdate strategy type")
    observed = int(status.get("observedGeneration") or 0)
    if not observed or int(meta(obj).get("generation") or 0) > observed:
        return "Waiting for statefulset spec update to be observed...\n", False
    wanted, ready = int(spec.get("replicas", 1)), int(status.get("readyReplicas") or 0)
    updated = int(status.get("updatedReplicas") or 0)
    if ready < wanted:
        return f"Waiting for {wanted - ready} pods to be ready...\n", False
    rolling = strategy.get("rollingUpdate")
    if rolling is not None:
        if rolling.get("partition") is not None and updated < wanted - int(rolling["partition"]):
            return (
                f"Waiting for partitioned roll out to finish: {updated} out of"
                f" {wanted - int(rolling['partition'])}"
                " new pods have been updated...\n",
                False,
            )
        return f"partitioned roll out complete: {updated} new pods have been updated...\n", True
    update, current = status.get("updateRevision"), status.get("currentRevision")
    if update != current:
        return (
            f"waiting for statefulset rolling update to complete {updated} pods at revision {update}...\n",
            False,
        )
    count = int(status.get("currentReplicas") or 0)
    return f"statefulset rolling update complete {count} pods at revision {current}...\n", True


def status_of(obj: Obj, revision: int = 0) -> tuple[str, bool]:
    """(text, done). CommandError when the rollout has failed or cannot be followed."""
    if obj.get("kind") == "DaemonSet":
        return _daemon_set(obj)
    if obj.get("kind") == "StatefulSet":
        return _stateful_set(obj)
    return _deployment(obj, revision)


def status(call: Call) -> None:
    """`kubectl rollout status`."""
    infos = infos_of(call)
    errors: list[Exception] = []
    for info in infos:
        try:
            if info.resource.kind not in ("Deployment", "DaemonSet", "StatefulSet"):
                raise CommandError(f"no status viewer has been implemented for {shown(info.resource)}")
            _follow(call, info)
        except (StatusError, CommandError) as error:
            errors.append(error)
    call.fail_all(errors)
    if not infos:
        call.err(f"No resources found in {call.namespace} namespace.")


def _follow(call: Call, info: Info) -> None:
    obj = call.connection.get(info.resource, info.scope, info.name)
    text, done = status_of(obj, call.flag("revision"))
    call.out(text, end="")
    if done or not call.flag("watch"):
        return
    query = {
        "fieldSelector": f"metadata.name={info.name}",
        "resourceVersion": meta(obj).get("resourceVersion", ""),
    }
    stream = call.connection.watch(info.resource.path(info.scope), query)
    pending: list[WatchEvent] = []
    stream.on_event(pending.append)

    def finished() -> bool:
        while pending:
            event = pending.pop(0)
            if event.type == "DELETED":
                raise CommandError("object has been deleted")
            if event.type in ("ADDED", "MODIFIED"):
                said, over = status_of(event.object, call.flag("revision"))
                call.out(said, end="")
                if over:
                    return True
        return False

    try:
        if not call.wait_until(finished, call.flag("timeout") or 3600.0):
            raise CommandError("timed out waiting for the condition")
    finally:
        stream.close()
