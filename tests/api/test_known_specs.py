"""A pod's spec that is known comes out as one that is looked at."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from kubekit.api import json_text, known_specs
from kubekit.api.defaults import apply_defaults
from kubekit.api.known_specs import completed
from kubekit.api.schema import for_kind

Obj = dict[str, Any]

SPECS: list[Obj] = [
    {"containers": []},
    {"containers": [{"name": "c", "image": "nginx"}]},
    {"containers": [{"name": "c", "image": "a:1", "resources": {"limits": {"cpu": 0.5, "memory": "1Gi"}}}]},
    {"containers": [{"name": "c", "ports": [{"containerPort": 80}]}], "hostNetwork": True},
    {
        "volumes": [{"name": "v"}, {"name": "w", "configMap": {"name": "x"}}],
        "terminationGracePeriodSeconds": -1,
    },
    {"initContainers": [{"name": "i", "livenessProbe": {"httpGet": {"port": 80}}}], "serviceAccount": "x"},
    {"tolerations": [{"key": "a"}], "affinity": {"podAntiAffinity": {}}, "nodeSelector": {"a": "b"}},
]


def looked_at(pod: Obj) -> Obj:
    """The spec as decoding and defaulting make it."""
    found, problems = for_kind("v1", "Pod").decode({"apiVersion": "v1", "kind": "Pod", **pod})
    assert not problems
    apply_defaults(found)
    spec: Obj = found["spec"]
    return spec


@pytest.mark.parametrize("spec", SPECS)
def test_it_is_what_decoding_and_defaulting_make_of_it(spec: Obj) -> None:
    sent = {"metadata": {"name": "p"}, "spec": copy.deepcopy(spec)}
    for _ in range(3):
        made = completed(sent)
        assert made is not None
        assert made == looked_at(sent)
        assert list(made) == list(looked_at(sent))
        assert sent["spec"] == spec


def test_what_is_given_out_belongs_to_whoever_asked() -> None:
    sent = {"spec": {"containers": [{"name": "c", "env": [{"name": "a", "value": "b"}]}]}}
    made = completed(sent)
    assert made is not None
    made["containers"][0]["env"].append({"name": "mine"})
    made["dnsPolicy"] = "None"
    assert completed(sent) == looked_at(sent)


def test_whatever_must_be_told_of_is_looked_at() -> None:
    good = {"containers": [{"name": "c", "image": "nginx"}]}
    assert completed({"spec": good}) is not None
    twice = json_text.parse(b'{"spec":{"containers":[{"name":"c","image":"x","image":"nginx"}]}}')
    for value in (
        {},
        {"spec": None},
        {"spec": [good]},
        {"spec": {**good, "bogus": 1}},
        {"spec": {**good, "nodeName": 5}},
        {"spec": {**good, "nodeName": None}},
        {"spec": {**good, "terminationGracePeriodSeconds": float("nan")}},
        {"spec": {**good, "terminationGracePeriodSeconds": 2**70}},
        {"spec": {**good, "overhead": {"cpu": "much"}}},
        {"spec": good, "status": {"podIP": "1.2.3.4"}},
        twice,
    ):
        assert completed(value) is None
        assert completed(value) is None


def test_numbers_and_texts_are_not_the_same() -> None:
    for value in ("1", 1, "1.0", 1.5):
        sent = {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": value}}}]}}
        assert completed(sent) == looked_at(sent)
    assert completed({"spec": {"hostNetwork": True}}) is not None
    assert completed({"spec": {"hostNetwork": 1}}) is None


def test_no_more_than_a_limit_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_specs, "_known", {})
    monkeypatch.setattr(known_specs, "LIMIT", 3)
    for number in range(10):
        assert completed({"spec": {"hostname": f"h{number}"}}) is not None
        assert len(known_specs._known) <= 3
    long = {"spec": {"hostname": "h" * known_specs.LONGEST}}
    assert completed(long) is None
