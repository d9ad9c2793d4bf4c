"""`kubectl scale` and `kubectl autoscale`: how many, once or by rule.

Scaling goes through the scale subresource, so it works for any kind that has one.
Source: k8s.io/kubectl/pkg/cmd/scale, autoscale.
"""

from __future__ import annotations

import re

from kubekit.api.exchange import Obj
from kubekit.api.status_error import StatusError
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError, ManyErrors
from kubekit.terminal.cli.flags import boolean, duration, number, string
from kubekit.terminal.kubectl import output, selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.generate import create_flags, metadata, submit
from kubekit.terminal.kubectl.manifests import Info, file_flags


def run(call: Call) -> None:
    """`kubectl scale`."""
    if "replicas" not in call.given:
        raise CommandError('required flag(s) "replicas" not set')
    if call.flag("replicas") < 0:
        raise CommandError(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0"
        )
    infos, errors = selection.objects(call, selection.targets(call))
    if call.flag("resource-version") and len(infos) > 1:
        raise CommandError("cannot use --resource-version with multiple resources")
    if not infos and not errors:
        raise CommandError("no objects passed to scale")
    for info in infos:
        _one(call, info)
    if errors:
        raise ManyErrors(errors)


def _one(call: Call, info: Info) -> None:
    wanted, current = call.flag("replicas"), call.flag("current-replicas")
    connection = call.connection
    if call.dry_run() == "client":
        call.out(output.result(call, "scaled")(_with_replicas(info.obj or {}, wanted)), end="")
        return
    query = {"fieldManager": "kubectl-scale", **({"dryRun": "All"} if call.dry_run() == "server" else {})}
    if current != -1 or call.flag("resource-version"):
        scale = connection.get(info.resource, info.scope, info.name, "scale")
        have = int((scale.get("spec") or {}).get("replicas") or 0)
        if current not in (-1, have):
            raise CommandError(f"Expected replicas to be {current}, was {have}")
        version = meta(scale).get("resourceVersion", "")
        if call.flag("resource-version") not in ("", version):
            raise CommandError(
                f"Expected resource version to be {call.flag('resource-version')}, was {version}"
            )
        scale = {**scale, "spec": {**(scale.get("spec") or {}), "replicas": wanted}}
        connection.replace(info.resource, info.scope, scale, "scale", **query)
    else:
        patch = {"spec": {"replicas": wanted}}
        kind = "application/merge-patch+json"
        connection.patch(info.resource, info.scope, info.name, patch, kind, "scale", **query)
    if call.flag("timeout") and call.dry_run() == "none":
        _await(call, info)
    call.out(output.result(call, "scaled")(_with_replicas(info.obj or {}, wanted)), end="")


def _with_replicas(obj: Obj, count: int) -> Obj:
    return {**obj, "spec": {**(obj.get("spec") or {}), "replicas": count}}


def _await(call: Call, info: Info) -> None:
    def reached() -> bool:
        scale = call.connection.get(info.resource, info.scope, info.name, "scale")
        return bool((scale.get("status") or {}).get("replicas", 0) == call.flag("replicas"))

    if not call.wait_until(reached, call.flag("timeout")):
        raise CommandError("timed out waiting for the condition")


_TARGET = re.compile(r"^(\d+)%$")


def _metrics(call: Call) -> list[Obj]:
    found: list[Obj] = []
    for name in ("cpu", "memory"):
        text = str(call.flag(name) or "")
        if not text:
            continue
        target: Obj
        if percent := _TARGET.match(text):
            target = {"type": "Utilization", "averageUtilization": int(percent.group(1))}
        else:
            target = {"type": "AverageValue", "averageValue": text}
        found.append({"type": "Resource", "resource": {"name": name, "target": target}})
    return found


def autoscale(call: Call) -> None:
    """`kubectl autoscale`."""
    if "max" not in call.given:
        raise CommandError('required flag(s) "max" not set')
    if "cpu-percent" in call.given:
        call.err(
            "Flag --cpu-percent has been deprecated, Use --cpu with percentage or resource quantity format"
            " (e.g., '70%' for utilization or '500m' for milliCPU)."
        )
        if call.flag("cpu"):
            raise CommandError("--cpu-percent and --cpu are mutually exclusive")
    least, most = call.flag("min"), call.flag("max")
    if most < 1:
        raise CommandError(f"--max=MAXPODS is required and must be at least 1, max: {most}")
    if most < least:
        raise CommandError(
            f"--max=MAXPODS must be larger or equal to --min=MINPODS, max: {most}, min: {least}"
        )
    for info in selection.select(call):
        _autoscale(call, info, least, most)


def _autoscale(call: Call, info: Info, least: int, most: int) -> None:
    resource = info.resource
    if "scale" not in resource.subresources:
        place = f"{resource.group}/{resource.version}, Resource={resource.plural}"
        raise CommandError(
            f"cannot autoscale a {resource.kind}: could not find scale subresource for {place} in discovery"
            " information"
        )
    about = metadata(call, call.flag("name") or info.name)
    reference = {"apiVersion": resource.api_version, "kind": resource.kind, "name": info.name}
    spec: Obj = {"maxReplicas": most, "scaleTargetRef": reference}
    if least > 0:
        spec["minReplicas"] = least
    version = "autoscaling/v2"
    if metrics := _metrics(call):
        spec["metrics"] = metrics
    elif "cpu-percent" in call.given and call.flag("cpu-percent") >= 0:
        share = {"type": "Utilization", "averageUtilization": call.flag("cpu-percent")}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": share}}]
    obj: Obj = {"apiVersion": version, "kind": "HorizontalPodAutoscaler", "metadata": about, "spec": spec}
    try:
        submit(call, obj, done="autoscaled", manager="kubectl-autoscale")
    except StatusError:
        # The original now tries autoscaling/v1, which can express a CPU percentage from --cpu only.
        if not call.flag("cpu"):
            raise CommandError(
                "failed to create autoscaling/v2 HPA and the configuration is incompatible with"
                " autoscaling/v1:"
                " empty input"
            ) from None
        raise


COMMAND = Command(
    "scale [--resource-version=version] [--current-replicas=count] --replicas=COUNT (-f FILENAME | TYPE"
    " NAME) [options]",
    "Set a new size for a deployment, replica set, or replication controller",
    run,
    [
        *file_flags("what to scale"),
        *output.output_flags(),
        output.dry_run_flag(),
        boolean("all", "All objects of the type."),
        number("current-replicas", "Only if there are that many now.", default=-1),
        number("replicas", "How many."),
        string("resource-version", "Only if it is this version."),
        string("selector", "Only objects with these labels.", "l"),
        duration("timeout", "Wait that long for it."),
    ],
    example="kubectl scale deployment web --replicas=3",
)

AUTOSCALE = Command(
    "autoscale (-f FILENAME | TYPE NAME | TYPE/NAME) [--min=MINPODS] --max=MAXPODS [--cpu=CPU]"
    " [--memory=MEMORY] [options]",
    "Auto-scale a deployment, replica set, stateful set, or replication controller",
    autoscale,
    [
        *file_flags("what to scale"),
        *create_flags("kubectl-autoscale"),
        string("cpu", "Target, 70% of the request or 500m."),
        number("cpu-percent", "The old form of --cpu.", default=-1),
        number("max", "At most.", default=-1),
        string("memory", "Target, 70% of the request or 500Mi."),
        number("min", "At least.", default=-1),
        string("name", "The autoscaler's name, instead of the object's."),
    ],
    example="kubectl autoscale deployment web --min=2 --max=5 --cpu=70%",
)
