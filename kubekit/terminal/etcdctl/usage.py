"""Help: what `etcdctl get --help` prints, to the sign.

One layout for all commands: name, usage, commands, description, flags of its own, flags that hold everywhere.
The layout changed with 3.6 (two spaces where a tab was). The texts themselves stand with the commands.
Source: pkg/cobrautl/help.go (3.5, 3.6), etcdctl/ctlv3/help.go (3.4).
"""

from __future__ import annotations

from kubekit.api.duration import go_duration
from kubekit.api.field_path import go_quote
from kubekit.terminal.cli.cobra import inherited_flags, local_flags, usage_line
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.flags import Flag
from kubekit.terminal.cli.tabwriter import align
from kubekit.terminal.etcdctl.release import Release

TAB = 8


def default_text(flag: Flag) -> str:
    """A flag's default as help shows it, without quotes."""
    if flag.kind == "bool":
        return str(bool(flag.default)).lower()
    if flag.kind == "duration":
        return go_duration(flag.default)
    if flag.kind in ("list", "array"):
        return "[" + ",".join(flag.default or []) + "]"
    return str(flag.default)


def _flag_lines(flags: list[Flag]) -> str:
    lines = []
    for flag in flags:
        if flag.hidden:
            continue
        head = f"  -{flag.short}, --{flag.name}" if flag.short else f"      --{flag.name}"
        value = default_text(flag)
        value = f"={go_quote(value)}" if flag.kind == "string" else f"={value}"
        lines.append(f"{head}[{value}]" if flag.kind == "bool" else head + value)
        lines[-1] += f"\t{flag.help}\n"
    return "".join(lines)


def _below(command: Command, name: str = "") -> list[tuple[str, Command]]:
    """Every command below, each with its name relative to this one, sorted as cobra sorts."""
    found: list[tuple[str, Command]] = []
    for child in sorted(command.commands, key=lambda one: one.name):
        full = f"{name} {child.name}".strip()
        found.append((full, child))
        found += _below(child, full)
    return found


def usage(path: tuple[Command, ...], release: Release) -> str:
    """The help text of the command at the end of `path`."""
    command = path[-1]
    indent = "  " if release.minor >= 6 else "\t"
    name = " ".join(one.name for one in path[1:]) or command.name

    def block(title: str, text: str) -> str:
        return f"\n{title}:\n" + "".join(f"{indent}{line}\n" for line in text.split("\n"))

    out = f"NAME:\n{indent}{name} - {command.short}\n"
    out += block("USAGE", usage_line(path))
    if len(path) == 1:
        out += block("VERSION", release.version)
    if command.commands:
        out += block("API VERSION", release.api)
    if command.example:
        out += f"\nExamples:\n{command.example}\n"
    if command.commands:
        gap = "" if release.minor >= 6 else "\n"
        rows = [f"{indent}{full}\t{one.short}\n" for full, one in _below(command) if one.run is not None]
        out += f"\n{gap}COMMANDS:\n{''.join(rows)}"
    if command.long:
        out += block("DESCRIPTION", command.long.strip("\n\t "))
    out += f"\nOPTIONS:\n{_flag_lines(local_flags(path))}"
    if inherited := inherited_flags(path):
        out += f"\nGLOBAL OPTIONS:\n{_flag_lines(inherited)}"
    return align(out + "\n", minimum=0, padding=1, tabs=TAB)
