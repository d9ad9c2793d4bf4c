"""Options of a small program: single letters, some with a value, as getopt reads them.

Source: GNU getopt_long.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kubekit.terminal.node_shell.shell import Run


@dataclass
class Options:
    """What was given: letters (long names by their letter), values of those that take one, and the rest."""

    letters: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)

    def __contains__(self, letter: str) -> bool:
        return letter in self.letters


class BadOption(Exception):
    """An option that the program does not have; the text is the program's."""


def read(run: Run, letters: str, values: str = "", long: dict[str, str] | None = None) -> Options:
    """The options of a program that knows `letters`, and `values` with an argument. Raises BadOption."""
    found = Options()
    words = list(run.args)
    while words:
        word = words.pop(0)
        if word == "--":
            found.rest += words
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            letter = (long or {}).get(name)
            if letter is None:
                raise BadOption(f"unrecognized option '{word}'")
            found.letters.add(letter)
            if letter in values:
                found.values[letter] = value if equals else words.pop(0) if words else ""
        elif word.startswith("-") and len(word) > 1:
            rest = word[1:]
            while rest:
                letter, rest = rest[0], rest[1:]
                if letter in values:
                    if not rest and not words:
                        raise BadOption(f"option requires an argument -- '{letter}'")
                    found.letters.add(letter)
                    found.values[letter] = rest or words.pop(0)
                    rest = ""
                elif letter in letters:
                    found.letters.add(letter)
                else:
                    raise BadOption(f"invalid option -- '{letter}'")
        else:
            found.rest.append(word)
    return found


def bad(run: Run, error: BadOption, code: int = 1) -> int:
    """Complain about an option."""
    run.fail(str(error))
    run.err(f"Try '{run.name} --help' for more information.")
    return code
