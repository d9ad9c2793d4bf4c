"""version, downgrade and completion: the small commands.

Source: etcdctl/ctlv3/command/version_command.go, downgrade_command.go, completion_command.go.
"""

from __future__ import annotations

from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.etcdctl.call import Call, need
from kubekit.terminal.etcdctl.exits import ERROR, Exit
from kubekit.terminal.etcdctl.keys import failing

SHELLS = ("bash", "zsh", "fish", "powershell")
ACTIONS = {"validate": 0, "enable": 1, "cancel": 2}


def version(call: Call) -> None:
    """`etcdctl version`."""
    call.out(f"{call.program.name} version: {call.release.version}")
    call.out(f"API version: {call.release.api}")


def _downgrade(call: Call, action: str) -> None:
    target = ""
    if action != "cancel":
        need(call, bool(call.args), "TARGET_VERSION not provided")
        need(call, len(call.args) == 1, "too many arguments")
        target = call.args[0]
        need(call, bool(target), "target version not provided")
    answer = failing(call, "Maintenance/Downgrade", {"action": ACTIONS[action], "version": target})
    call.print("downgrade", answer, action=action)


def validate(call: Call) -> None:
    """`downgrade validate`."""
    _downgrade(call, "validate")


def enable(call: Call) -> None:
    """`downgrade enable`."""
    _downgrade(call, "enable")


def cancel(call: Call) -> None:
    """`downgrade cancel`."""
    _downgrade(call, "cancel")


def completion(call: Call) -> None:
    """`completion SHELL`: a notebook completes with Tab by itself, so the script only says so."""
    if len(call.args) != 1:
        raise CommandError(f"accepts 1 arg(s), received {len(call.args)}")
    shell = call.args[0]
    if shell not in SHELLS:
        raise Exit(ERROR, f'invalid argument "{shell}" for "{call.program.name} completion"')
    call.out(f"# {shell}: in a notebook, Tab completes %{call.program.name} without a script")


def commands(minor: int) -> list[Command]:
    """The commands of this file."""
    found = [Command("version", "Prints the version of etcdctl", version)]
    if minor >= 6:
        found += [
            Command("completion [bash|zsh|fish|powershell]", "Generate completion script", completion),
            Command(
                "downgrade <TARGET_VERSION>",
                "Downgrade related commands",
                commands=[
                    Command(
                        "validate <TARGET_VERSION>",
                        "Validate downgrade capability before starting downgrade",
                        validate,
                    ),
                    Command(
                        "enable <TARGET_VERSION>",
                        "Start a downgrade action to cluster",
                        enable,
                    ),
                    Command("cancel", "Cancel the ongoing downgrade action to cluster", cancel),
                ],
            ),
        ]
    return found
