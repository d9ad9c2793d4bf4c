"""Values as lines, and their difference: in Python and in the page alike."""

from __future__ import annotations

import json
import random
import shutil
import subprocess

import pytest

from kubekit.views.stored_value import LONGEST, difference, lines_of
from kubekit.views.view import STATIC


def test_json_is_shown_as_yaml_without_managed_fields() -> None:
    stored = {"kind": "Pod", "metadata": {"name": "web", "managedFields": [{"manager": "kubectl"}]}}
    form, lines = lines_of(json.dumps(stored).encode())
    assert lines == ["kind: Pod", "metadata:", "  name: web"]
    assert form == "JSON, shown as YAML; managedFields folded: 1 lines"


@pytest.mark.parametrize(
    ("value", "form", "first"),
    [
        (b"", "empty", None),
        (b"hello\nworld", "text", "hello"),
        (b"[1, 2]", "JSON", "[1, 2]"),
        (b"\xff\x00", "2 bytes", "00000000  ff 00                                            .."),
        (
            b"k8s\x00\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x00",
            "protobuf of v1 Pod, 17 bytes",
            "00000000  6b 38 73 00 0a 09 0a 02 76 31 12 03 50 6f 64 12  k8s.....v1..Pod.",
        ),
        (b"k8s\x00\x0a", "protobuf of an object, 5 bytes", "00000000  6b 38 73 00 0a" + " " * 35 + "k8s.."),
        (b"k8s:enc:aescbc:v1:key1:\x01\x02", "encrypted by aescbc with key1, 25 bytes", None),
        (b"k8s:enc:x", "encrypted by x, 9 bytes", None),
    ],
)
def test_other_values_are_named(value: bytes, form: str, first: str | None) -> None:
    shown = lines_of(value)
    assert shown.form == form
    if first is not None:
        assert shown.lines[0] == first


def test_a_long_value_says_what_is_left_out() -> None:
    form, lines = lines_of(b"line\n" * (LONGEST + 7))
    assert len(lines) == LONGEST and form == "text; 7 more lines are not shown"


def test_the_difference_is_the_shortest_edit() -> None:
    edit = difference(["a", "b", "c", "d"], ["a", "x", "c", "d", "e"])
    assert edit == [(" ", "a"), ("-", "b"), ("+", "x"), (" ", "c"), (" ", "d"), ("+", "e")]
    assert difference([], ["a"]) == [("+", "a")] and difference(["a"], []) == [("-", "a")]
    assert difference([], []) == []


def test_the_page_takes_the_same_difference() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    source = (STATIC / "revision_explorer.js").read_text()
    start = source.index("function difference(")
    function = source[start : source.index("\n}\n", start) + 2]
    rng = random.Random(7)
    pairs = [[[rng.choice("abcd") for _ in range(rng.randrange(9))] for _ in range(2)] for _ in range(200)]
    program = (
        f"{function}\nconsole.log(JSON.stringify({json.dumps(pairs)}.map(([a, b]) => difference(a, b))))"
    )
    done = subprocess.run([node, "-e", program], capture_output=True, text=True, check=True)
    for (before, after), theirs in zip(pairs, json.loads(done.stdout), strict=True):
        ours = difference(before, after)
        assert [tuple(step) for step in theirs] == ours
        assert [line for sign, line in ours if sign != "+"] == before
        assert [line for sign, line in ours if sign != "-"] == after
