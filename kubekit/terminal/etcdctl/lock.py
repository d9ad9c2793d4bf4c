"""lock and elect: one at a time, and who leads.

`lock NAME CMD` runs a command while it holds the lock; without one it prints its key and holds the lock until
Ctrl-C. `elect NAME PROPOSAL` stands for an election, `elect -l NAME` tells who leads.
Source: etcdctl/ctlv3/command/lock_command.go, elect_command.go.
"""

from __future__ import annotations

from functools import partial

from kubekit.etcd.errors import EtcdError
from kubekit.etcd.messages import Message
from kubekit.etcd.tree_index import prefix_end
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.flags import boolean, number
from kubekit.terminal.etcdctl.call import Call, need
from kubekit.terminal.etcdctl.client import error_text
from kubekit.terminal.etcdctl.exits import ERROR, Exit, Interrupted
from kubekit.terminal.etcdctl.printer_simple import text_of
from kubekit.terminal.etcdctl.queueing import CREATE, Place

LOCK_SECONDS = 10


def lock(call: Call) -> None:
    """`etcdctl lock`."""
    need(call, bool(call.args), "lock takes a lock name argument and an optional command to execute")
    client = call.client()
    try:
        place = Place(call, client, call.args[0], call.flag("ttl"))
        place.enter(b"")
        place.wait_first()
        command = call.args[1:]
        if command:
            _run(call, place, command)
            return
        call.print("get", place.mine())
        try:
            place.hold()
        except Interrupted:
            place.leave()
    except EtcdError as error:
        raise Exit(ERROR, error_text(error)) from None


def _run(call: Call, place: Place, command: list[str]) -> None:
    env = {**call.env, "ETCD_LOCK_KEY": text_of(place.key), "ETCD_LOCK_REV": str(place.seen)}
    code, out, err = call.program.execute(command, env)
    call.out(out, end="")
    call.err(err, end="")
    place.leave()
    if code:
        raise Exit(code if call.release.minor >= 5 else ERROR, f"exit status {code}")


def elect(call: Call) -> None:
    """`etcdctl elect`."""
    listen = call.flag("listen")
    need(
        call,
        len(call.args) in (1, 2),
        "elect takes one election name argument and an optional proposal argument",
    )
    client = call.client()
    if len(call.args) == 1:
        need(call, listen, "no proposal argument but -l not set")
        _observe(call)
        return
    need(call, not listen, "proposal given but -l is set")
    try:
        place = Place(call, client, call.args[0])
        place.enter(call.args[1].encode())
        place.wait_first()
        call.print("get", place.mine())
        try:
            place.hold()
        except Interrupted:
            place.leave()
    except EtcdError as error:
        raise Exit(ERROR, error_text(error)) from None


def _observe(call: Call) -> None:
    """Tell who leads, and each time that changes, until Ctrl-C."""
    client = call.client()
    prefix = f"{call.args[0]}/".encode()
    told: list[Message] = []
    first = {"sort_target": CREATE, "sort_order": 1, "limit": 1}
    everyone = {"key": prefix, "range_end": prefix_end(prefix)}

    def look() -> None:
        answer = client.call("KV/Range", everyone | first)
        leader = answer.get("kvs", [])
        if leader and (not told or told[-1] != leader[0]):
            told.append(leader[0])
            call.print("get", answer)

    changes: list[Message] = []
    try:
        look()
        stream = client.watch(dict(everyone), changes.append)
    except EtcdError as error:
        raise Exit(ERROR, error_text(error)) from None
    try:
        while True:
            seen = len(changes)
            call.block(partial(_longer, changes, seen))
            look()
    except Interrupted:
        return
    finally:
        stream.close()


def _longer(changes: list[Message], than: int) -> bool:
    return len(changes) > than


def commands(minor: int) -> list[Command]:
    """The commands of this file."""
    return [
        Command(
            "lock <lockname> [exec-command arg1 arg2 ...]",
            "Acquires a named lock",
            lock,
            [number("ttl", "timeout for session", default=LOCK_SECONDS)],
        ),
        Command(
            "elect <election-name> [proposal]",
            "Observes and participates in leader election",
            elect,
            [boolean("listen", "observation mode", "l")],
        ),
    ]
