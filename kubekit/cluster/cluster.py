"""A cluster: everything that is started, in the order in which it is started.

Read `_boot`: it is the table of contents of this package. `up` makes a cluster and lets it come up; what a
learner does with it stands below, most of it one line that hands on to another file of this room. Nothing
here decides anything about the cluster: components do, and they meet only at the API server.
"""

from __future__ import annotations

import importlib
import ipaddress
from collections.abc import Callable
from functools import partial
from typing import Any

from kubekit.api.exchange import UserInfo
from kubekit.apiserver import APIServer
from kubekit.apiserver.admission.node_restriction import is_restricted
from kubekit.client import Client
from kubekit.cluster import presentation
from kubekit.cluster.defaults import (
    ADMIN,
    ADMIN_GROUPS,
    BOOT_SECONDS,
    CONTROL_PLANE,
    ETCD_SIZES,
    PORTS,
    SETTLE_SECONDS,
    Settings,
)
from kubekit.cluster.egress import Egress
from kubekit.cluster.engine import engine_of, go_on_from, own_chance, refusals
from kubekit.cluster.errors import KubekitError, TimeoutReached, UnknownName
from kubekit.cluster.etcd_hosts import hosts_of
from kubekit.cluster.etcd_manifest import furnish
from kubekit.cluster.etcd_pki import EtcdPki
from kubekit.cluster.konnectivity import Agent, proxy_server
from kubekit.cluster.kubeadm import SUPER_ADMIN, leave_behind, mark
from kubekit.cluster.kubelet_door import KubeletDoor
from kubekit.cluster.listening import control_plane_listens
from kubekit.cluster.manager_options import manager_options
from kubekit.cluster.map import Row, row_of, table
from kubekit.cluster.names import destination
from kubekit.cluster.node import Node
from kubekit.cluster.pod_network import PodNetwork
from kubekit.cluster.records import Records
from kubekit.cluster.time import clock_of, seconds_of
from kubekit.cluster.topology import NodePlan, node_plan, plan
from kubekit.cluster.verbs import Verbs
from kubekit.cluster.waiting import condition_of
from kubekit.controllers import ControllerManager
from kubekit.kubelet import ImageStore, Kubelet, ManifestDirectory, Runtime
from kubekit.network import Fabric
from kubekit.proxy import Proxy
from kubekit.scheduler.scheduler import Scheduler
from kubekit.sim import Component, Loop, Record, Stalled, rfc3339
from kubekit.sim.calm import calm


