"""The status manager: remembers the latest status of each pod and brings it to the API server.

A sync sets a status and goes on; sending is a turn of its own, so several changes may travel as one, and
nothing is lost while the server does not answer. Only here are pods that ended taken out of the API (a delete
with grace period 0). Source: `pkg/kubelet/status/status_manager.go`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.api.meta import Obj
from kubekit.api.status_error import StatusError
from kubekit.client import Client
from kubekit.kubelet import conditions as cond
from kubekit.kubelet.phase import is_static
from kubekit.kubelet.pod_status import TERMINAL
from kubekit.kubelet.status_patch import KEPT, status_patch
from kubekit.sim import Loop, rfc3339

RETRY_SECONDS = 10.0


class Entry:
    """The status of one pod, and whether the API server has it."""

    __slots__ = ("finished", "pod", "queued", "sent", "status", "version")

    def __init__(self, pod: Obj, status: Obj) -> None:
        self.pod = pod
        self.status = status
        self.finished = False
        self.version = 1
        self.sent = 0
        self.queued = False


class StatusManager:
    """Statuses by pod uid.

    `could_run(uid)` says whether containers of the pod may still run: until they do not, a pod is not shown
    as ended. `api_pod(pod)` gives the pod as the API has it (the mirror of a static pod), or None.
    """

    def __init__(
        self,
        loop: Loop,
        owner: str,
        client: Client,
        *,
        could_run: Callable[[str], bool],
        api_pod: Callable[[Obj], Obj | None],
    ) -> None:
        self._loop = loop
        self._owner = owner
        self._client = client
        self._could_run = could_run
        self._api_pod = api_pod
        self._entries: dict[str, Entry] = {}
        self._api: dict[str, Obj] = {}  # the pod as the server last answered, when newer than the watch

    def get(self, pod: Obj) -> Obj:
        """The status last set, or the pod's own."""
        entry = self._entries.get(pod["metadata"]["uid"])
        return entry.status if entry is not None else pod.get("status") or {}

    def known(self, uid: str) -> Obj | None:
        """The status last set, or None."""
        entry = self._entries.get(uid)
        return entry.status if entry is not None else None

    # -- setting ----------------------------------------------------------------------------------------

    def set(self, pod: Obj, status: Obj, *, force: bool = False, finished: bool = False) -> None:
        """Set a status made for this pod; it is sent in a turn of its own when it is news."""
        uid = pod["metadata"]["uid"]
        entry = self._entries.get(uid)
        old = self.get(pod) if entry is not None else (self._api_pod(pod) or pod).get("status") or {}
        status = {**status}
        generation = pod["metadata"].get("generation")
        if generation:
            status["observedGeneration"] = max(generation, old.get("observedGeneration", 0))
        before = {c["type"]: c for c in old.get("conditions") or ()}
        now = rfc3339(self._loop.clock.now())
        status["conditions"] = [
            _with_transition(c, before.get(c["type"]), now) for c in status.get("conditions") or ()
        ]
        status["startTime"] = old.get("startTime") or status.get("startTime") or now
        forced = force or bool(pod["metadata"].get("deletionTimestamp"))
        if entry is None:
            entry = self._entries[uid] = Entry(pod, status)
        else:
            entry.pod = pod
            finished = finished or entry.finished
            if not forced and finished == entry.finished and _same(entry.status, status):
                return
            entry.status = status
            entry.version += 1
        entry.finished = finished
        self._queue(uid, entry)

    def sandbox_is_ready(self, pod: Obj) -> None:
        """Say at once that containers can be started, before the first image is pulled."""
        status = {**self.get(pod)}
        ready = cond.condition(pod, "PodReadyToStartContainers", True)
        listed = [ready if c["type"] == ready["type"] else c for c in status.get("conditions") or ()]
        status["conditions"] = listed if ready in listed else [*listed, ready]
        self.set(pod, status)

    def set_container(self, pod: Obj, container_id: str, field: str, value: bool) -> None:
        """A probe's verdict: `ready` or `started` of one container."""
        entry = self._entries.get(pod["metadata"]["uid"])
        if entry is None:
            return
        status = {**entry.status}
        found = False
        for name in ("containerStatuses", "initContainerStatuses"):
            for index, container in enumerate(status.get(name) or ()):
                if container.get("containerID") == container_id and container.get(field) != value:
                    found = True
                    status[name] = [*status[name]]
                    status[name][index] = {**container, field: value}
        if not found:
            return
        if field == "ready":
            entries = {
                c["name"]: c
                for name in ("initContainerStatuses", "containerStatuses")
                for c in status.get(name) or ()
            }
            made = {
                "Ready": cond.pod_ready(pod, entries, status["phase"], status["conditions"]),
                "ContainersReady": cond.containers_ready(pod, entries, status["phase"]),
            }
            status["conditions"] = [made.get(c["type"], c) for c in status["conditions"]]
        self.set(pod, status)

    def terminate(self, pod: Obj) -> None:
        """The pod has ended for good: whatever is not known to have ended did, and no more will come."""
        status = {**self.get(pod)}
        initialized = _was_initialized(pod)
        for name in ("containerStatuses", "initContainerStatuses"):
            entries = list(status.get(name) or ())
            if name == "initContainerStatuses":
                last = max((i for i, c in enumerate(entries) if _has_run(c)), default=-1)
                reach = last + 1 if last >= 0 else min(1, len(entries))
            else:
                reach = len(entries) if initialized else 0
            for index in range(reach):
                if "terminated" not in entries[index]["state"]:
                    entries[index] = {**entries[index], "state": {"terminated": dict(LOST)}}
            if entries:
                status[name] = entries
        if not is_static(pod) and status.get("phase") not in TERMINAL:
            status["phase"] = "Failed"
        self.set(pod, status, force=True, finished=True)

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        self._entries.pop(uid, None)
        self._api.pop(uid, None)

    # -- sending ----------------------------------------------------------------------------------------

    def reconcile(self, pod: Obj) -> None:
        """The watch showed this pod: somebody may have changed the status, or asked for its deletion."""
        uid = pod["metadata"]["uid"]
        answered = self._api.get(uid)
        if answered is not None and _version(answered) <= _version(pod):
            del self._api[uid]
        entry = self._entries.get(uid)
        if entry is None or entry.sent < entry.version:
            return
        if _same(pod.get("status") or {}, entry.status) or _version(pod) < _version(answered or {}):
            if self._can_be_deleted(pod, entry):
                self._queue(uid, entry)
            return
        self._queue(uid, entry)

    def reconcile_mirror(self, pod: Obj, mirror: Obj) -> None:
        """The watch showed the mirror of a static pod: it must say what the static pod is."""
        uid = pod["metadata"]["uid"]
        entry = self._entries.get(uid)
        if entry is not None and not _same(mirror.get("status") or {}, entry.status):
            self._queue(uid, entry)

    def _queue(self, uid: str, entry: Entry) -> None:
        if not entry.queued:
            entry.queued = True
            self._loop.call_soon(self._owner, self._send, uid, what="send a pod status")

    def _send(self, uid: str) -> None:
        entry = self._entries.get(uid)
        if entry is None:
            return
        entry.queued = False
        target = self._api_pod(entry.pod)
        if target is None:
            return
        meta = target["metadata"]
        answered = self._api.get(meta["uid"])
        if answered is not None and _version(answered) > _version(target):
            target = answered
        merged = self._merge(target, entry)
        patch = status_patch(meta["uid"], target.get("status") or {}, merged)
        try:
            if patch is not None:
                target = self._client.patch(
                    "pods", meta["name"], patch, meta["namespace"], subresource="status"
                )
                self._api[meta["uid"]] = target
            entry.sent = entry.version
            if self._can_be_deleted(target, entry):
                self._client.delete("pods", meta["name"], meta["namespace"], grace_seconds=0, uid=meta["uid"])
                self.forget(uid)
        except StatusError as error:
            if error.code in (404, 409) and (error.code == 404 or "uid" in error.message.lower()):
                self.forget(uid)  # gone, or another pod of the same name has come
                return
            self._retry(uid)
        except OSError:
            self._retry(uid)

    def _retry(self, uid: str) -> None:
        def again() -> None:
            entry = self._entries.get(uid)
            if entry is not None and entry.sent < entry.version:
                self._queue(uid, entry)

        self._loop.call_later(
            RETRY_SECONDS, self._owner, again, what="send a pod status again", background=True
        )

    def _merge(self, target: Obj, entry: Entry) -> Obj:
        """The status to send: what others wrote stays, and nothing ends while containers may run."""
        old = target.get("status") or {}
        new = dict(entry.status)
        ending = old.get("phase") not in TERMINAL and new.get("phase") in TERMINAL
        could_run = self._could_run(entry.pod["metadata"]["uid"])
        theirs = [c for c in old.get("conditions") or () if not cond.by_kubelet(c["type"])]
        ours = []
        for condition in new["conditions"]:
            if cond.by_kubelet(condition["type"]):
                ours.append(condition)
            elif condition["type"] == cond.SHARED and ending and not could_run:
                theirs = [c for c in theirs if c["type"] != cond.SHARED] + [condition]
        new["conditions"] = theirs + ours
        for field in KEPT:
            if field in old:
                new[field] = old[field]
        if ending and could_run:
            new["phase"] = old.get("phase", "Pending")
            for field in ("reason", "message"):
                new.pop(field, None)
                if field in old:
                    new[field] = old[field]
        if new["phase"] in TERMINAL:
            reason = "PodCompleted" if new["phase"] == "Succeeded" else "PodFailed"
            now = rfc3339(self._loop.clock.now())
            new["conditions"] = [
                {**cond.condition(entry.pod, c["type"], False, reason), "lastTransitionTime": now}
                if c["type"] in ("Ready", "ContainersReady") and c["status"] == "True"
                else c
                for c in new["conditions"]
            ]
        return new

    def _can_be_deleted(self, pod: Obj, entry: Entry) -> bool:
        phase = (pod.get("status") or {}).get("phase")
        deleting = pod["metadata"].get("deletionTimestamp") is not None
        return bool(deleting and phase in TERMINAL and entry.finished and not is_static(entry.pod))


