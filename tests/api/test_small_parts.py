"""The smaller rooms of the API: resources, images, schedules, metadata, field errors, and all doctests."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from datetime import UTC, datetime

import pytest

import kubekit.api
import kubekit.api.defaults
import kubekit.apiserver.validation
from kubekit.api import cron_schedule, images, meta, resources
from kubekit.api.field_path import Path, invalid, not_supported, required, too_long
from kubekit.api.meta import Obj
from kubekit.api.status_error import invalid as invalid_status

MODULES = [
    f"{package.__name__}.{found.name}"
    for package in (kubekit.api, kubekit.api.defaults, kubekit.apiserver.validation)
    for found in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_the_modules_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("po", "pods"), ("pod", "pods"), ("Pods", "pods"), ("deploy", "deployments.apps"),
        ("deployments.v1.apps", "deployments.apps"), ("deployments.apps", "deployments.apps"),
        ("svc", "services"), ("ing", "ingresses.networking.k8s.io"), ("cm", "configmaps"),
        ("ns", "namespaces"),
        ("events.v1.events.k8s.io", "events.events.k8s.io"), ("ev", "events"),
        ("hpa", "horizontalpodautoscalers.autoscaling"),
    ],
)  # fmt: skip
def test_words_for_resources(word: str, expected: str) -> None:
    found = resources.CATALOG.find(word)
    assert found is not None
    assert found.qualified == expected


def test_paths_of_resources() -> None:
    deployments = resources.by_kind("apps/v1", "Deployment")
    assert deployments.path("default", "a", "scale") == "/apis/apps/v1/namespaces/default/deployments/a/scale"
    assert resources.by_kind("v1", "Node").path("", "n1") == "/api/v1/nodes/n1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("nginx", "Always"), ("nginx:latest", "Always"), ("nginx:1.25", "IfNotPresent"),
     ("a/b@sha256:" + "0" * 64, "IfNotPresent")],
)  # fmt: skip
def test_pull_policies(text: str, expected: str) -> None:
    assert images.default_pull_policy(text) == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("*/15 * * * *", "2026-01-01T00:15:00"), ("0 12 * * 1-5", "2026-01-01T12:00:00"),
        ("@monthly", "2026-02-01T00:00:00"), ("0 0 29 2 *", "2028-02-29T00:00:00"),
        ("@every 1h", "2026-01-01T01:00:00"), ("30 6 1 jan,jul sun", "2026-01-01T06:30:00"),
    ],
)  # fmt: skip
def test_next_times_of_schedules(schedule: str, expected: str) -> None:
    found = cron_schedule.parse(schedule).next_after(datetime(2026, 1, 1, tzinfo=UTC))
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_owners() -> None:
    owner: Obj = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "a", "uid": "u"}}
    reference = meta.controller_reference(owner)
    child: Obj = {"metadata": {"name": "b", "ownerReferences": [reference]}}
    assert meta.controller_of(child) == reference
    assert meta.is_controlled_by(child, owner)


FIELD = Path("spec").child("ports").index(0).key("a/b")
ERRORS = [
    (required(FIELD), "spec.ports[0][a/b]: Required value"),
    (required(FIELD, "say it"), "spec.ports[0][a/b]: Required value: say it"),
    (invalid(FIELD, "x", "must fit"), 'spec.ports[0][a/b]: Invalid value: "x": must fit'),
    (invalid(FIELD, 5, "must fit"), "spec.ports[0][a/b]: Invalid value: 5: must fit"),
    (invalid(FIELD, None, "must fit"), "spec.ports[0][a/b]: Invalid value: null: must fit"),
    (
        not_supported(FIELD, "x", ("a", "b")),
        'spec.ports[0][a/b]: Unsupported value: "x": supported values: "a", "b"',
    ),
    (too_long(FIELD, 63), "spec.ports[0][a/b]: Too long: may not be more than 63 bytes"),
]


@pytest.mark.parametrize(("error", "expected"), ERRORS)
def test_texts_of_field_errors(error: object, expected: str) -> None:
    assert str(error) == expected


def test_a_status_lists_its_causes() -> None:
    found = invalid_status(
        "Pod", "", "a", [required(Path("spec").child("x")), required(Path("spec").child("y"))]
    )
    assert found.code == 422
    assert found.message == 'Pod "a" is invalid: [spec.x: Required value, spec.y: Required value]'
    assert [cause["field"] for cause in found.causes] == ["spec.x", "spec.y"]
