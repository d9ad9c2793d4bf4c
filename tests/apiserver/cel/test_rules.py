"""Rules in the schema of a custom resource."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.api.field_path import Path
from kubekit.apiserver.custom.rules import rule_errors, rule_problems

Obj = dict[str, Any]


def schema(*rules: Obj, **properties: Obj) -> Obj:
    spec = {"type": "object", "properties": properties, "x-kubernetes-validations": list(rules)}
    return {"type": "object", "properties": {"spec": spec}}


INTEGER = {"type": "integer"}
TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("rule", "spec", "holds"),
    [
        ("self.min <= self.max", {"min": 1, "max": 2}, True),
        ("self.min <= self.max", {"min": 3, "max": 2}, False),
        ("has(self.min)", {"max": 2}, False),
        ("self.a__dash__b == 'x'", {"a-b": "x"}, True),
        ("self.__namespace__ == 'x'", {"namespace": "x"}, True),
        ("self.when < timestamp('2026-01-01T00:00:00Z')", {"when": "2025-12-31T00:00:00Z"}, True),
        ("self.list.exists(x, x.name == 'b')", {"list": [{"name": "a"}, {"name": "b"}]}, True),
        ("type(self.either) == string ? self.either == '50%' : self.either == 3", {"either": "50%"}, True),
    ],
)
def test_rules_see_the_value_in_its_types(rule: str, spec: Obj, holds: bool) -> None:
    items = {"type": "object", "properties": {"name": TEXT}}
    found = schema(
        {"rule": rule},
        min=INTEGER,
        max=INTEGER,
        namespace=TEXT,
        when={"type": "string", "format": "date-time"},
        list={"type": "array", "items": items},
        either={"x-kubernetes-int-or-string": True},
        **{"a-b": TEXT},
    )
    assert rule_problems(found, Path("s")) == []
    assert (rule_errors({"spec": spec}, None, found, Path("")) == []) is holds


def test_messages_reasons_and_places() -> None:
    found = schema(
        {"rule": "self.min < 1", "messageExpression": "'min is ' + string(self.min)", "fieldPath": ".min"},
        {"rule": "self.min < 2", "message": "too much", "reason": "FieldValueForbidden"},
        {"rule": "self.min < 3"},
        {"rule": "self.max > 0"},
        min=INTEGER,
        max=INTEGER,
    )
    errors = rule_errors({"spec": {"min": 5}}, None, found, Path(""))
    assert [(str(error.field), error.reason) for error in errors] == [
        ("spec.min", "FieldValueInvalid"),
        ("spec", "FieldValueForbidden"),
        ("spec", "FieldValueInvalid"),
        ("spec", "FieldValueInvalid"),
    ]
    assert [error.detail for error in errors] == [
        "min is 5",
        "too much",
        "failed rule: self.min < 3",
        "no such key: max evaluating rule: self.max > 0",
    ]


def test_a_transition_is_asked_about_only_when_there_was_something_before() -> None:
    found = schema({"rule": "self.size == oldSelf.size", "message": "size is immutable"}, size=INTEGER)
    assert rule_errors({"spec": {"size": 1}}, None, found, Path("")) == []
    assert rule_errors({"spec": {"size": 1}}, {"spec": {"size": 1}}, found, Path("")) == []
    changed = rule_errors({"spec": {"size": 2}}, {"spec": {"size": 1}}, found, Path(""))
    assert [error.detail for error in changed] == ["size is immutable"]


def test_items_of_a_map_list_are_compared_by_their_keys() -> None:
    item = {
        "type": "object",
        "properties": {"name": TEXT, "size": INTEGER},
        "x-kubernetes-validations": [{"rule": "self.size >= oldSelf.size", "message": "may only grow"}],
    }
    disks = {
        "type": "array",
        "items": item,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    }
    found = schema(disks=disks)
    assert rule_problems(found, Path("s")) == []
    old = {"spec": {"disks": [{"name": "a", "size": 5}, {"name": "b", "size": 5}]}}
    new = {"spec": {"disks": [{"name": "b", "size": 4}, {"name": "c", "size": 1}, {"name": "a", "size": 6}]}}
    assert [str(error.field) for error in rule_errors(new, old, found, Path(""))] == ["spec.disks[0]"]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"rule": "self.nope == 1"}, "undefined field 'nope'"),
        ({"rule": "self.size"}, "must evaluate to a bool"),
        ({"rule": "self.size == 'a'"}, "found no matching overload for '_==_' applied to '(int, string)'"),
        ({"rule": "true", "messageExpression": "self.size"}, "messageExpression must evaluate to a string"),
        ({"rule": "true", "optionalOldSelf": True}, "may not be set if oldSelf is not used in rule"),
    ],
)
def test_rules_that_make_no_sense_are_refused_with_the_definition(rule: Obj, text: str) -> None:
    problems = rule_problems(schema(rule, size=INTEGER), Path("s"))
    assert len(problems) == 1 and text in problems[0].detail


def test_old_values_of_plain_lists_cannot_be_known() -> None:
    item = {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}
    problems = rule_problems(schema(names={"type": "array", "items": item}), Path("s"))
    assert (
        "uncorrelatable portion of the schema within s.properties[spec].properties[names]"
        in problems[0].detail
    )
