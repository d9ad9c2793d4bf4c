"""What the endpoints and endpoint slice controllers share: which pods stand behind a Service, on which ports.

A pod counts when it has an address and has not finished. The `TriggerTimes` answer when the change happened
that a new list of endpoints is about (an annotation by which delays are measured). Sources:
k8s.io/endpointslice (utils.go, util/controller_utils.go, util/trigger_time_tracker.go).
"""

from __future__ import annotations

from collections.abc import Iterable

from kubekit.api.meta import Obj, key_of, labels_of
from kubekit.client import Informer
from kubekit.controllers.pods import is_ready, is_terminal
from kubekit.sim import parse_rfc3339, rfc3339

TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"
HEADLESS_LABEL = "service.kubernetes.io/headless"


def has_endpoints(service: Obj) -> bool:
    """Whether a controller keeps endpoints for it: it has a selector and is no ExternalName."""
    return service["spec"].get("type") != "ExternalName" and service["spec"].get("selector") is not None


def selects(service: Obj, labels: dict[str, str]) -> bool:
    """Whether the Service's selector (if it has one) matches."""
    selector = service["spec"].get("selector")
    return selector is not None and selector.items() <= labels.items()


def selected_pods(service: Obj, pods: Informer) -> list[Obj]:
    """The pods that the Service selects, in order of arrival."""
    return [pod for pod in pods.list(service["metadata"]["namespace"]) if selects(service, labels_of(pod))]


def services_of(services: Informer, namespace: str, labels: dict[str, str]) -> list[str]:
    """The keys of the Services that select these labels."""
    return [key_of(one) for one in services.list(namespace) if selects(one, labels)]


def services_to_update(services: Informer, old: Obj | None, new: Obj | None) -> list[str]:
    """The keys of the Services that a pod's appearance, change or disappearance concerns."""
    some = new or old
    if some is None:
        return []
    namespace = some["metadata"]["namespace"]
    if old is None or new is None:
        return services_of(services, namespace, labels_of(some))
    moved = labels_of(old) != labels_of(new) or any(
        old["spec"].get(field) != new["spec"].get(field) for field in ("hostname", "subdomain")
    )
    changed = (
        old["metadata"].get("deletionTimestamp") != new["metadata"].get("deletionTimestamp")
        or is_ready(old) != is_ready(new)
        or _addresses(old) != _addresses(new)
    )
    if not moved:
        return services_of(services, namespace, labels_of(new)) if changed else []
    after = services_of(services, namespace, labels_of(new))
    before = services_of(services, namespace, labels_of(old))
    if changed:
        return list(dict.fromkeys(after + before))
    return [key for key in dict.fromkeys(after + before) if (key in after) != (key in before)]


def _addresses(pod: Obj) -> list[str]:
    return [one.get("ip", "") for one in (pod.get("status") or {}).get("podIPs") or ()]


def addresses_of(pod: Obj, family: str) -> list[str]:
    """The pod's addresses of a family, "IPv4" or "IPv6"."""
    return [ip for ip in _addresses(pod) if (":" in ip) == (family == "IPv6")]


def should_be_in_endpoints(pod: Obj, include_terminating: bool) -> bool:
    """Whether the pod belongs into a list of endpoints at all."""
    if is_terminal(pod):
        return False
    status = pod.get("status") or {}
    if not status.get("podIP") and not status.get("podIPs"):
        return False
    return include_terminating or not pod["metadata"].get("deletionTimestamp")


def sets_hostname(pod: Obj, service: Obj) -> bool:
    """Whether the pod has a host name of its own in the Service's domain."""
    spec = pod["spec"]
    return bool(spec.get("hostname")) and spec.get("subdomain") == service["metadata"]["name"]


def is_headless(service: Obj) -> bool:
    """Whether the Service has no address of its own."""
    return service["spec"].get("clusterIP") in (None, "", "None")


def target_port(pod: Obj, port: Obj) -> int | None:
    """The number of the pod's port that a Service's port leads to, or None when the pod has none of that
    name."""
    target = port.get("targetPort", port.get("port"))
    if isinstance(target, int):
        return target
    spec = pod["spec"]
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in [*(spec.get("containers") or ()), *sidecars]:
        for one in container.get("ports") or ():
            if one.get("name") == target and one.get("protocol", "TCP") == port.get("protocol", "TCP"):
                number: int = one["containerPort"]
                return number
    return None


class TriggerTimes:
    """Remembers, for each Service, which changes were accounted for already."""

    def __init__(self) -> None:
        self._service: dict[str, float] = {}
        self._pods: dict[str, dict[str, float]] = {}

    def compute(self, service: Obj, pods: Iterable[Obj]) -> str | None:
        """The time of the earliest change since the last call, as text, or None when there was none."""
        key = key_of(service)
        before = self._pods.get(key, {})
        earliest: float | None = None
        now: dict[str, float] = {}
        for pod in pods:
            at = _ready_changed_at(pod)
            if at is None:
                continue
            name = pod["metadata"]["name"]
            now[name] = at
            if at > before.get(name, 0.0) and (earliest is None or at < earliest):
                earliest = at
        created = parse_rfc3339(service["metadata"]["creationTimestamp"])
        known = self._service.get(key)
        if known is None or (created > known and (earliest is None or created < earliest)):
            earliest = created
        self._service[key] = created
        self._pods[key] = now
        return None if earliest is None else rfc3339(earliest)

    def forget(self, key: str) -> None:
        """The Service is gone."""
        self._service.pop(key, None)
        self._pods.pop(key, None)


def _ready_changed_at(pod: Obj) -> float | None:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready":
            at = condition.get("lastTransitionTime")
            return parse_rfc3339(at) if at else None
    return None
