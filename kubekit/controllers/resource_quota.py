"""The resource quota controller: counts what a namespace uses of its quotas.

The API server's admission adds what it lets through; this controller puts the whole count right, when a quota
is new or changed, when something was deleted or has finished, and every five minutes. Source:
pkg/controller/resourcequota.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api import quantity
from kubekit.api.meta import Obj, key_of
from kubekit.api.pod_resources import Amounts
from kubekit.api.quota_usage import Evaluator, add, covers, evaluator_of
from kubekit.api.resources import Resource
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.served import built_in

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
        self.every(self.options.quota_resync_period, self._resync)

    def _listen(self, name: str, resource: Resource) -> None:
        self.watch(
            self.context.informers.informer(resource),
            on_update=self._pod_changed if name == "pods" else None,
            on_delete=lambda obj: self._freed(name, obj),
        )

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
        if "pods" in count.usage(old, now) and "pods" not in count.usage(new, now):
            self._freed("pods", new)

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
        used = self._count(quota)
        status = quota.get("status") or {}
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
        total: Amounts = {name: quantity.of(0) for name in hard}
        for resource in self._resources.values():
            count = _evaluator(resource)
            if not count.concerned(hard):
                continue
            for obj in self.context.informers.informer(resource).list(namespace):
                if covers(quota, count, obj):
                    total = add(total, count.usage(obj, now))
        return {name: str(total[name]) for name in hard}


def _evaluator(resource: Resource) -> Evaluator:
    return evaluator_of(resource.group, resource.plural)


def _equal(a: dict[str, str], b: dict[str, str]) -> bool:
    return a.keys() == b.keys() and all(quantity.parse(a[name]) == quantity.parse(b[name]) for name in a)
