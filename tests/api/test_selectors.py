"""Selectors: label selectors as text and as objects, field selectors, node selectors."""

from __future__ import annotations

import pytest

from kubekit.api import selectors
from kubekit.api.meta import Obj
from kubekit.api.selectors import SelectorError, parse_field_selector, parse_label_selector

LABELS = {"app": "web", "tier": "front", "n": "5"}
TEXTS = [
    ("", True), ("app", True), ("!app", False), ("!other", True), ("app=web", True), ("app==web", True),
    ("app!=web", False), ("other!=web", True), ("app in (web,db)", True), ("app notin (web,db)", False),
    ("other notin (a)", True), ("n>4", True), ("n<5", False), ("app=web,tier in (front),!x", True),
    ("app in ()", False), ("app=", False),
]  # fmt: skip
WRONG = [
    ("app=web,", "found '', expected: identifier after ','"),
    ("=a", "found '=', expected: !, identifier, or 'end of string'"),
    ("a b", "found 'b', expected: in, notin, =, ==, !=, gt, lt"),
    ("a in b", "found 'b' expected: '('"),
    ("a>x", None),
]
OBJECTS: list[tuple[Obj | None, bool]] = [
    (None, False),
    ({}, True),
    ({"matchLabels": {"app": "web"}}, True),
    ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["db"]}]}, False),
    ({"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}, True),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_label_selector_texts(text: str, expected: bool) -> None:
    assert parse_label_selector(text).matches(LABELS) is expected


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_wrong_label_selector_texts(text: str, expected: str | None) -> None:
    with pytest.raises(SelectorError) as caught:
        parse_label_selector(text)
    assert expected is None or expected in str(caught.value)


@pytest.mark.parametrize(("selector", "expected"), OBJECTS)
def test_selector_objects(selector: Obj | None, expected: bool) -> None:
    assert selectors.matches(selector, LABELS) is expected


def test_field_selectors() -> None:
    selector = parse_field_selector("metadata.name=a,status.phase!=Running")
    assert selector.matches({"metadata.name": "a", "status.phase": "Pending"})
    assert not selector.matches({"metadata.name": "a", "status.phase": "Running"})


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("Gt", ["4"], True),
        ("Gt", ["5"], False),
        ("Lt", ["6"], True),
        ("In", ["5"], True),
        ("Exists", [], True),
    ],
)
def test_node_selector_terms(operator: str, values: list[str], expected: bool) -> None:
    term = {"matchExpressions": [{"key": "n", "operator": operator, "values": values}]}
    assert selectors.matches_node_term(term, LABELS, {"metadata.name": "one"}) is expected


def test_node_selector_terms_with_fields() -> None:
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["one"]}]}
    assert selectors.matches_node_term(term, {}, {"metadata.name": "one"})
    assert not selectors.matches_node_term(term, {}, {"metadata.name": "two"})
    assert not selectors.matches_node_term({}, {}, {"metadata.name": "one"})
