"""Encryption at rest: what lies in etcd, who can read it, rotation, and the errors of a wrong key."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kubekit.apiserver import APIServer
from tests.apiserver.conftest import CORE, Asker
from tests.apiserver.encryption.test_configuration import config, keys

ONE = base64.b64encode(bytes(range(32))).decode()
TWO = base64.b64encode(bytes(range(32, 64))).decode()
KEY = "/registry/secrets/default/x"
IDENTITY: dict[str, Any] = {"identity": {}}


def raw(api: Asker, key: str = KEY) -> bytes:
    found = api.store.get(key.encode())
    assert found is not None
    return bytes(found.value)


def secret(api: Asker) -> dict[str, Any]:
    return api.make(f"{CORE}/secrets", {"metadata": {"name": "x"}, "data": {"k": "cGFzcw=="}})


@pytest.mark.parametrize("provider", ["aescbc", "aesgcm", "secretbox"])
def test_only_ciphertext_lies_in_the_store(provider: str) -> None:
    api = Asker(encryption_config=config(["secrets"], {provider: keys(ONE)}, IDENTITY))
    secret(api)
    value = raw(api)
    assert value.startswith(f"k8s:enc:{provider}:v1:key1:".encode())
    assert b"cGFzcw==" not in value and b"Secret" not in value
    assert api.ask("GET", f"{CORE}/secrets/x").json()["data"] == {"k": "cGFzcw=="}
    assert [s["metadata"]["name"] for s in api.ask("GET", f"{CORE}/secrets", limit="1").json()["items"]] == [
        "x"
    ]
    api.config("plain", k="1")
    assert json.loads(raw(api, "/registry/configmaps/default/plain"))["data"] == {"k": "1"}
    api.server.crash()
    api.server.start()
    assert api.ask("GET", f"{CORE}/secrets/x").json()["data"] == {"k": "cGFzcw=="}


def test_the_ciphertext_is_aes_cbc_as_anybody_can_check() -> None:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    api = Asker(encryption_config=config(["secrets"], {"aescbc": keys(ONE)}))
    secret(api)
    sealed = raw(api).removeprefix(b"k8s:enc:aescbc:v1:key1:")
    decryptor = Cipher(algorithms.AES(base64.b64decode(ONE)), modes.CBC(sealed[:16])).decryptor()
    plain = decryptor.update(sealed[16:]) + decryptor.finalize()
    assert json.loads(plain[: -plain[-1]])["data"] == {"k": "cGFzcw=="}


def test_runs_repeat_and_no_two_values_are_alike() -> None:
    made = []
    for _ in range(2):
        api = Asker(encryption_config=config(["secrets"], {"aescbc": keys(ONE)}))
        first = secret(api)
        made.append(raw(api))
        api.ask("PUT", f"{CORE}/secrets/x", {**first, "data": {"k": "cGFzcw=", "l": ""}})
    assert made[0] == made[1]
    api.ask("PATCH", f"{CORE}/secrets/x", {"metadata": {"labels": {"a": "b"}}}, kind="merge")
    assert raw(api)[:39] != made[0][:39]


def test_a_key_is_rotated_by_writing_everything_again(api: Asker) -> None:
    made = secret(api)
    assert raw(api).startswith(b"{")
    api.server.encrypt_with(config(["secrets"], {"aescbc": keys(ONE, "one")}, IDENTITY))
    assert raw(api).startswith(b"{"), "what is there stays as it is until it is written"
    again = api.ask("PUT", f"{CORE}/secrets/x", made)
    assert again.status == 200 and raw(api).startswith(b"k8s:enc:aescbc:v1:one:")
    before = api.store.revision
    api.ask("PUT", f"{CORE}/secrets/x", again.json())
    assert api.store.revision == before, "an update that changes nothing writes nothing stale"
    both = {"keys": [{"name": "two", "secret": TWO}, {"name": "one", "secret": ONE}]}
    api.server.encrypt_with(config(["secrets"], {"aescbc": both}))
    api.ask("PUT", f"{CORE}/secrets/x", again.json())
    assert raw(api).startswith(b"k8s:enc:aescbc:v1:two:")
    api.server.encrypt_with(config(["secrets"], {"aescbc": keys(TWO, "two")}))
    assert api.ask("GET", f"{CORE}/secrets/x").json()["data"] == {"k": "cGFzcw=="}


def message(api: Asker, path: str, **query: str) -> tuple[int, str]:
    answer = api.ask("GET", path, **query)
    return answer.status, answer.json().get("message", "")


@pytest.mark.parametrize(
    ("provider", "why"),
    [
        ("aesgcm", "cipher: message authentication failed"),
        ("secretbox", "output array was not large enough for encryption"),
    ],
)
def test_a_wrong_key_is_told_in_the_originals_words(provider: str, why: str) -> None:
    api = Asker(encryption_config=config(["secrets"], {provider: keys(ONE)}))
    secret(api)
    api.server.encrypt_with(config(["secrets"], {provider: keys(TWO)}))
    full = f'Internal error occurred: unable to transform key "{KEY}": {why}'
    assert message(api, f"{CORE}/secrets") == (500, full)
    assert message(api, "/api/v1/secrets", limit="1") == (500, full)
    assert message(api, f"{CORE}/secrets/x") == (500, f"Internal error occurred: {why}")
    assert api.ask("DELETE", f"{CORE}/secrets/x").status == 500
    api.server.encrypt_with(config(["secrets"], {provider: keys(ONE)}))
    assert api.ask("GET", f"{CORE}/secrets/x").status == 200


def test_without_its_provider_and_without_any(api: Asker) -> None:
    api.server.encrypt_with(config(["secrets"], {"aescbc": keys(ONE)}))
    secret(api)
    api.server.encrypt_with(config(["secrets"], {"aescbc": keys(ONE, "other")}))
    assert message(api, f"{CORE}/secrets/x")[1].endswith(
        "no matching key was found for the provided AES transformer"
    )
    api.server.encrypt_with(config(["secrets"]))
    assert message(api, f"{CORE}/secrets/x")[1].endswith(": no matching prefix found")
    api.server.encrypt_with(None)
    assert message(api, f"{CORE}/secrets/x")[1].endswith("identity transformer tried to read encrypted data")


def test_a_value_moved_to_another_place_is_not_read() -> None:
    api = Asker(encryption_config=config(["secrets"], {"aesgcm": keys(ONE)}))
    secret(api)
    api.store.put(b"/registry/secrets/default/y", raw(api))
    assert message(api, f"{CORE}/secrets/y")[1].endswith("cipher: message authentication failed")
    assert api.ask("GET", f"{CORE}/secrets/x").status == 200


def test_everything_encrypted_also_what_a_definition_makes() -> None:
    api = Asker(encryption_config=config(["*.*"], {"secretbox": keys(ONE)}))
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    api.make(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        {
            "metadata": {"name": "cars.shop.io"},
            "spec": {
                "group": "shop.io",
                "scope": "Namespaced",
                "names": {"plural": "cars", "kind": "Car"},
                "versions": [version],
            },
        },
    )
    car = {"apiVersion": "shop.io/v1", "kind": "Car", "metadata": {"name": "c"}, "wheels": 4}
    api.make("/apis/shop.io/v1/namespaces/default/cars", car)
    plain = [kv.key for kv in api.store.range(b"/registry/", b"/registry0").kvs if kv.value[:1] == b"{"]
    assert plain == [], plain
    second = APIServer(api.loop, api.store, "second")
    with pytest.raises(Exception, match="identity transformer tried to read encrypted data"):
        second.start()
