"""The simulated container runtime of one node: sandboxes, containers and the processes in them.

It stands where containerd stands: it outlives the kubelet (a crashed kubelet leaves its containers running)
and knows nothing of pods' policies. Its timers belong to `containerd/<node>`. The kubelet talks to it only
through `cri.RuntimeService`, and hears of changes through `on_change`; what it reads are immutable
`ContainerStatus` values, which may be kept. Processes follow `script.Program`.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kubekit.api.meta import Obj
from kubekit.kubelet.mounts import HostFiles, Mount
from kubekit.kubelet.script import Program
from kubekit.kubelet.task import FOREGROUND_SECONDS
from kubekit.sim import Handle, Loop

if TYPE_CHECKING:
    from kubekit.kubelet.pod_network import Network

CREATED, RUNNING, EXITED, UNKNOWN = "created", "running", "exited", "unknown"
READY, NOT_READY = "ready", "notready"


class ContainerStatus(NamedTuple):
    """One container as the runtime reports it; times are Unix seconds, 0 when not reached."""

    id: str
    name: str
    attempt: int
    image: str
    image_ref: str
    state: str
    created_at: float
    started_at: float = 0.0
    finished_at: float = 0.0
    exit_code: int = 0
    reason: str = ""
    message: str = ""


class SandboxStatus(NamedTuple):
    """One pod sandbox as the runtime reports it; `ip` is empty on the host's network."""

    id: str
    attempt: int
    state: str
    ip: str
    created_at: float
    host_network: bool


class PodStatus(NamedTuple):
    """What the runtime holds of one pod at one moment: newest sandbox and newest container first."""

    uid: str
    ips: tuple[str, ...]
    sandboxes: tuple[SandboxStatus, ...]
    containers: tuple[ContainerStatus, ...]
    at: float

    def find(self, name: str) -> ContainerStatus | None:
        """The newest container of that name."""
        for status in self.containers:
            if status.name == name:
                return status
        return None


class Container:
    """A container and its process; the process' program and files live here, its report in `status`."""

    __slots__ = (
        "argv",
        "files",
        "folder",
        "image",
        "log",
        "mounts",
        "opened",
        "pod",
        "ports",
        "program",
        "status",
        "timer",
        "watchers",
    )

    def __init__(self, status: ContainerStatus, pod: PodBox, argv: Sequence[str], image: str) -> None:
        self.status = status
        self.pod = pod
        self.argv = tuple(argv)
        self.image = image
        self.program = Program.parse(self.argv)
        self.timer: Handle | None = None
        self.ports: tuple[tuple[str, int], ...] = ()
        """(protocol, port) on which its program listens."""
        self.opened: set[tuple[str, int]] = set()
        """(protocol, port) that programs in it have opened besides."""
        self.folder = "/"
        """Where its process stands."""
        self.mounts: tuple[Mount, ...] = ()
        """Folders of the node that it sees, the innermost first."""
        self.files: dict[str, str | None] = {}
        """What was changed from outside (exec, mounted volumes); None marks a removed file."""
        self.log: list[tuple[float, str]] = []
        """Lines that requests left in the log, beside those of the program."""
        self.watchers: list[Callable[[str | None], object]] = []
        """Who follows it: called with each such line, and with None when its process has ended."""

    def seen_from(self, folder: str) -> Container:
        """The same container for a process that stands elsewhere; files, log and watchers are one."""
        seen = copy.copy(self)
        seen.folder = folder
        return seen

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.status.state == RUNNING

    def write_log(self, at: float, line: str) -> None:
        """A request was answered: a line in the log, which those who follow hear of."""
        self.log.append((at, line))
        for watcher in list(self.watchers):
            watcher(line)

    def age(self, now: float) -> float:
        """Seconds since its process started (until it ended)."""
        until = self.status.finished_at if self.status.state == EXITED else now
        return until - self.status.started_at

    def file(self, path: str, now: float) -> str | None:
        """The text of a file at `now`, or None when it does not exist."""
        if path in self.files:
            return self.files[path]
        text: str | None = None
        for act in self.program.acts_until(self.age(now)):
            if act.path == path and act.kind != "print":
                if act.kind == "remove":
                    text = None
                else:
                    text = act.text if act.kind == "write" or text is None else f"{text}\n{act.text}"
        return text


class PodBox:
    """All that the runtime keeps of one pod."""

    __slots__ = (
        "containers",
        "environment",
        "hostname",
        "name",
        "namespace",
        "network",
        "sandboxes",
        "spec",
        "uid",
        "watchers",
    )

    def __init__(self, uid: str, namespace: str, name: str) -> None:
        self.uid = uid
        self.namespace = namespace
        self.name = name
        self.hostname = name
        self.sandboxes: list[SandboxStatus] = []
        self.containers: list[Container] = []
        self.environment: dict[str, Mapping[str, str]] = {}
        self.spec: Obj = {}
        """The pod's, of which the names that it asks for and is called by depend."""
        self.network: Network | None = None
        """What its programs reach others by."""
        self.watchers: list[Callable[[], object]] = []
        """Who has a connection into it: called when its sandbox is stopped."""


