"""Changes of stored objects: what stays, what may change, and what is said about it."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.api.defaults import apply_defaults
from kubekit.api.meta import deep_copy, set_path
from kubekit.api.schema import for_kind
from kubekit.apiserver.validation import validate_create, validate_update
from kubekit.apiserver.validation.warnings import warnings_for

Obj = dict[str, Any]

IMMUTABLE = "field is immutable"
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
SELECTED = {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}


def stored(api_version: str, kind: str, spec: Obj, **more: Any) -> Obj:
    """An object as the server stores it."""
    meta = {"name": "x", "namespace": "d", "uid": "u", "resourceVersion": "1"}
    body = {"apiVersion": api_version, "kind": kind, "metadata": meta, **more}
    if spec:
        body["spec"] = spec
    obj, problems = for_kind(api_version, kind).decode(body)
    assert problems == []
    apply_defaults(obj)
    assert validate_create(obj) == []
    return obj


POD = stored("v1", "Pod", {"containers": [{"name": "c", "image": "i"}]})
DEPLOYMENT = stored("apps/v1", "Deployment", SELECTED)
SECRET = stored("v1", "Secret", {}, immutable=True)

CHANGES: list[tuple[Obj, tuple[str, ...], Any, list[tuple[str, str]]]] = [
    (POD, ("spec", "activeDeadlineSeconds"), 10, []),
    (POD, ("metadata", "labels"), {"a": "b"}, []),
    (
        POD,
        ("metadata", "labels"),
        {"-a": "b"},
        [("metadata.labels", 'Invalid value: "-a": name part must')] * 2,
    ),
    (POD, ("metadata", "uid"), "v", [("metadata.uid", f'Invalid value: "v": {IMMUTABLE}')]),
    (
        POD,
        ("spec", "nodeName"),
        "n",
        [("spec", "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,")],
    ),
    (DEPLOYMENT, ("spec", "replicas"), 5, []),
    (
        DEPLOYMENT,
        ("spec", "replicas"),
        -1,
        [("spec.replicas", "Invalid value: -1: must be greater than or equal to 0")],
    ),
    (
        DEPLOYMENT,
        ("spec", "selector"),
        {"matchLabels": {"a": "b", "c": "d"}},
        [
            ("spec.template.metadata.labels", 'Invalid value: {"a":"b"}: `selector` does not match'),
            ("spec.selector", 'Invalid value: {"matchLabels":{"a":"b","c":"d"}}: ' + IMMUTABLE),
        ],
    ),
    (SECRET, ("data",), {"a": "Yg=="}, [("data", "Forbidden: field is immutable when `immutable` is set")]),
    (SECRET, ("type",), "x", [("type", f'Invalid value: "x": {IMMUTABLE}')]),
]


@pytest.mark.parametrize(("old", "path", "value", "expected"), CHANGES)
def test_changes(old: Obj, path: tuple[str, ...], value: Any, expected: list[tuple[str, str]]) -> None:
    new = deep_copy(old)
    set_path(new, *path, value=value)
    found = validate_update(new, old)
    assert [error.field for error in found] == [field for field, _ in expected]
    for error, (_, text) in zip(found, expected, strict=True):
        assert error.body.startswith(text)


def test_the_refusal_of_a_pod_shows_what_changed() -> None:
    new = deep_copy(POD)
    new["spec"]["nodeName"] = "n"
    shown = validate_update(new, POD)[0].body
    assert '\n- "NodeName": "",\n+ "NodeName": "n",\n' in shown


def test_warnings() -> None:
    pod = deep_copy(POD)
    pod["spec"]["nodeSelector"] = {"beta.kubernetes.io/os": "linux"}
    text = 'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'
    assert warnings_for(pod, None) == [text]
