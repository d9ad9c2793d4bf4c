"""auth and role: whether etcd asks who you are, and what a role may do.

Source: etcdctl/ctlv3/command/auth_command.go, role_command.go.
"""

from __future__ import annotations

from kubekit.etcd.errors import EtcdError
from kubekit.etcd.messages import Message
from kubekit.etcd.tree_index import FROM_KEY, prefix_end
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.flags import Flag, boolean
from kubekit.terminal.etcdctl.call import Call, need
from kubekit.terminal.etcdctl.client import error_text
from kubekit.terminal.etcdctl.exits import ERROR, Exit, bad_args
from kubekit.terminal.etcdctl.keys import failing

PERMISSIONS = {"READ": 0, "WRITE": 1, "READWRITE": 2}
NO_ROOT_ROLE = "etcdserver: root user does not have root role"


def asking(call: Call, name: str, request: Message) -> Message:
    """Ask without a limit of time; an error ends the program with status 1."""
    client = call.client()
    try:
        return client.call(name, request)
    except EtcdError as error:
        raise Exit(ERROR, error_text(error)) from None


def enable(call: Call) -> None:
    """`auth enable`: gives root its role first when it has none."""
    need(call, not call.args, "auth enable command does not accept any arguments")
    client = call.client()
    try:
        try:
            client.call("Auth/AuthEnable", {}, call.timeout)
        except EtcdError as error:
            if error.message != NO_ROOT_ROLE:
                raise
            client.call("Auth/RoleAdd", {"name": "root"}, call.timeout)
            client.call("Auth/UserGrantRole", {"user": "root", "role": "root"}, call.timeout)
            client.call("Auth/AuthEnable", {}, call.timeout)
    except EtcdError as error:
        raise Exit(ERROR, error_text(error)) from None
    call.out("Authentication Enabled")


def disable(call: Call) -> None:
    """`auth disable`."""
    need(call, not call.args, "auth disable command does not accept any arguments")
    failing(call, "Auth/AuthDisable", {})
    call.out("Authentication Disabled")


def status(call: Call) -> None:
    """`auth status`."""
    need(call, not call.args, "auth status command does not accept any arguments")
    call.print("auth_status", failing(call, "Auth/AuthStatus", {}))


# -- roles ------------------------------------------------------------------------------------------------


def role_add(call: Call) -> None:
    """`role add`."""
    need(call, len(call.args) == 1, "role add command requires role name as its argument")
    role = call.args[0]
    call.print("role_add", asking(call, "Auth/RoleAdd", {"name": role}), role=role)


def role_delete(call: Call) -> None:
    """`role delete`."""
    need(call, len(call.args) == 1, "role delete command requires role name as its argument")
    role = call.args[0]
    call.print("role_delete", asking(call, "Auth/RoleDelete", {"role": role}), role=role)


def role_get(call: Call) -> None:
    """`role get`."""
    need(call, len(call.args) == 1, "role get command requires role name as its argument")
    role = call.args[0]
    call.print("role_get", asking(call, "Auth/RoleGet", {"role": role}), role=role)


def role_list(call: Call) -> None:
    """`role list`."""
    need(call, not call.args, "role list command requires no arguments")
    call.print("role_list", asking(call, "Auth/RoleList", {}))


def _bounds(call: Call, args: list[str]) -> tuple[bytes, bytes]:
    """Key and end that the arguments and --prefix, --from-key mean. Raises Exit(128)."""
    prefix, from_key = call.flag("prefix"), call.flag("from-key")
    key = args[0].encode()
    if prefix and from_key and (len(args) == 1 or not key):
        raise bad_args("--from-key and --prefix flags are mutually exclusive")
    if not key:
        return b"\x00", FROM_KEY if prefix or from_key else b""
    if len(args) == 1:
        return key, prefix_end(key) if prefix else FROM_KEY if from_key else b""
    for name, given in (("prefix", prefix), ("from-key", from_key)):
        if given:
            raise bad_args(f"unexpected endkey argument with --{name} flag")
    return key, args[1].encode()


def grant_permission(call: Call) -> None:
    """`role grant-permission`."""
    args = call.args
    need(
        call,
        len(args) >= 3,
        "role grant command requires role name, permission type, and key [endkey] as its argument",
    )
    kind = PERMISSIONS.get(args[1].upper())
    if kind is None:
        raise bad_args(f"invalid permission type: {args[1]}")
    key, end = _bounds(call, args[2:])
    permission: Message = {"permType": kind, "key": key, "range_end": end}
    answer = asking(call, "Auth/RoleGrantPermission", {"name": args[0], "perm": permission})
    call.print("role_grant_permission", answer, role=args[0])


def revoke_permission(call: Call) -> None:
    """`role revoke-permission`."""
    args = call.args
    need(
        call,
        len(args) >= 2,
        "role revoke-permission command requires role name and key [endkey] as its argument",
    )
    key, end = _bounds(call, args[1:])
    answer = asking(call, "Auth/RoleRevokePermission", {"role": args[0], "key": key, "range_end": end})
    call.print("role_revoke_permission", answer, role=args[0], key=args[1], end=end)


def commands(minor: int) -> list[Command]:
    """The commands of this file."""
    switch = [
        Command("enable", "Enables authentication", enable),
        Command("disable", "Disables authentication", disable),
    ]
    if minor >= 5:
        switch.append(Command("status", "Returns authentication status", status))

    def bounds(verb: str) -> list[Flag]:
        return [
            boolean("prefix", f"{verb} a prefix permission"),
            boolean(
                "from-key",
                f"{verb} a permission of keys that are greater than or equal to the given key using byte"
                " compare",
            ),
        ]

    return [
        Command("auth <enable or disable>", "Enable or disable authentication", commands=switch),
        Command(
            "role <subcommand>",
            "Role related commands",
            commands=[
                Command("add <role name>", "Adds a new role", role_add),
                Command("delete <role name>", "Deletes a role", role_delete),
                Command("get <role name>", "Gets detailed information of a role", role_get),
                Command("list", "Lists all roles", role_list),
                Command(
                    "grant-permission [options] <role name> <permission type> <key> [endkey]",
                    "Grants a key to a role",
                    grant_permission,
                    bounds("grant"),
                ),
                Command(
                    "revoke-permission <role name> <key> [endkey]",
                    "Revokes a key from a role",
                    revoke_permission,
                    bounds("revoke"),
                ),
            ],
        ),
    ]
