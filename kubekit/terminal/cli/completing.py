"""What may come next on the command line of a cobra program: commands, flags, values that are from a list.

`complete(root, line, values)` takes what stands after the program's name and returns whole words for its
last, unfinished one. `values` has the words that a flag takes, by the flag's name.
Source: github.com/spf13/cobra (completions.go).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from kubekit.terminal.cli.cobra import find, inherited_flags, local_flags
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError


def complete(root: Command, line: str, values: Mapping[str, Sequence[str]]) -> list[str]:
    """Words that may stand in the place of the last one; none when the line cannot be read."""
    try:
        words = shlex.split(line)
    except ValueError:
        return []
    last = "" if not words or line[-1:].isspace() else words.pop()
    try:
        found = find(root, words)
    except CommandError:
        return []
    flags = (*local_flags(found.path), *inherited_flags(found.path))
    by_word = {f"--{flag.name}": flag for flag in flags}
    by_word |= {f"-{flag.short}": flag for flag in flags if flag.short}
    before = by_word.get(words[-1]) if words else None
    if before is not None and before.kind != "bool":
        return [value for value in values.get(before.name, ()) if value.startswith(last)]
    if last.startswith("-"):
        name, equals, begun = last.partition("=")
        if equals and name in by_word:
            wanted = values.get(by_word[name].name, ())
            return [f"{name}={value}" for value in wanted if value.startswith(begun)]
        return sorted(word for word in by_word if word.startswith(last) and word.startswith("--"))
    names = (command.name for command in found.command.commands if not command.hidden)
    return sorted(name for name in names if name.startswith(last))
