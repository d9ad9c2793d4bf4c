"""lease: promises with an end - grant, revoke, timetolive, list, keep-alive.

Source: etcdctl/ctlv3/command/lease_command.go, client/v3/lease.go.
"""

from __future__ import annotations

from kubekit.etcd.errors import EtcdError
from kubekit.etcd.messages import Message
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.flags import boolean
from kubekit.terminal.etcdctl.call import Call
from kubekit.terminal.etcdctl.client import Client, error_text
from kubekit.terminal.etcdctl.exits import BAD_CONNECTION, Exit, Interrupted, bad_args
from kubekit.terminal.etcdctl.go_text import parse_int
from kubekit.terminal.etcdctl.keys import failing
from kubekit.terminal.etcdctl.printer_simple import SimplePrinter


def lease_id(text: str) -> int:
    """A lease's id, written in hexadecimal. Raises Exit(128)."""
    try:
        return parse_int(text, 16)
    except ValueError as error:
        raise bad_args(f"bad lease ID arg ({error}), expecting ID in Hex") from None


def _asking(call: Call, name: str, request: Message) -> Message:
    """Ask without a limit of time; an error ends the program with status 2."""
    client = call.client()
    try:
        return client.call(name, request)
    except EtcdError as error:
        raise Exit(BAD_CONNECTION, error_text(error)) from None


def grant(call: Call) -> None:
    """`lease grant`."""
    if len(call.args) != 1:
        raise bad_args("lease grant command needs TTL argument")
    try:
        ttl = parse_int(call.args[0])
    except ValueError as error:
        raise bad_args(f"bad TTL ({error})") from None
    call.print("lease_grant", failing(call, "Lease/LeaseGrant", {"TTL": ttl}, "failed to grant lease ({})"))


def revoke(call: Call) -> None:
    """`lease revoke`."""
    if len(call.args) != 1:
        raise bad_args("lease revoke command needs 1 argument")
    id = lease_id(call.args[0])
    answer = failing(call, "Lease/LeaseRevoke", {"ID": id}, "failed to revoke lease ({})")
    call.print("lease_revoke", answer, id=id)


def time_to_live(call: Call) -> None:
    """`lease timetolive`."""
    if len(call.args) != 1:
        raise bad_args("lease timetolive command needs lease ID as argument")
    client = call.client()
    keys = bool(call.flag("keys"))
    request: Message = {"ID": lease_id(call.args[0]), **({"keys": True} if keys else {})}
    try:
        answer = client.call("Lease/LeaseTimeToLive", request)
    except EtcdError as error:
        raise Exit(BAD_CONNECTION, error_text(error)) from None
    call.print("lease_time_to_live", answer, keys=keys)


def leases(call: Call) -> None:
    """`lease list`."""
    call.print("lease_list", _asking(call, "Lease/LeaseLeases", {}))


def renew(client: Client, id: int) -> Message:
    """One renewal. Raises EtcdError when the lease is gone."""
    answer = client.call("Lease/LeaseKeepAlive", {"ID": id})
    if answer.get("TTL", 0) <= 0:
        raise EtcdError("etcdserver: requested lease not found")
    return answer


def keep_alive(call: Call) -> None:
    """`lease keep-alive`: renew once, or a third of its time before it ends, for ever."""
    if len(call.args) != 1:
        raise bad_args("lease keep-alive command needs lease ID as argument")
    id = lease_id(call.args[0])
    client = call.client()
    if call.flag("once"):
        try:
            answer = renew(client, id)
        except EtcdError as error:
            raise Exit(BAD_CONNECTION, error_text(error)) from None
        call.print("lease_keep_alive", answer)
        return
    end = call.waiting.now() + call.program.patience
    while True:
        try:
            answer = renew(client, id)
        except EtcdError:
            break
        call.print("lease_keep_alive", answer)
        step = answer["TTL"] / 3
        if call.waiting.now() + step > end:
            raise Interrupted
        call.waiting.until(lambda: False, step)
    if isinstance(call.display, SimplePrinter):
        call.out(f"lease {id:016x} expired or revoked.")


def commands(minor: int) -> list[Command]:
    """The commands of this file."""
    how = "cobrautl.Exits" if minor >= 5 else "exits"
    once = boolean("once", f"Resets the keep-alive time to its original value and {how} immediately")
    keys = boolean("keys", "Get keys attached to this lease")
    return [
        Command(
            "lease <subcommand>",
            "Lease related commands",
            commands=[
                Command("grant <ttl>", "Creates leases", grant),
                Command("revoke <leaseID>", "Revokes leases", revoke),
                Command("timetolive <leaseID> [options]", "Get lease information", time_to_live, [keys]),
                Command("list", "List all active leases", leases),
                Command("keep-alive [options] <leaseID>", "Keeps leases alive (renew)", keep_alive, [once]),
            ],
        )
    ]
