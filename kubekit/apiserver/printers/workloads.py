"""Tables of the workloads: groups apps, batch, autoscaling, policy, and replication controllers.

Source: pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.duration import human_duration, since, unix_seconds
from kubekit.api.exchange import Obj
from kubekit.api.label_text import format_label_selector
from kubekit.apiserver.printers.cells import age, condition_is, containers, format_labels, name, section
from kubekit.apiserver.printers.cells import selector_string as selector_text
from kubekit.apiserver.printers.columns import AGE, CONTAINERS, IMAGES, NAME, Column, register


def _number(obj: Obj, part: str, field: str) -> int:
    return int(section(obj, part).get(field) or 0)


def _template(obj: Obj) -> tuple[str, str]:
    return containers(section(obj, "spec", "template", "spec"))


def _replicated(obj: Obj, now: float) -> list[Any]:
    return [
        name(obj),
        _number(obj, "spec", "replicas"),
        _number(obj, "status", "replicas"),
        _number(obj, "status", "readyReplicas"),
        age(obj, now),
        *_template(obj),
    ]


@register(
    "",
    "ReplicationController",
    NAME,
    Column("Desired", type="integer", doc="core_v1.ReplicationControllerSpec.replicas"),
    Column("Current", type="integer", doc="core_v1.ReplicationControllerStatus.replicas"),
    Column("Ready", type="integer", doc="core_v1.ReplicationControllerStatus.readyReplicas"),
    AGE,
    CONTAINERS,
    IMAGES,
    Column("Selector", wide=True, doc="core_v1.ReplicationControllerSpec.selector"),
)
def replication_controller(obj: Obj, now: float) -> list[Any]:
    """A replication controller's row."""
    return [*_replicated(obj, now), format_labels(section(obj, "spec").get("selector"))]


@register(
    "apps",
    "ReplicaSet",
    NAME,
    Column("Desired", type="integer", doc="apps_v1.ReplicaSetSpec.replicas"),
    Column("Current", type="integer", doc="apps_v1.ReplicaSetStatus.replicas"),
    Column("Ready", type="integer", doc="apps_v1.ReplicaSetStatus.readyReplicas"),
    AGE,
    CONTAINERS,
    IMAGES,
    Column("Selector", wide=True, doc="apps_v1.ReplicaSetSpec.selector"),
)
def replica_set(obj: Obj, now: float) -> list[Any]:
    """A replica set's row."""
    return [*_replicated(obj, now), format_label_selector(section(obj, "spec").get("selector"))]


@register(
    "apps",
    "Deployment",
    NAME,
    Column("Ready", text="Number of the pod with ready state"),
    Column("Up-to-date", doc="apps_v1.DeploymentStatus.updatedReplicas"),
    Column("Available", doc="apps_v1.DeploymentStatus.availableReplicas"),
    AGE,
    CONTAINERS,
    IMAGES,
    Column("Selector", wide=True, doc="apps_v1.DeploymentSpec.selector"),
)
def deployment(obj: Obj, now: float) -> list[Any]:
    """A deployment's row."""
    return [
        name(obj),
        f"{_number(obj, 'status', 'readyReplicas')}/{_number(obj, 'spec', 'replicas')}",
        _number(obj, "status", "updatedReplicas"),
        _number(obj, "status", "availableReplicas"),
        age(obj, now),
        *_template(obj),
        selector_text(section(obj, "spec").get("selector")),
    ]


@register(
    "apps",
    "StatefulSet",
    NAME,
    Column("Ready", text="Number of the pod with ready state"),
    AGE,
    CONTAINERS,
    IMAGES,
)
def stateful_set(obj: Obj, now: float) -> list[Any]:
    """A stateful set's row."""
    ready = f"{_number(obj, 'status', 'readyReplicas')}/{_number(obj, 'spec', 'replicas')}"
    return [name(obj), ready, age(obj, now), *_template(obj)]


@register(
    "apps",
    "DaemonSet",
    NAME,
    Column("Desired", type="integer", doc="apps_v1.DaemonSetStatus.desiredNumberScheduled"),
    Column("Current", type="integer", doc="apps_v1.DaemonSetStatus.currentNumberScheduled"),
    Column("Ready", type="integer", doc="apps_v1.DaemonSetStatus.numberReady"),
    Column("Up-to-date", type="integer", doc="apps_v1.DaemonSetStatus.updatedNumberScheduled"),
    Column("Available", type="integer", doc="apps_v1.DaemonSetStatus.numberAvailable"),
    Column("Node Selector", doc="core_v1.PodSpec.nodeSelector"),
    AGE,
    CONTAINERS,
    IMAGES,
    Column("Selector", wide=True, doc="apps_v1.DaemonSetSpec.selector"),
)
def daemon_set(obj: Obj, now: float) -> list[Any]:
    """A daemon set's row."""
    counts = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    return [
        name(obj),
        *(_number(obj, "status", field) for field in counts),
        format_labels(section(obj, "spec", "template", "spec").get("nodeSelector")),
        age(obj, now),
        *_template(obj),
        format_label_selector(section(obj, "spec").get("selector")),
    ]


