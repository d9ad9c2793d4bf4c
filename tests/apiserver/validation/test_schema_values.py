"""Values against schemas: the recorded widgets, and combinations of schemas."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.api.field_path import Path
from kubekit.apiserver.validation.schema_values import duplicates, value_errors
from kubekit.apiserver.validation.structural_schema import pattern_problem

SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 10},
        "name": {"type": "string", "minLength": 2, "maxLength": 5, "pattern": "^[a-z]+$"},
        "color": {"type": "string", "enum": ["red", "blue"]},
        "tags": {
            "type": "array",
            "maxItems": 2,
            "items": {"type": "string"},
            "x-kubernetes-list-type": "set",
        },
        "ports": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["port"],
            "items": {
                "type": "object",
                "required": ["port"],
                "properties": {"port": {"type": "integer"}, "name": {"type": "string"}},
            },
        },
        "ios": {"x-kubernetes-int-or-string": True},
        "when": {"type": "string", "format": "date-time"},
        "opt": {"type": "string", "nullable": True},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "either": {"type": "string", "oneOf": [{"pattern": "^a"}, {"pattern": "z$"}]},
    },
}
SCHEMA = {"type": "object", "required": ["spec"], "properties": {"spec": SPEC}}
WIDGETS: list[tuple[Any, list[str]]] = [
    ({"size": 3, "opt": None, "ios": "50%", "when": "2026-01-01T00:00:00Z", "labels": {"a": "b"}}, []),
    ({}, ["spec.size: Required value"]),
    ({"size": 0}, ["spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"]),
    ({"size": 11}, ["spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"]),
    (
        {"size": "x"},
        ['spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"'],
    ),
    (
        {"size": 1.5},
        [
            'spec.size: Invalid value: "number": spec.size in body must be of type integer: "number"',
            '<nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.size',
        ],
    ),
    (
        {"size": 3, "color": "green"},
        ['spec.color: Unsupported value: "green": supported values: "red", "blue"'],
    ),
    (
        {"size": 3, "name": "A1"},
        ["spec.name: Invalid value: \"A1\": spec.name in body should match '^[a-z]+$'"],
    ),
    ({"size": 3, "name": "toolong"}, ["spec.name: Too long: may not be more than 5 bytes"]),
    ({"size": 3, "tags": ["a", "b", "c"]}, ["spec.tags: Too many: 3: must have at most 2 items"]),
    (
        {"size": 3, "tags": [1]},
        ['spec.tags[0]: Invalid value: "integer": spec.tags[0] in body must be of type string: "integer"'],
    ),
    ({"size": 3, "ports": [{"name": "x"}]}, ["spec.ports[0].port: Required value"]),
    (
        {"size": 3, "ios": 1.5},
        ['spec.ios: Invalid value: "number": spec.ios in body must be of type integer,string: "number"'],
    ),
    (
        {"size": 3, "when": "nope"},
        ['spec.when: Invalid value: "nope": spec.when in body must be of type date-time: "nope"'],
    ),
    ("x", ['spec: Invalid value: "string": spec in body must be of type object: "string"']),
    ({"size": 3, "either": "ab"}, []),
    (
        {"size": 3, "either": "az"},
        [
            '<nil>: Invalid value: "": "spec.either" must validate one and only one schema (oneOf). '
            "Found 2 valid alternatives"
        ],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), WIDGETS)
def test_widgets(spec: Any, expected: list[str]) -> None:
    found = value_errors({"spec": spec}, SCHEMA, Path())
    assert [str(error) for error in found] == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"tags": ["a", "a"]}, ['spec.tags[1]: Duplicate value: "a"']),
        ({"ports": [{"port": 1, "name": "a"}, {"port": 1}]}, ['spec.ports[1]: Duplicate value: {"port":1}']),
        ({"ports": [{"port": 1}, {"port": 2}], "tags": ["a", "b"]}, []),
    ],
)
def test_lists_that_are_sets_or_maps(spec: Any, expected: list[str]) -> None:
    assert [str(error) for error in duplicates(spec, SPEC, Path("spec"))] == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("^a+$", ""),
        ("[", "error parsing regexp: missing closing ]: `[`"),
        ("a(b", "error parsing regexp: missing closing ): `a(b`"),
        ("*", "error parsing regexp: missing argument to repetition operator: `*`"),
    ],
)
def test_patterns(pattern: str, expected: str) -> None:
    assert pattern_problem(pattern) == expected


BODY = "x in body should be"
NUMBERS: list[tuple[Any, Any, list[str]]] = [
    (5, {"maximum": 4.0}, [f"Invalid value: 5: {BODY} less than or equal to 4"]),
    (2000000.5, {"maximum": 1000000}, [f"Invalid value: 2.0000005e+06: {BODY} less than or equal to 1e+06"]),
    (0.00001, {"minimum": 0.5}, [f"Invalid value: 1e-05: {BODY} greater than or equal to 0.5"]),
    (0.3, {"multipleOf": 0.1}, []),
    (5, {"multipleOf": 2}, [f"Invalid value: 5: {BODY} a multiple of 2"]),
    (True, {"enum": [1]}, ['Unsupported value: true: supported values: "1"']),
    (1, {"enum": [True, 2]}, ['Unsupported value: 1: supported values: "true", "2"']),
    (None, {"enum": ["a"], "nullable": True}, ['Unsupported value: null: supported values: "a"']),
    ("٣", {"pattern": "^\\d$"}, ["Invalid value: \"٣\": x in body should match '^\\d$'"]),
]


@pytest.mark.parametrize(("value", "schema", "expected"), NUMBERS)
def test_how_numbers_are_compared_and_printed(value: Any, schema: Any, expected: list[str]) -> None:
    assert [error.body for error in value_errors(value, schema, Path("x"), "x")] == expected
