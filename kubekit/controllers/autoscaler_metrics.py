"""Why an autoscaler cannot read a metric, word for word.

Nobody serves custom or external metrics here, so these are always missing. Source:
pkg/controller/podautoscaler/replica_calculator.go and metrics/client.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.controllers.go_print import print_selector

PREFIXES = {
    "Resource": "failed to get {name} resource metric value",
    "ContainerResource": "failed to get {container} container metric value",
    "Pods": "failed to get pods metric value",
    "Object": "failed to get object metric value",
    "External": "failed to get {name} external metric value",
}


class MetricMissing(Exception):
    """A metric could not be read; the text says why, `outer` what is said of it at a distance."""

    def __init__(self, text: str, outer: str = "") -> None:
        super().__init__(text)
        self.outer = f"{outer}: {text}" if outer else text


def unserved(spec: Obj, field: str, namespace: str) -> MetricMissing:
    """Why a metric that is not about resources cannot be read: no server for such metrics is there."""
    source = spec[field]
    name, selector = source["metric"]["name"], source["metric"].get("selector")
    averaged = source["target"].get("averageValue") is not None
    if field == "external":
        text = (
            f"unable to get external metric {namespace}/{name}/{print_selector(selector)}: unable to fetch "
            "metrics from external metrics API: the server could not find the requested resource "
            f"(get {name}.external.metrics.k8s.io)"
        )
        what = f"{name} external metric" if averaged else f"external metric {name}"
        return MetricMissing(text, f"failed to get {what}")
    why = (
        "unable to fetch metrics from custom metrics API: "
        "no custom metrics API (custom.metrics.k8s.io) registered"
    )
    if field == "pods":
        return MetricMissing(f"unable to get metric {name}: {why}")
    about = source["describedObject"]
    text = f"unable to get metric {name}: {about['kind']} on {namespace} {about['name']}/{why}"
    return MetricMissing(text, f"failed to get {name} object metric" if averaged else "")
