"""One API server for the tests of its documents: they only read it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kubekit.api.exchange import Request, Response, UserInfo
from kubekit.apiserver import APIServer
from kubekit.etcd import KVStore
from kubekit.sim import Loop

Get = Callable[..., Response]


def server() -> APIServer:
    """A server on an empty store."""
    loop = Loop()
    api = APIServer(loop, KVStore(loop.clock))
    api.start()
    return api


def getter(api: APIServer) -> Get:
    """Asks a server as its administrator."""

    def get(path: str, **headers: str) -> Response:
        path, _, query = path.partition("?")
        name, _, value = query.partition("=")
        named = {key.replace("_", "-"): one for key, one in headers.items()}
        user = UserInfo("admin", groups=("system:masters",))
        answer = api(Request("GET", path, {name: [value]} if name else {}, named, None, user))
        assert isinstance(answer, Response)
        return answer

    return get


@pytest.fixture(scope="session")
def get() -> Get:
    """GET on a server without custom resources."""
    return getter(server())
