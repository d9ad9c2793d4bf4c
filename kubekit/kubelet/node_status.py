"""The node's own object: registration, status, conditions, and the Lease by which it says that it lives.

A kubelet creates its Node, tells the conditions with their real reasons, looks every ten seconds whether
something changed, and writes the status then, or after five minutes. The Lease in kube-node-lease is renewed
every ten seconds. Source: `pkg/kubelet/kubelet_node_status.go`, `nodestatus/setters.go`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

from kubekit.api.meta import Obj
from kubekit.api.status_error import StatusError
from kubekit.client import Client
from kubekit.kubelet.events import Recorder
from kubekit.kubelet.images import ImageStore
from kubekit.sim import Loop, rfc3339, rfc3339_micro

STATUS_SECONDS = 10.0
REPORT_SECONDS = 300.0
LEASE_SECONDS = 10.0
LEASE_DURATION = 40
RETRY_SECONDS = 5.0
MOST_IMAGES = 50

NETWORK_NOT_READY = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: cni plugin not initialized"
)

DECLARED_FEATURES = [
    "ExtendWebSocketsToKubelet",
    "InPlacePodLevelResourcesVerticalScaling",
    "InPlacePodVerticalScalingInitContainers",
    "RestartAllContainersOnContainerExits",
]

PRESSURES = {
    "MemoryPressure": (
        "Memory",
        "kubelet has sufficient memory available",
        "kubelet has insufficient memory available",
    ),
    "DiskPressure": ("Disk", "kubelet has no disk pressure", "kubelet has disk pressure"),
    "PIDPressure": ("PID", "kubelet has sufficient PID available", "kubelet has insufficient PID available"),
}


class NodeStatus:
    """The Node object and the Lease of one kubelet.

    `problem()` says why the node is not ready, or gives an empty text.
    """

    def __init__(
        self,
        loop: Loop,
        owner: str,
        client: Client,
        recorder: Recorder,
        images: ImageStore,
        problem: Callable[[], str],
        *,
        name: str,
        ip: str,
        capacity: Mapping[str, str],
        allocatable: Mapping[str, str],
        labels: Mapping[str, str],
        taints: Sequence[Obj],
        version: str,
        runtime_version: str,
        status_frequency: float = STATUS_SECONDS,
        machine_id: str = "",
    ) -> None:
        self._loop = loop
        self._owner = owner
        self._client = client
        self._recorder = recorder
        self._images = images
        self._problem = problem
        self._name = name
        self._ip = ip
        self._capacity = dict(capacity)
        self._allocatable = dict(allocatable)
        self._labels = dict(labels)
        self._taints = list(taints)
        self._version = version
        self._runtime_version = runtime_version
        self._frequency = status_frequency
        self._machine_id = machine_id or hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
        self._conditions: dict[str, Obj] = {}
        self._image_count = -1
        self._reported_at = 0.0
        self._lease: Obj | None = None
        self.registered = False
        self.uid = ""
        self.stored: Callable[[], Obj | None] = lambda: None
        """The Node as this kubelet has last heard of it."""
        self.pressure: set[str] = set()
        """Conditions of pressure that hold: "MemoryPressure", "DiskPressure", "PIDPressure"."""

    def start(self) -> None:
        """Register, and from now on report."""
        about = self._reference()
        self._recorder.event(about, "Normal", "Starting", "Starting kubelet.")
        self._register()
        self._loop.every(self._frequency, self._owner, self.update, what="node status")
        self._loop.every(LEASE_SECONDS, self._owner, self._renew, what="node lease")

    def update(self) -> None:
        """Report the status if it changed, if what is stored says otherwise, or after five minutes."""
        if not self.registered:
            self._register()
            return
        now = self._loop.clock.now()
        news = self._refresh_conditions() or self._contradicted()
        images = len(self._images.images) != self._image_count
        if not news and not images and now - self._reported_at < REPORT_SECONDS:
            return
        status: Obj = {"conditions": self._listed_conditions()}
        if images:
            status["images"] = self._listed_images()
        status["nodeInfo"] = self._node_info()
        try:
            self._client.patch("nodes", self._name, {"status": status}, subresource="status")
        except (StatusError, OSError):
            # Also when somebody deleted the Node: only a restarted kubelet registers again.
            self._image_count = -1
            return
        self._reported_at = now

    def _contradicted(self) -> bool:
        """Whether somebody has written another status of a condition: the node controller, when it heard
        nothing from this node for a while."""
        stored = self.stored() or {}
        for condition in (stored.get("status") or {}).get("conditions") or ():
            mine = self._conditions.get(condition["type"])
            if mine is not None and mine["status"] != condition["status"]:
                return True
        return False

    # -- registration -----------------------------------------------------------------------------------

    def _register(self) -> None:
        if self.registered:
            return
        try:
            self._create()
        except (StatusError, OSError):
            self._loop.call_later(
                RETRY_SECONDS, self._owner, self._register, what="node registration", background=True
            )
            return
        self.registered = True
        self._reported_at = self._loop.clock.now()
        self._renew()

    def _create(self) -> None:
        self._refresh_conditions()
        node: Obj = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": self._name,
                "labels": {
                    "beta.kubernetes.io/arch": "amd64",
                    "beta.kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64",
                    "kubernetes.io/hostname": self._name,
                    "kubernetes.io/os": "linux",
                    **self._labels,
                },
                "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
            },
            "spec": {"taints": self._taints} if self._taints else {},
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": self._ip},
                    {"type": "Hostname", "address": self._name},
                ],
                "capacity": self._capacity,
                "allocatable": self._allocatable,
                "conditions": self._listed_conditions(),
                "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
                "declaredFeatures": DECLARED_FEATURES,
                "images": self._listed_images(),
                "nodeInfo": self._node_info(),
            },
        }
        try:
            made = self._client.create("nodes", node)
        except StatusError as error:
            if error.code != 409:
                raise
            made = self._client.get("nodes", self._name)
            self._adopt(made, node)
        self.uid = made["metadata"]["uid"]

    def _adopt(self, found: Obj, wanted: Obj) -> None:
        """The node was registered before: bring its default labels and its status up to date."""
        labels = found["metadata"].get("labels") or {}
        missing = {k: v for k, v in wanted["metadata"]["labels"].items() if labels.get(k) != v}
        if missing:
            self._client.patch("nodes", self._name, {"metadata": {"labels": missing}})
        before = {c["type"]: c for c in (found.get("status") or {}).get("conditions") or ()}
        for type, condition in self._conditions.items():
            old = before.get(type)
            if old is not None and old["status"] == condition["status"]:
                condition["lastTransitionTime"] = old.get("lastTransitionTime")
        status = {**wanted["status"], "conditions": self._listed_conditions()}
        self._client.patch("nodes", self._name, {"status": status}, subresource="status")

    # -- the Lease --------------------------------------------------------------------------------------

    def _renew(self) -> None:
        """Say that the node lives."""
        if not self.registered:
            return
        now = rfc3339_micro(self._loop.clock.now())
        lease = self._lease
        try:
            if lease is None:
                lease = self._client.find("leases.coordination.k8s.io", self._name, "kube-node-lease")
            if lease is None:
                self._lease = self._client.create("leases.coordination.k8s.io", self._new_lease(now))
            else:
                self._lease = self._client.update(
                    "leases.coordination.k8s.io",
                    {**lease, "spec": {**lease["spec"], "holderIdentity": self._name, "renewTime": now}},
                )
        except (StatusError, OSError):
            self._lease = None  # read it again next time

    def _new_lease(self, now: str) -> Obj:
        owner = {"apiVersion": "v1", "kind": "Node", "name": self._name, "uid": self.uid}
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": self._name,
                "namespace": "kube-node-lease",
                "ownerReferences": [owner],
            },
            "spec": {
                "holderIdentity": self._name,
                "leaseDurationSeconds": LEASE_DURATION,
                "renewTime": now,
            },
        }

    # -- what the status says ---------------------------------------------------------------------------

    def _refresh_conditions(self) -> bool:
        """Bring the conditions up to date; True when one of them changed."""
        changed = False
        for type, (word, fine, bad) in PRESSURES.items():
            under = type in self.pressure
            if word == "Disk":
                reason = "KubeletHasDiskPressure" if under else "KubeletHasNoDiskPressure"
            else:
                reason = f"KubeletHas{'Insufficient' if under else 'Sufficient'}{word}"
            if self._set(type, under, reason, bad if under else fine):
                changed = True
                self._event(f"NodeHas{reason.removeprefix('KubeletHas')}")
        problem = self._problem()
        before = self._conditions.get("Ready")
        if problem:
            news = self._set("Ready", False, "KubeletNotReady", problem)
        else:
            news = self._set("Ready", True, "KubeletReady", "kubelet is posting ready status")
        if news:
            changed = True
            if not problem or (before is not None and before["status"] == "True"):
                self._event("NodeNotReady" if problem else "NodeReady")
        return changed

    def _set(self, type: str, true: bool, reason: str, message: str) -> bool:
        old = self._conditions.get(type)
        status = "True" if true else "False"
        if old is not None and old["status"] == status and old["message"] == message:
            return False
        now = rfc3339(self._loop.clock.now())
        same = old is not None and old["status"] == status
        self._conditions[type] = {
            "type": type,
            "status": status,
            "lastHeartbeatTime": now,
            "lastTransitionTime": old["lastTransitionTime"] if same and old is not None else now,
            "reason": reason,
            "message": message,
        }
        return not same

    def _listed_conditions(self) -> list[Obj]:
        now = rfc3339(self._loop.clock.now())
        return [{**condition, "lastHeartbeatTime": now} for condition in self._conditions.values()]

    def _listed_images(self) -> list[Obj]:
        self._image_count = len(self._images.images)
        largest = sorted(self._images.images.values(), key=lambda image: (-image.size, image.name))
        return [
            {"names": sorted({image.ref, image.name}), "sizeBytes": image.size}
            for image in largest[:MOST_IMAGES]
        ]

    def _node_info(self) -> Obj:
        digest = self._machine_id
        uid = f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"
        return {
            "machineID": digest,
            "systemUUID": uid,
            "bootID": uid[::-1].replace("-", "")[:8] + uid[8:],
            "kernelVersion": "6.12.0-generic",
            "osImage": "Debian GNU/Linux 13 (trixie)",
            "containerRuntimeVersion": self._runtime_version,
            "kubeletVersion": self._version,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": "amd64",
        }

    def _event(self, reason: str) -> None:
        text = f"Node {self._name} status is now: {reason}"
        self._recorder.event(self._reference(), "Normal", reason, text)

    def _reference(self) -> Obj:
        """What events about the node refer to: a name without a uid, as the real kubelet has it."""
        return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self._name}}
