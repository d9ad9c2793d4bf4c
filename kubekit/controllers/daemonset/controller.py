"""The DaemonSet controller: what wakes it, creating and deleting pods, and the status.

Source: pkg/controller/daemon/daemon_controller.go.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import (
    Obj,
    annotations_of,
    controller_of,
    controller_reference,
    key_of,
    labels_of,
    name_of,
)
from kubekit.api.selectors import from_object
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers import history
from kubekit.controllers.claims import claim
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.daemonset.placement import node_of, should_run, with_node, with_tolerations
from kubekit.controllers.daemonset.revisions import HASH, clean_up, current_and_old
from kubekit.controllers.daemonset.update import GENERATION, POD_GENERATION, is_updated, limits, next_step
from kubekit.controllers.expectations import Expectations
from kubekit.controllers.pod_control import (
    create_pod,
    delete_pod,
    namespace_is_terminating,
    pod_from_template,
)
from kubekit.controllers.pods import (
    controlled_by,
    index_by_controller,
    is_available,
    is_deleting,
    is_ready,
    is_terminal,
    orphans_in,
    phase_of,
)
from kubekit.controllers.taints import taints_of

BURST = 250
BACKOFF_FIRST, BACKOFF_LONGEST = 1.0, 900.0


class DaemonSetController(Controller):
    """Keeps a pod of each DaemonSet on every node that fits."""

    name: ClassVar[str] = "daemonset-controller"
    kind: ClassVar[str] = "DaemonSet"
    resource: ClassVar[str] = "daemonsets.apps"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.expectations = Expectations(self.clock)
        self.sets: Informer
        self.pods: Informer
        self.nodes: Informer
        self.revisions: Informer
        self._backoff: dict[str, tuple[float, float]] = {}  # set and node -> (delay, since when)
        self._made: list[Obj] = []
        """The pods that the present reconcile has made."""

    def set_up(self) -> None:
        self.expectations.clear()
        self._backoff.clear()
        self.sets = self.follow(self.resource)
        self.pods = self.informer("pods")
        self.nodes = self.informer("nodes")
        self.revisions = self.informer(history.RESOURCE)
        index_by_controller(self.pods)
        index_by_controller(self.revisions)
        self.watch(self.pods, self._pod_added, self._pod_updated, self._pod_deleted)
        self.watch(
            self.nodes,
            lambda node: self._node_changed("ADDED", None, node),
            lambda old, new: self._node_changed("MODIFIED", old, new),
        )
        self.watch(self.revisions, on_delete=self._revision_deleted)

    # -- what it hears ----------------------------------------------------------------------------------

    def _pod_added(self, pod: Obj) -> None:
        if is_deleting(pod):
            self._pod_deleted(pod)
            return
        if controller_of(pod) is not None:
            owner = self.resolve_controller(self.sets, pod, self.kind)
            if owner is not None:
                self.expectations.creation_observed(key_of(owner))
                self.enqueue(key_of(owner), "ADDED", pod)
            return
        self._wake_selectors("ADDED", pod)

    def _wake_selectors(self, event: str, pod: Obj) -> None:
        """An orphan came or changed: whoever selects it may want to adopt it."""
        labels = labels_of(pod)
        for owner in self.sets.list(pod["metadata"]["namespace"]) if labels else ():
            if from_object(owner["spec"].get("selector")).matches(labels):
                self.enqueue(key_of(owner), event, pod)

    def _pod_updated(self, old: Obj, new: Obj) -> None:
        if is_deleting(new):
            self._pod_deleted(new, "MODIFIED")
            return
        changed = controller_of(old) != controller_of(new)
        if changed:
            before = self.resolve_controller(self.sets, old, self.kind)
            if before is not None:
                self.enqueue(key_of(before), "MODIFIED", new)
        if controller_of(new) is None:
            if changed or labels_of(old) != labels_of(new):
                self._wake_selectors("MODIFIED", new)
            return
        owner = self.resolve_controller(self.sets, new, self.kind)
        if owner is None:
            return
        self.enqueue(key_of(owner), "MODIFIED", new)
        minimum = owner["spec"].get("minReadySeconds", 0)
        if minimum and is_ready(new) and not is_ready(old):
            self.queue.add_after(key_of(owner), minimum + 1)

    def _pod_deleted(self, pod: Obj, event: str = "DELETED") -> None:
        owner = self.resolve_controller(self.sets, pod, self.kind)
        if owner is not None:
            self.expectations.deletion_observed(key_of(owner), pod["metadata"]["uid"])
            self.enqueue(key_of(owner), event, pod)

    def _revision_deleted(self, revision: Obj) -> None:
        """The present template's revision is made anew when somebody has deleted it."""
        owner = self.resolve_controller(self.sets, revision, self.kind)
        if owner is not None:
            self.enqueue(key_of(owner), "DELETED", revision)

    def _node_changed(self, event: str, old: Obj | None, new: Obj) -> None:
        """Wakes the sets whose pods must come or go; a pod that may merely stay wakes nobody."""
        if old is not None and (labels_of(old), taints_of(old)) == (labels_of(new), taints_of(new)):
            return
        for owner in self.sets.list():
            run, stay = should_run(owner, new)
            there = any(
                pod["spec"].get("nodeName") == name_of(new) for pod in controlled_by(self.pods, owner)
            )
            misplaced = (owner.get("status") or {}).get("numberMisscheduled", 0)
            if (misplaced or not stay) if there else run:
                self.enqueue(key_of(owner), event, new)

    # -- one reconcile ----------------------------------------------------------------------------------

    def reconcile(self, key: str) -> None:
        owner = self.sets.get(key)
        if owner is None:
            self.expectations.forget(key)
            return
        selector = from_object(owner["spec"].get("selector"))
        if selector.empty:
            text = "This daemon set is selecting all pods. A non-empty selector is required."
            self.event(owner, "Warning", "SelectingAll", text)
            return
        if is_deleting(owner):
            return
        revisions = history.revisions_of(self.revisions, owner, selector.matches)
        history.adopt_orphans(self, owner, revisions)
        current, old = current_and_old(self, owner, revisions)
        hash_value = labels_of(current)[HASH]
        nodes = self.nodes.list()
        if not self.expectations.satisfied(key):
            self._write_status(owner, nodes, self._by_node(owner), hash_value, False)
            return
        failure: Exception | None = None
        self._made = []
        try:
            by_node = self._by_node(owner)
            self._manage(key, owner, nodes, by_node, hash_value)
            rolling = (owner["spec"].get("updateStrategy") or {}).get("type") == "RollingUpdate"
            if rolling and self.expectations.satisfied(key):
                create, delete = next_step(owner, nodes, by_node, hash_value, self.clock.now())
                self._change(key, owner, create, delete, hash_value)
            clean_up(self, owner, old, controlled_by(self.pods, owner))
        except (StatusError, OSError) as error:
            failure = error
        self.round.expectations = self.expectations.outstanding(key)
        by_node = self._by_node(owner)
        for pod in self._made:
            # Making pods takes a while elsewhere: when they are counted the cache has seen them.
            if self.pods.get(key_of(pod)) is None:
                by_node.setdefault(node_of(pod) or "", []).append(pod)
        self._write_status(owner, nodes, by_node, hash_value, True)
        if failure is not None:
            raise failure

    def _by_node(self, owner: Obj) -> dict[str, list[Obj]]:
        """The set's pods by the node that they belong to, without those that are as good as gone."""
        selector = from_object(owner["spec"].get("selector"))
        candidates = controlled_by(self.pods, owner) + orphans_in(self.pods, owner["metadata"]["namespace"])
        found: dict[str, list[Obj]] = {}
        for pod in claim(self, owner, self.resource, candidates, selector.matches):
            if is_deleting(pod) and is_terminal(pod):
                continue
            node = node_of(pod)
            if node is not None:
                found.setdefault(node, []).append(pod)
        return found

    def _manage(
        self, key: str, owner: Obj, nodes: list[Obj], by_node: dict[str, list[Obj]], hash_value: str
    ) -> None:
        create: list[str] = []
        delete: list[str] = []
        for node in nodes:
            more, fewer = self._on_node(key, owner, node, by_node, hash_value)
            create += more
            delete += fewer
        present = {name_of(node) for node in nodes}
        for name, pods in by_node.items():
            if name not in present:
                delete += [pod["metadata"]["name"] for pod in pods if not pod["spec"].get("nodeName")]
        self.round.desired = sum(1 for node in nodes if should_run(owner, node)[0])
        self.round.observed = sum(1 for pods in by_node.values() if pods)
        self.round.difference = len(create) - len(delete)
        self._change(key, owner, create, delete, hash_value)

    def _on_node(
        self, key: str, owner: Obj, node: Obj, by_node: dict[str, list[Obj]], hash_value: str
    ) -> tuple[list[str], list[str]]:
        name = name_of(node)
        run, stay = should_run(owner, node)
        pods = by_node.get(name)
        if run and not pods:
            return [name], []
        if not stay:
            return [], [pod["metadata"]["name"] for pod in pods or () if not is_deleting(pod)]
        alive: list[Obj] = []
        delete: list[str] = []
        for pod in pods or ():
            if is_deleting(pod):
                continue
            phase, pod_name = phase_of(pod), pod["metadata"]["name"]
            if phase == "Failed":
                if self._must_wait(key, owner, name):
                    continue
                text = f"Found failed daemon pod {key_of(pod)} on node {name}, will try to kill it"
                self.event(owner, "Warning", "FailedDaemonPod", text)
                delete.append(pod_name)
            elif phase == "Succeeded":
                text = f"Found succeeded daemon pod {key_of(pod)} on node {name}, will try to delete it"
                self.event(owner, "Normal", "SucceededDaemonPod", text)
                delete.append(pod_name)
            else:
                alive.append(pod)
        alive.sort(key=_oldest_first)
        if not limits(owner, 1)[0]:
            return [], delete + [pod["metadata"]["name"] for pod in alive[1:]]
        if len(alive) <= 1:
            return ([name] if not alive and run else []), delete
        return [], delete + self._surplus(owner, alive, hash_value)

    def _surplus(self, owner: Obj, alive: list[Obj], hash_value: str) -> list[str]:
        """With surge an old and a new pod may stand side by side until the new one is available."""
        new = [pod for pod in alive if labels_of(pod).get(HASH) == hash_value]
        old = [pod for pod in alive if labels_of(pod).get(HASH) != hash_value]
        delete = [pod["metadata"]["name"] for pod in (*new[1:], *old[1:])]
        minimum = owner["spec"].get("minReadySeconds", 0)
        if new and old and (not is_ready(old[0]) or is_available(new[0], minimum, self.clock.now())):
            delete.append(old[0]["metadata"]["name"])
        return delete

    def _must_wait(self, key: str, owner: Obj, node: str) -> bool:
        """Failed pods of one node are replaced at growing intervals."""
        observed = (owner.get("status") or {}).get("observedGeneration", 0)
        which = f"{owner['metadata']['uid']}/{observed}/{node}"
        now = self.clock.now()
        delay, since = self._backoff.get(which, (0.0, now))
        if delay and now - since < delay:
            # The whole delay again, not what is left of it.
            self.queue.add_after(key, delay, background=delay > 30)
            return True
        if now - since > 2 * BACKOFF_LONGEST:
            delay = 0.0
        self._backoff[which] = (min(BACKOFF_LONGEST, delay * 2 or BACKOFF_FIRST), now)
        return False

    def _change(self, key: str, owner: Obj, create: list[str], delete: list[str], hash_value: str) -> None:
        create, delete = create[:BURST], delete[:BURST]
        if not create and not delete:
            return
        namespace = owner["metadata"]["namespace"]
        uids = {}
        for name in delete:
            pod = self.pods.get(f"{namespace}/{name}")
            if pod is not None:
                uids[name] = pod["metadata"]["uid"]
        self.expectations.expect(key, len(create), uids.values())
        failure: Exception | None = None
        left, batch = list(create), 1
        while left and failure is None:
            now, left = left[:batch], left[batch:]
            for node in now:
                try:
                    self._made.append(create_pod(self, namespace, self._pod(owner, node, hash_value), owner))
                except (StatusError, OSError) as error:
                    if namespace_is_terminating(error):
                        continue
                    self.expectations.creation_observed(key)
                    failure = failure or error
            batch *= 2
        if left:
            self.expectations.creation_observed(key, len(left))
        for name in delete:
            try:
                delete_pod(self, namespace, name, owner)
            except (StatusError, OSError) as error:
                self.expectations.deletion_observed(key, uids.get(name, ""))
                if not (isinstance(error, StatusError) and error.code == 404):
                    failure = failure or error
        if failure is not None:
            raise failure

    def _pod(self, owner: Obj, node: str, hash_value: str) -> Obj:
        pod = pod_from_template(owner["spec"]["template"], owner, controller_reference(owner))
        labels = dict(pod["metadata"].get("labels") or {})
        generation = annotations_of(owner).get(GENERATION)
        if generation is not None:
            labels[POD_GENERATION] = generation
        labels[HASH] = hash_value
        pod["metadata"]["labels"] = labels
        pod["spec"] = with_node(with_tolerations(pod["spec"]), node)
        return pod

    # -- the status -------------------------------------------------------------------------------------

    def _write_status(
        self, owner: Obj, nodes: list[Obj], by_node: dict[str, list[Obj]], hash_value: str, observed: bool
    ) -> None:
        now, minimum = self.clock.now(), owner["spec"].get("minReadySeconds", 0)
        desired = current = misplaced = ready = updated = available = 0
        for node in nodes:
            pods = sorted(by_node.get(name_of(node), ()), key=_oldest_first)
            if not should_run(owner, node)[0]:
                misplaced += 1 if pods else 0
                continue
            desired += 1
            if not pods:
                continue
            current += 1
            if is_ready(pods[0]):
                ready += 1
                available += 1 if is_available(pods[0], minimum, now) else 0
            updated += 1 if is_updated(owner, pods[0], hash_value) else 0
        optional = {
            "updatedNumberScheduled": updated,
            "numberAvailable": available,
            "numberUnavailable": desired - available,
        }
        counts: Obj = {
            "currentNumberScheduled": current,
            "numberMisscheduled": misplaced,
            "desiredNumberScheduled": desired,
            "numberReady": ready,
            **{name: value for name, value in optional.items() if value},
        }
        old = owner.get("status") or {}
        generation = owner["metadata"].get("generation", 0)
        kept = ("observedGeneration", "collisionCount", "conditions")
        same = counts == {name: value for name, value in old.items() if name not in kept}
        if not same or old.get("observedGeneration", 0) < generation:
            status = {**counts, **{name: old[name] for name in kept if name in old}}
            if observed:
                status["observedGeneration"] = generation
            self.client.update(self.resource, {**owner, "status": status}, subresource="status")
        if minimum and ready != available:
            self.queue.add_after(key_of(owner), minimum)


def _oldest_first(pod: Obj) -> tuple[bool, str, str]:
    meta = pod["metadata"]
    return not pod["spec"].get("nodeName"), meta.get("creationTimestamp", ""), meta["name"]
