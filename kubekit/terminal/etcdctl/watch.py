"""watch: told of every change, until Ctrl-C - or, in a notebook, until nothing more happens.

Behind `--` stands a command that is run for each event, with the event in its environment. With -i, lines
``watch KEY`` come from the input. Source: etcdctl/ctlv3/command/watch_command.go, client/v3/watch.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.field_path import go_quote
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.messages import ENUMS, Message
from kubekit.etcd.tree_index import prefix_end
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.flags import Flag, FlagError, FlagSet, boolean, number
from kubekit.terminal.etcdctl.call import Call
from kubekit.terminal.etcdctl.client import Client
from kubekit.terminal.etcdctl.exits import INTERRUPTED, INVALID_INPUT, Exit, Interrupted, bad_args
from kubekit.terminal.etcdctl.go_text import quote_bytes
from kubekit.terminal.etcdctl.txn import arguments

BAD_NUMBER = "bad number of arguments"
CONFLICT = "bad number of arguments (found conflicting environment key)"
NO_COMMANDS = "bad number of arguments (found separator --, but no commands)"
COMPACTED = "etcdserver: mvcc: required revision has been compacted"
FUTURE = "etcdserver: mvcc: required revision is a future revision"


def flags(minor: int) -> list[Flag]:
    """The flags of `watch` in release 3.`minor`."""
    found = [
        boolean("interactive", "Interactive mode", "i"),
        boolean("prefix", "Watch on a prefix if prefix is set"),
        number("rev", "Revision to start watching"),
        boolean("prev-kv", "get the previous key-value pair before the event happens"),
    ]
    if minor >= 5:
        found.append(boolean("progress-notify", "get periodic watch progress notification from server"))
    return found


def _environment_key(call: Call) -> list[str]:
    key, end = call.env.get("ETCDCTL_WATCH_KEY", ""), call.env.get("ETCDCTL_WATCH_RANGE_END", "")
    if end and not key:
        raise bad_args(f"ETCDCTL_WATCH_KEY is empty but got ETCDCTL_WATCH_RANGE_END={go_quote(end)}")
    return [key, *([end] if end else [])] if key else []


def _split(call: Call, words: list[str]) -> tuple[list[str], list[str]]:
    """Keys and the command behind ``--``. Raises Exit(128). `words`: the line behind `watch`."""
    given = _environment_key(call)
    if "--" in words:
        command = words[words.index("--") + 1 :]
        if not command:
            raise bad_args(NO_COMMANDS)
        keys = call.args[: len(call.args) - len(command)]
        if given and keys:
            raise bad_args(CONFLICT)
        return [*given, *keys], command
    if not words and not given:
        raise bad_args(BAD_NUMBER)
    if given and call.args:
        raise bad_args(CONFLICT)
    return [*given, *call.args], []


def create_request(values: dict[str, Any], keys: list[str]) -> Message:
    """The WatchCreateRequest of keys and flags. Raises ValueError."""
    if not keys:
        raise ValueError(BAD_NUMBER)
    key = keys[0].encode()
    request: Message = {"key": key}
    if len(keys) == 2:
        if values["prefix"]:
            raise ValueError("`range_end` and `--prefix` are mutually exclusive")
        request["range_end"] = keys[1].encode()
    if values["prefix"]:
        request |= {"key": key, "range_end": prefix_end(key)} if key else {"key": b"\0", "range_end": b"\0"}
    if values["rev"] > 0:
        request["start_revision"] = values["rev"]
    for flag, field in (("prev-kv", "prev_kv"), ("progress-notify", "progress_notify")):
        if values.get(flag):
            request[field] = True
    return request


class Printing:
    """One watch under way: prints what comes, and remembers that it was cancelled."""

    def __init__(self, call: Call, command: list[str]) -> None:
        self.call, self.command = call, command
        self.ended = False
        self.failure: BaseException | None = None

    def receive(self, response: Message) -> None:
        """A response came. Nothing may be raised into the member's work: it is kept for whoever waits."""
        if self.ended:
            return
        try:
            self._show(response)
        except (Exit, Interrupted) as left:
            self.ended, self.failure = True, left

    def _show(self, response: Message) -> None:
        if response.get("created") and not response.get("canceled"):
            return
        if response.get("canceled"):
            self.ended = True
            self.call.err(f"watch was canceled ({_reason(response)})")
        elif not response.get("events"):
            self.call.out(f"progress notify: {response.get('header', {}).get('revision', 0)}")
        self.call.print("watch", response)
        for event in response.get("events", []):
            if self.command:
                self._run(response, event)

    def _run(self, response: Message, event: Message) -> None:
        env = {
            **self.call.env,
            "ETCD_WATCH_REVISION": str(response.get("header", {}).get("revision", 0)),
            "ETCD_WATCH_EVENT_TYPE": go_quote(ENUMS["EventType"][event.get("type", 0)]),
            "ETCD_WATCH_KEY": quote_bytes(event.get("kv", {}).get("key", b"")),
            "ETCD_WATCH_VALUE": quote_bytes(event.get("kv", {}).get("value", b"")),
        }
        code, out, err = self.call.program.execute(self.command, env)
        self.call.out(out, end="")
        self.call.err(err, end="")
        if code:
            words = " ".join(go_quote(word) for word in self.command)
            self.call.err(f"command [{words}] error (exit status {code})")
            raise Exit(1)


