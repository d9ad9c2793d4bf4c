"""user: who may sign on, and with which roles.

Passwords come from the argument, a flag, or the input: two lines as if they had been typed blindly, or one
with --interactive=false. Source: etcdctl/ctlv3/command/user_command.go.
"""

from __future__ import annotations

from kubekit.etcd.errors import EtcdError
from kubekit.etcd.messages import Message
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.flags import boolean, string
from kubekit.terminal.etcdctl.auth import asking
from kubekit.terminal.etcdctl.call import Call, need
from kubekit.terminal.etcdctl.client import error_text
from kubekit.terminal.etcdctl.exits import ERROR, Exit, bad_args

NO_TERMINAL = "failed to ask password: EOF"


def _typed(call: Call, prompt: str) -> str:
    call.out(prompt)
    line = call.stdin.line()
    if line is None:
        raise bad_args(NO_TERMINAL)
    return line.rstrip("\r\n")


def _new_password(call: Call, name: str) -> str:
    """A password that was typed twice. Raises Exit(128)."""
    first = _typed(call, f"Password of {name}: ")
    if not first:
        raise bad_args("empty password")
    if first != _typed(call, f"Type password of {name} again for confirmation: "):
        raise bad_args("given passwords are different")
    return first


def _scanned(call: Call) -> str:
    """The first word of the input's next line."""
    words = (call.stdin.line() or "").split()
    return words[0] if words else ""


def add(call: Call) -> None:
    """`user add`."""
    need(call, len(call.args) == 1, "user add command requires user name as its argument")
    user, password = call.args[0], ""
    request: Message = {"options": {}}
    if call.flag("no-password"):
        request["options"] = {"no_password": True}
    elif call.values.get("new-user-password"):
        password = call.flag("new-user-password")
    elif ":" in user:
        user, _, password = user.partition(":")
        need(call, bool(user), "empty user name is not allowed")
    else:
        password = _new_password(call, user) if call.flag("interactive") else _scanned(call)
    answer = asking(call, "Auth/UserAdd", {"name": user, "password": password, **request})
    call.print("user_add", answer, user=user)


def delete(call: Call) -> None:
    """`user delete`."""
    need(call, len(call.args) == 1, "user delete command requires user name as its argument")
    user = call.args[0]
    call.print("user_delete", asking(call, "Auth/UserDelete", {"name": user}), user=user)


def get(call: Call) -> None:
    """`user get`; with --detail what each role may do."""
    need(call, len(call.args) == 1, "user get command requires user name as its argument")
    user = call.args[0]
    client = call.client()
    try:
        answer = client.call("Auth/UserGet", {"name": user})
        if not call.flag("detail"):
            call.print("user_get", answer, user=user)
            return
        call.out(f"User: {user}")
        for role in answer.get("roles", []):
            call.out()
            call.print("role_get", client.call("Auth/RoleGet", {"role": role}), role=role)
    except EtcdError as error:
        raise Exit(ERROR, error_text(error)) from None


def users(call: Call) -> None:
    """`user list`."""
    need(call, not call.args, "user list command requires no arguments")
    call.print("user_list", asking(call, "Auth/UserList", {}))


def change_password(call: Call) -> None:
    """`user passwd`."""
    need(call, len(call.args) == 1, "user passwd command requires user name as its argument")
    user = call.args[0]
    password = _new_password(call, user) if call.flag("interactive") else _scanned(call)
    answer = asking(call, "Auth/UserChangePassword", {"name": user, "password": password})
    call.print("user_change_password", answer, user=user)


def grant_role(call: Call) -> None:
    """`user grant-role`."""
    need(call, len(call.args) == 2, "user grant command requires user name and role name as its argument")
    user, role = call.args
    answer = asking(call, "Auth/UserGrantRole", {"user": user, "role": role})
    call.print("user_grant_role", answer, user=user, role=role)


def revoke_role(call: Call) -> None:
    """`user revoke-role`."""
    need(call, len(call.args) == 2, "user revoke-role requires user name and role name as its argument")
    user, role = call.args
    answer = asking(call, "Auth/UserRevokeRole", {"name": user, "role": role})
    call.print("user_revoke_role", answer, user=user, role=role)


def commands(minor: int) -> list[Command]:
    """The commands of this file."""
    instead = "Read password from stdin instead of interactive terminal"
    return [
        Command(
            "user <subcommand>",
            "User related commands",
            commands=[
                Command(
                    "add <user name or user:password> [options]",
                    "Adds a new user",
                    add,
                    [
                        boolean("interactive", instead, default=True),
                        string("new-user-password", "Supply password from the command line flag"),
                        boolean("no-password", "Create a user without password (CN based auth only)"),
                    ],
                ),
                Command("delete <user name>", "Deletes a user", delete),
                Command(
                    "get <user name> [options]",
                    "Gets detailed information of a user",
                    get,
                    [boolean("detail", "Show permissions of roles granted to the user")],
                ),
                Command("list", "Lists all users", users),
                Command(
                    "passwd <user name> [options]",
                    "Changes password of user",
                    change_password,
                    [boolean("interactive", f"If true, {instead[0].lower()}{instead[1:]}", default=True)],
                ),
                Command("grant-role <user name> <role name>", "Grants a role to a user", grant_role),
                Command("revoke-role <user name> <role name>", "Revokes a role from a user", revoke_role),
            ],
        )
    ]
