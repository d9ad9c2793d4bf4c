"""The parts of a command-line program: flags, columns, YAML, templates."""

from __future__ import annotations

import pytest

from kubekit.terminal.cli import json_text, tabwriter, yaml_load, yaml_text
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import FlagSet, boolean, duration, listing, string
from kubekit.terminal.cli.go_template import Template, TemplateError
from kubekit.terminal.kubectl.three_way import three_way, type_for

FLAGS = FlagSet(
    [
        string("namespace", short="n"),
        boolean("stdin", short="i"),
        boolean("tty", short="t"),
        listing("types"),
        duration("timeout"),
        string("dry-run", default="none", bare="unchanged"),
    ]
)


@pytest.mark.parametrize(
    ("argv", "values", "args"),
    [
        (["-n", "shop", "a"], {"namespace": "shop"}, ["a"]),
        (["-nshop"], {"namespace": "shop"}, []),
        (["a", "--namespace=shop", "b"], {"namespace": "shop"}, ["a", "b"]),
        (["-it", "--", "sh", "-c"], {"stdin": True, "tty": True}, ["sh", "-c"]),
        (["--tty=false"], {"tty": False}, []),
        (["--types=a,b", "--types", "c"], {"types": ["a", "b", "c"]}, []),
        (["--timeout=1m30s"], {"timeout": 90.0}, []),
        (["--dry-run"], {"dry-run": "unchanged"}, []),
    ],
)
def test_flags(argv: list[str], values: dict, args: list[str]) -> None:
    found = FLAGS.parse(argv)
    assert {key: found.values[key] for key in values} == values
    assert found.args == args


def test_flags_say_what_is_wrong() -> None:
    with pytest.raises(
        CommandError, match='invalid argument "x" for "--timeout" flag: time: invalid duration'
    ):
        FLAGS.parse(["--timeout=x"])


def test_columns_are_blocks_of_adjacent_lines() -> None:
    text = "a\tb\nlonger\tb\nno tab\nx\ty\n"
    assert tabwriter.align(text, 0, 2) == "a       b\nlonger  b\nno tab\nx  y\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": []}, "a: []\nb: 1\n"),
        ({"a": [{"x": "y", "z": "1"}]}, 'a:\n- x: "y"\n  z: "1"\n'),
        (
            {"a": "true", "b": "1e3", "c": "2026-01-01", "d": ""},
            'a: "true"\nb: "1e3"\nc: "2026-01-01"\nd: ""\n',
        ),
        ({"a": "x\ny\n"}, "a: |\n  x\n  y\n"),
        ({"a": "x: y", "b": "- x", "c": "{x"}, "a: 'x: y'\nb: '- x'\nc: '{x'\n"),
        ({"a10": 1, "a2": 2}, "a2: 2\na10: 1\n"),
        ({"a": None, "b": True, "c": 1.5}, "a: null\nb: true\nc: 1.5\n"),
    ],
)
def test_yaml_is_written_as_go_yaml_does(value: object, text: str) -> None:
    assert yaml_text.dump(value) == text
    assert yaml_load.load(text) == value


def test_yaml_errors_name_the_line() -> None:
    with pytest.raises(yaml_load.ManifestError, match="yaml: line 3: did not find expected key"):
        yaml_load.load("a: 1\nb:\n  c: 1\n d: 1\n")


def test_json_keeps_html_signs_escaped() -> None:
    assert json_text.dump({"a": "<b>"}) == '{\n    "a": "\\u003cb\\u003e"\n}\n'


def test_go_template() -> None:
    data = {"items": [{"n": "a", "on": True}, {"n": "b"}]}
    text = "{{range .items}}{{.n}}{{if .on}}*{{else}}-{{end}} {{end}}{{len .items}}{{.nope}}"
    assert Template(text).render(data) == "a* b- 2<no value>"
    with pytest.raises(TemplateError, match='function "bad" not defined'):
        Template("{{bad}}")


def test_three_way_merges_lists_by_key_and_deletes_what_was_applied() -> None:
    kind = type_for("v1", "Pod")
    old = {"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}}
    new = {"spec": {"containers": [{"name": "a", "image": "2"}]}}
    live = {
        "spec": {
            "containers": [*old["spec"]["containers"], {"name": "sidecar", "image": "x"}],
            "nodeName": "n",
        }
    }
    assert three_way(old, new, live, kind) == {
        "spec": {
            "containers": [{"$patch": "delete", "name": "b"}, {"name": "a", "image": "2"}],
            "$setElementOrder/containers": [{"name": "a"}],
        }
    }
    assert three_way(new, new, {**live, "spec": {"containers": new["spec"]["containers"]}}, kind) == {}
