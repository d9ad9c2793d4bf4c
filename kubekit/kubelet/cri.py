"""The Container Runtime Interface: the calls by which the kubelet has its will done on the node.

One method a call of `runtime.v1.RuntimeService` and `ImageService`; each leaves a "cri" record on the trace,
which is what a learner follows as `crictl` output. Calls that take time are steps (`task`). Policy (what to
start, when to restart) does not belong here, and nothing else in the kubelet changes the `Runtime`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kubekit.api.meta import Obj
from kubekit.kubelet import answers, process
from kubekit.kubelet.exec_command import NotFound, Result, run_in
from kubekit.kubelet.images import Image, ImageStore
from kubekit.kubelet.runtime import Container, PodStatus, Runtime, SandboxStatus
from kubekit.kubelet.task import Pause, Steps
from kubekit.network.cni import BridgeCNI, CniError
from kubekit.sim import Loop

SANDBOX_SECONDS = 0.1
START_SECONDS = 0.01


class SandboxError(Exception):
    """A sandbox could not be made; the text is the runtime's."""


class RuntimeService:
    """The runtime of one node, as the kubelet of that node calls it."""

    def __init__(
        self,
        loop: Loop,
        owner: str,
        runtime: Runtime,
        images: ImageStore,
        cni: BridgeCNI,
        *,
        sandbox_seconds: float = SANDBOX_SECONDS,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self._loop = loop
        self._owner = owner
        self._cni = cni
        self.runtime = runtime
        self.images = images
        self.sandbox_seconds = sandbox_seconds
        self.start_seconds = start_seconds

    # -- sandboxes --------------------------------------------------------------------------------------

    def run_pod_sandbox(self, pod: Obj, attempt: int) -> Steps[SandboxStatus]:
        """Make a sandbox and connect it to the network; raises `SandboxError` when the network refuses."""
        meta = pod["metadata"]
        uid, namespace, name = meta["uid"], meta["namespace"], meta["name"]
        host_network = bool(pod["spec"].get("hostNetwork"))
        if self.sandbox_seconds:
            yield Pause(self.sandbox_seconds, f"sandbox of {namespace}/{name} to be made")
        ip = ""
        if not host_network:
            try:
                ip = self._cni.add(f"{namespace}/{name}", self._listening(uid))
            except CniError as error:
                raise SandboxError(
                    f"rpc error: code = Unknown desc = failed to setup network for sandbox: {error}"
                ) from None
        sandbox = self.runtime.run_sandbox(uid, namespace, name, attempt, ip, host_network)
        box = self.runtime.pods[uid]
        box.spec = pod["spec"]
        box.hostname = pod["spec"].get("hostname") or (self.runtime.node_name if host_network else name[:63])
        where = f"with address {ip}" if ip else "on the host's network"
        self._record(pod, "RunPodSandbox", f"makes a sandbox for {namespace}/{name} {where}", sandbox.id)
        return sandbox

    def stop_pod_sandbox(self, pod: Obj) -> None:
        """Stop the pod's sandboxes and give their addresses back."""
        uid = pod["metadata"]["uid"]
        for sandbox in self.runtime.stop_sandboxes(uid):
            meta = pod["metadata"]
            if not sandbox.host_network:
                self._cni.delete(f"{meta['namespace']}/{meta['name']}")
            text = f"stops the sandbox of {meta['namespace']}/{meta['name']}"
            self._record(pod, "StopPodSandbox", text, sandbox.id)

    def release(self, pod: str) -> None:
        """Give back the address of a pod ("ns/name") that is not known any more."""
        self._cni.delete(pod)

    def remove_pod(self, uid: str) -> None:
        """Remove what is left of a pod that ended (RemoveContainer, RemovePodSandbox)."""
        self.runtime.remove_pod(uid)

    def end_orphan(self, uid: str) -> None:
        """End a pod that nobody knows any more: its containers at once, then its sandboxes."""
        box = self.runtime.pods[uid]
        for container in box.containers:
            self.runtime.end(container, 137 if container.argv else 0)
        for sandbox in self.runtime.stop_sandboxes(uid):
            if not sandbox.host_network:
                self._cni.delete(f"{box.namespace}/{box.name}")
        self.remove_pod(uid)

    # -- containers -------------------------------------------------------------------------------------

    def create_container(
        self, pod: Obj, container: Obj, attempt: int, image_ref: str, argv: Sequence[str]
    ) -> Container:
        """Make a container in the pod's sandbox without starting it."""
        made = self.runtime.create_container(
            pod["metadata"]["uid"], container["name"], attempt, container.get("image", ""), image_ref, argv
        )
        made.ports = answers.ports_of(container, made.image)
        if process.is_needed(made):
            process.prepare(made)
        text = f"creates container {container['name']} of {_pod(pod)}"
        self._record(pod, "CreateContainer", text, made.status.id)
        return made

    def start_container(self, pod: Obj, container: Container) -> Steps[None]:
        """Start a created container."""
        if self.start_seconds:
            yield Pause(self.start_seconds, f"container {container.status.name} of {_pod(pod)} to start")
        self.runtime.start_container(container)
        if process.is_needed(container):
            process.Process(self.runtime, container)
        text = f"starts container {container.status.name} of {_pod(pod)}"
        self._record(pod, "StartContainer", text, container.status.id)

    def stop_container(self, pod: Obj, container: Container, grace: float) -> Steps[None]:
        """Ask the process to end; kill it when it is still there after `grace` seconds.

        The image's own program ends at once with status 0. A given command does not handle the signal: it
        is gone with 137, and one that ignores it (`trap '' TERM`) uses up the whole grace period.
        """
        if not container.running:
            return
        name = container.status.name
        text = f"stops container {name} of {_pod(pod)} (grace period {grace:g} s)"
        self._record(pod, "StopContainer", text, container.status.id)
        if container.program.ignores_term and grace > 0:
            yield Pause(grace, f"container {name} of {_pod(pod)} to end before it is killed")
        self.runtime.end(container, 137 if container.argv else 0)

    def remove_container(self, pod: Obj, id: str) -> None:
        """Remove a container that has ended."""
        self.runtime.remove_container(id)
        self._record(pod, "RemoveContainer", f"removes an ended container of {_pod(pod)}", id)

    def exec_sync(self, container: Container, argv: Sequence[str], strict: bool = False) -> Result:
        """Run a command in a container; (exit status, standard output, standard error). See `run_in`."""
        try:
            return run_in(container, argv, self._loop.clock.now(), strict)
        except NotFound as error:
            if strict:
                raise
            return 127, "", str(error)

    def pod_status(self, uid: str) -> PodStatus:
        """What the runtime holds of a pod now."""
        return self.runtime.pod_status(uid)

    def container(self, id: str) -> Container | None:
        """The container with this id."""
        return self.runtime.by_id.get(id)

    # -- images -----------------------------------------------------------------------------------------

    def image_status(self, name: str) -> Image | None:
        """The image if it lies on the node."""
        return self.images.find(name)

    def pull_image(self, pod: Obj, name: str) -> Steps[Image]:
        """Pull an image; raises `images.PullError`."""
        self._record(pod, "PullImage", f"pulls image {name} for {_pod(pod)}", name)
        return (yield from self.images.pull(name))

    def _listening(self, uid: str) -> Callable[[str, int], bool]:
        """Whether something in the pod answers at (protocol, port)."""

        def listening(protocol: str, port: int) -> bool:
            box = self.runtime.pods.get(uid)
            return box is not None and any(
                answers.listens(container, port, protocol) for container in box.containers
            )

        return listening

    def _record(self, pod: Obj, call: str, text: str, id: Any) -> None:
        meta = pod["metadata"]
        self._loop.trace.emit(
            "cri",
            self._owner,
            f"pod/{meta['namespace']}/{meta['name']}",
            f"{self._owner} {text}.",
            came_in={"call": call},
            came_out={"id": id},
        )


def _pod(pod: Obj) -> str:
    meta = pod["metadata"]
    return f"{meta['namespace']}/{meta['name']}"
