"""`kubectl describe` of deployments, replica sets, stateful sets, daemon sets, jobs, cron jobs, controllers.

Source: k8s.io/kubectl/pkg/describe.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.label_text import format_label_selector, format_labels, selector_string
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.describe.events import events_of
from kubekit.terminal.kubectl.describe.pod_template import pod_template
from kubekit.terminal.kubectl.describe.writer import Writer, go_list, rfc1123


def _count(obj: Obj, part: str, field: str) -> int:
    return int((obj.get(part) or {}).get(field) or 0)


def _owned_by(obj: Obj, uid: Any) -> bool:
    return any(
        ref.get("controller") and ref.get("uid") == uid for ref in meta(obj).get("ownerReferences") or []
    )


def _pods_status(call: Call, obj: Obj, selector: str) -> str:
    counts = {"Running": 0, "Pending": 0, "Succeeded": 0, "Failed": 0}
    for pod in call.connection.items(
        call.discovery.find("pods"), meta(obj).get("namespace"), labels=selector
    ):
        phase = (pod.get("status") or {}).get("phase")
        if phase in counts and _owned_by(pod, meta(obj).get("uid")):
            counts[phase] += 1
    return (
        f"{counts['Running']} Running / {counts['Pending']} Waiting / {counts['Succeeded']} Succeeded /"
        f" {counts['Failed']} Failed"
    )


def _conditions(writer: Writer, obj: Obj) -> None:
    found = (obj.get("status") or {}).get("conditions") or []
    if found:
        writer.line(0, "Conditions:")
        rows = [[f"{c.get('type')} ", c.get("status"), c.get("reason", "")] for c in found]
        writer.table(1, ["Type", "Status", "Reason"], rows)


def replication_controller(call: Call, writer: Writer, obj: Obj) -> None:
    """A replication controller."""
    selector = (obj.get("spec") or {}).get("selector") or {}
    writer.heading(obj, labels=False)
    writer.pair("Selector", format_labels(selector))
    _replicated(call, writer, obj, ",".join(f"{k}={v}" for k, v in sorted(selector.items())))


def replica_set(call: Call, writer: Writer, obj: Obj) -> None:
    """A replica set."""
    selector = (obj.get("spec") or {}).get("selector")
    writer.heading(obj, labels=False)
    writer.pair("Selector", format_label_selector(selector))
    _replicated(call, writer, obj, selector_string(selector))


def _replicated(call: Call, writer: Writer, obj: Obj, selector: str) -> None:
    writer.labels("Labels", meta(obj).get("labels"))
    writer.annotations("Annotations", meta(obj).get("annotations"))
    if obj.get("kind") == "ReplicaSet":
        writer.controlled_by(obj)
    writer.pair(
        "Replicas", f"{_count(obj, 'status', 'replicas')} current / {_count(obj, 'spec', 'replicas')} desired"
    )
    writer.pair("Pods Status", _pods_status(call, obj, selector))
    pod_template(writer, (obj.get("spec") or {}).get("template"))
    _conditions(writer, obj)
    events_of(call, writer, obj)


def deployment(call: Call, writer: Writer, obj: Obj) -> None:
    """A deployment, with its replica sets."""
    spec = obj.get("spec") or {}
    writer.heading(obj, labels=False)
    writer.pair("CreationTimestamp", rfc1123(meta(obj).get("creationTimestamp")))
    writer.labels("Labels", meta(obj).get("labels"))
    writer.annotations("Annotations", meta(obj).get("annotations"))
    selector = selector_string(spec.get("selector"))
    writer.pair("Selector", selector)
    counts = [
        (_count(obj, "spec", "replicas"), "desired"),
        (_count(obj, "status", "updatedReplicas"), "updated"),
        (_count(obj, "status", "replicas"), "total"),
        (_count(obj, "status", "availableReplicas"), "available"),
        (_count(obj, "status", "unavailableReplicas"), "unavailable"),
    ]
    writer.pair("Replicas", " | ".join(f"{count} {name}" for count, name in counts))
    strategy = spec.get("strategy") or {}
    writer.pair("StrategyType", strategy.get("type", ""))
    writer.pair("MinReadySeconds", spec.get("minReadySeconds") or 0)
    rolling = strategy.get("rollingUpdate")
    if rolling is not None:
        text = f"{rolling.get('maxUnavailable')} max unavailable, {rolling.get('maxSurge')} max surge"
        writer.pair("RollingUpdateStrategy", text)
    pod_template(writer, spec.get("template"))
    _conditions(writer, obj)
    old, new = replica_sets(call, obj)
    if old or new:
        writer.pair("OldReplicaSets", _sets(old))
        writer.pair("NewReplicaSet", _sets(new))
    events_of(call, writer, obj)


def _without_hash(template: Obj) -> Obj:
    labels = (template.get("metadata") or {}).get("labels") or {}
    kept = {key: value for key, value in labels.items() if key != "pod-template-hash"}
    return {**template, "metadata": {**(template.get("metadata") or {}), "labels": kept}}


def replica_sets(call: Call, obj: Obj) -> tuple[list[Obj], list[Obj]]:
    """(old, new) replica sets of a deployment: the new one has its template."""
    spec = obj.get("spec") or {}
    resource = call.discovery.find("replicasets.apps")
    listed = call.connection.items(
        resource, meta(obj).get("namespace"), labels=selector_string(spec.get("selector"))
    )
    own = [one for one in listed if _owned_by(one, meta(obj).get("uid"))]
    own.sort(key=lambda one: (meta(one).get("creationTimestamp", ""), meta(one).get("name", "")))
    wanted = _without_hash(spec.get("template") or {})
    new = [one for one in own if _without_hash((one.get("spec") or {}).get("template") or {}) == wanted][:1]
    return [one for one in own if one not in new], new


def _sets(found: list[Obj]) -> str:
    return (
        ", ".join(
            f"{meta(one)['name']} ({_count(one, 'status', 'replicas')}/{_count(one, 'spec', 'replicas')}"
            f" replicas created)"
            for one in found
        )
        or "<none>"
    )


def stateful_set(call: Call, writer: Writer, obj: Obj) -> None:
    """A stateful set."""
    spec = obj.get("spec") or {}
    selector = selector_string(spec.get("selector"))
    writer.heading(obj, labels=False)
    writer.pair("CreationTimestamp", rfc1123(meta(obj).get("creationTimestamp")))
    writer.pair("Selector", selector)
    writer.labels("Labels", meta(obj).get("labels"))
    writer.annotations("Annotations", meta(obj).get("annotations"))
    writer.pair(
        "Replicas", f"{_count(obj, 'spec', 'replicas')} desired | {_count(obj, 'status', 'replicas')} total"
    )
    strategy = spec.get("updateStrategy") or {}
    writer.pair("Update Strategy", strategy.get("type", ""))
    rolling = strategy.get("rollingUpdate") or {}
    if rolling.get("partition") is not None:
        writer.pair("Partition", rolling["partition"], 1)
        if rolling.get("maxUnavailable") is not None:
            writer.pair("MaxUnavailable", rolling["maxUnavailable"], 1)
    writer.pair("Pods Status", _pods_status(call, obj, selector))
    pod_template(writer, spec.get("template"))
    _claims(writer, spec.get("volumeClaimTemplates"))
    events_of(call, writer, obj)


def _claims(writer: Writer, templates: list[Obj] | None) -> None:
    if not templates:
        writer.pair("Volume Claims", "<none>")
        return
    writer.line(0, "Volume Claims:")
    for one in templates:
        spec = one.get("spec") or {}
        writer.pair("Name", meta(one).get("name", ""), 1)
        writer.pair("StorageClass", spec.get("storageClassName") or "", 1)
        writer.labels("Labels", meta(one).get("labels"), "  ")
        writer.labels("Annotations", meta(one).get("annotations"), "  ")
        size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
        writer.pair("Capacity", size or "<default>", 1)
        writer.pair("Access Modes", go_list(spec.get("accessModes")), 1)


def daemon_set(call: Call, writer: Writer, obj: Obj) -> None:
    """A daemon set."""
    spec = obj.get("spec") or {}
    selector = selector_string(spec.get("selector"))
    writer.heading(obj, labels=False)
    writer.pair("Selector", selector)
    pod = (spec.get("template") or {}).get("spec") or {}
    writer.pair("Node-Selector", format_labels(pod.get("nodeSelector")))
    writer.labels("Labels", meta(obj).get("labels"))
    writer.annotations("Annotations", meta(obj).get("annotations"))
    for label, field in (
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ):
        writer.line(0, f"{label}: {_count(obj, 'status', field)}")
    writer.pair("Pods Status", _pods_status(call, obj, selector))
    pod_template(writer, spec.get("template"))
    events_of(call, writer, obj)


def _bool_or_unset(value: Any) -> str:
    return "<unset>" if value is None else "True" if value else "False"


def _or_unset(value: Any, suffix: str = "") -> str:
    return "<unset>" if value is None else f"{value}{suffix}"


def job(call: Call, writer: Writer, obj: Obj) -> None:
    """A job."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    writer.heading(obj, labels=False)
    writer.pair("Selector", selector_string(spec.get("selector")))
    writer.labels("Labels", meta(obj).get("labels"))
    writer.annotations("Annotations", meta(obj).get("annotations"))
    writer.controlled_by(obj)
    if spec.get("parallelism") is not None:
        writer.pair("Parallelism", spec["parallelism"])
    writer.pair("Completions", _or_unset(spec.get("completions")))
    if spec.get("completionMode") is not None:
        writer.pair("Completion Mode", spec["completionMode"])
    if spec.get("suspend") is not None:
        writer.pair("Suspend", "true" if spec["suspend"] else "false")
    for key, label in (
        ("backoffLimit", "Backoff Limit"),
        ("ttlSecondsAfterFinished", "TTL Seconds After Finished"),
    ):
        if spec.get(key) is not None:
            writer.pair(label, spec[key])
    start, end = status.get("startTime"), status.get("completionTime")
    if start:
        writer.pair("Start Time", rfc1123(start))
    if end:
        writer.pair("Completed At", rfc1123(end))
    if start and end:
        writer.pair("Duration", call.span(start, end))
    if spec.get("activeDeadlineSeconds") is not None:
        writer.pair("Active Deadline Seconds", f"{spec['activeDeadlineSeconds']}s")
    active, done, failed = (_count(obj, "status", key) for key in ("active", "succeeded", "failed"))
    ready = f" ({status['ready']} Ready)" if status.get("ready") is not None else ""
    writer.pair("Pods Statuses", f"{active} Active{ready} / {done} Succeeded / {failed} Failed")
    if spec.get("completionMode") == "Indexed":
        writer.pair("Completed Indexes", _capped(status.get("completedIndexes") or ""))
    pod_template(writer, spec.get("template"))
    events_of(call, writer, obj)


