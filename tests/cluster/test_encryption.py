"""A cluster with encryption at rest: what etcd shows, and a life after the first one."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

import kubekit
from kubekit.apiserver.configuration_file import ConfigurationError


def config(resource: str, provider: str = "secretbox") -> dict[str, Any]:
    secret = base64.b64encode(bytes(range(32))).decode()
    providers = [{provider: {"keys": [{"name": "key1", "secret": secret}]}}, {"identity": {}}]
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": [resource], "providers": providers}],
    }


def test_a_secret_is_not_to_be_read_in_etcd() -> None:
    cluster = kubekit.up(workers=0, encryption_config=config("secrets", "aescbc"))
    body = {"metadata": {"name": "x"}, "stringData": {"password": "hunter2"}}
    cluster.client.create("secrets", body, "default")
    found = cluster.etcd.store.get(b"/registry/secrets/default/x").value
    assert found.startswith(b"k8s:enc:aescbc:v1:key1:") and b"hunter2" not in found
    data = cluster.client.get("secrets", "x", "default")["data"]
    assert base64.b64decode(data["password"]) == b"hunter2"


def test_a_cluster_in_ciphertext_goes_on_where_it_stopped(tmp_path: Path) -> None:
    where = str(tmp_path / "etcd")
    first = kubekit.up(workers=1, data_dir=where, encryption_config=config("*.*"))
    first.advance("10m")
    elapsed = first.loop.clock.now()
    first.etcd.stop()
    second = kubekit.up(workers=1, data_dir=where, encryption_config=config("*.*"))
    assert second.loop.clock.now() >= elapsed - 20
    assert {n["metadata"]["name"] for n in second.client.list("nodes")["items"]} == {"controlplane", "node01"}


def test_a_bad_file_is_a_sentence() -> None:
    with pytest.raises(ConfigurationError, match=r"open nowhere\.yaml: no such file or directory"):
        kubekit.up(workers=0, encryption_config="nowhere.yaml")
