"""Tokens with which nodes join: they end in time, and `cluster-info` is signed with those that may sign."""

from __future__ import annotations

from kubekit.controllers.bootstrap_tokens import detached_signature
from kubekit.sim import rfc3339
from tests.controllers.world import Obj, World

SIGNER = ["bootstrap-signer", "token-cleaner"]
SECRET = "0123456789abcdef"


def token(world: World, ident: str, seconds: float | None = None, **fields: str) -> Obj:
    data = {"token-id": ident, "token-secret": SECRET, "usage-bootstrap-signing": "true", **fields}
    if seconds is not None:
        data["expiration"] = rfc3339(world.loop.clock.now() + seconds)
    kind = "bootstrap.kubernetes.io/token"
    return world.create("secrets", f"bootstrap-token-{ident}", "kube-system", type=kind, stringData=data)


def signatures(world: World) -> dict[str, str]:
    data = world.get("configmaps", "cluster-info", "kube-public")["data"]
    return {key: value for key, value in data.items() if key != "kubeconfig"}


def with_cluster_info() -> World:
    world = World(SIGNER)
    world.create("configmaps", "cluster-info", "kube-public", data={"kubeconfig": "clusters"})
    return world


def test_a_token_is_removed_when_its_time_is_over() -> None:
    world = World(SIGNER)
    token(world, "aaaaaa", seconds=60.0)
    token(world, "bbbbbb")
    world.loop.advance(59.0)
    assert world.names("secrets", "kube-system") == ["bootstrap-token-aaaaaa", "bootstrap-token-bbbbbb"]
    world.loop.advance(2.0)
    assert world.names("secrets", "kube-system") == ["bootstrap-token-bbbbbb"]


def test_a_token_signs_what_joining_nodes_read() -> None:
    world = with_cluster_info()
    assert signatures(world) == {}
    token(world, "aaaaaa")
    assert signatures(world) == {"jws-kubeconfig-aaaaaa": detached_signature("clusters", "aaaaaa", SECRET)}
    world.change("configmaps", "cluster-info", {"data": {"kubeconfig": "others"}}, "kube-public")
    assert signatures(world) == {"jws-kubeconfig-aaaaaa": detached_signature("others", "aaaaaa", SECRET)}
    world.delete("secrets", "bootstrap-token-aaaaaa", "kube-system")
    assert signatures(world) == {}


def test_a_token_that_may_not_sign_does_not() -> None:
    world = with_cluster_info()
    token(world, "aaaaaa", **{"usage-bootstrap-signing": "false"})
    assert signatures(world) == {}


def test_other_secrets_are_no_tokens() -> None:
    world = with_cluster_info()
    data = {"token-id": "aaaaaa", "token-secret": SECRET, "usage-bootstrap-signing": "true"}
    data["expiration"] = rfc3339(world.loop.clock.now() - 60.0)
    world.create("secrets", "bootstrap-token-aaaaaa", "kube-system", stringData=data)
    assert signatures(world) == {} and world.names("secrets", "kube-system") == ["bootstrap-token-aaaaaa"]
