"""txn: several requests in one, read from standard input.

Three blocks of lines, an empty line behind each: comparisons, what to do when all hold, what to do otherwise.
Requests are written as on the command line, ``put key1 "some value"``.
Source: etcdctl/ctlv3/command/txn_command.go, util.go (Argify).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kubekit.api.field_path import go_quote
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.messages import Message
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.flags import FlagError, FlagSet, boolean
from kubekit.terminal.etcdctl import keys
from kubekit.terminal.etcdctl.call import Call
from kubekit.terminal.etcdctl.client import error_text
from kubekit.terminal.etcdctl.exits import ERROR, INVALID_INPUT, Exit, Panic, bad_args
from kubekit.terminal.etcdctl.go_text import parse_int

_ARGUMENT = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'|[^'"\s]\S*[^'"\s]?""")
_COMPARISON = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|`[^`]*`)\)[ \t]+(\S+)[ \t]+("(?:[^"\\]|\\.)*"|`[^`]*`)""")
_TARGETS = {
    "ver": ("VERSION", "version"),
    "version": ("VERSION", "version"),
    "c": ("CREATE", "create_revision"),
    "create": ("CREATE", "create_revision"),
    "m": ("MOD", "mod_revision"),
    "mod": ("MOD", "mod_revision"),
    "val": ("VALUE", "value"),
    "value": ("VALUE", "value"),
    "lease": ("LEASE", "lease"),
}
_NUMBERS = {"VERSION": 0, "CREATE": 1, "MOD": 2, "VALUE": 3, "LEASE": 4}
_RESULTS = {"=": 0, ">": 1, "<": 2, "!=": 3}


def invalid(text: str) -> Exit:
    """The input cannot be read."""
    return Exit(INVALID_INPUT, text)


_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|[abfnrtv\\\"])|\\")
_SHORT = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))


def unquote(text: str) -> str:
    """The text between Go's quotes. Raises ValueError."""

    def meant(found: re.Match[str]) -> str:
        escape = found[1]
        if escape is None:
            raise ValueError("invalid syntax")
        if escape[0] in "xuU":
            return chr(int(escape[1:], 16))
        if escape[0] in "01234567":
            return chr(int(escape, 8))
        return _SHORT.get(escape, escape)

    return text[1:-1] if text[:1] in ("`", "'") else _ESCAPE.sub(meant, text[1:-1])


def arguments(line: str) -> list[str]:
    """The words of a line; quotes hold several together."""
    found = []
    for word in _ARGUMENT.findall(line):
        try:
            found.append(unquote(word) if word[0] in "\"'" else word)
        except ValueError as error:
            raise invalid(str(error)) from None
    return found


def comparison(line: str) -> Message:
    """The Compare that a line such as ``mod("key1") > "0"`` says. Raises Exit(3)."""
    target, paren, rest = line.partition("(")
    if not paren:
        raise invalid(f"malformed comparison: {line}")
    found = _COMPARISON.match(rest)
    if found is None:
        raise invalid(f"malformed comparison: {line}; got {_as_far_as_read(target, rest)}")
    key, operator, value = unquote(found[1]), found[2], unquote(found[3])
    if target not in _TARGETS:
        raise invalid(f"malformed comparison: {line} (unknown target {target})")
    kind, field = _TARGETS[target]
    compare: Message = {"target": _NUMBERS[kind]}
    if operator not in _RESULTS:
        raise Panic("Unknown result op")
    if kind == "LEASE":
        # The original forgets the key here, and hands over a text where a number belongs.
        raise Panic("bad value")
    compare["key"] = key.encode()
    if kind == "VALUE":
        compare[field] = value.encode()
    else:
        try:
            compare[field] = parse_int(value)
        except ValueError:
            raise invalid(f"invalid txn compare request: {line}") from None
    compare["result"] = _RESULTS[operator]
    return compare


def _as_far_as_read(target: str, rest: str) -> str:
    """What Go's Sscanf had read when it gave up."""
    key, operator = "", ""
    if found := re.match(r'\s*("(?:[^"\\]|\\.)*"|`[^`]*`)(\)[ \t]+(\S+))?', rest):
        key = unquote(found[1])
        operator = found[3] or ""
    return f'{target}({go_quote(key)}) {operator} ""'


def request(call: Call, line: str) -> Message:
    """The RequestOp of a line such as ``put key1 "value"``. Raises Exit."""
    words = arguments(line)
    if len(words) < 2:
        raise invalid(f"invalid txn compare request: {line}")
    minor = call.release.minor
    known = {"put": keys.PUT_FLAGS, "get": keys.get_flags(minor), "del": keys.del_flags(minor)}
    near = [name for name in known if name.startswith(words[0])]
    if words[0] not in known and len(near) != 1:
        raise invalid(f"invalid txn request: {line}")
    name = words[0] if words[0] in known else near[0]
    try:
        parsed = FlagSet(known[name]).parse(words[1:])
    except FlagError:
        raise invalid(f"invalid txn request: {line}") from None
    if name == "put":
        return {"request_put": keys.put_request(parsed.values, parsed.args, call.stdin)}
    if name == "get":
        return {"request_range": keys.range_request(parsed.values, parsed.args)}
    return {"request_delete_range": keys.delete_request(parsed.values, parsed.args, call.err)}


def _block(call: Call, title: str, read: Callable[[str], Message]) -> list[Message]:
    """A block: each line is judged as it is read. Raises Exit(3) when the input ends within it."""
    if call.flag("interactive"):
        call.out(title)
    found: list[Message] = []
    while True:
        line = call.stdin.line()
        if line is None or not line.endswith("\n"):
            raise invalid("EOF")
        if not line.strip():
            return found
        found.append(read(line.strip()))


def txn(call: Call) -> None:
    """`etcdctl txn`."""
    if call.args:
        raise bad_args("txn command does not accept argument")
    client = call.client()

    def line(text: str) -> Message:
        return request(call, text)

    message: Message = {"compare": _block(call, "compares:", comparison)}
    message["success"] = _block(call, "success requests (get, put, del):", line)
    message["failure"] = _block(call, "failure requests (get, put, del):", line)
    try:
        answer = client.call("KV/Txn", message)
    except EtcdError as error:
        raise Exit(ERROR, error_text(error)) from None
    call.print("txn", answer)


LONG = """Txn reads multiple etcd requests from standard input and applies them as a single atomic \
transaction.

A transaction consists of three components:
1) a list of conditions,
2) a list of requests to apply if all the conditions are true,
3) a list of requests to apply if any condition is false.

Example interactive stdin usage:

---
etcdctl txn -i
# compares:
mod("key1") > "0"

# success requests (get, put, delete):
put key1 "overwrote-key1"

# failure requests (get, put, delete):
put key1 "created-key1"
put key2 "some extra key"
---

Refer to https://github.com/etcd-io/etcd/blob/main/etcdctl/README.md#txn-options."""


def commands(minor: int) -> list[Command]:
    """The command of this file."""
    interactive = boolean("interactive", "Input transaction in interactive mode", "i")
    return [
        Command(
            "txn [options]",
            "Txn processes all the requests in one transaction",
            txn,
            [interactive],
            long=LONG if minor >= 6 else "",
        )
    ]
