"""`kubectl logs`: what a container wrote; and which pods and which container a command line means.

Logs come through the pods' log subresource.
Source: k8s.io/kubectl/pkg/cmd/logs; podcmd.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.duration import unix_seconds
from kubekit.api.exchange import Obj, WatchStream
from kubekit.api.status_error import StatusError
from kubekit.client.rest_client import failure_of
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import boolean, duration, number, string
from kubekit.terminal.kubectl import selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.manifests import Info

WITH_PODS = {
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "Service",
    "ReplicationController",
}
"""Kinds whose selector says which pods are theirs."""

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


def _containers(pod: Obj) -> list[str]:
    spec = pod.get("spec") or {}
    groups = ("containers", "initContainers", "ephemeralContainers")
    return [one["name"] for group in groups for one in spec.get(group) or []]


def pick_container(call: Call, pod: Obj, wanted: str, quiet: bool = False) -> str:
    """The container meant; says so when it chose one of several."""
    names, own = _containers(pod), [one["name"] for one in (pod.get("spec") or {}).get("containers") or []]
    if wanted:
        if wanted not in names:
            raise CommandError(
                f"container {wanted} is not valid for pod {meta(pod)['name']} out of: {_listed(pod)}"
            )
        return wanted
    default = (meta(pod).get("annotations") or {}).get(DEFAULT_CONTAINER)
    if default in names:
        return str(default)
    if len(names) > 1 and not quiet:
        call.err(f'Defaulted container "{own[0]}" out of: {_listed(pod)}')
    return own[0] if own else ""


def _listed(pod: Obj) -> str:
    spec = pod.get("spec") or {}
    found = [one["name"] for one in spec.get("containers") or []]
    found += [f"{one['name']} (ephem)" for one in spec.get("ephemeralContainers") or []]
    found += [f"{one['name']} (init)" for one in spec.get("initContainers") or []]
    return ", ".join(found)


def _log_text(call: Call, namespace: str, name: str, container: str) -> str:
    query: dict[str, Any] = {"container": container}
    for flag, key in (("previous", "previous"), ("timestamps", "timestamps")):
        if call.flags.get(flag):
            query[key] = "true"
    if call.flags.get("tail", -1) >= 0:
        query["tailLines"] = call.flags["tail"]
    if call.flags.get("since"):
        query["sinceSeconds"] = max(1, round(call.flags["since"]))
    if call.flags.get("since-time"):
        query["sinceTime"] = call.flags["since-time"]
    if call.flags.get("limit-bytes"):
        query["limitBytes"] = call.flags["limit-bytes"]
    answer = call.connection.send(
        "GET", call.discovery.find("pods").path(namespace, name, "log"), query=query
    )
    assert not isinstance(answer, WatchStream)  # nothing is followed: a notebook does not wait for more
    if answer.status >= 300:
        raise failure_of(answer)
    return answer.encoded().decode(errors="replace")


def print_logs(call: Call, name: str, container: str, *, quiet: bool = False, namespace: str = "") -> None:
    """Prints one pod's log."""
    where = namespace or call.namespace
    pod = call.connection.get(call.discovery.find("pods"), where, name)
    call.out(_log_text(call, where, name, pick_container(call, pod, container, quiet)), end="")


def pods_of(call: Call, word: str, doing: str = "attach to") -> list[Obj]:
    """The pods behind `pod`, `pod/web`, `deploy/web`, ...: the workload's own, newest first."""
    if not word:
        raise CommandError("resource name may not be empty")
    if "/" not in word:
        return [call.connection.get(call.discovery.find("pods"), call.namespace, word)]
    return pods_of_info(call, selection.select(call, [word])[0], doing)


def _logged(call: Call, word: str) -> list[Obj]:
    """As `pods_of`; what is not there is told with the namespace that was looked in."""
    try:
        return pods_of(call, word, "get the logs from")
    except StatusError as error:
        if error.code != 404:
            raise
        raise CommandError(
            f'error from server (NotFound): {error.message} in namespace "{call.namespace}"'
        ) from None


def pods_of_info(call: Call, info: Info, doing: str = "attach to") -> list[Obj]:
    """The pods that an object selects. `doing`: what cannot be done with an object that selects none."""
    from kubekit.api.label_text import selector_string

    obj = info.obj or {}
    if info.resource.kind == "Pod":
        return [obj]
    selector = (obj.get("spec") or {}).get("selector")
    kind = f"*{info.resource.version}.{info.resource.kind}"
    if info.resource.kind not in WITH_PODS:
        raise CommandError(f"cannot {doing} {kind}: selector for {kind} not implemented")
    if not selector:
        raise CommandError(
            f"cannot {doing} {kind}: invalid service '{info.name}': Service is defined without a selector"
        )
    if info.resource.kind in ("Service", "ReplicationController"):
        selector = {"matchLabels": selector}
    found = call.connection.items(call.discovery.find("pods"), info.scope, labels=selector_string(selector))
    if not found:
        raise CommandError("timed out waiting for the condition")
    # Ready ones first, then the longest-lived: the order of the original's ActivePods.
    return sorted(
        found,
        key=lambda pod: (
            (pod.get("status") or {}).get("phase") != "Running",
            meta(pod).get("creationTimestamp", ""),
        ),
    )