class Runtime:
    """Sandboxes and containers of one node, by pod uid.

    `on_change(uid)` is called whenever something of a pod changed by itself or by a call.
    """

    def __init__(self, loop: Loop, node_name: str) -> None:
        self.loop = loop
        self.node_name = node_name
        self.owner = f"containerd/{node_name}"
        self.version = "containerd://2.2.0"
        self.pods: dict[str, PodBox] = {}
        self.by_id: dict[str, Container] = {}
        self.host_files: HostFiles | None = None
        """The node's files, for containers that mount some of them."""
        self.network: Network | None = None
        """What pods reach others by."""
        self.on_change: Callable[[str], None] | None = None

    # -- sandboxes --------------------------------------------------------------------------------------

    def run_sandbox(
        self, uid: str, namespace: str, name: str, attempt: int, ip: str, host_network: bool
    ) -> SandboxStatus:
        """A new, ready sandbox of a pod."""
        box = self.pods.get(uid)
        if box is None:
            box = self.pods[uid] = PodBox(uid, namespace, name)
        box.network = self.network
        sandbox = SandboxStatus(
            _id("sandbox", uid, attempt), attempt, READY, ip, self.loop.clock.now(), host_network
        )
        box.sandboxes.insert(0, sandbox)
        self._changed(uid)
        return sandbox

    def stop_sandboxes(self, uid: str) -> list[SandboxStatus]:
        """Stop the ready sandboxes of a pod; returns them as they were."""
        box = self.pods.get(uid)
        if box is None:
            return []
        ready = [sandbox for sandbox in box.sandboxes if sandbox.state == READY]
        box.sandboxes = [sandbox._replace(state=NOT_READY) for sandbox in box.sandboxes]
        if ready:
            for watcher in list(box.watchers):
                watcher()
            self._changed(uid)
        return ready

    def remove_pod(self, uid: str) -> None:
        """Forget all containers and sandboxes of a pod."""
        box = self.pods.pop(uid, None)
        for container in box.containers if box else ():
            self._cancel(container)
            self.by_id.pop(container.status.id, None)

    # -- containers -------------------------------------------------------------------------------------

    def create_container(
        self, uid: str, name: str, attempt: int, image: str, image_ref: str, argv: Sequence[str]
    ) -> Container:
        """A container that is not started yet."""
        box = self.pods[uid]
        status = ContainerStatus(
            _id(name, uid, attempt), name, attempt, image, image_ref, CREATED, self.loop.clock.now()
        )
        container = Container(status, box, argv, image)
        box.containers.insert(0, container)
        self.by_id[status.id] = container
        return container

    def start_container(self, container: Container) -> None:
        """Start its process."""
        now = self.loop.clock.now()
        container.status = container.status._replace(state=RUNNING, started_at=now)
        lifetime = container.program.lifetime
        if lifetime is not None:
            container.timer = self.loop.call_later(
                lifetime,
                self.owner,
                self._ended,
                container,
                what=f"container {container.status.name} of {container.pod.namespace}/"
                f"{container.pod.name} to end",
                background=lifetime > FOREGROUND_SECONDS,
            )
        self._changed(container.pod.uid)

    def end(self, container: Container, exit_code: int, reason: str = "", message: str = "") -> None:
        """End a running process now."""
        if not container.running:
            return
        self._cancel(container)
        container.status = container.status._replace(
            state=EXITED,
            finished_at=self.loop.clock.now(),
            exit_code=exit_code,
            reason=reason or ("Completed" if exit_code == 0 else "Error"),
            message=message,
        )
        for watcher in list(container.watchers):
            watcher(None)
        self._changed(container.pod.uid)

    def remove_container(self, id: str) -> None:
        """Forget a container that has ended."""
        container = self.by_id.pop(id, None)
        if container is not None:
            self._cancel(container)
            container.pod.containers.remove(container)
            self._changed(container.pod.uid)

    # -- reading ----------------------------------------------------------------------------------------

    def pod_status(self, uid: str) -> PodStatus:
        """The pod as it is now."""
        box = self.pods.get(uid)
        now = self.loop.clock.now()
        if box is None:
            return PodStatus(uid, (), (), (), now)
        sandboxes = tuple(box.sandboxes)
        ips = (sandboxes[0].ip,) if sandboxes and sandboxes[0].ip else ()
        return PodStatus(uid, ips, sandboxes, tuple(c.status for c in box.containers), now)

    def find(self, namespace: str, pod: str, container: str) -> Container | None:
        """The newest container of that name in the pod of that name."""
        for box in self.pods.values():
            if box.name == pod and box.namespace == namespace:
                for candidate in box.containers:
                    if candidate.status.name == container:
                        return candidate
        return None

    # -- the node ---------------------------------------------------------------------------------------

    def power_off(self) -> None:
        """Lose everything, as a node does whose power is cut; nobody is told."""
        self.loop.drop(self.owner)
        for container in list(self.by_id.values()):
            for watcher in list(container.watchers):
                watcher(None)
        for box in self.pods.values():
            for lost in list(box.watchers):
                lost()
        self.pods.clear()
        self.by_id.clear()

    def _ended(self, container: Container) -> None:
        self.end(container, container.program.exit_code)

    def _cancel(self, container: Container) -> None:
        if container.timer is not None:
            container.timer.cancel()
            container.timer = None

    def _changed(self, uid: str) -> None:
        if self.on_change is not None:
            self.on_change(uid)


def _id(what: str, uid: str, attempt: int) -> str:
    """64 hexadecimal digits, the same in every run."""
    return hashlib.sha256(f"{what}/{uid}/{attempt}".encode()).hexdigest()
