"""Every recorded creation: what validation says of the body is what the real server said.

Left out are bodies that only become right or wrong through what runs between decoding and validation in the
server (allocation of addresses, generated selectors, admission); the replay of the conversations covers them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from kubekit.api.defaults import apply_defaults
from kubekit.api.schema import DecodeError, for_kind
from kubekit.apiserver.validation import _MODULES, validate_create
from tests.conformance.outcome import GOLDEN, read_jsonl

Obj = dict[str, Any]

FILES = (
    "validation",
    "defaults-core",
    "defaults-apps-batch",
    "defaults-other",
    "errors",
    "admission",
    "table",
)
ELSEWHERE = {"Service", "Namespace", "batch/Job"}
"""Kinds whose creation goes through more than the body."""


def key_of(body: Obj) -> str:
    """The kind as the table of validators names it."""
    group, _, _ = body["apiVersion"].rpartition("/")
    return f"{group}/{body['kind']}" if group else str(body["kind"])


def creations() -> Iterator[tuple[str, Obj, str, list[tuple[str, str]]]]:
    """Name, body, namespace and recorded causes of each creation."""
    for file in FILES:
        for case in read_jsonl(GOLDEN / "apiserver", f"{file}.jsonl"):
            for number, step in enumerate(case["steps"]):
                body, answer = step.get("body"), step.get("response") or {}
                if step.get("method") != "POST" or not isinstance(body, dict) or step["path"].count("/") > 7:
                    continue
                if answer.get("status") not in (201, 422) or not body.get("apiVersion") or "kind" not in body:
                    continue
                key = key_of(body)
                if key not in _MODULES or key in ELSEWHERE:
                    continue
                details = answer["body"].get("details") or {} if answer["status"] == 422 else {}
                if details.get("kind", body["kind"]) != body["kind"]:
                    continue
                causes = [(cause["field"], cause["message"]) for cause in details.get("causes", ())]
                found = re.search(r"/namespaces/([^/]+)/", step["path"])
                yield f"{case['name']}[{number}]", body, found[1] if found else "", causes


CREATIONS = list(creations())


def test_there_are_recordings() -> None:
    assert len(CREATIONS) > 250


@pytest.mark.parametrize(
    ("body", "namespace", "causes"),
    [pytest.param(*rest, id=name) for name, *rest in CREATIONS],
)
def test_causes(body: Obj, namespace: str, causes: list[tuple[str, str]]) -> None:
    try:
        obj, _ = for_kind(body["apiVersion"], body["kind"]).decode(body)
    except DecodeError:
        pytest.fail("the body was accepted for decoding when it was recorded")
    apply_defaults(obj)
    metadata = obj.setdefault("metadata", {})
    if namespace:
        metadata.setdefault("namespace", namespace)
    if metadata.get("generateName"):
        metadata.setdefault("name", metadata["generateName"] + "<suffix#1>")
    assert [(error.field, error.body) for error in validate_create(obj)] == causes
