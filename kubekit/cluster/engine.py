"""Which etcd a cluster stands on: members of its own, or a real etcd that it shares with others.

`engine_of` makes what the settings ask for; what it stands on may be older than the cluster. `go_on_from`
lets time go on where it stopped. `own_chance` gives a cluster that did not begin with an empty
store a random stream of its own: names and uids must be others than those of its earlier life, and others
than those that another API server of the same etcd draws from the same seed.
Source: kube-apiserver's flags --etcd-servers, --etcd-cafile, --etcd-certfile, --etcd-keyfile.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kubekit.cluster.data_directory import member_directories
from kubekit.cluster.defaults import CONTROL_PLANE, Settings
from kubekit.cluster.errors import KubekitError
from kubekit.cluster.etcd_disk import DATA_DIR, DataDirectory
from kubekit.cluster.node_files import NodeFiles
from kubekit.etcd import EtcdError, prefix_end
from kubekit.etcd.cluster import EtcdCluster, plans_of
from kubekit.etcd.cluster_errors import BootstrapError
from kubekit.etcd.datadir import StorageError
from kubekit.etcd.options import MemberPlan, Options
from kubekit.etcd.storage import MemberStorage
from kubekit.sim import Loop, parse_rfc3339

LEASES = b"/registry/leases/"


def engine_of(settings: Settings, loop: Loop) -> Any:
    """The etcd of a cluster, started. Raises KubekitError when there is none to be had."""
    if not settings.etcd:
        if settings.join:
            raise KubekitError("join needs the endpoints of an etcd that others use too: etcd=[...]")
        return _members(settings, loop)
    if settings.data_dir:
        raise KubekitError("data_dir is for etcd members of one's own; a real etcd keeps its data itself")
    try:
        remote = importlib.import_module("kubekit.serving.remote_etcd")
    except ModuleNotFoundError as error:
        raise KubekitError(f"a real etcd needs the extra kubekit[serve]: {error}") from None
    endpoints = [settings.etcd] if isinstance(settings.etcd, str) else list(settings.etcd)
    where = ", ".join(endpoints)
    try:
        etcd = remote.RemoteEtcd(
            loop,
            endpoints,
            ca=settings.etcd_cafile,
            certificate=settings.etcd_certfile,
            key=settings.etcd_keyfile,
        )
    except (OSError, ValueError) as error:
        raise KubekitError(str(error)) from None
    try:
        etcd.start()
    except EtcdError as error:
        etcd.stop()
        raise KubekitError(f"etcd at {where} does not answer: {error}") from None
    return etcd


def _members(settings: Settings, loop: Loop) -> EtcdCluster:
    single = settings.etcd_members == 1
    plans = [stacked(settings)] if single else plans_of(settings.etcd_members)
    disks: dict[str, MemberStorage] = {}
    if settings.data_dir:
        disks |= member_directories(settings.data_dir, [plan.name for plan in plans])
    else:
        disks |= {plan.name: DataDirectory(NodeFiles(), DATA_DIR) for plan in plans}
    options = Options(quota_bytes=settings.etcd_quota_bytes, initial_corrupt_check=True)
    members = EtcdCluster(loop, plans, disks=disks, options=options)
    with refusals("etcd"):
        members.start()
    return members


@contextmanager
def refusals(name: str) -> Iterator[None]:
    """What etcd says when it does not start, as an error for the learner. Raises KubekitError."""
    try:
        yield
    except (StorageError, BootstrapError) as error:
        raise KubekitError(f"{name} does not start: {error}") from None


def stacked(settings: Settings) -> MemberPlan:
    """The only member as kubeadm starts it: on the control-plane node, with TLS. In a directory that outlives
    the cluster it has the name that a real etcd has by default."""
    name, ip = "default" if settings.data_dir else CONTROL_PLANE, settings.first_node_ip
    return MemberPlan(name, (f"https://{ip}:2380",), (f"https://{ip}:2379",), "etcd")


def go_on_from(etcd: Any, loop: Loop, read: Callable[[str, bytes, int], Any]) -> None:
    """Let time go on from the last sign of life in the store: nothing may look as if it came from the future.

    Nodes and leaders renew their Leases every few seconds, so the latest renewal is nearly the last moment of
    the store's earlier life. A clock that is ahead of it already stays. `read(key, value, revision)` makes an
    object of what lies in the store, which may be encrypted.
    """
    latest = 0.0
    for kv in etcd.store.range(LEASES, prefix_end(LEASES)).kvs:
        try:
            lease = read(kv.key.decode(), kv.value, kv.mod_revision)
            latest = max(latest, parse_rfc3339(lease["spec"]["renewTime"]))
        except (ValueError, KeyError, TypeError):
            continue
    if latest > loop.clock.now():
        loop.advance(latest - loop.clock.now())


def own_chance(etcd: Any, loop: Loop, address: str) -> None:
    """Draw from another stream than any earlier life of this store; a new store leaves it as it is."""
    life = etcd.sign_in(address) if hasattr(etcd, "sign_in") else etcd.store.revision
    if life > 1:
        loop.rng = loop.rng.child(f"life/{life}")
