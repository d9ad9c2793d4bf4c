"""The garbage collector: what belongs to somebody who is gone, goes too.

An object all of whose owners are gone is deleted in the background. An owner that was deleted with
"Foreground" waits, visibly, until the dependents that block it are gone; one that was deleted with "Orphan"
waits until the collector has taken its reference out of its dependents. Keys are uids; before each deletion
the server is asked about the object and its owners, so a late watch can do no harm. Source:
pkg/controller/garbagecollector.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj
from kubekit.api.resources import Resource
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.garbage_graph import FOREGROUND, ORPHAN, Graph, Node
from kubekit.controllers.served import CRDS, built_in, resource_of_crd

IGNORED = {"events"}


class NamespacedOwner(Exception):
    """An object without a namespace names an owner in one: it is left alone."""


class GarbageCollector(Controller):
    """Deletes the dependents of what was deleted."""

    name: ClassVar[str] = "garbage-collector-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.graph = Graph()
        self.crds: Informer
        self._kinds: dict[tuple[str, str], Resource] = {}

    def set_up(self) -> None:
        self.graph = Graph()
        self._kinds.clear()
        for resource in built_in("list", "watch", "delete"):
            if resource.qualified not in IGNORED:
                self._monitor(resource)
        self.crds = self.informer(CRDS)
        self.watch(self.crds, self._crd_changed, lambda old, new: self._crd_changed(new))

    def _crd_changed(self, crd: Obj) -> None:
        resource = resource_of_crd(crd)
        if resource is not None and (resource.group, resource.kind) not in self._kinds:
            self._monitor(resource)

    def _monitor(self, resource: Resource) -> None:
        self._kinds[(resource.group, resource.kind)] = resource
        informer = self.context.informers.informer(resource)
        if not self.synced and informer not in self._informers:
            self._informers.append(informer)
        self.watch(
            informer,
            lambda obj: self._added(resource, obj),
            lambda old, new: self._updated(resource, old, new),
            self._deleted,
        )

    def subject(self, key: str) -> str:
        node = self.graph.nodes.get(key)
        if node is None:
            return f"object/{key}"
        place = f"{node.namespace}/" if node.namespace else ""
        return f"{node.resource.singular or node.resource.kind.lower()}/{place}{node.name}"

    # -- what it hears ----------------------------------------------------------------------------------

    def _added(self, resource: Resource, obj: Obj) -> None:
        fresh = obj["metadata"]["uid"] not in self.graph.nodes
        node = self.graph.put(resource, obj)
        if node.owners:
            self._check_owners(node, node.owners, "ADDED", obj)
        for dependent in self.graph.dependents(node.uid) if fresh else ():
            if self._is_misnamed(dependent, node):
                self.enqueue(dependent.uid, "ADDED", obj)
        self._note_deletion(node, None, obj)

    def _check_owners(self, node: Node, references: list[Obj], event: str, obj: Obj) -> None:
        """Look closer at an object with owners that are unknown, or not those that they are said to be."""
        # An owner that nobody has heard of: perhaps it is gone, perhaps its watch is late.
        suspicious = any(reference["uid"] not in self.graph.nodes for reference in references)
        owners = [self.graph.nodes.get(reference["uid"]) for reference in references]
        if any(owner is not None and self._is_misnamed(node, owner) for owner in owners) or suspicious:
            self.enqueue(node.uid, event, obj)

    def _is_misnamed(self, node: Node, owner: Node) -> bool:
        """Whether the reference to an owner names something else; another namespace is told of."""
        reference = next(one for one in node.owners if one["uid"] == owner.uid)
        if owner.namespace and owner.namespace != node.namespace:
            version, kind, name = reference["apiVersion"], reference["kind"], reference["name"]
            identity = (
                f"[{version}/{kind}, namespace: {node.namespace}, name: {name}, uid: {reference['uid']}]"
            )
            about = {
                "kind": node.resource.kind,
                "apiVersion": node.resource.api_version,
                "namespace": node.namespace,
                "name": node.name,
                "uid": node.uid,
            }
            text = f'ownerRef {identity} does not exist in namespace "{node.namespace}"'
            self.event(about, "Warning", "OwnerRefInvalidNamespace", text)
            return True
        named = reference["name"], reference["kind"], reference["apiVersion"]
        return named != (owner.name, owner.resource.kind, owner.resource.api_version)

    def _updated(self, resource: Resource, old: Obj, new: Obj) -> None:
        before, after = old["metadata"], new["metadata"]
        if before.get("ownerReferences") == after.get("ownerReferences") and not after.get(
            "deletionTimestamp"
        ):
            return
        was = self.graph.nodes.get(after["uid"])
        node = self.graph.put(resource, new)
        known = {reference["uid"] for reference in was.owners} if was is not None else set()
        added = [reference for reference in node.owners if reference["uid"] not in known]
        if added:
            self._check_owners(node, added, "MODIFIED", new)
        for reference in was.owners if was is not None else ():
            owner = self.graph.nodes.get(reference["uid"])
            if owner is not None and owner.deleting_dependents and not node.blocks(owner.uid):
                self.enqueue(owner.uid, "MODIFIED", new)
        self._note_deletion(node, was, new)

    def _note_deletion(self, node: Node, was: Node | None, obj: Obj) -> None:
        if not node.deleting:
            return
        finalizers = obj["metadata"].get("finalizers") or ()
        if ORPHAN in finalizers:
            self.enqueue(node.uid, "MODIFIED", obj)
        if node.deleting_dependents and (was is None or not was.deleting_dependents):
            for dependent in self.graph.dependents(node.uid):
                self.enqueue(dependent.uid, "MODIFIED", obj)
            self.enqueue(node.uid, "MODIFIED", obj)

    def _deleted(self, obj: Obj) -> None:
        node = self.graph.remove(obj["metadata"]["uid"])
        if node is None:
            return
        for dependent in self.graph.dependents(node.uid):
            self.enqueue(dependent.uid, "DELETED", obj)
        for reference in node.owners:
            owner = self.graph.nodes.get(reference["uid"])
            if owner is not None and owner.deleting_dependents:
                self.enqueue(owner.uid, "DELETED", obj)

    # -- what it does -----------------------------------------------------------------------------------

    def reconcile(self, key: str) -> None:
        node = self.graph.nodes.get(key)
        if node is None:
            return
        latest = self.client.find(node.resource, node.name, node.namespace or None)
        if latest is None or latest["metadata"]["uid"] != node.uid:
            return
        meta = latest["metadata"]
        finalizers = meta.get("finalizers") or []
        if meta.get("deletionTimestamp"):
            if ORPHAN in finalizers:
                self._orphan_dependents(node, latest)
            elif FOREGROUND in finalizers:
                self._finish_foreground(node, latest)
            return
        references = meta.get("ownerReferences") or []
        if not references:
            return
        try:
            solid, dangling, waiting = self._classify(node, references)
        except NamespacedOwner:
            return
        self.round.observed = {"solid": len(solid), "dangling": len(dangling), "waiting": len(waiting)}
        if solid:
            if dangling or waiting:
                self._drop_owners(node, [ref["uid"] for ref in (*dangling, *waiting)])
            return
        if waiting and self.graph.dependents(node.uid):
            if any(one.deleting_dependents for one in self.graph.dependents(node.uid)):
                self._unblock(node, references)
            self._delete(node, latest, "Foreground")
            return
        if ORPHAN in finalizers:
            policy = "Orphan"
        elif FOREGROUND in finalizers:
            policy = "Foreground"
        else:
            policy = "Background"
        self._delete(node, latest, policy)

    def _classify(self, node: Node, references: list[Obj]) -> tuple[list[Obj], list[Obj], list[Obj]]:
        """The references to owners that exist, to owners that are gone, to owners that wait for this one.

        Raises OSError when a kind is not known (yet), NamespacedOwner when nobody can ever say.
        """
        solid: list[Obj] = []
        dangling: list[Obj] = []
        waiting: list[Obj] = []
        for reference in references:
            group = reference["apiVersion"].rpartition("/")[0]
            resource = self._kinds.get((group, reference["kind"]))
            if resource is None:
                version, kind = reference["apiVersion"], reference["kind"]
                raise OSError(f"unable to get REST mapping for {version}/{kind}.")
            if resource.namespaced and not node.namespace:
                raise NamespacedOwner
            owner = self.client.find(resource, reference["name"], node.namespace or None)
            if owner is None or owner["metadata"]["uid"] != reference["uid"]:
                dangling.append(reference)
                continue
            meta = owner["metadata"]
            if meta.get("deletionTimestamp") and FOREGROUND in (meta.get("finalizers") or ()):
                waiting.append(reference)
            else:
                solid.append(reference)
        return solid, dangling, waiting

    def _delete(self, node: Node, latest: Obj, policy: str) -> None:
        try:
            self.client.delete(
                node.resource,
                node.name,
                node.namespace or None,
                propagation=policy,
                uid=node.uid,
                resource_version=latest["metadata"]["resourceVersion"],
            )
        except StatusError as error:
            if error.code != 404:
                raise

    def _finish_foreground(self, node: Node, latest: Obj) -> None:
        blocking = [one for one in self.graph.dependents(node.uid) if one.blocks(node.uid)]
        if not blocking:
            self._remove_finalizer(node, latest, FOREGROUND)
            return
        for dependent in blocking:
            if not dependent.deleting_dependents:
                self.enqueue(dependent.uid)

    def _orphan_dependents(self, node: Node, latest: Obj) -> None:
        for dependent in self.graph.dependents(node.uid):
            self._drop_owners(dependent, [node.uid])
        self._remove_finalizer(node, latest, ORPHAN)

    def _drop_owners(self, node: Node, uids: list[str]) -> None:
        references = [{"$patch": "delete", "uid": uid} for uid in uids]
        self._patch_owners(node, references, [r for r in node.owners if r["uid"] not in uids])

    def _unblock(self, node: Node, references: list[Obj]) -> None:
        changed = [
            {**ref, "blockOwnerDeletion": False} for ref in references if ref.get("blockOwnerDeletion")
        ]
        kept = [{**ref, "blockOwnerDeletion": False} for ref in references]
        self._patch_owners(node, changed, kept)

    def _patch_owners(self, node: Node, strategic: list[Obj], merged: list[Obj]) -> None:
        """Custom resources know no strategic merge: they get the whole list."""
        if (node.resource.group, node.resource.kind) in BUILT_IN:
            patch, kind = {"ownerReferences": strategic, "uid": node.uid}, "strategic-merge-patch"
        else:
            patch, kind = {"ownerReferences": merged, "uid": node.uid}, "merge-patch"
        try:
            self.client.patch(
                node.resource,
                node.name,
                {"metadata": patch},
                node.namespace or None,
                patch_type=f"application/{kind}+json",
            )
        except StatusError as error:
            if error.code != 404:
                raise

    def _remove_finalizer(self, node: Node, latest: Obj, finalizer: str) -> None:
        meta = latest["metadata"]
        kept = [one for one in meta.get("finalizers") or () if one != finalizer]
        patch = {"metadata": {"resourceVersion": meta["resourceVersion"], "finalizers": kept}}
        try:
            self.client.patch(
                node.resource,
                node.name,
                patch,
                node.namespace or None,
                patch_type="application/merge-patch+json",
            )
        except StatusError as error:
            if error.code != 404:
                raise


BUILT_IN = {(resource.group, resource.kind) for resource in built_in("list")}
