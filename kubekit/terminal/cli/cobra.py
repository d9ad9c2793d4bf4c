"""Finding a command as cobra does: flags may stand anywhere, a beginning of a name is enough.

`find` walks the words of a command line down a tree of `Command`s; `usage_line`, `local_flags` and
`inherited_flags` are what help texts are made of. kubectl turns some of these rules off and has its own walk.
Source: github.com/spf13/cobra (command.go: Find, stripFlags, findNext, legacyArgs).
"""

from __future__ import annotations

from dataclasses import dataclass

from kubekit.api.field_path import go_quote
from kubekit.terminal.cli.command import Command, suggestions
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import Flag, boolean


@dataclass(frozen=True, slots=True)
class Found:
    """The command that a line names: `path` from the root down to it, `rest` what is left of the line."""

    path: tuple[Command, ...]
    rest: list[str]

    @property
    def command(self) -> Command:
        """The command itself."""
        return self.path[-1]

    @property
    def name(self) -> str:
        """Its full name, e.g. ``etcdctl snapshot save``."""
        return " ".join(command.name for command in self.path)

    @property
    def flags(self) -> list[Flag]:
        """Every flag it understands."""
        return [*local_flags(self.path), *inherited_flags(self.path)]


def local_flags(path: tuple[Command, ...]) -> list[Flag]:
    """The flags of the command itself, sorted by name."""
    command = path[-1]
    own = [*command.flags, *command.persistent]
    help_flag = boolean("help", f"help for {command.name}", "h")
    return sorted([*own, help_flag], key=lambda flag: flag.name)


def inherited_flags(path: tuple[Command, ...]) -> list[Flag]:
    """The persistent flags of the commands above, sorted by name."""
    own = {flag.name for flag in local_flags(path)}
    above = {flag.name: flag for command in path[:-1] for flag in command.persistent}
    return sorted((flag for flag in above.values() if flag.name not in own), key=lambda flag: flag.name)


def usage_line(path: tuple[Command, ...]) -> str:
    """How the command is called: parents, its own line, `[flags]`."""
    line = " ".join([*(command.name for command in path[:-1]), path[-1].use])
    return line if "[flags]" in line or path[-1].name == "completion" else f"{line} [flags]"


def _words(path: tuple[Command, ...], args: list[str]) -> list[int]:
    """Where in `args` words stand that are neither flags nor their values."""
    flags = [*local_flags(path), *inherited_flags(path)]
    alone = {f"--{flag.name}" for flag in flags if flag.kind == "bool" or flag.bare is not None}
    alone |= {f"-{flag.short}" for flag in flags if flag.short and (flag.kind == "bool" or flag.bare)}
    found: list[int] = []
    at = 0
    while at < len(args):
        word = args[at]
        if word == "--":
            break
        takes_next = (
            (word.startswith("--") or (word.startswith("-") and len(word) == 2))
            and "=" not in word
            and word not in alone
        )
        if takes_next:
            at += 2
            continue
        if word and not word.startswith("-"):
            found.append(at)
        at += 1
    return found


def _child(command: Command, word: str, abbreviate: bool) -> Command | None:
    exact = command.child(word)
    if exact is not None or not abbreviate:
        return exact
    near = [
        one for one in command.commands if any(name.startswith(word) for name in (one.name, *one.aliases))
    ]
    return near[0] if len(near) == 1 else None


def find(root: Command, argv: list[str], abbreviate: bool = True) -> Found:
    """The command that the words name. Raises CommandError for an unknown one below the root."""
    path: tuple[Command, ...] = (root,)
    rest = list(argv)
    while path[-1].commands:
        words = _words(path, rest)
        child = _child(path[-1], rest[words[0]], abbreviate) if words else None
        if child is None:
            break
        del rest[words[0]]
        path = (*path, child)
    found = Found(path, rest)
    if len(path) == 1 and root.commands and (words := _words(path, rest)):
        raise unknown(root, rest[words[0]])
    return found


def default_usage(found: Found) -> str:
    """The help of a program that has no layout of its own for it."""
    command = found.command
    lines = ["Usage:"]
    if command.run is not None:
        lines.append(f"  {usage_line(found.path)}")
    below = sorted((one for one in command.commands if not one.hidden), key=lambda one: one.name)
    if below:
        lines.append(f"  {found.name} [command]")
        width = max(_NAME_WIDTH, *(len(one.name) for one in below))
        lines += ["", "Available Commands:", *(f"  {one.name.ljust(width)} {one.short}" for one in below)]
    for title, flags in (("Flags", local_flags(found.path)), ("Global Flags", inherited_flags(found.path))):
        if flags:
            lines += ["", f"{title}:", *_flag_lines(flags)]
    if below:
        lines += ["", f'Use "{found.name} [command] --help" for more information about a command.']
    return "\n".join(lines) + "\n"


_NAME_WIDTH = 11
_TYPES = {"duration": "duration", "list": "strings", "array": "stringArray", "int": "int", "string": "string"}


def _flag_lines(flags: list[Flag]) -> list[str]:
    heads = []
    for flag in flags:
        head = f"  -{flag.short}, --{flag.name}" if flag.short else f"      --{flag.name}"
        heads.append(head if flag.kind == "bool" else f"{head} {_TYPES.get(flag.kind, flag.kind)}")
    width = max(len(head) for head in heads)
    lines = []
    for head, flag in zip(heads, flags, strict=True):
        default = ""
        if flag.kind == "string" and flag.default:
            default = f" (default {go_quote(flag.default)})"
        elif flag.kind in ("int", "bool") and flag.default:
            default = f" (default {str(flag.default).lower()})"
        lines.append(f"{head.ljust(width)}   {flag.help}{default}")
    return lines


def unknown(root: Command, word: str) -> CommandError:
    """A word that names no command, with what it may have meant."""
    text = f"unknown command {go_quote(word)} for {go_quote(root.name)}"
    near = sorted(suggestions(root, word))
    if near:
        text += "\n\nDid you mean this?\n" + "".join(f"\t{name}\n" for name in near)
    return CommandError(text)
