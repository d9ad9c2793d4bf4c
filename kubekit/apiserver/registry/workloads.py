"""Workloads: what Deployments, DaemonSets, Jobs and their like do beyond the usual.

A Deployment's annotations count as spec for its generation; a DaemonSet counts its template's changes in an
annotation; a Job makes its own selector. Upstream: pkg/registry/apps/*, pkg/registry/batch/*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.apiserver.registry.strategy import StatusStrategy, Strategy, keep

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
JOB_NAME = "batch.kubernetes.io/job-name"
CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
PODS_STAY = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove"
    " them or set propagationPolicy=Orphan to suppress this warning"
)


class DeploymentStrategy(Strategy):
    """Deployments."""

    def bump_generation(self, obj: Obj, old: Obj) -> None:
        """Spec or annotations."""
        super().bump_generation(obj, old)
        metadata, before = obj["metadata"], old["metadata"]
        unchanged = (metadata.get("annotations") or {}) == (before.get("annotations") or {})
        if not unchanged and metadata.get("generation") == before.get("generation"):
            metadata["generation"] = before.get("generation", 0) + 1

    def subresource(self, name: str) -> Strategy | None:
        """status: labels stay as they were."""
        return DeploymentStatusStrategy(self) if name == "status" else None


class DeploymentStatusStrategy(StatusStrategy):
    """deployments/status."""

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Spec and labels stay."""
        super().prepare_for_update(ctx, obj, old)
        keep(obj["metadata"], old["metadata"], "labels")


class DaemonSetStrategy(Strategy):
    """DaemonSets."""

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """The first template generation, unless an annotation says which."""
        super().prepare_for_create(ctx, obj)
        given = _template_generation(obj)
        _set_template_generation(obj, given if given >= 1 else 1)

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """A changed template is a new template generation."""
        before = _template_generation(old)
        _set_template_generation(obj, before)
        super().prepare_for_update(ctx, obj, old)
        if (obj.get("spec") or {}).get("template") != (old.get("spec") or {}).get("template"):
            _set_template_generation(obj, before + 1)


def _template_generation(obj: Obj) -> int:
    text = (obj["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _set_template_generation(obj: Obj, value: int) -> None:
    metadata = obj["metadata"]
    metadata["annotations"] = {**(metadata.get("annotations") or {}), TEMPLATE_GENERATION: str(value)}


class JobStrategy(Strategy):
    """Jobs."""

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """A selector and labels that nothing else has."""
        if not (obj.get("spec") or {}).get("manualSelector"):
            generate_selector(obj)
        super().prepare_for_create(ctx, obj)

    def warnings_on_delete(self, ctx: Context, options: Obj) -> list[str]:
        """Pods that stay behind surprise people."""
        named = options.get("propagationPolicy") is not None or options.get("orphanDependents") is not None
        return [] if named or self.default_propagation(ctx) != "orphan" else [PODS_STAY]

    def default_propagation(self, ctx: Context) -> str:
        """batch/v1 orphans its pods unless told otherwise."""
        return "orphan" if ctx.info.group == "batch" and ctx.info.version == "v1" else "background"


def generate_selector(job: Obj) -> None:
    """Label the template with the Job's name and uid, and select by the uid."""
    metadata, spec = job["metadata"], job.setdefault("spec", {})
    template = spec.setdefault("template", {}).setdefault("metadata", {})
    labels = dict(template.get("labels") or {})
    name, uid = metadata.get("name", ""), metadata.get("uid", "")
    for key, value in (("job-name", name), (JOB_NAME, name), ("controller-uid", uid), (CONTROLLER_UID, uid)):
        labels.setdefault(key, value)
    if not metadata.get("labels") or metadata["labels"] == template.get("labels"):
        # Labels that were defaulted from the template are the template's own map in the original; a Job
        # without any gets them when it is read back.
        metadata["labels"] = dict(labels)
    template["labels"] = labels
    selector = dict(spec.get("selector") or {})
    selector["matchLabels"] = {**(selector.get("matchLabels") or {})}
    selector["matchLabels"].setdefault(CONTROLLER_UID, uid)
    spec["selector"] = selector


class ReplicationControllerStrategy(Strategy):
    """ReplicationControllers."""

    def default_propagation(self, ctx: Context) -> str:
        """v1 orphans its pods unless told otherwise."""
        return "orphan"


class EndpointSliceStrategy(Strategy):
    """EndpointSlices."""

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """The old topology is not taken through v1."""
        super().prepare_for_create(ctx, obj)
        _drop_topology(obj)

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """The old topology is not taken through v1."""
        super().prepare_for_update(ctx, obj, old)
        if obj.get("endpoints") != old.get("endpoints"):
            _drop_topology(obj)

    def bump_generation(self, obj: Obj, old: Obj) -> None:
        """Labels count too."""
        super().bump_generation(obj, old)
        metadata, before = obj["metadata"], old["metadata"]
        if (metadata.get("labels") or {}) != (before.get("labels") or {}):
            metadata["generation"] = before.get("generation", 0) + 1


def _drop_topology(obj: Obj) -> None:
    endpoints = obj.get("endpoints") or []
    for position, endpoint in enumerate(endpoints):
        if "deprecatedTopology" in endpoint:
            endpoints[position] = {k: v for k, v in endpoint.items() if k != "deprecatedTopology"}