class Cluster(Verbs):
    """One cluster; make it with `kubekit.up`."""

    def __init__(self, settings: Settings) -> None:
        if settings.etcd_members not in ETCD_SIZES:
            sizes = ", ".join(str(size) for size in ETCD_SIZES)
            raise KubekitError(f"etcd runs with {sizes} members here, not with {settings.etcd_members}")
        self.settings = settings
        self.name = settings.name
        self.loop = Loop(clock_of(settings), seed=settings.seed, trace_size=settings.trace_size)
        self.records = Records(self.loop.trace)
        self.fabric = Fabric(self.loop)
        self.nodes: dict[str, Node] = {}
        self._view: Any = None
        with calm():
            self._boot(plan(settings))

    def _boot(self, nodes: list[NodePlan]) -> None:
        """Make and start everything, in order."""
        settings, loop = self.settings, self.loop
        address = f"{nodes[0].ip if nodes else settings.first_node_ip}:{PORTS['kube-apiserver']}"
        shared = bool(settings.etcd)

        # etcd: the only thing with a memory.
        self.etcd = engine_of(settings, loop)
        home = nodes[0].name if nodes else CONTROL_PLANE
        self.pki = EtcdPki(home, address.partition(":")[0])
        self.etcd_hosts = hosts_of(loop, self.etcd, self.pki)

        # kube-apiserver: the only thing that talks to etcd.
        self.apiserver = APIServer(
            loop,
            self.etcd.client(name="kube-apiserver"),
            address=address,
            **settings.apiserver_flags(),
        )
        self.tunnels = proxy_server(loop, settings.konnectivity)
        egress = Egress(self.fabric, home, self.tunnels)
        self.apiserver.connect = self.door = KubeletDoor(self._find, self._select, lambda: self.nodes, egress)
        go_on_from(self.etcd, loop, self.apiserver.storage.read)
        own_chance(self.etcd, loop, address)
        self.apiserver.start()
        leave_behind(self.client_for(*SUPER_ADMIN, name="kubeadm"))
        super().__init__(self.client_for(ADMIN, *ADMIN_GROUPS, name="kubekit"), loop)

        # kube-controller-manager and kube-scheduler: clients like any other, with the rights of their roles.
        # (Each controller has an account of its own, a kubelet only what its node's pods need.)
        self.controller_manager = ControllerManager(
            loop,
            self.client_for("system:kube-controller-manager", name="kube-controller-manager"),
            None if settings.controllers is None else list(settings.controllers),
            leader_elect=shared,
            **{
                **manager_options(self.apiserver, lambda it: self.pki.cluster_authority.sign_request(it)),
                **settings.controller_options,
            },
        )
        self.controller_manager.start()
        config = None if settings.scheduler_config is None else dict(settings.scheduler_config)
        self.scheduler = Scheduler(
            loop,
            self.client_for("system:kube-scheduler", name="kube-scheduler"),
            config,
            leader_elect=shared,
            identity=loop.rng.child("kube-scheduler").uuid() if shared else "",
        )
        self.scheduler.start()

        # On every node: the runtime and the network it stands on, kubelet, kube-proxy.
        for node in nodes:
            self._boot_node(node)
        self._come_up()

    def _boot_node(self, plan: NodePlan) -> Node:
        settings, loop, name = self.settings, self.loop, plan.name
        restricted = {key: value for key, value in plan.labels.items() if is_restricted(key)}
        host = self.fabric.add_host(name, plan.ip)
        host.programs.append(partial(control_plane_listens, self, plan.ip))
        runtime = Runtime(loop, name)
        runtime.network = PodNetwork(self, name)
        images = ImageStore(
            loop,
            pull_seconds=settings.pull_seconds,
            everything_present=settings.images_present,
            plain_refs=settings.plain_image_ids,
        )
        manifests = ManifestDirectory()
        kubelet = Kubelet(
            loop,
            self.client_for(f"system:node:{name}", "system:nodes", name=f"kubelet/{name}"),
            name,
            node_ip=plan.ip,
            host=host,
            runtime=runtime,
            images=images,
            manifests=manifests,
            capacity=plan.capacity,
            labels={key: value for key, value in plan.labels.items() if key not in restricted},
            taints=plan.taints,
            version=settings.version,
            sync_frequency=settings.kubelet_sync_seconds,
            status_frequency=settings.node_status_seconds,
            sandbox_seconds=settings.sandbox_seconds,
            start_seconds=settings.start_seconds,
            service_environment=self._service_environment(),
            machine_id=settings.machine_id,
        )
        kube_proxy = Proxy(
            loop,
            self.client_for("system:kube-proxy", name=f"kube-proxy/{name}"),
            name,
            node_ip=plan.ip,
            host=host,
            pod_network_cidr=settings.pod_network_cidr,
            min_sync_period=settings.proxy_min_sync_seconds,
        )
        agent = None if self.tunnels is None else Agent(loop, name, self.tunnels)
        node = self.nodes[name] = Node(plan, host, runtime, images, manifests, kubelet, kube_proxy, agent)
        furnish(node, self.etcd, self.pki)
        node.start()
        if restricted:
            mark(loop, self.client_for(*SUPER_ADMIN, name="kubeadm"), name, restricted)
        return node

    def _come_up(self) -> None:
        """Let time pass until every node is Ready and pods can be made in `default`."""
        ready = condition_of(self.client, "all nodes are Ready")
        started = len(self.nodes)

        def up() -> bool:
            return (
                len(self.client.list("nodes")["items"]) >= started
                and ready()
                and self.client.find("serviceaccounts", "default", "default") is not None
            )

        self.loop.run_ready()
        if not up():
            try:
                self._run_until_now_and_then(up, BOOT_SECONDS)
            except Stalled as error:
                raise KubekitError(f"cluster {self.name} does not come up: {error}") from None
        self.loop.run_until_quiet(max_seconds=10.0)

    def _run_until_now_and_then(self, condition: Callable[[], bool], seconds: float) -> None:
        """`run_until` for a dear question: asked only when nothing is left to do at the present time."""
        loop = self.loop
        deadline = loop.clock.now() + seconds
        while not condition():
            due = loop.next_due()
            if due is None or due > deadline:
                raise Stalled(loop.report())
            loop.advance(max(0.0, due - loop.clock.now()))

    def _service_environment(self) -> dict[str, str]:
        address = str(ipaddress.ip_network(self.settings.service_cidr)[1])
        return {"KUBERNETES_SERVICE_HOST": address, "KUBERNETES_SERVICE_PORT": "443"}

    # -- who talks --------------------------------------------------------------------------------------

    def client_for(self, user: str, *groups: str, name: str) -> Client:
        """A client that speaks as `user` (authenticated already), under a program's name."""
        every = (*groups, "system:authenticated") if "system:authenticated" not in groups else groups
        return Client(self.apiserver, user=UserInfo(user, groups=every), name=name)

    def exec(
        self, namespace: str, pod: str, container: str, argv: list[str], stdin: str = ""
    ) -> tuple[int, str, str]:
        """Run a command in a container, as `kubectl exec` does: (exit status, output, errors).

        The container may be "" when the pod has only one. Raises StatusError.
        """
        with self.loop.lock:
            return self.door.exec(namespace, pod, container, list(argv))

    def _find(self, plural: str, namespace: str, name: str) -> Any:
        return self.client.find(plural, name, namespace or None)

    def _select(self, plural: str, namespace: str, labels: str) -> list[Any]:
        return list(self.client.list(plural, namespace, label_selector=labels)["items"])

    # -- time -------------------------------------------------------------------------------------------

    @property
    def now(self) -> str:
        """The cluster's time, e.g. ``2026-01-01T00:00:12Z``."""
        return rfc3339(self.loop.clock.now())

    def step(self) -> bool:
        """Run one event of the whole cluster; False when nothing is ready. Time does not move."""
        return self.loop.step()

    def settle(self, max_seconds: float | str = SETTLE_SECONDS) -> None:
        """Run until nothing is left to do but heartbeats and back-offs."""
        with calm():
            self.loop.run_until_quiet(seconds_of(max_seconds))

    def advance(self, duration: float | str) -> None:
        """Let time pass: seconds, or a text like "30s", "5m", "1h30m"."""
        with calm():
            self.loop.advance(seconds_of(duration))

    def run_until(self, condition: str | Callable[[], bool], timeout: float | str = "5m") -> None:
        """Run until a condition holds, e.g. ``run_until("pod/web is Running", timeout="2m")``.

        Raises TimeoutReached, which says who waits for what, when the time is over.
        """
        holds = condition_of(self.client, condition) if isinstance(condition, str) else condition
        try:
            with calm():
                self._run_until_now_and_then(holds, seconds_of(timeout))
        except Stalled as error:
            what = condition if isinstance(condition, str) else "the condition"
            raise TimeoutReached(f"not within {timeout}: {what}\n{error}") from None

    # -- components -------------------------------------------------------------------------------------

    @property
    def components(self) -> list[Component]:
        """Everything that can be stopped, control plane first."""
        fixed: list[Component] = [*self.etcd.members.values(), self.apiserver, self.controller_manager]
        fixed += [self.scheduler] if self.tunnels is None else [self.scheduler, self.tunnels]
        return fixed + [component for node in self.nodes.values() for component in node.components]

    def component(self, name: str) -> Component:
        """A component by name, e.g. "kube-scheduler" or "kubelet/node01"; raises UnknownName."""
        for component in self.components:
            if component.name == name:
                return component
        known = ", ".join(component.name for component in self.components)
        raise UnknownName(f"there is no component {name!r}; there are {known}")

    def node(self, name: str) -> Node:
        """A node by name; raises UnknownName."""
        if name not in self.nodes:
            raise UnknownName(f"there is no node {name!r}; there are {', '.join(self.nodes)}")
        return self.nodes[name]

    def add_node(self, name: str, **capacity: str) -> Node:
        """Join another node, e.g. ``add_node("node03", cpu="8")``."""
        if name in self.nodes:
            raise KubekitError(f"there is a node {name} already")
        first = ipaddress.ip_address(self.settings.first_node_ip)
        taken = {node.ip for node in self.nodes.values()}
        ip = next(str(first + n) for n in range(1, 65_536) if str(first + n) not in taken)
        made = node_plan(self.settings, name, ip)
        made.capacity.update(capacity)
        return self._boot_node(made)

    def stop(self, name: str) -> None:
        """Stop a component by name."""
        self.component(name).stop()

    def start(self, name: str) -> None:
        """Start a component by name. Raises KubekitError, with its words, for one that does not come up."""
        with refusals(name):
            self.component(name).start()

    def crash(self, name: str) -> None:
        """Crash a component by name."""
        self.component(name).crash()

    # -- looking ----------------------------------------------------------------------------------------

    def send(self, src: str, dst: str, protocol: str = "tcp") -> Record:
        """Send a packet and get its record, e.g. ``send("shop/client", "web.shop:80")``."""
        pods = {pod for node in self.nodes.values() for pod in node.host.pods}
        sender = (
            src if src in pods or src in self.nodes else f"default/{src}" if f"default/{src}" in pods else src
        )
        namespace = sender.split("/")[0] if "/" in sender else "default"
        with self.loop.lock:
            target = destination(self.client, dst, namespace, pods | set(self.nodes))
            try:
                return self.fabric.send(sender, target.target, target.port, protocol.lower(), asked_for=dst)
            except KeyError as error:
                raise UnknownName(str(error.args[0]) if error.args else str(error)) from None

    @property
    def view(self) -> Any:
        """The pictures of this cluster (needs the views' own requirements)."""
        self._view = self._view or importlib.import_module("kubekit.views").views_of(self)
        return self._view

    def serve(self, *args: Any, **options: Any) -> Any:
        """Open an HTTPS door for real tools; returns the server with its `kubeconfig`."""
        return importlib.import_module("kubekit.serving.server").serve(self, *args, **options)

    def serve_etcd(self, *args: Any, **options: Any) -> Any:
        """Open etcd's client ports for etcdctl and its like; returns their `endpoints` and `env`."""
        return importlib.import_module("kubekit.serving.etcd_server").serve_etcd(self, *args, **options)

    def rows(self) -> list[Row]:
        """The rows of the cluster map."""
        first = next(iter(self.nodes), CONTROL_PLANE)
        members = list(self.etcd.members.values())
        # Several members of etcd have hosts of their own, called as they are; a single one is stacked.
        rows = [row_of(member, first if len(members) == 1 else member.name) for member in members]
        rows += [row_of(c, first) for c in (self.apiserver, self.controller_manager, self.scheduler)]
        return rows + [row_of(c, node.name) for node in self.nodes.values() for c in node.components]

    def __repr__(self) -> str:
        head = f"cluster {self.name}: {len(self.nodes)} node(s), seed {self.settings.seed}, "
        head += f"t={self.loop.clock.elapsed():.1f}s"
        return f"{head}\n{table(self.rows())}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return presentation.bundle(self)


_clusters: list[Cluster] = []


def up(**settings: Any) -> Cluster:
    """Boot a cluster until all its nodes are Ready; it becomes the current one.

    Keywords are the fields of `Settings`, e.g. ``up(workers=3, seed=7)``. Raises KubekitError for one that
    does not exist, and for a cluster that does not come up.
    """
    unknown = sorted(set(settings) - set(Settings.names()))
    if unknown:
        raise KubekitError(f"up() has no setting {unknown[0]!r}; there are {', '.join(Settings.names())}")
    cluster = Cluster(Settings(**settings))
    _clusters.append(cluster)
    return cluster


def current() -> Cluster:
    """The cluster that was made or chosen last; raises KubekitError when there is none."""
    if not _clusters:
        raise KubekitError("there is no cluster yet: make one with cluster = kubekit.up()")
    return _clusters[-1]


def use(cluster: Cluster) -> Cluster:
    """Make `cluster` the current one (the magics talk to it)."""
    if cluster in _clusters:
        _clusters.remove(cluster)
    _clusters.append(cluster)
    return cluster