def logs(call: Call) -> None:
    """`kubectl logs`."""
    container = call.flag("container")
    if call.flag("selector"):
        if call.args:
            raise call.usage("only a selector (-l) or a POD name is allowed")
        if "tail" not in call.given:
            call.flags["tail"] = 10
        pods = call.connection.items(
            call.discovery.find("pods"), call.namespace, labels=call.flag("selector")
        )
        if not pods:
            call.err(f"No resources found in {call.namespace} namespace.")
        _check(call, container)
        _check_followed(call, pods, container)
        for pod in pods:
            _print(call, pod, container, len(pods) > 1 or call.flag("prefix"))
        return
    if not call.args:
        raise call.usage(
            "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required"
            " argument for"
            " the logs command"
        )
    if len(call.args) > 2:
        raise call.usage(
            "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required"
            " argument for"
            " the logs command"
        )
    since_time = call.flag("since-time")
    if since_time:
        _check_time(since_time)
    pods = _logged(call, call.args[0])
    if len(call.args) == 2:
        container = call.args[1]
    _check(call, container)
    if len(pods) > 1 and not call.flag("all-pods"):
        call.err(f"Found {len(pods)} pods, using pod/{meta(pods[0])['name']}")
        pods = pods[:1]
    for pod in pods:
        _print(call, pod, container, call.flag("prefix") or call.flag("all-pods"))


def _check_followed(call: Call, pods: list[Obj], wanted: str) -> None:
    """As many logs as one may follow at a time."""
    if not call.flag("follow"):
        return
    every = call.flag("all-containers")
    count = sum(len(_containers(pod)) if every else 1 for pod in pods)
    most = call.flag("max-log-requests")
    if count > max(most, 1):
        for pod in pods if not every else []:
            pick_container(call, pod, wanted)
        raise CommandError(
            f"you are attempting to follow {count} log streams, but maximum allowed concurrency is {most},"
            " use --max-log-requests to increase the limit"
        )


def _check_time(text: str) -> None:
    try:
        unix_seconds(text)
    except ValueError:
        raise CommandError(
            f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as "2006"'
        ) from None


def _check(call: Call, container: str) -> None:
    """What flags may not say, once the object was found."""
    if call.flag("since-time") and call.flag("since"):
        raise CommandError("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if call.flag("all-containers") and container:
        raise CommandError("--all-containers=true should not be specified with container name " + container)
    if "container" in call.given and len(call.args) == 2:
        raise CommandError("only one of -c or an inline [CONTAINER] arg is allowed")
    if call.flag("limit-bytes") < 0:
        raise CommandError("--limit-bytes must be greater than 0")
    if call.flag("since") < 0:
        raise CommandError("--since must be greater than 0")
    if call.flag("tail") < -1:
        raise CommandError("--tail must be greater than or equal to -1")


def _print(call: Call, pod: Obj, wanted: str, prefix: bool) -> None:
    name, namespace = meta(pod)["name"], meta(pod).get("namespace") or call.namespace
    chosen = _containers(pod) if call.flag("all-containers") else [pick_container(call, pod, wanted)]
    for container in chosen:
        text = _log_text(call, namespace, name, container)
        if prefix:
            text = "".join(f"[pod/{name}/{container}] {line}\n" for line in text.splitlines())
        call.out(text, end="")


LOGS = Command(
    "logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER] [options]",
    "Print the logs for a container in a pod",
    logs,
    [
        boolean("all-containers", "Of all containers."),
        boolean("all-pods", "Of all pods of a workload."),
        string("container", "Of this container.", "c"),
        boolean("follow", "Print what is there; a notebook does not wait for more.", "f"),
        boolean("ignore-errors", "Go on after errors."),
        boolean("insecure-skip-tls-verify-backend", "Ignored."),
        number("limit-bytes", "At most so many bytes."),
        number("max-log-requests", "Ignored.", default=5),
        duration("pod-running-timeout", "Ignored.", 20.0),
        boolean("prefix", "Begin each line with its source."),
        boolean("previous", "Of the container before the last restart.", "p"),
        string("selector", "Of pods with these labels.", "l"),
        duration("since", "Only what is newer than this."),
        string("since-time", "Only what was written after this time."),
        number("tail", "Only the last lines.", default=-1),
        boolean("timestamps", "With the time of each line."),
    ],
    example="kubectl logs web\nkubectl logs deploy/web --tail=20 -c nginx",
)
