"""`kubectl cordon`, `uncordon` and `drain`: take a node out of service and bring it back.

Draining cordons the node and evicts its pods one by one through the eviction subresource, which asks the
disruption budgets; a refused eviction (429) is tried again every five seconds.
Source: k8s.io/kubectl/pkg/cmd/drain, pkg/drain.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kubekit.api.exchange import Obj
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, ManyErrors
from kubekit.terminal.cli.flags import Flag, boolean, duration, number, string
from kubekit.terminal.kubectl import output, selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.manifests import Info

_RETRY = 5.0
_DAEMON, _LOCAL = "ignoring DaemonSet-managed Pods", "deleting Pods with local storage"
_UNMANAGED, _ORPHANED = (
    "deleting Pods that declare no controller",
    "deleting Pods managed by missing controllers",
)
_FATAL_DAEMON = "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
_FATAL_LOCAL = "cannot delete Pods with local storage (use --delete-emptydir-data to override)"
_FATAL_UNMANAGED = "cannot delete Pods that declare no controller (use --force to override)"


def _nodes(call: Call, command: str) -> list[Info]:
    if not call.args and not call.flag("selector"):
        raise CommandError(f"USAGE: {command} [flags]\nSee '{call.path} -h' for help and examples")
    if call.args and call.flag("selector"):
        raise call.usage("error: cannot specify both a node name and a --selector option")
    args = ["nodes", *call.args] if not any("/" in word for word in call.args) else call.args
    infos, errors = selection.objects(call, selection.targets(call, args))
    call.fail_all(errors)
    return infos


def _schedulable(call: Call, info: Info, wanted: bool) -> None:
    """Sets or clears spec.unschedulable and says so."""
    done = "uncordoned" if wanted else "cordoned"
    have = not ((info.obj or {}).get("spec") or {}).get("unschedulable")
    if have == wanted:
        done = f"already {done}"
    elif call.dry_run() != "client":
        patch = {"spec": {"unschedulable": None if wanted else True}}
        query = {"dryRun": "All"} if call.dry_run() == "server" else {}
        call.connection.patch(info.resource, None, info.name, patch, **query)
    call.out(_said(call, info.label, done))


def _said(call: Call, label: str, done: str) -> str:
    return f"{label} {done}" + {"client": " (dry run)", "server": " (server dry run)"}.get(call.dry_run(), "")


def cordon(call: Call) -> None:
    """`kubectl cordon`."""
    for info in _nodes(call, "cordon NODE"):
        _schedulable(call, info, False)


def uncordon(call: Call) -> None:
    """`kubectl uncordon`."""
    for info in _nodes(call, "uncordon NODE"):
        _schedulable(call, info, True)


@dataclass(slots=True)
class _Verdict:
    """What is to happen to the pods of a node."""

    evict: list[Obj] = field(default_factory=list)
    warnings: dict[str, list[str]] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)


def _key(pod: Obj) -> str:
    return f"{meta(pod).get('namespace')}/{meta(pod).get('name')}"


def _controller(pod: Obj) -> Obj | None:
    return next((one for one in meta(pod).get("ownerReferences") or [] if one.get("controller")), None)


def _judge(call: Call, pod: Obj, verdict: _Verdict) -> None:
    """The filters of the original, in its order; a pod may gather several remarks."""
    spec, phase = pod.get("spec") or {}, (pod.get("status") or {}).get("phase")
    ended = phase in ("Succeeded", "Failed")
    owner = _controller(pod)
    if "kubernetes.io/config.mirror" in (meta(pod).get("annotations") or {}):
        return
    if owner is not None and owner.get("kind") == "DaemonSet" and not ended:
        if call.flag("ignore-daemonsets"):
            verdict.warnings.setdefault(_DAEMON, []).append(_key(pod))
        else:
            verdict.errors.setdefault(_FATAL_DAEMON, []).append(_key(pod))
        return
    keep = True
    if any("emptyDir" in volume for volume in spec.get("volumes") or []) and not ended:
        if call.flag("delete-emptydir-data"):
            verdict.warnings.setdefault(_LOCAL, []).append(_key(pod))
        else:
            verdict.errors.setdefault(_FATAL_LOCAL, []).append(_key(pod))
            keep = False
    if owner is None and not ended:
        if call.flag("force"):
            verdict.warnings.setdefault(_UNMANAGED, []).append(_key(pod))
        else:
            verdict.errors.setdefault(_FATAL_UNMANAGED, []).append(_key(pod))
            keep = False
    if keep:
        verdict.evict.append(pod)


def _joined(found: dict[str, list[str]]) -> str:
    return "; ".join(f"{text}: {', '.join(pods)}" for text, pods in found.items())


def drain(call: Call) -> None:
    """`kubectl drain`."""
    infos = _nodes(call, "drain NODE")
    failed: list[str] = []
    errors: list[str] = []
    for info in infos:
        _schedulable(call, info, False)
    for info in infos:
        try:
            _drain_one(call, info)
        except (CommandError, StatusError, ManyErrors) as error:
            failed.append(info.name)
            errors.append(str(error))
            call.err(
                f'error: unable to drain node "{info.name}" due to error: {error}, continuing command...'
            )
    if failed:
        call.err("There are pending nodes to be drained:")
        for name in failed:
            call.err(f" {name}")
        raise CommandError("\n".join(errors), prefix=False)


def _drain_one(call: Call, node: Info) -> None:
    pods_resource = call.discovery.find("pods")
    verdict = _Verdict()
    listed = call.connection.items(
        pods_resource, None, labels=call.flag("pod-selector"), fields=f"spec.nodeName={node.name}"
    )
    for pod in listed:
        _judge(call, pod, verdict)
    if verdict.errors:
        raise CommandError(_joined(verdict.errors))
    if verdict.warnings:
        call.warn(_joined(verdict.warnings))
    if call.dry_run() == "none":
        try:
            _evict_all(call, verdict.evict)
        except (CommandError, StatusError) as error:
            call.err(f'There are pending pods in node "{node.name}" when an error occurred: {error}')
            for pod in _still_there(call, verdict.evict):
                call.err(f"pod/{meta(pod)['name']}")
            raise
    else:
        for pod in verdict.evict:
            call.out(
                f"evicting pod {_key(pod)}"
                + (" (server dry run)" if call.dry_run() == "server" else " (dry run)")
            )
    call.out(_said(call, node.label, "drained"))


def _still_there(call: Call, pods: list[Obj]) -> list[Obj]:
    resource = call.discovery.find("pods")
    return [pod for pod in pods if call.connection.find(resource, meta(pod)["namespace"], meta(pod)["name"])]


def _evict_all(call: Call, pods: list[Obj]) -> None:
    """Evicts, retrying what budgets refuse, and waits for the pods to go."""
    resource = call.discovery.find("pods")
    deadline = call.now + (call.flag("timeout") or 10.0**9)
    waiting = list(pods)
    leaving: list[Obj] = []
    while waiting:
        refused: list[Obj] = []
        for pod in waiting:
            call.out(f"evicting pod {_key(pod)}")
            try:
                _evict(call, pod)
            except StatusError as error:
                if error.code == 404:
                    continue
                if error.code != 429:
                    name, where = meta(pod).get("name"), meta(pod).get("namespace")
                    raise CommandError(
                        f'error when evicting pods/"{name}" -n "{where}": {error.message}'
                    ) from None
                name, where = meta(pod).get("name"), meta(pod).get("namespace")
                call.err(
                    f'error when evicting pods/"{name}" -n "{where}" (will retry after 5s): {error.message}'
                )
                refused.append(pod)
                continue
            leaving.append(pod)
        waiting = refused
        if waiting:
            start = call.now
            call.wait_until(lambda start=start: call.now >= start + _RETRY, _RETRY)  # type: ignore[misc]
            if call.now >= deadline or call.now < start + _RETRY:
                for pod in waiting:
                    call.out(f"evicting pod {_key(pod)}")
                raise CommandError(_timed_out(call, waiting))
    for pod in sorted(leaving, key=_key):

        def gone(pod: Obj = pod) -> bool:
            found = call.connection.find(resource, meta(pod)["namespace"], meta(pod)["name"])
            return found is None or bool(meta(found).get("uid") != meta(pod).get("uid"))

        if not call.wait_until(gone, max(0.0, deadline - call.now)):
            raise CommandError(_timed_out(call, [pod]))
        call.out(f"pod/{meta(pod)['name']} evicted")


def _timed_out(call: Call, pods: list[Obj]) -> str:
    from kubekit.api.duration import go_duration

    lines = [f'error when evicting pods/"{meta(pod).get("name")}" -n "{meta(pod).get("namespace")}": global'
        f' timeout'
             f" reached: {go_duration(call.flag('timeout'))}" for pod in pods]  # fmt: skip
    return lines[0] if len(lines) == 1 else "[" + ", ".join(lines) + "]"


def _evict(call: Call, pod: Obj) -> None:
    name, namespace = meta(pod)["name"], meta(pod)["namespace"]
    resource = call.discovery.find("pods")
    options: Obj = {}
    if call.flag("grace-period") >= 0:
        options["gracePeriodSeconds"] = call.flag("grace-period")
    if call.flag("disable-eviction"):
        call.connection.delete(resource, namespace, name, options or None)
        return
    body: Obj = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
        **({"deleteOptions": options} if options else {}),
    }
    call.connection.json("POST", resource.path(namespace, name, "eviction"), body=body)


def _flags() -> list[Flag]:
    return [output.dry_run_flag(), string("selector", "Nodes with these labels.", "l")]


CORDON = Command(
    "cordon NODE [options]", "Mark node as unschedulable", cordon, _flags(), example="kubectl cordon node01"
)
UNCORDON = Command(
    "uncordon NODE [options]",
    "Mark node as schedulable",
    uncordon,
    _flags(),
    example="kubectl uncordon node01",
)
DRAIN = Command(
    "drain NODE [options]",
    "Drain node in preparation for maintenance",
    drain,
    [
        *_flags(),
        number("chunk-size", "Ask for lists in pieces of this size.", default=500),
        boolean("delete-emptydir-data", "Go on although data in emptyDir volumes will be lost."),
        boolean("disable-eviction", "Delete instead of evicting; budgets are not asked."),
        boolean("force", "Go on although pods without a controller will not come back."),
        number("grace-period", "Seconds to end in; -1: as the pod says.", default=-1),
        boolean("ignore-daemonsets", "Leave pods of daemon sets where they are."),
        string("pod-selector", "Only pods with these labels."),
        number("skip-wait-for-delete-timeout", "Do not wait for pods that are leaving for longer than this."),
        duration("timeout", "Give up after this time; 0: never."),
    ],
    example="kubectl drain node01 --ignore-daemonsets",
)