LOST: dict[str, Any] = {
    "exitCode": 137,
    "reason": "ContainerStatusUnknown",
    "message": "The container could not be located when the pod was terminated",
    "startedAt": None,
    "finishedAt": None,
}


def _with_transition(condition: Obj, before: Obj | None, now: str) -> Obj:
    same = before is not None and before["status"] == condition["status"]
    at = before.get("lastTransitionTime") if same and before is not None else now
    return {**condition, "lastTransitionTime": at or now}


def _has_run(entry: Obj) -> bool:
    return "waiting" not in entry["state"] or bool((entry.get("lastState") or {}).get("terminated"))


def _was_initialized(pod: Obj) -> bool:
    inits = pod["spec"].get("initContainers")
    if not inits:
        return True
    status = pod.get("status") or {}
    if any(_has_run(entry) for entry in status.get("containerStatuses") or ()):
        return True
    entries = status.get("initContainerStatuses") or ()
    if not entries:
        return False
    last = entries[-1]
    if inits[-1].get("restartPolicy") == "Always":
        return "running" in last["state"] and bool(last.get("started"))
    ended: Obj | None = last["state"].get("terminated") or (last.get("lastState") or {}).get("terminated")
    return ended is not None and ended["exitCode"] == 0


_APART = frozenset({*KEPT, "conditions"})


def _same(one: Obj, other: Obj) -> bool:
    """Whether two statuses agree in everything that the kubelet writes."""
    if one is other:
        return True
    for field in one.keys() | other.keys():
        if field not in _APART and one.get(field) != other.get(field):
            return False
    mine = [c for c in one.get("conditions") or () if cond.by_kubelet(c["type"])]
    return mine == [c for c in other.get("conditions") or () if cond.by_kubelet(c["type"])]


def _version(pod: Obj) -> int:
    return int((pod.get("metadata") or {}).get("resourceVersion") or 0)
