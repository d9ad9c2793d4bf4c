"""Starting one container: image, environment, create, start, postStart hook.

Each way in which this can fail has a waiting reason and a message that the API shows; they are raised as
`StartError` and turned into the container's status by whoever called. Back-off between tries is not decided
here. Source: `startContainer` in `pkg/kubelet/kuberuntime/kuberuntime_container.go`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from kubekit.api.meta import Obj
from kubekit.kubelet import image_files
from kubekit.kubelet.cri import RuntimeService
from kubekit.kubelet.environment import environment_of
from kubekit.kubelet.events import ContainerEvents
from kubekit.kubelet.exec_command import seconds_of
from kubekit.kubelet.images import ImageError, ImageManager
from kubekit.kubelet.mounts import mounts_of
from kubekit.kubelet.objects import Missing, ObjectCache
from kubekit.kubelet.script import expand
from kubekit.kubelet.task import Pause, Steps
from kubekit.kubelet.volumes import Volumes


class StartError(Exception):
    """A container did not start; `kill_id` names a container that was started and must be killed again."""

    def __init__(self, reason: str, message: str, kill_id: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.kill_id = kill_id


class ContainerStart:
    """Starts containers on one node.

    `node()` is the node's object as last heard, or None; `service_environment` are the variables by which
    every container finds the API server.
    """

    def __init__(
        self,
        cri: RuntimeService,
        events: ContainerEvents,
        images: ImageManager,
        objects: ObjectCache,
        volumes: Volumes,
        host_ip: str,
        node: Callable[[], Obj | None],
        service_environment: Mapping[str, str],
    ) -> None:
        self._cri = cri
        self._events = events
        self._images = images
        self._objects = objects
        self._volumes = volumes
        self._host_ip = host_ip
        self._node = node
        self._service_environment = service_environment

    def start(self, pod: Obj, container: Obj, kind: str, attempt: int) -> Steps[None]:
        """Start the `attempt`-th run of a container (0 is the first); raises `StartError`."""
        try:
            image_ref = yield from self._images.ensure(pod, container, kind)
        except ImageError as error:
            self._events.warning(pod, container, kind, "Failed", f"Error: {error.reason}")
            raise StartError(error.reason, error.message) from None
        try:
            environment = self._environment(pod, container)
            _verify_non_root(pod, container)
        except Missing as error:
            self._events.warning(pod, container, kind, "Failed", f"Error: {error}")
            raise StartError("CreateContainerConfigError", str(error)) from None
        argv = [
            expand(word, environment)
            for word in (container.get("command") or []) + (container.get("args") or [])
        ]
        made = self._cri.create_container(pod, container, attempt, image_ref, argv)
        made.pod.environment[container["name"]] = environment
        made.folder = container.get("workingDir") or "/"
        if made.folder != "/":  # the runtime makes the folder if the image has none
            image_files.make_folder(made, made.folder)
        made.mounts = mounts_of(pod, container, self._cri.runtime.host_files)
        mounts = container.get("volumeMounts") or ()
        if mounts:
            made.files.update(self._volumes.files(pod, container))
        for mount in mounts:
            if mount["mountPath"].rstrip("/") not in made.files:  # a subPath may be one file
                image_files.make_folder(made, mount["mountPath"])
        self._events.normal(pod, container, kind, "Created", "Container created")
        yield from self._cri.start_container(pod, made)
        self._events.normal(pod, container, kind, "Started", "Container started")
        hook = (container.get("lifecycle") or {}).get("postStart")
        if hook:
            yield from self._post_start(pod, container, kind, hook, made.status.id)

    def _environment(self, pod: Obj, container: Obj) -> dict[str, str]:
        box = self._cri.pod_status(pod["metadata"]["uid"])
        ip = self._host_ip if pod["spec"].get("hostNetwork") else (box.ips[0] if box.ips else "")
        environment = dict(self._service_environment)
        environment |= environment_of(
            pod, container, self._objects, pod_ip=ip, host_ip=self._host_ip, node=self._node()
        )
        return environment

    def _post_start(self, pod: Obj, container: Obj, kind: str, hook: Obj, id: str) -> Steps[None]:
        seconds, status, out, err = 0.0, 0, "", ""
        argv: list[str] = []
        if "sleep" in hook:
            seconds = float(hook["sleep"].get("seconds", 0))
        elif "exec" in hook:
            argv = hook["exec"].get("command") or []
            seconds = seconds_of(argv)
        if seconds:
            yield Pause(seconds, f"postStart hook of container {container['name']}")
        running = self._cri.container(id)
        if argv and running is not None:
            status, out, err = self._cri.exec_sync(running, argv)
        if status != 0:
            self._events.warning(pod, container, kind, "FailedPostStartHook", "PostStartHook failed")
            meta = pod["metadata"]
            who = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
            text = (
                f'Exec lifecycle hook ([{" ".join(argv)}]) for Container "{container["name"]}" in Pod '
                f"\"{who}\" failed - error: command '{' '.join(argv)}' exited with {status}: {err}, "
                f"message: {json.dumps(out + err, ensure_ascii=False)}"
            )
            raise StartError("PostStartHookError", text, kill_id=id)


def _verify_non_root(pod: Obj, container: Obj) -> None:
    """Refuse a container that must not run as root but would."""
    of_pod = pod["spec"].get("securityContext") or {}
    own = container.get("securityContext") or {}
    if not own.get("runAsNonRoot", of_pod.get("runAsNonRoot", False)):
        return
    user = own.get("runAsUser", of_pod.get("runAsUser"))
    meta = pod["metadata"]
    who = f'(pod: "{meta["name"]}_{meta["namespace"]}({meta["uid"]})", container: {container["name"]})'
    if user == 0:
        raise Missing(f"container's runAsUser breaks non-root policy {who}")
    if user is None and "unprivileged" not in container.get("image", ""):
        raise Missing(f"container has runAsNonRoot and image will run as root {who}")