def _capped(indexes: str, limit: int = 50) -> str:
    if not indexes:
        return "<none>"
    cut = indexes.find(",", limit)
    return indexes if cut < 0 or len(indexes) <= limit else indexes[: cut + 1] + "..."


def cron_job(call: Call, writer: Writer, obj: Obj) -> None:
    """A cron job."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    writer.heading(obj)
    writer.pair("Schedule", spec.get("schedule", ""))
    writer.pair("Concurrency Policy", spec.get("concurrencyPolicy", ""))
    writer.pair("Suspend", _bool_or_unset(spec.get("suspend")))
    writer.pair("Time Zone", _or_unset(spec.get("timeZone")))
    writer.pair("Successful Job History Limit", _or_unset(spec.get("successfulJobsHistoryLimit")))
    writer.pair("Failed Job History Limit", _or_unset(spec.get("failedJobsHistoryLimit")))
    writer.pair("Starting Deadline Seconds", _or_unset(spec.get("startingDeadlineSeconds"), "s"))
    job_spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    selector = job_spec.get("selector")
    writer.pair("Selector", "<unset>" if selector is None else selector_string(selector))
    writer.pair("Parallelism", _or_unset(job_spec.get("parallelism")))
    writer.pair("Completions", _or_unset(job_spec.get("completions")))
    if job_spec.get("activeDeadlineSeconds") is not None:
        writer.pair("Active Deadline Seconds", f"{job_spec['activeDeadlineSeconds']}s")
    pod_template(writer, job_spec.get("template"))
    last = status.get("lastScheduleTime")
    writer.pair("Last Schedule Time", rfc1123(last) if last else "<unset>")
    writer.pair(
        "Active Jobs", ", ".join(one.get("name", "") for one in status.get("active") or []) or "<none>"
    )
    events_of(call, writer, obj)
