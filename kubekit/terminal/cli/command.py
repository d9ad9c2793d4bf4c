"""A tree of commands, as cobra keeps it: names, aliases, flags, and what happens when a word is mistyped.

A verb's file makes a `Command` and hangs it into the tree; `find` walks the arguments down the tree and
`suggestions` finds what a mistyped name may have meant. Help texts are the kit's own and short.
Source: github.com/spf13/cobra, k8s.io/kubectl/pkg/util/templates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kubekit.api.duration import go_duration
from kubekit.api.field_path import go_quote
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import Flag


@dataclass(slots=True)
class Command:
    """One command. `use`: name and arguments; `run` gets the call (None for a group of commands)."""

    use: str
    short: str
    run: Callable[[Any], None] | None = None
    flags: list[Flag] = field(default_factory=list)
    aliases: tuple[str, ...] = ()
    commands: list[Command] = field(default_factory=list)
    example: str = ""
    interspersed: bool = True
    hidden: bool = False
    long: str = ""
    persistent: list[Flag] = field(default_factory=list)
    """Flags that hold for the commands below too."""
    required: tuple[str, ...] = ()
    """Flags without which it does nothing."""
    bare: str = "err"
    """A group that is called without a command shows its help: as a failure on `err` or `out`, or on `out`
    with success (`ok`)."""

    @property
    def name(self) -> str:
        """The word that calls it."""
        return self.use.split()[0]

    def child(self, word: str) -> Command | None:
        """The command below with that name or alias."""
        for command in self.commands:
            if word == command.name or word in command.aliases:
                return command
        return None


def _distance(left: str, right: str) -> int:
    """Levenshtein distance, upper and lower case alike."""
    left, right = left.lower(), right.lower()
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            previous, row[j] = row[j], previous if a == b else 1 + min(row[j], row[j - 1], previous)
    return row[-1]


def suggestions(command: Command, word: str) -> list[str]:
    """Names below `command` that are near to a mistyped word or start with it."""
    names = [one.name for one in command.commands if not one.hidden]
    return [name for name in names if _distance(word, name) <= 2 or name.lower().startswith(word.lower())]


def unknown_command(command: Command, path: str, word: str) -> CommandError:
    """The error for a word that names no command below this one."""
    text = f"unknown command {go_quote(word)} for {go_quote(path)}"
    if near := suggestions(command, word):
        text += "\n\nDid you mean this?\n" + "".join(f"\t{name}\n" for name in near)
    return CommandError(text)


def _default(flag: Flag) -> str:
    if flag.kind == "bool":
        return str(bool(flag.default)).lower()
    if flag.kind in ("list", "array", "map", "pairs"):
        return "[]" if flag.default is None else ""
    if flag.kind == "duration":
        return go_duration(flag.default)
    return str(flag.default) if flag.kind in ("int", "int32") else f"'{flag.default}'"


def flag_lines(flag: Flag) -> list[str]:
    """How help shows a flag: its names with the default, then what it is for."""
    short = f"-{flag.short}, " if flag.short else ""
    return [f"    {short}--{flag.name}={_default(flag)}:", f"\t{flag.help}", ""]


def help_text(command: Command, path: str) -> str:
    """What `--help` prints."""
    out = [command.short if command.short.endswith(".") else command.short + ".", ""]
    if command.aliases:
        out += ["Aliases:", ", ".join([command.name, *command.aliases]), ""]
    if command.example:
        out += ["Examples:", *(f"  {line}".rstrip() for line in command.example.strip().splitlines()), ""]
    shown = [one for one in command.commands if not one.hidden]
    if shown:
        width = max(11, *(len(one.name) for one in shown), 0) + 2
        out += ["Available Commands:", *(f"  {one.name.ljust(width)} {one.short}" for one in shown), ""]
    flags = [flag for flag in sorted(command.flags, key=lambda one: one.name) if not flag.hidden]
    if flags:
        out.append("Options:")
        for flag in flags:
            out += flag_lines(flag)
    rest = command.use.partition(" ")[2]
    usage = f"{path} {rest}".strip() if rest else f"{path} SUBCOMMAND [options]" if shown else path
    if "[options]" not in usage:
        usage += " [options]"
    out += ["Usage:", f"  {usage}", ""]
    if shown:
        out.append(f'Use "{path} <command> --help" for more information about a given command.')
    out.append('Use "kubectl options" for a list of global command-line options (applies to all commands).')
    return "\n".join(out) + "\n"