@register(
    "apps",
    "ControllerRevision",
    NAME,
    Column("Controller", text="Controller of the object"),
    Column("Revision", doc="apps_v1.ControllerRevision.revision"),
    AGE,
)
def controller_revision(obj: Obj, now: float) -> list[Any]:
    """A controller revision's row."""
    owner = "<none>"
    for reference in section(obj, "metadata").get("ownerReferences") or []:
        if reference.get("controller"):
            group = reference.get("apiVersion", "").rpartition("/")[0]
            kind = reference.get("kind", "") + (f".{group}" if group else "")
            owner = f"{kind.lower()}/{reference.get('name', '')}"
            break
    return [name(obj), owner, int(obj.get("revision") or 0), age(obj, now)]


_JOB_STATES = (
    ("Complete", "Complete"),
    ("Failed", "Failed"),
    ("", "Terminating"),
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
)


def _job_status(obj: Obj) -> str:
    for condition, text in _JOB_STATES:
        if condition_is(obj, condition) if condition else section(obj, "metadata").get("deletionTimestamp"):
            return text
    return "Running"


@register(
    "batch",
    "Job",
    NAME,
    Column("Status", text="Status of the job."),
    Column("Completions", doc="batch_v1.JobStatus.succeeded"),
    Column("Duration", text="Time required to complete the job."),
    AGE,
    CONTAINERS,
    IMAGES,
    Column("Selector", wide=True, doc="batch_v1.JobSpec.selector"),
)
def job(obj: Obj, now: float) -> list[Any]:
    """A job's row."""
    spec, status = section(obj, "spec"), section(obj, "status")
    done, parallelism = int(status.get("succeeded") or 0), int(spec.get("parallelism") or 0)
    if spec.get("completions") is not None:
        completions = f"{done}/{spec['completions']}"
    else:
        completions = f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"
    took = ""
    if status.get("startTime"):
        end = unix_seconds(status["completionTime"]) if status.get("completionTime") else now
        took = human_duration(end - unix_seconds(status["startTime"]))
    return [
        name(obj),
        _job_status(obj),
        completions,
        took,
        age(obj, now),
        *_template(obj),
        format_label_selector(spec.get("selector")),
    ]


@register(
    "batch",
    "CronJob",
    NAME,
    Column("Schedule", doc="batch_v1.CronJobSpec.schedule"),
    Column("Timezone", doc="batch_v1.CronJobSpec.timeZone"),
    Column("Suspend", type="boolean", doc="batch_v1.CronJobSpec.suspend"),
    Column("Active", type="integer", doc="batch_v1.CronJobStatus.active"),
    Column("Last Schedule", doc="batch_v1.CronJobStatus.lastScheduleTime"),
    AGE,
    CONTAINERS,
    IMAGES,
    Column("Selector", wide=True, doc="batch_v1.JobSpec.selector"),
)
def cron_job(obj: Obj, now: float) -> list[Any]:
    """A cron job's row."""
    spec, status = section(obj, "spec"), section(obj, "status")
    last = status.get("lastScheduleTime")
    job_spec = section(spec, "jobTemplate", "spec")
    suspend = spec.get("suspend")
    return [
        name(obj),
        spec.get("schedule", ""),
        spec.get("timeZone") or "<none>",
        "<unset>" if suspend is None else str(bool(suspend)),
        len(status.get("active") or []),
        since(last, now) if last else "<none>",
        age(obj, now),
        *containers(section(job_spec, "template", "spec")),
        format_label_selector(job_spec.get("selector")),
    ]


@register(
    "policy",
    "PodDisruptionBudget",
    NAME,
    Column("Min Available", text="The minimum number of pods that must be available."),
    Column("Max Unavailable", text="The maximum number of pods that may be unavailable."),
    Column(
        "Allowed Disruptions",
        type="integer",
        text="Calculated number of pods that may be disrupted at this time.",
    ),
    AGE,
)
def pod_disruption_budget(obj: Obj, now: float) -> list[Any]:
    """A disruption budget's row."""
    spec = section(obj, "spec")
    bounds = [
        "N/A" if spec.get(key) is None else str(spec[key]) for key in ("minAvailable", "maxUnavailable")
    ]
    return [name(obj), *bounds, _number(obj, "status", "disruptionsAllowed"), age(obj, now)]