def _reason(response: Message) -> str:
    if response.get("compact_revision"):
        return COMPACTED
    return str(response.get("cancel_reason") or FUTURE)


def _open(client: Client, request: Message, printing: Printing) -> Any:
    try:
        return client.watch(request, printing.receive)
    except EtcdError as error:
        printing.receive({"canceled": True, "cancel_reason": error.message})
        return None


def watch(call: Call) -> None:
    """`etcdctl watch`."""
    _environment_key(call)
    if call.flag("interactive"):
        _interactive(call)
        return
    words = call.argv[call.argv.index("watch") + 1 :] if "watch" in call.argv else call.args
    keys, command = _split(call, words)
    client = call.client()
    try:
        request = create_request(call.values, keys)
    except ValueError as error:
        raise bad_args(str(error)) from None
    printing = Printing(call, command)
    stream = _open(client, request, printing)
    try:
        call.block(lambda: printing.ended)
    finally:
        if stream is not None:
            stream.close()
    if printing.failure is not None:
        raise printing.failure
    raise Exit(INTERRUPTED, "watch is canceled by the server")


def _interactive(call: Call) -> None:
    """`watch -i`: a watch for each line ``watch ...`` of the input."""
    client = call.client()
    streams: list[Any] = []
    watches: list[Printing] = []
    try:
        while (line := call.stdin.line()) is not None:
            if line.endswith("\n"):
                _command(call, client, line.removesuffix("\n"), streams, watches)
        call.block(lambda: any(one.failure for one in watches))
    except Interrupted:
        # The end of the input is noticed at once by 3.4, and later than Ctrl-C by its successors.
        if call.release.minor >= 5:
            raise
    finally:
        for stream in streams:
            if stream is not None:
                stream.close()
    for one in watches:
        if one.failure is not None:
            raise one.failure
    raise Exit(INVALID_INPUT, "Error reading watch request line: EOF")


def _command(call: Call, client: Client, line: str, streams: list[Any], watches: list[Printing]) -> None:
    """One line of the input."""
    words = arguments(line)
    if not words:
        call.err(f"Invalid command: {line} (watch and progress supported)")
        return
    if words[0] == "progress":
        for stream in streams:
            stream.request({"progress_request": {}})
        return
    if words[0] != "watch":
        call.err(f"Invalid command {line} (only support watch)")
        return
    given = _environment_key(call)
    if len(words) < 2 and not given:
        call.err(f"Invalid command {line} (command type or key is not provided)")
        return
    rest, command = words[1:], []
    if "--" in rest:
        command = rest[rest.index("--") + 1 :]
        if not command:
            raise bad_args(NO_COMMANDS)
        rest = rest[: rest.index("--")]
    try:
        parsed = FlagSet(flags(call.release.minor)).parse(rest)
    except FlagError as error:
        raise bad_args(error.message) from None
    if given and parsed.args and not command:
        raise bad_args(CONFLICT)
    if not given and not parsed.args and not command:
        raise bad_args(BAD_NUMBER)
    try:
        request = create_request(parsed.values, [*given, *parsed.args])
    except ValueError as error:
        call.err(f"Invalid command {line} ({error})")
        return
    watches.append(Printing(call, command))
    streams.append(_open(client, request, watches[-1]))


def commands(minor: int) -> list[Command]:
    """The command of this file."""
    return [
        Command(
            "watch [options] [key or prefix] [range_end] [--] [exec-command arg1 arg2 ...]",
            "Watches events stream on keys or prefixes",
            watch,
            flags(minor),
        )
    ]
