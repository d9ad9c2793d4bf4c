"""The disruption controller: how many pods of a PodDisruptionBudget may be evicted now.

The budget's status is what the eviction subresource of the API server goes by. How many pods there should
be is asked of the pods' controllers, not counted. Source: pkg/controller/disruption/disruption.go.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, controller_of, key_of
from kubekit.api.resources import Resource
from kubekit.api.selectors import from_object
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.go_print import print_selector
from kubekit.controllers.int_or_percent import scaled
from kubekit.controllers.pod_conditions import with_condition
from kubekit.controllers.pods import is_deleting, is_ready, is_terminal
from kubekit.controllers.served import CRDS, built_in, custom
from kubekit.sim import parse_rfc3339, rfc3339

DELETION_TIMEOUT = 120.0
STALE_CONDITION = 120.0
CONDITION = "DisruptionAllowed"
POD = "pod:"


class CannotCount(Exception):
    """How many pods there should be cannot be found out."""


class DisruptionController(Controller):
    """Keeps the status of PodDisruptionBudgets."""

    name: ClassVar[str] = "disruption-controller"
    kind: ClassVar[str] = "PodDisruptionBudget"
    event_source: ClassVar[str] = "controllermanager"
    resource: ClassVar[str] = "poddisruptionbudgets.policy"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.budgets: Informer
        self.pods: Informer
        self.crds: Informer
        self.scales: dict[str, Informer] = {}

    def set_up(self) -> None:
        self.budgets = self.follow(self.resource)
        self.pods = self.informer("pods")
        self.crds = self.informer(CRDS)
        self.scales = {
            "ReplicaSet": self.informer("replicasets.apps"),
            "ReplicationController": self.informer("replicationcontrollers"),
            "StatefulSet": self.informer("statefulsets.apps"),
            "Deployment": self.informer("deployments.apps"),
        }
        self.watch(
            self.pods,
            lambda pod: self._pod_changed("ADDED", pod),
            lambda old, new: self._pod_changed("MODIFIED", new),
            lambda pod: self._pod_changed("DELETED", pod),
        )

    def _pod_changed(self, event: str, pod: Obj) -> None:
        labels = pod["metadata"].get("labels") or {}
        budgets = [
            budget
            for budget in self.budgets.list(pod["metadata"]["namespace"])
            if from_object(budget["spec"].get("selector")).matches(labels)
        ]
        for budget in budgets:
            self.enqueue(key_of(budget), event, pod)
        if len(budgets) > 1:
            # The original goes by one of them at random; here all are brought up to date.
            meta, one = pod["metadata"], self.loop.rng.choice(budgets)
            text = (
                f'Pod "{meta["namespace"]}"/"{meta["name"]}" matches multiple PodDisruptionBudgets.  '
                f'Chose "{one["metadata"]["name"]}" arbitrarily.'
            )
            self.event(pod, "Warning", "MultiplePodDisruptionBudgets", text)
        left = self._stale_in(pod)
        if left is not None:
            self.queue.add_after(POD + key_of(pod), left, background=True)

    def _stale_in(self, pod: Obj) -> float | None:
        """Seconds until a DisruptionTarget condition of a pod that lives on is no longer true."""
        if is_deleting(pod) or is_terminal(pod):
            return None
        for condition in (pod.get("status") or {}).get("conditions") or ():
            if condition["type"] == "DisruptionTarget" and condition["status"] == "True":
                if condition.get("reason") == "TerminationByKubelet":
                    return None
                since = parse_rfc3339(condition["lastTransitionTime"])
                return max(0.0, since + STALE_CONDITION - self.clock.now())
        return None

    # -- one budget -------------------------------------------------------------------------------------

    def reconcile(self, key: str) -> None:
        if key.startswith(POD):
            self._clear_stale(key.removeprefix(POD))
            return
        budget = self.budgets.get(key)
        if budget is None:
            return
        try:
            self._sync(key, budget)
        except CannotCount as error:
            self._fail_safe(budget, str(error))

    def _sync(self, key: str, budget: Obj) -> None:
        selector = from_object(budget["spec"].get("selector"))
        namespace = budget["metadata"]["namespace"]
        pods = [
            pod for pod in self.pods.list(namespace) if selector.matches(pod["metadata"].get("labels") or {})
        ]
        if not pods:
            self.event(budget, "Normal", "NoPods", "No matching pods found")
        expected, desired = self._expected(budget, pods)
        now = self.clock.now()
        disrupted, recheck = self._disrupted(budget, pods, now)
        healthy = sum(
            1
            for pod in pods
            if not is_deleting(pod) and pod["metadata"]["name"] not in disrupted and is_ready(pod)
        )
        self.round.desired, self.round.observed, self.round.difference = desired, healthy, healthy - desired
        self._write(budget, healthy, desired, expected, disrupted)
        if recheck is not None:
            self.queue.add_after(key, recheck - now, background=True)

    def _expected(self, budget: Obj, pods: list[Obj]) -> tuple[int, int]:
        """(pods that there should be, pods that must be healthy)."""
        spec = budget["spec"]
        if spec.get("maxUnavailable") is not None:
            expected = self._expected_scale(budget, pods)
            return expected, max(0, expected - scaled(spec["maxUnavailable"], expected, round_up=True))
        minimum = spec.get("minAvailable")
        if minimum is None:
            return 0, 0
        if isinstance(minimum, int):
            return len(pods), minimum
        expected = self._expected_scale(budget, pods)
        return expected, scaled(minimum, expected, round_up=True)

    def _expected_scale(self, budget: Obj, pods: list[Obj]) -> int:
        sizes: dict[str, int] = {}
        unmanaged = []
        for pod in pods:
            reference = controller_of(pod)
            if reference is None:
                unmanaged.append(pod["metadata"]["name"])
                continue
            if reference["uid"] in sizes:
                continue
            try:
                found = self._scale_of(reference, pod["metadata"]["namespace"])
                if found is None:
                    raise CannotCount(f'found no controllers for pod "{pod["metadata"]["name"]}"')
            except CannotCount as error:
                text = f"Failed to calculate the number of expected pods: {error}"
                self.event(budget, "Warning", "CalculateExpectedPodCountFailed", text)
                raise
            sizes[found[0]] = found[1]
        if unmanaged:
            selector = print_selector(budget["spec"].get("selector"))
            text = (
                f"Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be "
                "unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may "
                "result in undefined behavior. To account for these pods please set "
                '".spec.minAvailable" field of the PDB to an integer value.'
            )
            self.event(budget, "Warning", "UnmanagedPods", text)
        return sum(sizes.values())

    def _scale_of(self, reference: Obj, namespace: str) -> tuple[str, int] | None:
        """(uid, size) of the controller, or of the Deployment above a ReplicaSet."""
        informer = self.scales.get(reference["kind"])
        owner = informer.get(f"{namespace}/{reference['name']}") if informer is not None else None
        if owner is None or owner["metadata"]["uid"] != reference["uid"]:
            return self._scale_elsewhere(reference, namespace)
        above = controller_of(owner)
        if above is not None and above["kind"] == "Deployment":
            deployment = self.scales["Deployment"].get(f"{namespace}/{above['name']}")
            if deployment is not None and deployment["metadata"]["uid"] == above["uid"]:
                owner = deployment
        return owner["metadata"]["uid"], owner["spec"].get("replicas", 1)

    def _scale_elsewhere(self, reference: Obj, namespace: str) -> tuple[str, int] | None:
        """The size of a controller of any other kind, if that kind has a scale."""
        version = reference.get("apiVersion", "")
        resource = next(
            (
                one
                for one in (*built_in("get"), *custom(self.crds))
                if one.kind == reference["kind"] and one.api_version == version
            ),
            None,
        )
        if resource is None:
            raise CannotCount(f'no matches for kind "{reference["kind"]}" in version "{version}"')
        try:
            scale = self.client.get(resource, reference["name"], namespace, "scale")
        except StatusError as error:
            if error.code != 404:
                raise CannotCount(error.message) from error
            if not self._is_scalable(resource):
                text = f"{resource.qualified} does not implement the scale subresource"
                raise CannotCount(text) from error
            return None
        if scale["metadata"].get("uid") != reference["uid"]:
            return None
        return reference["uid"], (scale.get("spec") or {}).get("replicas", 0)

    def _is_scalable(self, resource: Resource) -> bool:
        """Whether the kind has a scale: the server's table for its own kinds, the definition for others."""
        crd = self.crds.get(resource.qualified)
        if crd is None:
            return "scale" in resource.subresources
        versions = {one["name"]: one for one in crd["spec"]["versions"]}
        return "scale" in (versions.get(resource.version, {}).get("subresources") or {})

    def _disrupted(self, budget: Obj, pods: list[Obj], now: float) -> tuple[dict[str, str], float | None]:
        """(evicted pods whose deletion is not seen yet, when to look again)."""
        known = (budget.get("status") or {}).get("disruptedPods") or {}
        kept: dict[str, str] = {}
        recheck: float | None = None
        for pod in pods:
            name = pod["metadata"]["name"]
            if is_deleting(pod) or name not in known:
                continue
            until = parse_rfc3339(known[name]) + DELETION_TIMEOUT
            if until < now:
                namespace = budget["metadata"]["namespace"]
                text = f"Pod was expected by PDB {namespace}/{namespace} to be deleted but it wasn't"
                self.event(pod, "Warning", "NotDeleted", text)
                continue
            kept[name] = known[name]
            recheck = until if recheck is None else min(recheck, until)
        return kept, recheck

    # -- the status -------------------------------------------------------------------------------------

    def _write(
        self, budget: Obj, healthy: int, desired: int, expected: int, disrupted: dict[str, str]
    ) -> None:
        allowed = max(0, healthy - desired) if expected > 0 else 0
        generation = budget["metadata"].get("generation", 0)
        counts: Obj = {
            "observedGeneration": generation,
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
        }
        if disrupted:
            counts["disruptedPods"] = disrupted
        old = budget.get("status") or {}
        reason = "SufficientPods" if allowed > 0 else "InsufficientPods"
        value = "True" if allowed > 0 else "False"
        known = next((c for c in old.get("conditions") or () if c["type"] == CONDITION), None)
        current = known is not None and (known["status"], known.get("reason")) == (value, reason)
        if current and {key: part for key, part in old.items() if key != "conditions"} == counts:
            return
        counts["conditions"] = self._conditions(old, value, reason, "", generation)
        self.client.update(self.resource, {**budget, "status": counts}, subresource="status")

    def _conditions(self, old: Obj, value: str, reason: str, message: str, generation: int) -> list[Obj]:
        known = next((c for c in old.get("conditions") or () if c["type"] == CONDITION), None)
        since = rfc3339(self.clock.now())
        if known is not None and known["status"] == value:
            since = known["lastTransitionTime"]
        new: Obj = {
            "type": CONDITION,
            "status": value,
            "observedGeneration": generation,
            "lastTransitionTime": since,
            "reason": reason,
            "message": message,
        }
        return [*(c for c in old.get("conditions") or () if c["type"] != CONDITION), new]

    def _fail_safe(self, budget: Obj, why: str) -> None:
        """When nothing can be computed, nothing may be evicted."""
        old = budget.get("status") or {}
        conditions = self._conditions(old, "False", "SyncFailed", why, old.get("observedGeneration", 0))
        status = {**old, "disruptionsAllowed": 0, "conditions": conditions}
        if status != old:
            self.client.update(self.resource, {**budget, "status": status}, subresource="status")

    def _clear_stale(self, key: str) -> None:
        pod = self.pods.get(key)
        left = self._stale_in(pod) if pod is not None else None
        if pod is None or left is None:
            return
        if left > 0:
            self.queue.add_after(POD + key, left, background=True)
            return
        changed = with_condition(pod, "DisruptionTarget", "False", "", "", self.clock.now())
        if changed is None:
            return
        conditions = [
            changed["conditions"][0] if c["type"] == "DisruptionTarget" else c
            for c in pod["status"]["conditions"]
        ]
        try:
            status = {**pod["status"], "conditions": conditions}
            self.client.update("pods", {**pod, "status": status}, subresource="status")
        except StatusError as error:
            if error.code != 404:
                raise
