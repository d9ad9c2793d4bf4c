"""EncryptionConfiguration: what is refused and in which words, and which provider a resource gets."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from kubekit.apiserver.configuration_file import ConfigurationError
from kubekit.apiserver.encryption.configuration import load
from kubekit.apiserver.encryption.transformers import IDENTITY

KEY32 = base64.b64encode(bytes(range(32))).decode()


def config(resources: list[str], *providers: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": resources, "providers": list(providers) or [{"identity": {}}]}],
    }


def keys(secret: str, name: str = "key1") -> dict[str, Any]:
    return {"keys": [{"name": name, "secret": secret}]}


def refusal(source: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(source, bytes)
    return str(caught.value)


def test_refusals_are_the_originals() -> None:
    short = base64.b64encode(b"short").decode()
    here = "error while parsing file: resources[0].providers[0]"
    assert refusal(config(["secrets"], {"aescbc": keys(short)})) == (
        f'{here}.aescbc.keys[0].secret: Invalid value: "REDACTED": secret is not of the expected length, '
        "got 5, "
        "expected one of [16 24 32]"
    )
    assert refusal(config(["secrets"], {"secretbox": keys(base64.b64encode(b"x" * 16).decode())})) == (
        f'{here}.secretbox.keys[0].secret: Invalid value: "REDACTED": secret is not of the expected '
        "length, got "
        "16, expected one of [32]"
    )
    assert refusal(config(["secrets"], {"aesgcm": keys("%%%")})) == (
        f'{here}.aesgcm.keys[0].secret: Invalid value: "REDACTED": secrets must be base64 encoded'
    )
    assert refusal(config(["secrets"], {"aescbc": keys("", "")})) == (
        "error while parsing file: [resources[0].providers[0].aescbc.keys[0].name: Required value: name is a "
        "mandatory field for a key, resources[0].providers[0].aescbc.keys[0].secret: Required value: "
        "secret is a "
        "mandatory field for a key]"
    )
    assert "more than one provider specified in a single element" in refusal(
        config(["secrets"], {"identity": {}, "aescbc": keys(KEY32)})
    )
    assert "does not contain any of the expected providers" in refusal(
        config(["secrets"], {"identity": None})
    )
    assert "kms is not supported here" in refusal(config(["secrets"], {"kms": {"name": "k"}}))
    assert 'unknown field "resources[0].providers[0].aescbcs"' in refusal(
        config(["secrets"], {"aescbcs": {}})
    )
    assert refusal(config([])) == (
        "error while parsing file: resources[0].resources: Required value: at least one "
        "resources[0].resources is "
        "required"
    )


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["Secrets"], "should not contain capital letters"),
        (["*"], "use '*.' to encrypt all the resources from core API group"),
        (["events.events.k8s.io"], "Use 'events' instead in the config file"),
        (["secrets.*"], "encrypting the same resource across groups is not supported"),
        (["ingresses.extensions"], "'extensions' group has been removed"),
        (["serviceipallocations"], "which do not have REST API/s cannot be encrypted"),
        (["secrets", "*."], "they will be masked"),
        (["deployments.apps", "*.*"], "they will be masked"),
        (["secrets", "secrets"], "the same resource cannot be specified multiple times"),
    ],
)
def test_names_that_are_refused(names: list[str], why: str) -> None:
    assert why in refusal(config(names))


def test_a_rule_masked_by_an_earlier_one() -> None:
    both = config(["*.*"])
    both["resources"] += config(["secrets"])["resources"]
    assert refusal(both) == (
        'error while building transformers: resource "secrets" is masked by earlier rule "*.*"'
    )


def test_the_nearest_rule_counts() -> None:
    made = config(["secrets"], {"secretbox": keys(KEY32, "own")})
    made["resources"] += config(["*."], {"secretbox": keys(KEY32, "core")})["resources"]
    made["resources"] += config(["*.apps"], {"secretbox": keys(KEY32, "apps")})["resources"]
    made["resources"] += config(["*.*"])["resources"]
    encryption = load(made, bytes)

    def written(group: str, resource: str) -> bytes:
        return encryption.of(group, resource).seal(b"{}", b"/k")[:26]

    assert written("", "secrets") == b"k8s:enc:secretbox:v1:own:\0"
    assert written("", "configmaps") == b"k8s:enc:secretbox:v1:core:"
    assert written("apps", "deployments") == b"k8s:enc:secretbox:v1:apps:"
    assert written("batch", "jobs") == b"{}"
    assert load(config(["secrets"]), bytes).of("batch", "jobs") is IDENTITY


def test_text_and_file_are_read(tmp_path: Path) -> None:
    text = f"""
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - secretbox: {{keys: [{{name: one, secret: {KEY32}}}]}}
"""
    file = tmp_path / "enc.yaml"
    file.write_text(text)
    for source in (text, file, str(file)):
        assert load(source, bytes).of("", "secrets").seal(b"", b"").startswith(b"k8s:enc:secretbox:v1:one:")
    assert refusal(str(tmp_path / "none.yaml")).endswith("none.yaml: no such file or directory")
    assert "no kind" in refusal(text.replace("EncryptionConfiguration", "Pod"))
    assert "error converting YAML to JSON" in refusal(text + "  x: [")
