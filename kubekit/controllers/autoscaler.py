"""The horizontal pod autoscaler: changes the size of a workload by what its pods use.

Every 15 seconds it reads the target's scale and the metrics, computes a size for each metric and takes the
largest. Outside the bounds it needs no metrics. Without a metrics API it says so in its conditions and leaves
the size alone. `autoscaler_sizes` knows how many pods a metric asks for, `autoscaler_pace` how fast that may
come about, `autoscaler_metrics` reads. Source: pkg/controller/podautoscaler/horizontal.go.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from kubekit.api import quantity
from kubekit.api.meta import Obj, key_of, labels_of, split_key
from kubekit.api.resources import RESOURCES, Resource
from kubekit.api.selectors import Selector, parse_label_selector
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.autoscaler_metrics import PREFIXES, MetricMissing, resource_use, unserved
from kubekit.controllers.autoscaler_pace import Pace, Wish
from kubekit.controllers.autoscaler_sizes import Sizing, requests_of, tolerance_of
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.served import CRDS, custom
from kubekit.sim import rfc3339

SOURCES = {
    "Resource": ("resource", "FailedGetResourceMetric"),
    "ContainerResource": ("containerResource", "FailedGetContainerResourceMetric"),
    "Pods": ("pods", "FailedGetPodsMetric"),
    "Object": ("object", "FailedGetObjectMetric"),
    "External": ("external", "FailedGetExternalMetric"),
}


class NoSize(Exception):
    """The metrics give no size; `shown` is what was measured nevertheless."""

    def __init__(self, text: str, shown: list[Obj] | None) -> None:
        super().__init__(text)
        self.shown = shown


class Autoscaler(Controller):
    """Scales the targets of HorizontalPodAutoscalers."""

    name: ClassVar[str] = "horizontal-pod-autoscaler-controller"
    kind: ClassVar[str] = "HorizontalPodAutoscaler"
    event_source: ClassVar[str] = "horizontal-pod-autoscaler"
    resource: ClassVar[str] = "horizontalpodautoscalers.autoscaling"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.scalers: Informer
        self.pods: Informer
        self.crds: Informer
        self._pace = Pace()
        self._selectors: dict[str, Selector] = {}

    def set_up(self) -> None:
        self._pace.clear()
        self._selectors.clear()
        self.scalers = self.informer(
            next(r for r in RESOURCES if r.qualified == self.resource and r.version == "v2")
        )
        self.pods = self.informer("pods")
        self.crds = self.informer(CRDS)
        self.watch(
            self.scalers,
            lambda obj: self._later("ADDED", obj),
            lambda old, new: self._later("MODIFIED", new),
            self._forget,
        )

    def _forget(self, obj: Obj) -> None:
        self._pace.forget(key_of(obj))
        self._selectors.pop(key_of(obj), None)

    def _later(self, event: str, obj: Obj) -> None:
        """An autoscaler is looked at every sync period, whatever happens to it."""
        self.note(key_of(obj), event, obj)
        self.queue.add_after(key_of(obj), self.options.hpa_sync_period, background=True)

    # -- one reconcile ----------------------------------------------------------------------------------

    def reconcile(self, key: str) -> None:
        scaler = self.scalers.get(key)
        if scaler is None:
            return
        self.queue.add_after(key, self.options.hpa_sync_period, background=True)
        status = dict(scaler.get("status") or {})
        status["conditions"] = list(status.get("conditions") or ())
        work: Obj = {**scaler, "status": status}
        target = scaler["spec"]["scaleTargetRef"]
        resource = self._target(target)
        try:
            if resource is None:
                raise MetricMissing(f'no matches for kind "{target["kind"]}" in group "{_group(target)}"')
            name, namespace = target["name"], scaler["metadata"]["namespace"]
            scale = self.client.get(resource, name, namespace, "scale")
        except (MetricMissing, StatusError) as error:
            why = error.message if isinstance(error, StatusError) else str(error)
            self.event(scaler, "Warning", "FailedGetScale", why)
            text = f"the HPA controller was unable to get the target's current scale: {why}"
            self._condition(work, "AbleToScale", "False", "FailedGetScale", text)
            self._write(scaler, work)
            return
        text = "the HPA controller was able to get the target's current scale"
        self._condition(work, "AbleToScale", "True", "SucceededGetScale", text)
        self._decide(key, scaler, work, resource, scale)

    def _target(self, target: Obj) -> Resource | None:
        wanted = target["kind"], _group(target)
        kinds = (*RESOURCES, *custom(self.crds))
        return next((one for one in kinds if (one.kind, one.group) == wanted), None)

    def _decide(self, key: str, scaler: Obj, work: Obj, resource: Resource | None, scale: Obj) -> None:
        spec = scaler["spec"]
        current: int = scale["spec"].get("replicas", 0)
        minimum = spec.get("minReplicas", 1)
        self._pace.begin(key, current, self.clock.now())
        self.round.observed = current
        wish = Wish(key, current, current, minimum, spec["maxReplicas"], spec.get("behavior"))
        desired, reason = current, ""
        metrics: list[Obj] | None = None
        if current == 0 and minimum != 0:
            text = "scaling is disabled since the replica count of the target is zero"
            self._condition(work, "ScalingActive", "False", "ScalingDisabled", text)
            desired = 0
        elif current > spec["maxReplicas"]:
            desired, reason = spec["maxReplicas"], "Current number of replicas above Spec.MaxReplicas"
        elif current < minimum:
            desired, reason = minimum, "Current number of replicas below Spec.MinReplicas"
        else:
            try:
                proposed, metric, metrics = self._from_metrics(scaler, work, scale, current)
            except NoSize as error:
                self._set_counts(work, current, work["status"].get("desiredReplicas", 0), error.shown)
                self._write(scaler, work)
                self.event(scaler, "Warning", "FailedComputeMetricsReplicas", str(error))
                return
            reason = f"{metric} above target" if proposed > current else "All metrics below target"
            desired = self._normalize(work, replace(wish, proposed=proposed))
        self.round.desired, self.round.difference = desired, desired - current
        if desired != current:
            if not self._rescale(scaler, work, resource, scale, (current, desired), reason, metrics):
                return
            self._pace.scaled(wish, desired, self.clock.now())
        self._set_counts(work, current, desired, metrics)
        self._write(scaler, work)

    def _rescale(
        self,
        scaler: Obj,
        work: Obj,
        resource: Resource | None,
        scale: Obj,
        sizes: tuple[int, int],
        reason: str,
        metrics: list[Obj] | None,
    ) -> bool:
        """Write the new size; False when it was refused (the next look comes in its time)."""
        assert resource is not None
        current, desired = sizes
        wanted = {**scale, "spec": {**scale["spec"], "replicas": desired}}
        try:
            self.client.update(resource, wanted, subresource="scale")
        except StatusError as error:
            text = f"New size: {desired}; reason: {reason}; error: {error.message}"
            self.event(scaler, "Warning", "FailedRescale", text)
            text = f"the HPA controller was unable to update the target scale: {error.message}"
            self._condition(work, "AbleToScale", "False", "FailedUpdateScale", text)
            self._set_counts(work, current, work["status"].get("desiredReplicas", 0), metrics)
            self._write(scaler, work)
            return False
        text = f"the HPA controller was able to update the target scale to {desired}"
        self._condition(work, "AbleToScale", "True", "SucceededRescale", text)
        self.event(scaler, "Normal", "SuccessfulRescale", f"New size: {desired}; reason: {reason}")
        work["status"]["lastScaleTime"] = rfc3339(self.clock.now())
        return True

    # -- metrics ----------------------------------------------------------------------------------------

    def _from_metrics(self, scaler: Obj, work: Obj, scale: Obj, current: int) -> tuple[int, str, list[Obj]]:
        """(size, the metric that asks for it, what was measured); raises NoSize."""
        self._check_selector(scaler, work, (scale.get("status") or {}).get("selector", ""))
        specs = scaler["spec"].get("metrics") or []
        best, name = 0, ""
        shown: list[Obj] = []
        first: tuple[str, str, str] | None = None
        invalid = 0
        for spec in specs:
            field, reason = SOURCES[spec["type"]]
            try:
                size, what, measured = self._one_metric(spec, field, scaler, scale, current)
            except MetricMissing as error:
                invalid += 1
                self.event(scaler, "Warning", reason, str(error))
                source = spec[field]
                names = {"name": source.get("name") or (source.get("metric") or {}).get("name")}
                prefix = PREFIXES[spec["type"]].format(container=source.get("container"), **names)
                first = first or (reason, str(error), f"{prefix}: {error.outer}")
                shown.append({"type": ""})
                continue
            shown.append(measured)
            if size > best:
                best, name = size, what
        if first is not None and (invalid >= len(specs) or best < current):
            text = f"the HPA was unable to compute the replica count: {first[1]}"
            self._condition(work, "ScalingActive", "False", first[0], text)
            raise NoSize(
                f"invalid metrics ({invalid} invalid out of {len(specs)}), first error is: {first[2]}", shown
            )
        text = f"the HPA was able to successfully calculate a replica count from {name}"
        self._condition(work, "ScalingActive", "True", "ValidMetricFound", text)
        return best, name, shown

    def _check_selector(self, scaler: Obj, work: Obj, text: str) -> None:
        """The target's pods must be known, and be nobody else's to scale."""
        key = key_of(scaler)
        if not text:
            why = "selector is required"
            self.event(scaler, "Warning", "SelectorRequired", why)
            told = "the HPA target's scale is missing a selector"
            self._condition(work, "ScalingActive", "False", "InvalidSelector", told)
            raise NoSize(why, None)
        self._selectors[key] = selector = parse_label_selector(text)
        namespace = scaler["metadata"]["namespace"]
        pods = [pod for pod in self.pods.list(namespace) if selector.matches(labels_of(pod))]
        others = [
            split_key(other)
            for other, theirs in self._selectors.items()
            if split_key(other)[0] == namespace and any(theirs.matches(labels_of(pod)) for pod in pods)
        ]
        if len(others) > 1:
            who = " ".join(f"{{{name} {namespace}}}" for namespace, name in others)
            why = f"pods by selector {text} are controlled by multiple HPAs: [{who}]"
            self.event(scaler, "Warning", "AmbiguousSelector", why)
            self._condition(work, "ScalingActive", "False", "AmbiguousSelector", why)
            raise NoSize(why, None)

    def _one_metric(
        self, spec: Obj, field: str, scaler: Obj, scale: Obj, current: int
    ) -> tuple[int, str, Obj]:
        """(size, what the metric is called, what was measured)."""
        namespace = scaler["metadata"]["namespace"]
        if field not in ("resource", "containerResource"):
            raise unserved(spec, field, namespace)
        source = spec[field]
        name, target, container = source["name"], source["target"], source.get("container") or ""
        by_usage = target.get("averageValue") is not None
        kind = "usage" if by_usage else "utilization"
        selector = (scale.get("status") or {}).get("selector", "")
        matches = parse_label_selector(selector)
        pods = [pod for pod in self.pods.list(namespace) if matches.matches(labels_of(pod))]
        tolerance = tolerance_of(scaler["spec"].get("behavior"))
        try:
            measured = resource_use(self.client, namespace, selector, name, container)
            sizing = Sizing(pods, measured, name, current, self.clock.now())
            if by_usage:
                wanted = quantity.parse(target["averageValue"]).milli_value()
                size, average = sizing.by_usage(wanted, tolerance)
                shown: Obj = {}
            else:
                requests = requests_of(pods, container, name)
                percent = target["averageUtilization"]
                size, percent, average = sizing.by_utilization(requests, percent, tolerance)
                shown = {"averageUtilization": percent}
        except MetricMissing as error:
            raise MetricMissing(f"failed to get {name} {kind}: {error}") from None
        notation = quantity.BINARY_SI if name == "memory" else quantity.DECIMAL_SI
        shown["averageValue"] = str(quantity.of_milli(average, notation))
        about = {"name": name, **({"container": container} if container else {}), "current": shown}
        what = f"{name} {'container ' if container and not by_usage else ''}resource"
        if not by_usage:
            what += " utilization (percentage of request)"
        return size, what, {"type": spec["type"], field: about}

    def _normalize(self, work: Obj, wish: Wish) -> int:
        """The size that may be had now, with what holds it back in the conditions."""
        size, able, limited, why = self._pace.normalize(wish, self.clock.now())
        self._condition(work, "AbleToScale", "True", *able)
        self._condition(work, "ScalingLimited", "True" if limited else "False", *why)
        return size

    # -- the status -------------------------------------------------------------------------------------

    def _set_counts(self, work: Obj, current: int, desired: int, metrics: list[Obj] | None) -> None:
        status = work["status"]
        status["currentReplicas"], status["desiredReplicas"] = current, desired
        if not current:
            del status["currentReplicas"]
        status["currentMetrics"] = metrics

    def _condition(self, work: Obj, kind: str, value: str, reason: str, message: str) -> None:
        conditions = work["status"]["conditions"]
        since = rfc3339(self.clock.now())
        new = {
            "type": kind,
            "status": value,
            "lastTransitionTime": since,
            "reason": reason,
            "message": message,
        }
        for position, known in enumerate(conditions):
            if known["type"] == kind:
                if known["status"] == value:
                    new["lastTransitionTime"] = known["lastTransitionTime"]
                conditions[position] = new
                return
        conditions.append(new)

    def _write(self, scaler: Obj, work: Obj) -> None:
        if work["status"] == (scaler.get("status") or {}):
            return
        try:
            self.client.update(self.scalers.resource, work, subresource="status")
        except StatusError as error:
            self.event(scaler, "Warning", "FailedUpdateStatus", error.message)


def _group(target: Obj) -> str:
    return str(target.get("apiVersion", "")).rpartition("/")[0]
