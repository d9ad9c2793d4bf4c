"""Flags as pflag reads them: `-n shop`, `-nshop`, `--namespace=shop`, `-it`, `--watch=false`, `--`.

A `FlagSet` is a list of `Flag`s; `parse` gives the values and the arguments that are none. Flags and
arguments may be mixed. The error texts are pflag's, so that a typing mistake reads as on a real cluster.
Source: github.com/spf13/pflag.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any

from kubekit.api.duration import parse_go_duration
from kubekit.api.field_path import go_quote
from kubekit.terminal.cli.errors import CommandError


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag. `kind`: bool, string, int, int32, duration, list (comma-separated), array (one value each),
    map, pairs (a map that words its refusal differently).

    `bare`: the value when it is given without one (`--dry-run`), for kinds other than bool.
    """

    name: str
    kind: str = "string"
    default: Any = ""
    short: str = ""
    bare: str | None = None
    help: str = ""
    hidden: bool = False

    @property
    def shown(self) -> str:
        """How messages call it."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


def boolean(name: str, help: str = "", short: str = "", default: bool = False) -> Flag:
    """A switch."""
    return Flag(name, "bool", default, short, help=help)


def string(name: str, help: str = "", short: str = "", default: str = "", bare: str | None = None) -> Flag:
    """A text."""
    return Flag(name, "string", default, short, bare, help)


def listing(name: str, help: str = "", short: str = "") -> Flag:
    """Texts, separated by commas or given again."""
    return Flag(name, "list", None, short, help=help)


def array(name: str, help: str = "", short: str = "") -> Flag:
    """Texts, given again for each."""
    return Flag(name, "array", None, short, help=help)


def number(name: str, help: str = "", short: str = "", default: int = 0) -> Flag:
    """A whole number."""
    return Flag(name, "int", default, short, help=help)


def duration(name: str, help: str = "", default: float = 0.0) -> Flag:
    """A length of time, in seconds once parsed."""
    return Flag(name, "duration", default, "", help=help)


class FlagError(CommandError):
    """A flag that cannot be read."""


def _go_number_error(text: str, function: str = "ParseInt") -> str:
    return f"strconv.{function}: parsing {go_quote(text)}: invalid syntax"


def _value(flag: Flag, text: str, old: Any) -> Any:
    if flag.kind == "bool":
        if text in ("1", "t", "T", "true", "TRUE", "True"):
            return True
        if text in ("0", "f", "F", "false", "FALSE", "False"):
            return False
        raise ValueError(_go_number_error(text, "ParseBool"))
    if flag.kind in ("int", "int32"):
        try:
            number = int(text, 0)
        except ValueError:
            raise ValueError(_go_number_error(text)) from None
        bits = 31 if flag.kind == "int32" else 63
        if not -(1 << bits) <= number < 1 << bits:
            raise ValueError(_go_number_error(text).replace("invalid syntax", "value out of range"))
        return number
    if flag.kind == "duration":
        return parse_go_duration(text)
    if flag.kind == "array":
        return [*(old or []), text]
    if flag.kind == "list":
        read = next(csv.reader(io.StringIO(text)), []) if text else []
        return [*(old or []), *read]
    if flag.kind in ("map", "pairs"):
        found = dict(old or {})
        for pair in next(csv.reader(io.StringIO(text)), []) if text else []:
            key, separator, value = pair.partition("=")
            if not separator and flag.kind == "pairs":
                raise ValueError("malformed pair, expect string=string")
            if not separator:
                raise ValueError(f"{pair} must be formatted as key=value")
            found[key] = value
        return found
    return text


@dataclass(slots=True)
class Parsed:
    """What a command line said: values by flag name, which flags were given, and the arguments."""

    values: dict[str, Any]
    given: set[str]
    args: list[str] = field(default_factory=list)
    dash_at: int = -1
    """How many arguments stood before `--`; -1 without one."""


class FlagSet:
    """The flags that one command knows."""

    def __init__(self, flags: list[Flag]) -> None:
        self.flags = {flag.name: flag for flag in flags}
        self.shorts = {flag.short: flag for flag in flags if flag.short}

    def parse(self, argv: list[str], interspersed: bool = True) -> Parsed:
        """Reads the command line. Raises FlagError with pflag's words."""
        found = Parsed({name: flag.default for name, flag in self.flags.items()}, set())
        rest = list(argv)
        while rest:
            word = rest.pop(0)
            if word == "--":
                found.dash_at = len(found.args)
                found.args += rest
                break
            if word.startswith("--"):
                self._long(word, rest, found)
            elif word.startswith("-") and len(word) > 1:
                self._short(word, rest, found)
            else:
                found.args.append(word)
                if not interspersed:
                    found.args += rest
                    break
        return found

    def _long(self, word: str, rest: list[str], found: Parsed) -> None:
        name, equals, value = word[2:].partition("=")
        if not name or name[0] in "-=":
            raise FlagError(f"bad flag syntax: {word}")
        flag = self.flags.get(name)
        if flag is None:
            if name == "help":
                if not equals or _value(Flag("help", "bool"), value, None):
                    found.given.add("help")
                return
            raise FlagError(f"unknown flag: --{name}")
        if not equals:
            if flag.kind == "bool":
                value = "true"
            elif flag.bare is not None:
                value = flag.bare
            elif rest:
                value = rest.pop(0)
            else:
                raise FlagError(f"flag needs an argument: --{name}")
        self._set(flag, value, found)

    def _short(self, word: str, rest: list[str], found: Parsed) -> None:
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            flag = self.shorts.get(letter)
            if flag is None:
                if letter == "h":
                    found.given.add("help")
                    return
                raise FlagError(f"unknown shorthand flag: '{letter}' in {word}")
            if letters.startswith("="):
                self._set(flag, letters[1:], found)
                return
            if flag.kind == "bool":
                self._set(flag, "true", found)
                continue
            if flag.bare is not None and not letters:
                value = flag.bare
            elif letters:
                value = letters
            elif rest:
                value = rest.pop(0)
            else:
                raise FlagError(f"flag needs an argument: '{letter}' in {word}")
            self._set(flag, value, found)
            return

    def _set(self, flag: Flag, text: str, found: Parsed) -> None:
        old = found.values[flag.name] if flag.name in found.given else None
        try:
            found.values[flag.name] = _value(flag, text, old)
        except ValueError as error:
            raise FlagError(f'invalid argument {go_quote(text)} for "{flag.shown}" flag: {error}') from None
        found.given.add(flag.name)
