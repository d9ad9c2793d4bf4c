"""A fresh store on a clock that stands still, and a gateway to it."""

from __future__ import annotations

import pytest

from kubekit.etcd import KVStore
from kubekit.etcd.gateway import Gateway
from kubekit.etcd.v3rpc import Server
from kubekit.sim import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def store(clock: VirtualClock) -> KVStore:
    return KVStore(clock)


@pytest.fixture
def server(store: KVStore) -> Server:
    return Server(store)


@pytest.fixture
def gateway(server: Server) -> Gateway:
    return Gateway(server)
