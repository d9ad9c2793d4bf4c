"""The verbs that a notebook cannot do, refused in plain words, and `options`, `help`, `top`.

Each refusal says why, and what to use instead.
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.terminal.cli.command import Command, flag_lines, help_text, unknown_command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import boolean, string
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.global_flags import GLOBAL_FLAGS


def options(call: Call) -> None:
    """`kubectl options`."""
    call.out("The following options can be passed to any command:\n")
    for flag in sorted(GLOBAL_FLAGS, key=lambda one: one.name):
        call.out("\n".join(flag_lines(flag)))


def help_(call: Call) -> None:
    """`kubectl help [command]`."""
    command, path = call.program.root, "kubectl"
    for word in call.args:
        child = command.child(word)
        if child is None:
            raise unknown_command(command, path, word)
        command, path = child, f"{path} {child.name}"
    call.out(help_text(command, path), end="")


def top(call: Call) -> None:
    """`kubectl top`: nothing measures here."""
    if call.flag("sort-by") not in ("", "cpu", "memory"):
        raise CommandError("--sort-by accepts only cpu or memory")
    raise CommandError("Metrics API not available")


def _refuse(why: str) -> Callable[[Call], None]:
    def run(call: Call) -> None:
        raise CommandError(why)

    return run


COMMANDS = [
    Command("options", "Print the list of flags inherited by all commands", options, hidden=True),
    Command("help [command]", "Help about any command", help_, hidden=True),
    Command(
        "top",
        "Display resource (CPU/memory) usage",
        None,
        commands=[
            Command(
                "node [NAME | -l label]",
                "Display resource (CPU/memory) usage of nodes",
                top,
                [
                    string("selector", "", "l"),
                    string("sort-by", ""),
                    boolean("no-headers", ""),
                    boolean("show-capacity", ""),
                    boolean("use-protocol-buffers", "", default=True),
                ],
                aliases=("nodes", "no"),
            ),
            Command(
                "pod [NAME | -l label]",
                "Display resource (CPU/memory) usage of pods",
                top,
                [
                    string("selector", "", "l"),
                    string("sort-by", ""),
                    boolean("containers", ""),
                    boolean("all-namespaces", "", "A"),
                    boolean("no-headers", ""),
                    boolean("sum", ""),
                    string("field-selector", ""),
                    boolean("use-protocol-buffers", "", default=True),
                ],
                aliases=("pods", "po"),
            ),
        ],
    ),
    Command(
        "completion SHELL",
        "Output shell completion code for the specified shell (bash, zsh, fish, or powershell)",
        _refuse("completion is built into the notebook: press Tab"),
    ),
    Command(
        "plugin",
        "Provides utilities for interacting with plugins",
        None,
        commands=[
            Command(
                "list",
                "List all visible plugin executables on a user's PATH",
                _refuse("unable to find any kubectl plugins in your PATH"),
                [boolean("name-only", "Without their folders.")],
            )
        ],
    ),
]
