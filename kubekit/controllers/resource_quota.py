"""The resource quota controller: counts what a namespace uses of its quotas.

The API server's admission adds what it lets through; this controller puts the whole count right, when a quota
is new or changed, when something was deleted, has finished or counts otherwise than before, and every five
minutes. Sources: pkg/controller/resourcequota, pkg/quota/v1/install/update_filter.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from kubekit.api import quantity
from kubekit.api.meta import Obj, key_of
from kubekit.api.pod_resources import Amounts
from kubekit.api.quota_usage import Evaluator, add, covers, evaluator_of
from kubekit.api.resources import Resource
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.attributes_class_protection import classes_named
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.served import CRDS, built_in, resource_of_crd

IGNORED = {"events", "resourcequotas", "leases.coordination.k8s.io"}


class ResourceQuotaController(Controller):
    """Keeps `status.used` of ResourceQuotas true."""

    name: ClassVar[str] = "resourcequota-controller"
    kind: ClassVar[str] = "ResourceQuota"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.quotas: Informer
        self._resources: dict[str, Resource] = {}

    def set_up(self) -> None:
        self.quotas = self.informer("resourcequotas")
        self.watch(
            self.quotas,
            lambda quota: self.enqueue(key_of(quota), "ADDED", quota),
            self._quota_changed,
        )
        self._resources = {
            resource.qualified: resource
            for resource in built_in("list", "watch", "create")
            if resource.namespaced
        }
        for name, resource in self._resources.items():
            if name not in IGNORED:
                self._listen(name, resource)
        crds = self.informer(CRDS)
        self.watch(crds, self._crd_changed, lambda old, new: self._crd_changed(new))
        self.every(self.options.quota_resync_period, self._resync)

    def _listen(self, name: str, resource: Resource) -> None:
        changes: dict[str, Callable[[Obj, Obj], Any]] = {
            "pods": self._pod_changed,
            "services": self._service_changed,
            "persistentvolumeclaims": self._claim_changed,
        }
        self.watch(
            self.context.informers.informer(resource),
            on_update=changes.get(name),
            on_delete=lambda obj: self._freed(name, obj),
        )

    def _crd_changed(self, crd: Obj) -> None:
        """Objects of a new kind can be counted from now on."""
        resource = resource_of_crd(crd)
        if resource is None or not resource.namespaced or resource.qualified in self._resources:
            return
        self._resources[resource.qualified] = resource
        self._listen(resource.qualified, resource)
        for quota in self.quotas.list():
            if _evaluator(resource).concerned(quota["spec"].get("hard") or ()):
                self.enqueue(key_of(quota), "MODIFIED", crd)

    def _resync(self) -> None:
        for quota in self.quotas.list():
            self.queue.add(key_of(quota))

    def _quota_changed(self, old: Obj, new: Obj) -> None:
        if old["spec"] != new["spec"]:
            self.enqueue(key_of(new), "MODIFIED", new)

    def _pod_changed(self, old: Obj, new: Obj) -> None:
        if not len(self.quotas):
            return
        count, now = _evaluator(self._resources["pods"]), self.clock.now()
        ended = "pods" in count.usage(old, now) and "pods" not in count.usage(new, now)
        if ended or _has_deadline(old) != _has_deadline(new) or _granted(old) != _granted(new):
            self._freed("pods", new)

    def _service_changed(self, old: Obj, new: Obj) -> None:
        if _counted_type(old) != _counted_type(new):
            self._freed("services", new)

    def _claim_changed(self, old: Obj, new: Obj) -> None:
        if _allocated(old) != _allocated(new) or set(classes_named(old)) != set(classes_named(new)):
            self._freed("persistentvolumeclaims", new)

    def _freed(self, resource: str, obj: Obj) -> None:
        count = _evaluator(self._resources[resource])
        for quota in self.quotas.list(obj["metadata"]["namespace"]):
            if count.concerned(quota["spec"].get("hard") or ()):
                self.enqueue(key_of(quota), "DELETED", obj)

    def reconcile(self, key: str) -> None:
        quota = self.quotas.get(key)
        if quota is None:
            return
        hard = quota["spec"].get("hard") or {}
        status = quota.get("status") or {}
        known = {name: value for name, value in (status.get("used") or {}).items() if name in hard}
        used = {**known, **self._count(quota)}
        self.round.desired, self.round.observed = hard, used
        if status.get("hard") == hard and _equal(status.get("used") or {}, used):
            return
        wanted = {**quota, "status": {"hard": hard, "used": used}}
        try:
            self.client.update("resourcequotas", wanted, subresource="status")
        except StatusError as error:
            if error.code != 404:
                raise

    def _count(self, quota: Obj) -> dict[str, str]:
        """The sums over the namespace, from the caches."""
        hard = quota["spec"].get("hard") or {}
        namespace, now = quota["metadata"]["namespace"], self.clock.now()
        total: Amounts = {}
        for resource in self._resources.values():
            count = _evaluator(resource)
            names = count.concerned(hard)
            if not names:
                continue
            total.update({name: quantity.of(0) for name in names if name not in total})
            for obj in self.context.informers.informer(resource).list(namespace):
                if covers(quota, count, obj):
                    total = add(total, count.usage(obj, now))
        # What nothing in the cluster can count for has no sum.
        return {name: str(total[name]) for name in hard if name in total}


def _evaluator(resource: Resource) -> Evaluator:
    return evaluator_of(resource.group, resource.plural)


def _has_deadline(pod: Obj) -> bool:
    return pod["spec"].get("activeDeadlineSeconds") is not None


def _granted(pod: Obj) -> list[tuple[str, Any]]:
    """What the containers have been given: it changes with a resize."""
    status = pod.get("status") or {}
    containers = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    return [(one["name"], one["resources"]) for one in containers if one.get("resources")]


def _counted_type(service: Obj) -> str:
    kind: str = service["spec"].get("type", "")
    return kind if kind in ("NodePort", "LoadBalancer") else ""


def _allocated(claim: Obj) -> str | None:
    found: str | None = ((claim.get("status") or {}).get("allocatedResources") or {}).get("storage")
    return found


def _equal(a: dict[str, str], b: dict[str, str]) -> bool:
    return a.keys() == b.keys() and all(quantity.parse(a[name]) == quantity.parse(b[name]) for name in a)
