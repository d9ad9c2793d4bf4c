"""What an autoscaler reads of the metrics API, and why it cannot read a metric, word for word.

Nobody serves custom or external metrics here, so these are always missing. Sources:
pkg/controller/podautoscaler/metrics/client.go and replica_calculator.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from kubekit.api import quantity
from kubekit.api.meta import Obj
from kubekit.client import Client
from kubekit.controllers.go_print import print_selector
from kubekit.sim import parse_rfc3339

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


@dataclass(frozen=True)
class Measured:
    """What one pod used, in thousandths, when, and over how many seconds."""

    value: int
    at: float
    window: float


def resource_use(
    client: Client, namespace: str, selector: str, resource: str, container: str
) -> dict[str, Measured]:
    """What each pod (or one container of it) uses; a pod of which that is not known is left out."""
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods"
    query = {"labelSelector": [quote(selector, safe="=,!()")]} if selector else {}
    answer = client.request("GET", path, query)
    what = f"unable to get metrics for resource {resource}"
    if answer.status >= 300:
        why = "the server could not find the requested resource (get pods.metrics.k8s.io)"
        raise MetricMissing(f"{what}: unable to fetch metrics from resource metrics API: {why}")
    items = answer.json().get("items") or ()
    if not items:
        raise MetricMissing(f"{what}: no metrics returned from resource metrics API")
    found = {}
    for item in items:
        value = _use_of(item, resource, container)
        if value is not None:
            at, window = parse_rfc3339(item["timestamp"]), _seconds(item.get("window", "0s"))
            found[item["metadata"]["name"]] = Measured(value, at, window)
    return found


def _use_of(item: Obj, resource: str, container: str) -> int | None:
    some = [one for one in item.get("containers") or () if container in ("", one["name"])]
    amounts = [(one.get("usage") or {}).get(resource) for one in some]
    if not amounts or None in amounts:
        return None
    return sum(quantity.parse(amount).milli_value() for amount in amounts)


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "ns": 1e-9}


def _seconds(duration: str) -> float:
    """A duration as Go writes it: 1m30s.

    >>> _seconds("1m30.5s")
    90.5
    """
    parts = re.findall(r"([0-9.]+)(ms|us|ns|h|m|s)", duration)
    return float(sum(float(number) * _UNITS[unit] for number, unit in parts))


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
