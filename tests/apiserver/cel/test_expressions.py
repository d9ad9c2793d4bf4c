"""Expressions: what they come to, what they may be, and how they are refused."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.apiserver.cel import CompileError, EvaluationError, compiled
from kubekit.apiserver.cel.types import BOOL, DYN, INT, STRING, ObjectType, Type, list_of, map_of

OBJECT = {
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {"replicas": 3, "ports": [80, 443], "ratio": 0.5, "note": None},
}
VARIABLES: dict[str, Type] = {
    "object": DYN,
    "count": INT,
    "words": list_of(STRING),
    "request": ObjectType("Request", (), {"name": STRING}),
}
VALUES: dict[str, Any] = {"object": OBJECT, "count": 3, "words": ["b", "a"], "request": {"name": "web"}}


def run(source: str) -> Any:
    return compiled(source, VARIABLES).run(VALUES)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 + 2 * 3 - 4", 3),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("7u / 2u", 3),
        ("1.0 / 0.0 > 1e308", True),
        ("'a' + \"b\" + '''c'''", "abc"),
        (r"r'\d' + '\x41\u00e9\n'", "\\dAé\n"),
        ("b'\\xff' + b'a'", b"\xffa"),
        ("[1, 2] + [3] == [1, 2, 3]", True),
        ("{'a': 1}['a'] + {'b': 2}.b", 3),
        ("dyn(1) == dyn(1.0) && 1 < 2.5 && 2u <= 2", True),
        ("dyn('1') == dyn(1)", False),
        ("2 in [1, 2] && 'app' in object.metadata.labels", True),
        ("true ? 1 : 1 / 0", 1),
        ("size('né') + [1].size()", 3),
        ("object.spec.replicas > 2 && object.metadata.name == 'web'", True),
        ("has(object.spec.replicas) && !has(object.spec.paused)", True),
        ("words.all(w, w.size() == 1) && words.exists(w, w == 'a')", True),
        ("object.spec.ports.map(p, p + 1)", [81, 444]),
        ("object.spec.ports.map(p, p > 80, p * 2)", [886]),
        ("object.spec.ports.filter(p, p > 80)", [443]),
        ("[1, 1, 2].exists_one(x, x == 2)", True),
        ("{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 10)", {"b": 20}),
        ("[3, 4].transformList(i, v, i + v)", [3, 5]),
        ("['x'].all(i, v, i == 0 && v == 'x')", True),
        ("object.?spec.?paused.orValue(false)", False),
        ("object.spec.ports[?7].hasValue()", False),
        ("optional.of(2).optMap(x, x * 2).value()", 4),
        ("[?object.?spec.?replicas, ?object.?spec.?paused]", [3]),
        ("int('42') + int(3.9) + int(timestamp('1970-01-01T00:00:10Z'))", 55),
        ("string(1.0) + string(1e100) + string(true) + string(b'x')", "11e+100truex"),
        ("double('1.5') + double(1)", 2.5),
        ("type(1) == int && type('') != int", True),
        ("duration('1h') + duration('30m') == duration('90m')", True),
        ("string(duration('1m30.5s'))", "90.5s"),
        ("timestamp('2026-03-01T12:30:00Z').getMonth()", 2),
        ("timestamp('2026-03-01T23:30:00Z').getDate('+01:00')", 2),
        ("string(timestamp('2026-03-01T12:00:00Z') - duration('24h'))", "2026-02-28T12:00:00Z"),
        ("'a,b,c'.split(',', 2)", ["a", "b,c"]),
        ("'hello'.substring(1, 3) + 'x'.upperAscii() + ' y '.trim()", "elXy"),
        ("'tacocat'.indexOf('c', 3) + 'aXbX'.lastIndexOf('X')", 7),
        ("['a', 'b'].join('-') + 'aaa'.replace('a', 'b', 2)", "a-bbba"),
        ("'%s has %d, %.2f, %x'.format(['web', 3, 1.234, 255])", "web has 3, 1.23, ff"),
        ("'abc 123'.find('[0-9]+') + string('x1y2'.findAll('[0-9]').size())", "1232"),
        ("'web-1'.matches('^[a-z]+-[0-9]+$')", True),
        ("[3, 1, 2].max() + [1, 2].sum() + [1, 1].indexOf(1)", 6),
        ("[1, 2].isSorted() && sets.contains([1, 2], [2]) && sets.intersects([1], [1])", True),
        ("quantity('1Gi').isGreaterThan(quantity('1G'))", True),
        ("quantity('500m').add(quantity('1')).asApproximateFloat()", 1.5),
        ("quantity('2').sub(1).asInteger()", 1),
        ("isQuantity('10Zi') || isURL('nope') || isIP('1.2.3') || isCIDR('10.0.0.0/33')", False),
        ("url('https://a.b:8080/p?q=1').getHostname() + url('https://a.b:8080/p').getPort()", "a.b8080"),
        ("cidr('10.0.0.0/8').containsIP('10.9.9.9') && ip('::1').isLoopback()", True),
        ("cidr('10.1.0.0/16').containsCIDR('10.1.2.0/24')", True),
        ("cidr('10.1.2.3/16').masked() == cidr('10.1.0.0/16')", True),
        ("semver('1.10.0').isGreaterThan(semver('1.9.3'))", True),
        ("semver('1.0.0-rc.1').compareTo(semver('1.0.0'))", -1),
        ("format.dns1123Label().validate('Bad_Name').hasValue() && !format.named('nope').hasValue()", True),
    ],
)
def test_what_an_expression_comes_to(source: str, value: Any) -> None:
    found = run(source)
    assert (found == value and type(found) is not type(value)) or found == value


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("object.data.x", "no such key: data"),
        ("object.spec.ports[2]", "index out of bounds: 2"),
        ("1 / 0", "division by zero"),
        ("1 % 0", "modulus by zero"),
        ("9223372036854775807 + 1", "integer overflow"),
        ("object.spec.replicas + 'a'", "no such overload"),
        ("object.metadata.name < 1", "no such overload"),
        ("int(object.metadata.name)", "type conversion error from 'string' to 'int'"),
        ("'abc'.charAt(9)", "index out of range: 9"),
        ("optional.none().value()", "optional.none() dereference"),
        ("quantity('x') == quantity('1')", "quantities must match the regular expression"),
    ],
)
def test_how_an_expression_fails(source: str, text: str) -> None:
    with pytest.raises(EvaluationError) as failure:
        run(source)
    assert str(failure.value).startswith(text)


@pytest.mark.parametrize(
    ("source", "column", "text"),
    [
        ("nope", 1, "undeclared reference to 'nope' (in container '')"),
        ("count.x", 6, "type 'int' does not support field selection"),
        ("request.nope", 8, "undefined field 'nope'"),
        ("1 + 'a'", 3, "found no matching overload for '_+_' applied to '(int, string)'"),
        ("count.size()", 11, "found no matching overload for 'size' applied to 'int.()'"),
        ("nope(1)", 5, "undeclared reference to 'nope' (in container '')"),
        ("has(count)", 5, "invalid argument to has() macro"),
        ("[1].all(x.y, true)", 10, "argument must be a simple name"),
        ("count.map(x, x)", 1, "expression of type 'int' cannot be range of a comprehension"),
        ("1 +", 4, "Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(',"),
        ("(1", 3, "Syntax error: missing ')' at '<EOF>'"),
        ("1 2", 3, "Syntax error: extraneous input '2' expecting <EOF>"),
        ("1 2 3", 3, "Syntax error: mismatched input '2' expecting <EOF>"),
        ("'open", 1, "Syntax error: token recognition error at: ''open'"),
        ("a = 1", 3, "Syntax error: token recognition error at: '= '"),
        ("99999999999999999999", 1, "invalid int literal"),
        ("((1)", 5, "Syntax error: missing ')' at '<EOF>'"),
        ("(((1)", 6, "Syntax error: mismatched input '<EOF>' expecting ')'"),
        ("a ? b", 6, "Syntax error: mismatched input '<EOF>' expecting ':'"),
        ("[,1]", 3, "Syntax error: extraneous input '1' expecting ']'"),
        ("object.", 8, "Syntax error: no viable alternative at input '.'"),
        ("f(", 3, "Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', ')', '.',"),
        ("object.`a-b`", 8, "unsupported syntax: '`'"),
        ("for", 1, "reserved identifier: for"),
        ("true && 1", 9, "expected type 'bool' but found 'int'"),
        ("[1, 'a'].size()", 5, "expected type 'int' but found 'string'"),
        ("{'a': 1, 'b': 'c'}", 15, "expected type 'int' but found 'string'"),
        ("'a'.matches('[')", 13, "invalid matches argument"),
        ("timestamp('x')", 11, "invalid timestamp argument"),
        ("'%d'.format(['a'])", 14, "error during formatting: decimal clause can only be used on integers"),
        ("'%s'.format([])", 12, "index 0 out of range"),
        ("'%s'.format(['a', 1])", 12, "too many arguments supplied to string.format (expected 1, got 2)"),
    ],
)
def test_how_an_expression_is_refused(source: str, column: int, text: str) -> None:
    with pytest.raises(CompileError) as refusal:
        compiled(source, VARIABLES)
    lines = str(refusal.value).splitlines()
    assert lines[0].startswith(f"ERROR: <input>:1:{column}: {text}")
    assert lines[1] == f" | {source}" and lines[2] == f" | {'.' * (column - 1)}^"


@pytest.mark.parametrize(
    ("source", "type"),
    [
        ("words.map(w, w.size())", list_of(INT)),
        ("{'a': [1]}", map_of(STRING, list_of(INT))),
        ("object.spec.replicas", DYN),
        ("count > 1 || object.x", BOOL),
        ("[1, 2][0]", INT),
    ],
)
def test_what_an_expression_may_be(source: str, type: Type) -> None:
    assert compiled(source, VARIABLES).type == type


@pytest.mark.parametrize("source", ["false && object.nope", "object.nope && false", "!(object.nope || true)"])
def test_logic_that_is_decided_absorbs_errors(source: str) -> None:
    assert run(source) is False


def test_logic_that_is_not_decided_tells_the_first_error() -> None:
    with pytest.raises(EvaluationError, match="no such key: nope"):
        run("object.nope || object.other")


def test_an_expression_is_stopped_when_it_does_too_much() -> None:
    program = compiled("l.all(a, l.all(b, l.all(c, a + b + c >= 0)))", {"l": list_of(INT)})
    with pytest.raises(EvaluationError, match="operation cancelled: actual cost limit exceeded"):
        program.run({"l": list(range(200))})


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("'%e|%.3e|%f'.format([12345.678, 0.1, 1e9])", "1.234568×10⁰⁴|1.000000×10⁻⁰¹|1,000,000,000.000000"),
        ("'%s %s'.format([[1, 'a'], {'b': 1}])", '[1, "a"] {"b":1}'),
        ("[duration('1s'), duration('2s')].sum() == duration('3s')", True),
        ("[[1], [2, 3]].flatten() == [1, 2, 3] && ['a'].first().value() == 'a'", True),
        ("sign(quantity('-1'))", -1),
        ("[?optional.of('a'), ?optional.none()].join(',')", "a"),
        ("[[], [1]].size() + {?'a': optional.none(), 'b': 1}.size()", 3),
        ("optional.unwrap([optional.of(1), optional.none()]) == [1]", True),
    ],
)  # fmt: skip
def test_functions_that_recordings_do_not_show(source: str, value: object) -> None:
    assert run(source) == value


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("timestamp('9999-12-31T23:59:59Z') + duration('1s')", "timestamp overflow"),
        ("object.metadata.name.substring(50)", "index out of range: 50"),
        ("object.metadata + 1", "no such overload: _+_"),
        ("object.metadata.name + 1", "no such overload"),
        ("ip(object.metadata.name)", 'IP Address "web" parse error during conversion from string: ParseAddr'),
    ],
)
def test_how_functions_fail(source: str, text: str) -> None:
    with pytest.raises(EvaluationError) as failure:
        run(source)
    assert str(failure.value).startswith(text)
