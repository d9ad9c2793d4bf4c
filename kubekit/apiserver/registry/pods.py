"""Pods: they start Pending with a QoS class, their spec hardly changes, and they go gracefully.

A pod on a node gets its grace period, one without a node (or that has finished) goes at once. Upstream:
pkg/registry/core/pod (strategy.go), pkg/apis/core/helper/qos.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from kubekit.api.field_path import FieldError
from kubekit.apiserver.registry import checks as validation
from kubekit.apiserver.registry import gated_fields
from kubekit.apiserver.registry.pod_adjustments import adjust, may_adjust
from kubekit.apiserver.registry.store import now_of
from kubekit.apiserver.registry.strategy import StatusStrategy, Strategy, keep, keep_metadata
from kubekit.apiserver.validation.known_pods import fingerprint
from kubekit.apiserver.validation.pod_status import qos_class

if TYPE_CHECKING:
    from kubekit.api.resources import Resource
    from kubekit.apiserver.context import Context
    from kubekit.apiserver.registry.traits import Traits

Obj = dict[str, Any]
DEFAULT_GRACE = 30
KNOWN_LIMIT = 1024
"""Of how many templates the pods are known again, the latest ones."""


class PodStrategy(Strategy):
    """See the module."""

    graceful = True

    def __init__(self, resource: Resource, traits: Traits) -> None:
        super().__init__(resource, traits)
        self._known: OrderedDict[bytes, str] = OrderedDict()
        """QoS classes of pods that were in order and needed nothing done to them, by fingerprint. That covers
        the annotations and the spec, which is all that gating, adjusting, the class, the validity of a spec
        and its warnings depend on; so nothing empties it. The names and labels are looked at each time."""

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """Pending, with the QoS class that the resources give."""
        metadata, spec = obj["metadata"], obj.get("spec") or {}
        ctx.known_qos = known = self._known.get(fingerprint(metadata, spec), "")
        if not known:
            gated_fields.pod(obj, None)
            adjust(ctx, obj)
        status: Obj = {"phase": "Pending", "qosClass": known or qos_class(obj)}
        metadata["generation"] = 1
        gates = spec.get("schedulingGates")
        if gates:
            status["conditions"] = [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "lastProbeTime": None,
                    "lastTransitionTime": now_of(ctx),
                    "reason": "SchedulingGated",
                    "message": "Scheduling is blocked due to non-empty scheduling gates",
                }
            ]
        obj["status"] = status

    def validate(self, ctx: Context, obj: Obj) -> list[FieldError]:
        """The field errors of a new pod."""
        if ctx.known_qos:
            return validation.validate_pod_metadata(obj)
        return validation.validate_create(obj)

    def warnings_on_create(self, ctx: Context, obj: Obj) -> list[str]:
        """Warning texts for whoever creates it; asked for when it is valid."""
        if ctx.known_qos:
            return validation.pod_name_warnings(obj)
        found = validation.warnings(obj, None)
        if not found and not may_adjust(obj):
            mark = fingerprint(obj["metadata"], obj.get("spec") or {})
            if mark:
                # A copy of the text, since the encoder's own has slack.
                self._known[bytes(memoryview(mark))] = obj["status"]["qosClass"]
                if len(self._known) > KNOWN_LIMIT:
                    self._known.popitem(last=False)
        return found

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """The status stays; the generation follows the spec."""
        keep(obj, old, "status")
        gated_fields.pod(obj, old)
        self.bump_generation(obj, old)

    def check_graceful_delete(self, ctx: Context, obj: Obj, options: Obj) -> bool:
        """Work out the grace period."""
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        period = 0
        if options.get("gracePeriodSeconds") is not None:
            period = options["gracePeriodSeconds"]
        elif spec.get("terminationGracePeriodSeconds") is not None:
            period = spec["terminationGracePeriodSeconds"]
        if not spec.get("nodeName"):
            # A pod that no kubelet knows has nobody to wait for.
            period = 0
        if status.get("phase") in ("Failed", "Succeeded"):
            period = 0
        if period < 0:
            period = 1
        options["gracePeriodSeconds"] = period
        return True

    def subresource(self, name: str) -> Strategy | None:
        """status, ephemeralcontainers and resize."""
        kind = _PARTS.get(name)
        return kind(self) if kind is not None else None


class PodStatusStrategy(StatusStrategy):
    """pods/status: what the kubelet reports."""

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Spec and deletion stay; the QoS class is fixed."""
        keep(obj, old, "spec")
        metadata, before = obj["metadata"], old["metadata"]
        metadata.pop("deletionTimestamp", None)
        keep(metadata, before, "ownerReferences")
        keep(metadata, before, "generation")
        status = obj.get("status")
        if status is None:
            obj["status"] = status = {}
        old_qos = (old.get("status") or {}).get("qosClass")
        if not status.get("qosClass"):
            status["qosClass"] = old_qos or qos_class(obj)
        _keep_observed(status, old.get("status") or {})
        gated_fields.pod_status(status, old.get("status") or {})

    def validate_update(self, ctx: Context, obj: Obj, old: Obj) -> list[FieldError]:
        """The field errors of a status change."""
        return validation.validate_status_update(obj, old)


