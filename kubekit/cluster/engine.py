"""Which etcd a cluster stands on: members of its own, or a real etcd that it shares with others.

`engine_of` makes what the settings ask for. `own_chance` gives a cluster that did not begin with an empty
store a random stream of its own: names and uids must be others than those of its earlier life, and others
than those that another API server of the same etcd draws from the same seed.
Source: kube-apiserver's flags --etcd-servers, --etcd-cafile, --etcd-certfile, --etcd-keyfile.
"""

from __future__ import annotations

import importlib
from typing import Any

from kubekit.cluster.defaults import Settings
from kubekit.cluster.errors import KubekitError
from kubekit.etcd import EtcdError
from kubekit.etcd.cluster import EtcdCluster
from kubekit.sim import Loop


def engine_of(settings: Settings, loop: Loop) -> Any:
    """The etcd of a cluster, started. Raises KubekitError when there is none to be had."""
    if not settings.etcd:
        if settings.join:
            raise KubekitError("join needs the endpoints of an etcd that others use too: etcd=[...]")
        members = EtcdCluster(loop, settings.etcd_members)
        members.start()
        return members
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


def own_chance(etcd: Any, loop: Loop, address: str) -> None:
    """Draw from another stream than any earlier life of this store; a new store leaves it as it is."""
    life = etcd.sign_in(address) if hasattr(etcd, "sign_in") else etcd.store.revision
    if life > 1:
        loop.rng = loop.rng.child(f"life/{life}")
