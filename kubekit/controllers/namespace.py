"""The namespace controller: empties a namespace that is being deleted, then lets go of it.

Pods go first, and while any is left nothing else is touched; then everything else, kind by kind. What
remains and why (finalizers) is written into the namespace's conditions. When nothing is left the
`kubernetes` finalizer in its spec is taken out, and the server removes the namespace. Source:
pkg/controller/namespace.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, name_of
from kubekit.api.resources import Resource
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.served import CRDS, built_in, custom
from kubekit.sim import rfc3339

GRACE = 5.0
"""Seconds between the deletion and the first work on it: other API servers must have heard of it."""
FINALIZER = "kubernetes"
FINALIZER_ESTIMATE = 15
OK = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}


class Remaining:
    """What is left in a namespace after everything in it was asked to go."""

    def __init__(self) -> None:
        self.objects: dict[str, int] = {}
        self.finalizers: dict[str, int] = {}
        self.failures: list[str] = []
        self.estimate = 0


class NamespaceController(Controller):
    """Deletes what is in a namespace that is being deleted."""

    name: ClassVar[str] = "namespace-controller"
    kind: ClassVar[str] = "Namespace"
    max_delay: ClassVar[float] = 60.0

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.namespaces: Informer
        self.crds: Informer

    def set_up(self) -> None:
        self.namespaces = self.informer("namespaces")
        self.crds = self.informer(CRDS)
        self.watch(
            self.namespaces,
            lambda obj: self._changed("ADDED", obj),
            lambda old, new: self._changed("MODIFIED", new),
        )

    def _changed(self, event: str, namespace: Obj) -> None:
        if namespace["metadata"].get("deletionTimestamp"):
            self.queue.add_after(name_of(namespace), GRACE)

    def reconcile(self, key: str) -> None:
        namespace = self.client.find("namespaces", key)
        if namespace is None or not namespace["metadata"].get("deletionTimestamp"):
            return
        if (namespace.get("status") or {}).get("phase") != "Terminating":
            status = {**(namespace.get("status") or {}), "phase": "Terminating"}
            namespace = self.client.update(
                "namespaces", {**namespace, "status": status}, subresource="status"
            )
        finalizers = (namespace.get("spec") or {}).get("finalizers") or []
        if not finalizers:
            return
        remaining = self._empty(key)
        self.round.desired = 0
        self.round.observed = sum(remaining.objects.values())
        self.round.difference = -self.round.observed
        namespace = self._write_conditions(namespace, remaining)
        if remaining.failures:
            self.queue.add_after(key, self.queue.add_rate_limited(key))
            return
        if remaining.estimate > 0:
            # What only a finalizer holds may take for ever: nobody waits for that.
            stuck = bool(remaining.finalizers) and remaining.estimate == FINALIZER_ESTIMATE
            self.queue.add_after(key, remaining.estimate // 2 + 1, background=stuck)
            return
        spec = {**namespace["spec"], "finalizers": [f for f in finalizers if f != FINALIZER]}
        try:
            self.client.update("namespaces", {**namespace, "spec": spec}, subresource="finalize")
        except StatusError as error:
            if error.code != 404:
                raise

    # -- emptying ---------------------------------------------------------------------------------------

    def _empty(self, namespace: str) -> Remaining:
        remaining = Remaining()
        resources = [*built_in("delete"), *custom(self.crds)]
        pods = next(r for r in resources if r.qualified == "pods")
        self._delete_all(pods, namespace, remaining)
        if remaining.objects:
            remaining.objects, remaining.finalizers = {}, {}
            return remaining
        for resource in resources:
            if resource.namespaced and resource is not pods:
                self._delete_all(resource, namespace, remaining)
        return remaining

    def _delete_all(self, resource: Resource, namespace: str, remaining: Remaining) -> None:
        try:
            estimate = self._grace_left(namespace) if resource.qualified == "pods" else 0
            if "deletecollection" in resource.verbs:
                if self._list(resource, namespace):
                    self.client.delete_collection(resource, namespace, propagation="Background")
            else:
                for item in self._list(resource, namespace):
                    self._delete_one(resource, namespace, item)
            left = self._list(resource, namespace)
        except StatusError as error:
            if error.code not in (404, 405):
                remaining.failures.append(error.message)
            return
        if not left:
            return
        remaining.objects[f"{resource.plural}.{resource.group}"] = len(left)
        held = 0
        for item in left:
            for finalizer in item["metadata"].get("finalizers") or ():
                held += 1
                remaining.finalizers[finalizer] = remaining.finalizers.get(finalizer, 0) + 1
        if estimate == 0 and held:
            estimate = FINALIZER_ESTIMATE
        if estimate == 0:
            gvr = f"{resource.group}/{resource.version}, Resource={resource.plural}"
            remaining.failures.append(
                f"unexpected items still remain in namespace: {namespace} for gvr: {gvr}"
            )
        remaining.estimate = max(remaining.estimate, estimate)

    def _list(self, resource: Resource, namespace: str) -> list[Obj]:
        if "list" not in resource.verbs:
            return []
        items: list[Obj] = self.client.list(resource, namespace).get("items") or []
        return items

    def _delete_one(self, resource: Resource, namespace: str, item: Obj) -> None:
        try:
            self.client.delete(resource, item["metadata"]["name"], namespace, propagation="Background")
        except StatusError as error:
            if error.code not in (404, 405):
                raise

    def _grace_left(self, namespace: str) -> int:
        """The longest time that a running pod of the namespace may take to stop."""
        longest = 0
        for pod in self.client.list("pods", namespace).get("items") or ():
            if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
                continue
            longest = max(longest, pod["spec"].get("terminationGracePeriodSeconds") or 0)
        return longest

    # -- telling ----------------------------------------------------------------------------------------

    def _write_conditions(self, namespace: Obj, remaining: Remaining) -> Obj:
        bad: dict[str, tuple[str, str]] = {}
        if remaining.failures:
            failures = sorted(remaining.failures)
            bad["NamespaceDeletionContentFailure"] = (
                "ContentDeletionFailed",
                f"Failed to delete all resource types, {len(failures)} remaining: {', '.join(failures)}",
            )
        if remaining.objects:
            left = sorted(
                f"{name} has {count} resource instances" for name, count in remaining.objects.items()
            )
            bad["NamespaceContentRemaining"] = (
                "SomeResourcesRemain",
                f"Some resources are remaining: {', '.join(left)}",
            )
        if remaining.finalizers:
            left = sorted(
                f"{name} in {count} resource instances" for name, count in remaining.finalizers.items()
            )
            bad["NamespaceFinalizersRemaining"] = (
                "SomeFinalizersRemain",
                f"Some content in the namespace has finalizers remaining: {', '.join(left)}",
            )
        status = namespace.get("status") or {}
        old = {c["type"]: c for c in status.get("conditions") or ()}
        now = rfc3339(self.clock.now())
        conditions = list(status.get("conditions") or ())
        changed = False
        for kind, fine in OK.items():
            reason, message = bad.get(kind, fine)
            value = "True" if kind in bad else "False"
            known = old.get(kind)
            new = {
                "type": kind,
                "status": value,
                "lastTransitionTime": now,
                "reason": reason,
                "message": message,
            }
            if known is None:
                conditions.append(new)
                changed = True
                continue
            if known["status"] == value:
                new["lastTransitionTime"] = known["lastTransitionTime"]
            if (known["status"], known["reason"], known["message"]) != (value, reason, message):
                conditions[conditions.index(known)] = new
                changed = True
        if not changed:
            return namespace
        try:
            return self.client.update(
                "namespaces",
                {**namespace, "status": {**status, "conditions": conditions}},
                subresource="status",
            )
        except StatusError:
            return namespace  # the conditions are for people; the next round writes them
