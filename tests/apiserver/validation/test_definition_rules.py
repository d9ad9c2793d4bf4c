"""Rules of custom resource definitions: their versions, schemas and selectable fields."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.apiserver.conftest import Asker

Obj = dict[str, Any]

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TEXT = {"type": "string"}
SHARED = "spec.validation.openAPIV3Schema"
STORAGE = "must have exactly one version marked as storage version"


def fields(**properties: Any) -> Obj:
    return {"type": "object", "properties": properties}


def definition(schema: Obj | None = None, version: Obj | None = None, **spec: Any) -> Obj:
    one = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema or {"type": "object"}},
        **(version or {}),
    }
    names = {"plural": "foos", "kind": "Foo"}
    base = {"group": "ex.io", "scope": "Namespaced", "names": names, "versions": [one]}
    return {"metadata": {"name": "foos.ex.io"}, "spec": {**base, **spec}}


def selectable(*paths: str) -> Obj:
    return {"selectableFields": [{"jsonPath": path} for path in paths]}


def ruled(schema: Obj, *rules: Obj) -> Obj:
    return {**schema, "x-kubernetes-validations": list(rules)}


CASES: list[tuple[Obj, list[tuple[str, str]]]] = [
    (
        definition(versions=[]),
        [
            ("spec.versions", f"Invalid value: []: {STORAGE}"),
            ("status.storedVersions", "Invalid value: null: must have at least one stored version"),
        ],
    ),
    (
        definition(version={"name": "V1"}),
        [
            ("spec.versions[0].name", 'Invalid value: "V1": a DNS-1035 label'),
            ("spec.version", 'Invalid value: "V1": a DNS-1035 label'),
        ],
    ),
    (
        definition(version={"deprecated": True, "deprecationWarning": "ä\n" + "x" * 300}),
        [
            ("spec.versions[0].deprecationWarning", "must be <= 256 characters long"),
            ("spec.versions[0].deprecationWarning", "non-printable character found at index 2"),
        ],
    ),
    (
        definition(
            fields(spec=fields(a=TEXT), metadata=fields(name=TEXT)),
            selectable(".spec.a", ".spec.b", ".metadata.name", "spec", ".spec", ".spec['a']", ".spec.a", "."),
        ),
        [
            ("spec.selectableFields[1].jsonPath", "is an invalid path: does not refer to a valid field"),
            ("spec.selectableFields[2].jsonPath", "must not point to fields in metadata"),
            ("spec.selectableFields[3].jsonPath", "expected [ or . but got: spec"),
            ("spec.selectableFields[4].jsonPath", "must point to a field of type string"),
            ("spec.selectableFields[5].jsonPath", "array notation is not allowed"),
            ("spec.selectableFields[6].jsonPath", 'Duplicate value: ".spec.a"'),
            ("spec.selectableFields[7].jsonPath", "unexpected end of JSON path"),
        ],
    ),
    (
        definition(
            fields(s=fields(**{f"a{one}": TEXT for one in range(9)})),
            selectable(*(f".s.a{one}" for one in range(9))),
        ),
        [("spec.selectableFields", "Too many: 9: must have at most 8 items")],
    ),
    (
        definition({"type": "object", "maxProperties": 3}, {"subresources": {"status": {}}}),
        [(SHARED, '"MaxProperties":3,"MinProperties":null,"Required":null,"Items":null')],
    ),
    (
        definition(fields(s=ruled(fields(a=TEXT), {"rule": "true", "fieldPath": ".b"}, {"rule": "self.q"}))),
        [(f"{SHARED}.properties[s].x-kubernetes-validations[0].fieldPath", "must be a valid path")],
    ),
    (
        definition(fields(s=ruled(fields(a=ruled(TEXT, {"rule": "self == 1"})), {"rule": "self.q"}))),
        [
            (f"{SHARED}.properties[s].properties[a].x-kubernetes-validations[0].rule", "matching overload"),
            (f"{SHARED}.properties[s].x-kubernetes-validations[0].rule", "undefined field 'q'"),
        ],
    ),
    (
        definition(
            fields(
                s={**fields(a=TEXT), "default": {"b": 1}},
                d=ruled({**TEXT, "default": "q"}, {"rule": "self == 'x'"}),
            )
        ),
        [
            (f"{SHARED}.properties[s].default", 'Invalid value: {"b":1}: must not have unknown fields'),
            (f"{SHARED}.properties[d].default", "Invalid value: \"q\": failed rule: self == 'x'"),
        ],
    ),
    (
        definition({"type": "object", "$schema": "x"}),
        [(SHARED, "Invalid value: \"\": OpenAPIV3Schema 'schema' is not supported")],
    ),
    (
        definition(fields(s={"$ref": "#/x"})),
        [(f"{SHARED}.properties[s].$ref", "Forbidden: $ref is not supported")],
    ),
    (
        definition(
            fields(s={**TEXT, "default": "x"}),
            preserveUnknownFields=True,
            conversion={
                "strategy": "Webhook",
                "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {"url": "https://x"}},
            },
        ),
        [
            ("spec.preserveUnknownFields", "must be false in order to use defaults in the schema"),
            ("spec.conversion.strategy", "must be None if spec.preserveUnknownFields is true"),
            ("spec.preserveUnknownFields", "cannot set to true"),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), CASES)
def test_causes(api: Asker, body: Obj, expected: list[tuple[str, str]]) -> None:
    causes = api.ask("POST", DEFINITIONS, body).body["details"]["causes"]
    assert [one["field"] for one in causes] == [field for field, _ in expected]
    for cause, (_, text) in zip(causes, expected, strict=True):
        assert text in cause["message"]


def test_certificates_of_a_conversion_must_be_sound_once_it_is_in_use(api: Asker) -> None:
    def converted(text: bytes) -> Obj:
        config = {"url": "https://x", "caBundle": base64.b64encode(text).decode()}
        hook = {"conversionReviewVersions": ["v1"], "clientConfig": config}
        return {"strategy": "Webhook", "webhook": hook}

    def established() -> Obj:
        conditions = api.ask("GET", path).json()["status"]["conditions"]
        return next(one for one in conditions if one["type"] == "Established")

    path = f"{DEFINITIONS}/foos.ex.io"
    api.make(DEFINITIONS, definition(conversion=converted(b"none")))
    assert (established()["status"], established()["reason"]) == ("False", "InvalidCABundle")
    fine = api.ask(
        "PATCH", path, {"spec": {"conversion": {"strategy": "None", "webhook": None}}}, kind="merge"
    )
    assert fine.status == 200
    assert established()["reason"] == "InitialNamesAccepted"
    broken = b"-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n"
    for text, problem in (
        (b"none", "unable to parse bytes as PEM block"),
        (broken, "failed to parse certificate: x509: malformed certificate"),
        (broken.replace(b"CERTIFICATE", b"KEY"), "no valid certificate authority data seen"),
    ):
        answer = api.ask("PATCH", path, {"spec": {"conversion": converted(text)}}, kind="merge")
        causes = answer.json()["details"]["causes"]
        assert [one["field"] for one in causes] == ["spec.conversion.webhookClientConfig.caBundle"]
        assert causes[0]["message"].endswith(f"unable to load root certificates: {problem}")
