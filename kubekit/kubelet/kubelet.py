"""The kubelet: runs on one node the pods that are bound to it, and says how they and the node are.

Read `on_start` for what it consists of and `_pod_*` for what it does when it hears of a pod. Each pod has a
`PodWorker`; the kubelet itself only admits, hands on and forgets. What belongs to the node and not to this
process (the runtime with its containers, images, the network, static manifests) is given to it and survives
its crash. Source: `pkg/kubelet/kubelet.go`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from kubekit.api.meta import Obj, key_of
from kubekit.client import Client, EventRecorder, Informer, InformerFactory
from kubekit.kubelet.admission import Rejection, admit, requests_of
from kubekit.kubelet.answers import host_network_listens
from kubekit.kubelet.container_start import ContainerStart
from kubekit.kubelet.cri import SANDBOX_SECONDS, START_SECONDS, RuntimeService
from kubekit.kubelet.events import ContainerEvents
from kubekit.kubelet.eviction import REASON, Eviction
from kubekit.kubelet.images import ImageManager, ImageStore
from kubekit.kubelet.manifests import ManifestDirectory
from kubekit.kubelet.node_status import NETWORK_NOT_READY, STATUS_SECONDS, NodeStatus
from kubekit.kubelet.objects import ObjectCache
from kubekit.kubelet.phase import is_static
from kubekit.kubelet.pleg import DIED, REMOVED, Pleg, PodLifecycleEvent
from kubekit.kubelet.pod_status import TERMINAL
from kubekit.kubelet.pod_sync import PodSync
from kubekit.kubelet.pod_worker import PodWorker, Services
from kubekit.kubelet.prober import Prober
from kubekit.kubelet.resize import Resizes
from kubekit.kubelet.resources import Amounts, qos_class
from kubekit.kubelet.runtime import EXITED, Runtime
from kubekit.kubelet.server import PORT, KubeletServer
from kubekit.kubelet.static_pods import StaticPods, is_mirror
from kubekit.kubelet.status_manager import StatusManager
from kubekit.kubelet.volumes import Volumes
from kubekit.network.cni import BridgeCNI
from kubekit.network.fabric import Fabric
from kubekit.network.host import Host
from kubekit.sim import Component, Loop

CAPACITY = {"cpu": "4", "ephemeral-storage": "100Gi", "memory": "8Gi", "pods": "110"}
VERSION = "v1.36.2"
SYNC_SECONDS = 60.0
NOTICED = ("generation", "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations")


class Kubelet(Component):
    """The kubelet of one node; its name as a component is ``kubelet/<node>``."""

    def __init__(
        self,
        loop: Loop,
        client: Client,
        node_name: str,
        *,
        node_ip: str,
        pod_cidr: str = "",
        host: Host | None = None,
        runtime: Runtime | None = None,
        images: ImageStore | None = None,
        manifests: ManifestDirectory | None = None,
        capacity: Mapping[str, str] | None = None,
        allocatable: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        taints: Sequence[Obj] = (),
        version: str = VERSION,
        sync_frequency: float = SYNC_SECONDS,
        status_frequency: float = STATUS_SECONDS,
        sandbox_seconds: float = SANDBOX_SECONDS,
        start_seconds: float = START_SECONDS,
        service_environment: Mapping[str, str] | None = None,
        machine_id: str = "",
    ) -> None:
        super().__init__(loop, f"kubelet/{node_name}")
        self.client = client
        self.node_name = node_name
        self.node_ip = node_ip
        self.host = host if host is not None else Fabric(loop).add_host(node_name, node_ip)
        if pod_cidr:
            self.host.pod_cidr = pod_cidr
        self.runtime = runtime if runtime is not None else Runtime(loop, node_name)
        self.images = images if images is not None else ImageStore(loop)
        self.manifests = manifests if manifests is not None else ManifestDirectory()
        self.capacity = {**CAPACITY, **(capacity or {})}
        self.allocatable = {**self.capacity, **(allocatable or {})}
        self.labels = dict(labels or {})
        self.taints = list(taints)
        self.version = version
        self.sync_frequency = sync_frequency
        self.status_frequency = status_frequency
        self.machine_id = machine_id
        self.cri = RuntimeService(
            loop,
            self.name,
            self.runtime,
            self.images,
            BridgeCNI(self.host),
            sandbox_seconds=sandbox_seconds,
            start_seconds=start_seconds,
        )
        self.host.programs.append(partial(host_network_listens, self.runtime))
        self.service_environment = dict(service_environment or {})
        self.server = KubeletServer(self)
        """Answers on port 10250: a Handler."""
        self.workers: dict[str, PodWorker] = {}
        self._set_up()

    def _set_up(self) -> None:
        """Everything that is this process' memory: made anew at each start."""
        loop, owner, client = self.loop, self.name, self.client
        self.recorder = EventRecorder(client, loop, "kubelet", host=self.node_name)
        self.events = ContainerEvents(self.recorder)
        self.workers = {}
        self.static_pods = StaticPods(self)
        self._requests: dict[str, Amounts] = {}
        self.resizes = Resizes(self.events, loop.clock, self.workers, self._requests, self._admission)
        self.informers = InformerFactory(client, loop, owner)
        self.pods: Informer = self.informers.informer(
            "pods", field_selector=f"spec.nodeName={self.node_name}"
        )
        self.nodes: Informer = self.informers.informer(
            "nodes", field_selector=f"metadata.name={self.node_name}"
        )
        objects = ObjectCache(loop, client)
        volumes = Volumes(loop, objects, self.events)
        self.statuses = StatusManager(loop, owner, client, could_run=self._could_run, api_pod=self.api_pod)
        self.prober = Prober(loop, owner, self.cri, self.statuses, self.events, self._sync)
        self.pleg = Pleg(loop, owner, self.runtime, self._lifecycle_event)
        self.image_manager = ImageManager(loop, self.cri, self.events)
        starter = ContainerStart(
            self.cri,
            self.events,
            self.image_manager,
            objects,
            volumes,
            self.node_ip,
            self.node,
            self.service_environment,
        )
        self.pod_sync = PodSync(
            loop, owner, self.cri, self.events, self.prober, starter, self.statuses.sandbox_is_ready
        )
        self.services = Services(
            loop=loop,
            owner=owner,
            rng=loop.rng.child(owner),
            host_ip=self.node_ip,
            sync_frequency=self.sync_frequency,
            statuses=self.statuses,
            pleg=self.pleg,
            cri=self.cri,
            prober=self.prober,
            pods=self.pod_sync,
            volumes=volumes,
            events=self.events,
        )
        self.node_status = NodeStatus(
            loop,
            owner,
            client,
            self.recorder,
            self.images,
            self._problem,
            name=self.node_name,
            ip=self.node_ip,
            capacity=self.capacity,
            allocatable=self.allocatable,
            labels=self.labels,
            taints=self.taints,
            version=self.version,
            runtime_version=self.runtime.version,
            status_frequency=self.status_frequency,
            machine_id=self.machine_id,
        )
        self.node_status.stored = self.node

        self.eviction = Eviction(
            loop,
            owner,
            self.node_status.pressure,
            self.node_status.update,
            lambda: self.workers.values(),
            lambda pod, message: self.events.pod(pod, "Warning", REASON, message),
        )

    # -- the component ----------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Register the node, look at the runtime, and begin to hear of pods."""
        self._set_up()
        self.host.open_port("tcp", PORT, "kubelet")
        self.loop.call_soon(self.name, self._begin, what="kubelet start")

    def _begin(self) -> None:
        self.node_status.start()
        self.nodes.add_handler(on_add=self._node_seen, on_update=lambda _, node: self._node_seen(node))
        self.pods.add_handler(
            on_add=self._pod_added, on_update=self._pod_updated, on_delete=self._pod_removed
        )
        self.pods.when_synced(self._clean_up)
        self.pleg.start()
        self.static_pods.start()
        self.informers.start()

    def on_stop(self) -> None:
        """Stop listening; containers go on."""
        self.host.close_port("tcp", PORT)
        self.informers.stop()
        self.pleg.stop()
        self.static_pods.stop()

    def on_crash(self) -> None:
        """The process is gone: its connections break."""
        self.on_stop()

    # -- questions --------------------------------------------------------------------------------------

    def node(self) -> Obj | None:
        """The node's object as last heard."""
        return self.nodes.get(self.node_name)

    def pod_of(self, namespace: str, name: str) -> Obj | None:
        """The pod of that name on this node, static ones included."""
        for worker in self.workers.values():
            meta = worker.pod["metadata"]
            if meta["name"] == name and meta["namespace"] == namespace:
                return worker.pod
        return self.pods.get(f"{namespace}/{name}")

    def _problem(self) -> str:
        return "" if self.host.pod_cidr else NETWORK_NOT_READY

    def _could_run(self, uid: str) -> bool:
        worker = self.workers.get(uid)
        return worker is not None and not worker.terminated

    def api_pod(self, pod: Obj) -> Obj | None:
        """The pod as the API has it: newer, or the mirror of a static one (None when it has none)."""
        found = self.pods.get(key_of(pod))
        if is_static(pod):
            return found if found is not None and is_mirror(found) else None
        same = found is not None and found["metadata"]["uid"] == pod["metadata"]["uid"]
        return found if same else pod

    # -- hearing of pods --------------------------------------------------------------------------------

    def _pod_added(self, pod: Obj) -> None:
        if is_mirror(pod):
            self.static_pods.mirror_changed(pod)
            return
        uid = pod["metadata"]["uid"]
        deleting = pod["metadata"].get("deletionTimestamp") is not None
        ended = (pod.get("status") or {}).get("phase") in TERMINAL
        if uid not in self.workers and not ended and not deleting:
            rejection = self._admission(pod)
            if rejection is not None:
                self._reject(pod, rejection)
                return
        if uid not in self.workers and ended and not deleting and uid not in self.runtime.pods:
            return  # ended before this kubelet came; nothing of it is left here
        self.work_on(pod)

    def _pod_updated(self, old: Obj, pod: Obj) -> None:
        if is_mirror(pod):
            self.static_pods.mirror_changed(pod)
            return
        uid = pod["metadata"]["uid"]
        worker = self.workers.get(uid)
        if worker is None:
            if pod["metadata"].get("deletionTimestamp") is not None:
                self.work_on(pod)
            return
        pod = self.resizes.take(worker, pod)
        before, after = old["metadata"], pod["metadata"]
        if (
            any(before.get(field) != after.get(field) for field in NOTICED)
            or old["spec"] != pod["spec"]
            or self._ended_elsewhere(worker, pod)
            or pod["spec"].get("readinessGates")
        ):
            self.resizes.granted(worker, pod)
        else:
            worker.pod = pod
        self.statuses.reconcile(pod)

    def _pod_removed(self, pod: Obj) -> None:
        if is_mirror(pod):
            self.static_pods.mirror_changed(pod, gone=True)
            return
        uid = pod["metadata"]["uid"]
        worker = self.workers.get(uid)
        if worker is None or worker.finished:
            self._forget(uid)
        else:
            worker.removed = True
            worker.update(kill=True)

    def _ended_elsewhere(self, worker: PodWorker, pod: Obj) -> bool:
        return not worker.terminating and (pod.get("status") or {}).get("phase") in TERMINAL

    def work_on(self, pod: Obj) -> None:
        """Hand a pod to its worker, which is made when there is none."""
        uid = pod["metadata"]["uid"]
        worker = self.workers.get(uid)
        if worker is None:
            worker = self.workers[uid] = PodWorker(self.services, pod, self._worker_done)
            self._requests[uid] = requests_of(pod)
        worker.update(pod)

    def _worker_done(self, worker: PodWorker) -> None:
        self.resizes.retry()
        if worker.removed or (worker.is_static and worker.uid not in self.static_pods.pods):
            self._forget(worker.uid)

    def _forget(self, uid: str) -> None:
        """The pod is gone from its source and nothing of it runs: keep nothing of it."""
        worker = self.workers.pop(uid, None)
        self.cri.remove_pod(uid)
        self.pleg.forget(uid)
        self.statuses.forget(uid)
        self.prober.remove_pod(uid)
        self.image_manager.forget(uid)
        self.pod_sync.backoff.forget(f"{uid}_")
        self.services.reasons.pop(uid, None)
        self._requests.pop(uid, None)
        self.resizes.retry()
        if worker is not None and worker.is_static:
            self.static_pods.start_waiting()

    def _admission(self, pod: Obj) -> Rejection | None:
        under_pressure = self.eviction.admission(pod)
        if under_pressure is not None:
            return under_pressure
        node = self.node()
        if node is None:
            node = {
                "metadata": {"name": self.node_name, "labels": self.labels},
                "spec": {},
                "status": {"allocatable": self.allocatable},
            }
        running = (w for w in self.workers.values() if not w.terminated and not w.finished)
        others = [w.pod for w in running if w.uid != pod["metadata"]["uid"]]
        return admit(pod, node, others, self._requests)

    def _reject(self, pod: Obj, rejection: Rejection) -> None:
        self.events.pod(pod, "Warning", rejection.reason, rejection.message)
        status = {
            "phase": "Failed",
            "reason": rejection.reason,
            "message": f"Pod was rejected: {rejection.message}",
            "qosClass": qos_class(pod),
            "conditions": [],
        }
        self.statuses.set(pod, status)

    def _clean_up(self) -> None:
        """The first list of pods is here: what runs and belongs to nobody is ended."""
        known = {pod["metadata"]["uid"] for pod in self.pods.list()} | set(self.static_pods.pods)
        for uid in [uid for uid in self.runtime.pods if uid not in known]:
            self.cri.end_orphan(uid)
            self._forget(uid)

    # -- hearing of containers and probes ---------------------------------------------------------------

    def _sync(self, uid: str) -> None:
        worker = self.workers.get(uid)
        if worker is not None:
            worker.update()

    def _lifecycle_event(self, event: PodLifecycleEvent) -> None:
        if event.type == REMOVED:
            return
        worker = self.workers.get(event.uid)
        if worker is None:
            return
        if event.type == DIED:
            self._remove_old_runs(worker, event.id)
        worker.update()

    def _remove_old_runs(self, worker: PodWorker, id: str) -> None:
        """Keep only the newest ended run of the container that has just died."""
        container = self.cri.container(id)
        if container is None:
            return
        name = container.status.name
        runs = [c for c in container.pod.containers if c.status.name == name and c.status.state == EXITED]
        for old in runs[1:]:
            self.cri.remove_container(worker.pod, old.status.id)

    # -- hearing of the node ----------------------------------------------------------------------------

    def _node_seen(self, node: Obj) -> None:
        cidr = ",".join(node["spec"].get("podCIDRs") or [node["spec"].get("podCIDR") or ""]).strip(",")
        if cidr and cidr != self.host.pod_cidr:
            self.host.pod_cidr = cidr
            self.node_status.update()
