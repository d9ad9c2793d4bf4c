"""Warnings: what the server accepts but tells the client to change.

Called on create and update through `warnings_for`; `kind_warnings` has those of the kinds without pods,
`pod_warnings` those of pods and templates. A warning never depends on other objects.
Source: pkg/registry/*/strategy.go (WarningsOnCreate, WarningsOnUpdate), pkg/api/job/warnings.go.
"""

from __future__ import annotations

from kubekit.api.formats import dns1123_label
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.address_warnings import address_warnings
from kubekit.apiserver.validation.kind_warnings import KINDS
from kubekit.apiserver.validation.pod_warnings import pod_warnings, storage_amounts

_TEMPLATES = {
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "ReplicationController": ("spec", "template"),
    "PodTemplate": ("template",),
}
_NAMING = frozenset({"Deployment", "ReplicaSet", "Job", "CronJob", "ReplicationController"})
"""Kinds whose pods are named after them in a way that begs for a short name."""
_SURPRISE = "which can result in surprising behavior; a DNS label is recommended: "
_MANY_INDEXES, _MUCH_AT_ONCE = 100_000, 10_000


def name_warnings(obj: Obj, place: str) -> list[str]:
    """Of a name that is no DNS label and is used in a place where it should be one."""
    problems = dns1123_label(obj["metadata"].get("name", ""))
    return [f"metadata.name: this is used in {place}, {_SURPRISE}[{' '.join(problems)}]"] if problems else []


def _generation(obj: Obj) -> int:
    return int(obj["metadata"].get("generation") or 0)


def _indexed(spec: Obj, path: str) -> list[str]:
    """A Job with more indexes than the status can tell of."""
    if spec.get("completionMode") != "Indexed":
        return []
    many = (spec.get("completions") or 0) > _MANY_INDEXES
    if not many or (spec.get("parallelism") or 0) <= _MUCH_AT_ONCE:
        return []
    return [
        f"{path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than"
        " 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
    ]


def _template(obj: Obj, steps: tuple[str, ...]) -> list[str]:
    template: Obj = obj
    for step in steps:
        template = template.get(step) or {}
    return pod_warnings(template, ".".join(steps))


def _workload(obj: Obj, old: Obj | None, kind: str) -> list[str]:
    steps = _TEMPLATES[kind]
    found = name_warnings(obj, "Pod names and hostnames") if old is None and kind in _NAMING else []
    if old is None or _generation(obj) != _generation(old):
        if kind in ("Job", "CronJob"):
            inner: Obj = obj
            for step in steps[:-1]:
                inner = inner.get(step) or {}
            found += _indexed(inner, ".".join(steps[:-1]))
        # A changed replication controller is told of the template that it had before, as upstream does.
        told = old if old is not None and kind == "ReplicationController" else obj
        found += _template(told, steps)
    spec = obj.get("spec") or {}
    if kind == "CronJob" and old is not None and "TZ" in (spec.get("schedule") or ""):
        found.append(
            "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see "
            "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
        )
    if kind == "StatefulSet":
        for position, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
            place = f"spec.volumeClaimTemplates[{position}]" + ("" if old is None else ".Spec")
            found += storage_amounts(claim.get("spec") or {}, place)
        if (spec.get("revisionHistoryLimit") or 0) < 0:
            found.append(
                "spec.revisionHistoryLimit: a negative value retains all historical revisions; "
                "a value >= 0 is recommended"
            )
    return found


def warnings_for(obj: Obj, old: Obj | None = None) -> list[str]:
    """The texts for the Warning headers."""
    kind = obj.get("kind", "")
    if kind == "Pod":
        return name_warnings(obj, "the Pod's hostname") + pod_warnings(obj, "") if old is None else []
    if kind in _TEMPLATES:
        return _workload(obj, old, kind)
    ask = KINDS.get(kind)
    return ask(obj, old) if ask is not None else []


def status_warnings_for(obj: Obj) -> list[str]:
    """The texts for a change of a status: addresses that are written in an odd way."""
    kind, status = obj.get("kind", ""), obj.get("status") or {}
    found: list[str] = []
    if kind == "Pod":
        for field in ("podIPs", "hostIPs"):
            for position, one in enumerate(status.get(field) or ()):
                found += address_warnings(f"status.{field}[{position}].ip", one.get("ip", ""))
    elif kind in ("Service", "Ingress"):
        ingress = (status.get("loadBalancer") or {}).get("ingress") or ()
        for position, one in enumerate(ingress):
            if one.get("ip"):
                found += address_warnings(f"status.loadBalancer.ingress[{position}]", one["ip"])
    return found
