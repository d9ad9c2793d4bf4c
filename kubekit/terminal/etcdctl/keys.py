"""get, put, del and compaction: keys and values.

The three that touch keys are also read as lines of a transaction, so what makes a request of flags and
arguments stands in functions of their own.
Source: etcdctl/ctlv3/command/get_command.go, put_command.go, del_command.go, compaction_command.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.api.field_path import go_quote
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.messages import Message
from kubekit.etcd.tree_index import FROM_KEY, prefix_end
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.flags import Flag, boolean, number, string
from kubekit.terminal.etcdctl.call import Call, Input
from kubekit.terminal.etcdctl.client import error_text
from kubekit.terminal.etcdctl.exits import BAD_FEATURE, ERROR, DeadlineExceeded, Exit, bad_args
from kubekit.terminal.etcdctl.go_text import parse_int
from kubekit.terminal.etcdctl.printer_fields import FieldsPrinter
from kubekit.terminal.etcdctl.printer_simple import SimplePrinter

Warn = Callable[[str], None]
EVERYTHING = b"\x00"
"""The key that stands for the beginning when the key given is empty."""

DELETE_WARNING_SECONDS = 2.0


def failing(call: Call, name: str, request: Message, wrap: str = "{}") -> Message:
    """Ask within --command-timeout; an error ends the program with status 1, its text put into `wrap`."""
    client = call.client()
    try:
        return client.call(name, request, call.timeout)
    except (EtcdError, DeadlineExceeded) as error:
        raise Exit(ERROR, wrap.format(error_text(error))) from None


# -- get --------------------------------------------------------------------------------------------------

GET_FLAGS = [
    string("consistency", "Linearizable(l) or Serializable(s)", default="l"),
    string("order", "Order of results; ASCEND or DESCEND (ASCEND by default)"),
    string("sort-by", "Sort target; CREATE, KEY, MODIFY, VALUE, or VERSION"),
    number("limit", "Maximum number of results"),
    boolean("prefix", "Get keys with matching prefix"),
    boolean("from-key", "Get keys that are greater than or equal to the given key using byte compare"),
    number("rev", "Specify the kv revision"),
    boolean("keys-only", "Get only the keys"),
    boolean("print-value-only", 'Only write values when using the "simple" output format'),
]
COUNT_FLAG = boolean("count-only", "Get only the count")
REVISION_FLAGS = [
    number("min-create-rev", "Minimum create revision"),
    number("max-create-rev", "Maximum create revision"),
    number("min-mod-rev", "Minimum modification revision"),
    number("max-mod-rev", "Maximum modification revision"),
]


def get_flags(minor: int) -> list[Flag]:
    """The flags of `get` in release 3.`minor`."""
    return GET_FLAGS + ([COUNT_FLAG] if minor >= 5 else []) + (REVISION_FLAGS if minor >= 6 else [])


def serializable(value: str, shown: str | None = None) -> bool:
    """What --consistency says. Raises Exit(4)."""
    if value not in ("s", "l"):
        raise Exit(BAD_FEATURE, f"unknown consistency flag {go_quote(value if shown is None else shown)}")
    return value == "s"


_ORDERS = {"": 0, "ASCEND": 1, "DESCEND": 2}
_TARGETS = {"": 0, "KEY": 0, "VERSION": 1, "CREATE": 2, "MODIFY": 3, "VALUE": 4}
_CHOOSE = "`--prefix` and `--from-key` cannot be set at the same time, choose one"
_TOO_MANY = "too many arguments, only accept one argument when `--prefix` or `--from-key` is set"


def _bounds(key: bytes, values: dict[str, Any]) -> tuple[bytes, bytes]:
    """Key and end that --prefix and --from-key make of a key."""
    end = b""
    if values["prefix"]:
        key, end = (key, prefix_end(key)) if key else (EVERYTHING, FROM_KEY)
    if values["from-key"]:
        key, end = key or EVERYTHING, FROM_KEY
    return key, end


def range_request(values: dict[str, Any], args: list[str]) -> Message:
    """The RangeRequest of a `get`. Raises Exit."""
    if not args:
        raise bad_args("get command needs one argument as key and an optional argument as range_end")
    if values["prefix"] and values["from-key"]:
        raise bad_args(_CHOOSE)
    if values["keys-only"] and values.get("count-only"):
        raise bad_args("`--keys-only` and `--count-only` cannot be set at the same time, choose one")
    request: Message = {"serializable": serializable(values["consistency"])}
    if len(args) > 1 and (values["prefix"] or values["from-key"]):
        raise bad_args(_TOO_MANY)
    request["limit"] = values["limit"]
    if values["rev"] > 0:
        request["revision"] = values["rev"]
    for name, known, shown in (("order", _ORDERS, "order"), ("sort-by", _TARGETS, "target")):
        if values[name].upper() not in known:
            raise Exit(BAD_FEATURE, f"bad sort {shown} {values[name]}")
    order, target = _ORDERS[values["order"].upper()], _TARGETS[values["sort-by"].upper()]
    if target == 0 and order == 1:
        order = 0
    request |= {"sort_order": order, "sort_target": target}
    key, end = _bounds(args[0].encode(errors="surrogateescape"), values)
    if len(args) > 1:
        end = args[1].encode(errors="surrogateescape")
    request |= {"key": key, "range_end": end}
    request |= {"keys_only": values["keys-only"], "count_only": values.get("count-only", False)}
    _revisions(values, request)
    return {name: value for name, value in request.items() if value or name == "key"}


def _revisions(values: dict[str, Any], request: Message) -> None:
    for what, field, shown in (("create", "create_revision", "CreateRev"), ("mod", "mod_revision", "ModRev")):
        low, high = values.get(f"min-{what}-rev", 0), values.get(f"max-{what}-rev", 0)
        if low > 0:
            request[f"min_{field}"] = low
        if high > 0:
            if low > high:
                raise Exit(BAD_FEATURE, f"getMin{shown}(={low}) > getMax{shown}(={high})")
            request[f"max_{field}"] = high


def get(call: Call) -> None:
    """`etcdctl get`."""
    request = range_request(call.values, call.args)
    answer = failing(call, "KV/Range", request)
    if call.values.get("count-only") and not isinstance(call.display, FieldsPrinter):
        raise bad_args("--count-only is only for `--write-out=fields`")
    if call.flag("print-value-only"):
        if not isinstance(call.display, SimplePrinter):
            raise bad_args("print-value-only is only for `--write-out=simple`")
        call.display.value_only = True
    call.print("get", answer)


# -- put --------------------------------------------------------------------------------------------------

PUT_FLAGS = [
    string("lease", "lease ID (in hexadecimal) to attach to the key", default="0"),
    boolean("prev-kv", "return the previous key-value pair before modification"),
    boolean("ignore-value", "updates the key using its current value"),
    boolean("ignore-lease", "updates the key using its current lease"),
]
_PUT_ARGS = "put command needs 1 argument and input from stdin or 2 arguments"


def put_request(values: dict[str, Any], args: list[str], stdin: Input) -> Message:
    """The PutRequest of a `put`. Raises Exit."""
    if not args:
        raise bad_args(_PUT_ARGS)
    if values["ignore-value"] and len(args) > 1:
        raise bad_args("put command needs only 1 argument when 'ignore-value' is set")
    request: Message = {"key": args[0].encode(errors="surrogateescape")}
    if not values["ignore-value"]:
        value = args[1] if len(args) > 1 else stdin.rest()
        if len(args) < 2 and not value:
            raise bad_args(_PUT_ARGS)
        request["value"] = value.encode(errors="surrogateescape")
    try:
        lease = parse_int(values["lease"], 16)
    except ValueError as error:
        raise bad_args(f"bad lease ID ({error}), expecting ID in Hex") from None
    options = {"lease": lease, "prev_kv": values["prev-kv"]}
    options |= {"ignore_value": values["ignore-value"], "ignore_lease": values["ignore-lease"]}
    return request | {name: value for name, value in options.items() if value}


def put(call: Call) -> None:
    """`etcdctl put`."""
    request = put_request(call.values, call.args, call.stdin)
    call.print("put", failing(call, "KV/Put", request))


# -- del --------------------------------------------------------------------------------------------------

DEL_FLAGS = [
    boolean("prefix", "delete keys with matching prefix"),
    boolean("prev-kv", "return deleted key-value pairs"),
    boolean("from-key", "delete keys that are greater than or equal to the given key using byte compare"),
]


def del_flags(minor: int) -> list[Flag]:
    """The flags of `del` in release 3.`minor`."""
    return DEL_FLAGS + ([boolean("range", "delete range of keys")] if minor >= 6 else [])


def delete_request(values: dict[str, Any], args: list[str], warn: Warn) -> Message:
    """The DeleteRangeRequest of a `del`; `warn` is told of a range that nobody asked for by --range."""
    if not 1 <= len(args) <= 2:
        raise bad_args("del command needs one argument as key and an optional argument as range_end")
    if values["prefix"] and values["from-key"]:
        raise bad_args(_CHOOSE)
    if len(args) > 1 and (values["prefix"] or values["from-key"]):
        raise bad_args(_TOO_MANY)
    key, end = _bounds(args[0].encode(errors="surrogateescape"), values)
    if len(args) > 1:
        end = args[1].encode(errors="surrogateescape")
        if values.get("range") is False:
            warn(
                f"Warning: Keys between {go_quote(args[0])} and {go_quote(args[1])} will be deleted. Please"
                " interrupt the command within next 2 seconds to cancel. You can provide `--range` flag to"
                " avoid the delay."
            )
    request: Message = {"key": key, "range_end": end, "prev_kv": values["prev-kv"]}
    return {name: value for name, value in request.items() if value or name == "key"}


def delete(call: Call) -> None:
    """`etcdctl del`."""

    def warn(text: str) -> None:
        call.err(text)
        call.waiting.until(lambda: False, DELETE_WARNING_SECONDS)

    request = delete_request(call.values, call.args, warn)
    call.print("delete", failing(call, "KV/DeleteRange", request))


# -- compaction -------------------------------------------------------------------------------------------


def compaction(call: Call) -> None:
    """`etcdctl compaction`."""
    if len(call.args) != 1:
        raise bad_args("compaction command needs 1 argument")
    try:
        revision = parse_int(call.args[0])
    except ValueError as error:
        raise Exit(ERROR, str(error)) from None
    request: Message = {"revision": revision}
    if call.flag("physical"):
        request["physical"] = True
    failing(call, "KV/Compact", request)
    call.out(f"compacted revision {revision}")


PUT_LONG = """
Puts the given key into the store.

When <value> begins with '-', <value> is interpreted as a flag.
Insert '--' for workaround:

$ put <key> -- <value>
$ put -- <key> <value>

If <value> isn't given as a command line argument and '--ignore-value' is not specified,
this command tries to read the value from standard input.

If <lease> isn't given as a command line argument and '--ignore-lease' is not specified,
this command tries to read the value from standard input.

For example,
$ cat file | put <key>
will store the content of the file to <key>.
"""


def commands(minor: int) -> list[Command]:
    """The commands of this file."""
    return [
        Command("get [options] <key> [range_end]", "Gets the key or a range of keys", get, get_flags(minor)),
        Command(
            "put [options] <key> <value> (<value> can also be given from stdin)",
            "Puts the given key into the store",
            put,
            PUT_FLAGS,
            long=PUT_LONG,
        ),
        Command(
            "del [options] <key> [range_end]",
            "Removes the specified key or range of keys [key, range_end)",
            delete,
            del_flags(minor),
        ),
        Command(
            "compaction [options] <revision>",
            "Compacts the event history in etcd",
            compaction,
            [boolean("physical", "'true' to wait for compaction to physically remove all old revisions")],
        ),
    ]
