"""Volumes: what must be there before a pod's containers can start, and the files it brings into them.

ConfigMaps, Secrets and projections of them are looked up; a missing one is a `FailedMount` event and another
try after 0.5, 1, 2 ... seconds, as the real volume manager does it. A claim has to be bound before anything
is mounted: until it is, the sync fails and comes again. The other kinds of volumes always mount.
Source: `pkg/kubelet/volumemanager` (populator: getPVCExtractPV), `pkg/volume/{configmap,secret,projected}`.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubekit.api.meta import Obj
from kubekit.kubelet.events import ContainerEvents
from kubekit.kubelet.image_files import TOKEN_OF
from kubekit.kubelet.objects import Missing, ObjectCache
from kubekit.kubelet.task import Pause, Steps
from kubekit.sim import Loop

FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 122.0
GIVE_UP_SECONDS = 123.0
LOOK_SECONDS = 0.3
"""How long the volume manager takes before it tells what is wrong with a claim."""


class MountTimeout(Exception):
    """The volumes could not be mounted in time; the sync is tried again later."""


class Volumes:
    """Mounts the volumes of the pods of one node."""

    def __init__(self, loop: Loop, objects: ObjectCache, events: ContainerEvents) -> None:
        self._loop = loop
        self._objects = objects
        self._events = events
        self._mounted: dict[str, int] = {}

    def wait_until_mounted(self, pod: Obj) -> Steps[None]:
        """Return when all volumes are mounted; raises `MountTimeout` after two minutes of tries, or at once
        when a claim is not bound."""
        uid = pod["metadata"]["uid"]
        if uid in self._mounted or not pod["spec"].get("volumes"):
            return
        if list(self._unbound(pod)):
            meta = pod["metadata"]
            yield Pause(LOOK_SECONDS, f"claims of {meta['namespace']}/{meta['name']}", background=True)
            self._refuse_unbound(pod)
        wait = FIRST_RETRY_SECONDS
        began = self._loop.clock.now()
        while True:
            problems = list(self._problems(pod))
            if not problems:
                self._mounted[uid] = 1
                return
            for volume, problem in problems:
                text = f'MountVolume.SetUp failed for volume "{volume}" : {problem}'
                self._events.pod(pod, "Warning", "FailedMount", text)
            if self._loop.clock.now() - began >= GIVE_UP_SECONDS:
                raise MountTimeout("timed out waiting for the condition")
            meta = pod["metadata"]
            yield Pause(wait, f"volumes of {meta['namespace']}/{meta['name']} to mount", background=True)
            wait = min(wait * 2, LONGEST_RETRY_SECONDS)

    def unmount(self, uid: str) -> None:
        """The pod has ended."""
        self._mounted.pop(uid, None)

    def files(self, pod: Obj, container: Obj) -> dict[str, str]:
        """The files that mounted ConfigMaps and Secrets put into a container, by path."""
        out: dict[str, str] = {}
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
        for mount in container.get("volumeMounts") or ():
            volume = volumes.get(mount["name"])
            if volume is None:
                continue
            try:
                found = self._content(pod, volume)
            except (Missing, OSError):
                continue
            base = mount["mountPath"].rstrip("/")
            if "subPath" in mount:
                if mount["subPath"] in found:
                    out[base] = found[mount["subPath"]]
            else:
                out |= {f"{base}/{name}": text for name, text in found.items()}
        return out

    def _refuse_unbound(self, pod: Obj) -> None:
        unbound = list(self._unbound(pod))
        if not unbound:
            return
        names = " ".join(volume for volume, _ in unbound)
        why = "; ".join(problem for _, problem in unbound)
        text = (
            f"unmounted volumes=[{names}], unattached volumes=[], failed to process volumes=[{names}]: {why}"
        )
        self._events.pod(pod, "Warning", "FailedMount", f"Unable to attach or mount volumes: {text}")
        raise MountTimeout(text)

    def _unbound(self, pod: Obj) -> Iterator[tuple[str, str]]:
        """The volumes whose claims are not there or not bound, and why."""
        meta = pod["metadata"]
        for volume in pod["spec"]["volumes"]:
            if "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
            elif "ephemeral" in volume:
                claim = f"{meta['name']}-{volume['name']}"
            else:
                continue
            problem = "PVC is not bound"
            try:
                found = self._objects.claim(meta["namespace"], claim)
            except Missing as error:
                problem = str(error)
            except OSError as error:
                problem = f"failed to fetch PVC from API server: {error}"
            else:
                bound = (found.get("status") or {}).get("phase") == "Bound"
                if bound and found["spec"].get("volumeName"):
                    continue
            yield volume["name"], f"error processing PVC {meta['namespace']}/{claim}: {problem}"

    def _problems(self, pod: Obj) -> Iterator[tuple[str, str]]:
        for volume in pod["spec"]["volumes"]:
            try:
                self._content(pod, volume)
            except Missing as error:
                yield volume["name"], str(error)
            except OSError as error:
                yield volume["name"], f"failed to fetch: {error}"

    def _content(self, pod: Obj, volume: Obj) -> dict[str, str]:
        namespace = pod["metadata"]["namespace"]
        if "configMap" in volume:
            return self._entries("configmap", namespace, volume["configMap"], "name")
        if "secret" in volume:
            return self._entries("secret", namespace, volume["secret"], "secretName")
        out: dict[str, str] = {}
        for source in (volume.get("projected") or {}).get("sources") or ():
            if "configMap" in source:
                out |= self._entries("configmap", namespace, source["configMap"], "name")
            elif "secret" in source:
                out |= self._entries("secret", namespace, source["secret"], "name")
            elif "serviceAccountToken" in source:
                account = pod["spec"].get("serviceAccountName", "default")
                out[source["serviceAccountToken"]["path"]] = f"{TOKEN_OF}{namespace}/{account}"
            elif "downwardAPI" in source:
                out |= _downward(pod, source["downwardAPI"])
        if "downwardAPI" in volume:
            out |= _downward(pod, volume["downwardAPI"])
        return out

    def _entries(self, kind: str, namespace: str, source: Obj, field: str) -> dict[str, str]:
        name = source.get(field, "")
        try:
            data = self._objects.data(kind, namespace, name)
        except Missing:
            if source.get("optional"):
                return {}
            raise
        if "items" not in source:
            return data
        out: dict[str, str] = {}
        for item in source["items"]:
            if item["key"] not in data:
                if source.get("optional"):
                    continue
                what = "config" if kind == "configmap" else "secret"
                raise Missing(f"references non-existent {what} key: {item['key']}")
            out[item["path"]] = data[item["key"]]
        return out


def _downward(pod: Obj, source: Obj) -> dict[str, str]:
    out: dict[str, str] = {}
    for item in source.get("items") or ():
        path = (item.get("fieldRef") or {}).get("fieldPath", "")
        field = path.removeprefix("metadata.")
        value = pod["metadata"].get(field, "")
        if isinstance(value, dict):
            value = "\n".join(f'{key}="{text}"' for key, text in sorted(value.items()))
        out[item["path"]] = str(value)
    return out