def _keep_observed(status: Obj, before: Obj) -> None:
    """Which generation was observed stays known when the client does not say it."""
    field = "observedGeneration"
    if before.get(field) and not status.get(field):
        status[field] = before[field]
    conditions = status.get("conditions") or []
    if all(condition.get(field) for condition in conditions):
        return
    known: dict[str, list[int]] = {}
    for condition in before.get("conditions") or ():
        known.setdefault(condition.get("type", ""), []).append(condition.get(field, 0))
    for position, condition in enumerate(conditions):
        seen = known.get(condition.get("type", ""))
        generation = seen.pop(0) if seen else 0
        if generation and not condition.get(field):
            conditions[position] = {**condition, field: generation}


class EphemeralContainersStrategy(StatusStrategy):
    """pods/ephemeralcontainers: debug containers may be added, nothing else changes."""

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Everything but the ephemeral containers stays."""
        wanted = (obj.get("spec") or {}).get("ephemeralContainers")
        spec = {k: v for k, v in (old.get("spec") or {}).items() if k != "ephemeralContainers"}
        if wanted:
            spec["ephemeralContainers"] = wanted
        obj["spec"] = spec
        gated_fields.pod_spec(spec, old.get("spec"))
        keep(obj, old, "status")
        keep_metadata(obj, old)
        self.bump_generation(obj, old)

    def validate_update(self, ctx: Context, obj: Obj, old: Obj) -> list[FieldError]:
        """The field errors of added containers."""
        return validation.validate_subresource_update(obj, old, "ephemeralcontainers")

    def warnings_on_update(self, ctx: Context, obj: Obj, old: Obj) -> list[str]:
        """Nobody is warned."""
        return []


class ResizeStrategy(StatusStrategy):
    """pods/resize: CPU and memory of a running pod."""

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Only resources and resize policies may change; other changes of the containers are dropped or
        refused."""
        spec, before = obj.get("spec") or {}, old.get("spec") or {}
        fields = ("containers", "initContainers")
        if all(len(spec.get(f) or ()) == len(before.get(f) or ()) for f in fields):
            changed = dict(before)
            for field in fields:
                if field in before:
                    changed[field] = _resized(spec.get(field) or [], before[field])
            if "resources" in spec:
                changed["resources"] = spec["resources"]
            else:
                changed.pop("resources", None)
            obj["spec"] = changed
            keep(obj, old, "status")
            keep_metadata(obj, old)
        self.bump_generation(obj, old)

    def validate_update(self, ctx: Context, obj: Obj, old: Obj) -> list[FieldError]:
        """The field errors of a resize."""
        return validation.validate_subresource_update(obj, old, "resize")

    def warnings_on_update(self, ctx: Context, obj: Obj, old: Obj) -> list[str]:
        """Nobody is warned."""
        return []


def _resized(new: list[Obj], old: list[Obj]) -> list[Obj]:
    if any(one.get("name") != was.get("name") for one, was in zip(new, old, strict=True)):
        return new
    found = []
    for one, was in zip(new, old, strict=True):
        container = dict(was)
        keep(container, one, "resources")
        keep(container, one, "resizePolicy")
        found.append(container)
    return found


_PARTS: dict[str, type[StatusStrategy]] = {
    "status": PodStatusStrategy,
    "ephemeralcontainers": EphemeralContainersStrategy,
    "resize": ResizeStrategy,
}
