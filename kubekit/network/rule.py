"""A rule: one line of iptables text, read once, asked often, printed as the kernel prints it.

`parse_rule` takes the words after ``-A CHAIN`` (the original text is kept as `written`); `Rule.text`
gives the kernel's order: addresses, interfaces, protocol, matches as they came, target. Rules are
immutable and shared: the same line read twice is the same object (but for `-m statistic --mode nth`,
whose every rule counts for itself).

>>> str(parse_rule('-m comment --comment "a b" -m tcp -p tcp -d 10.0.0.1 --dport 80 -j ACCEPT'))
'-d 10.0.0.1/32 -p tcp -m comment --comment "a b" -m tcp --dport 80 -j ACCEPT'
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from kubekit.network.address import Network, network
from kubekit.network.errors import IptablesError
from kubekit.network.kernel_matches import MATCHES, interface_matches
from kubekit.network.matches import Answer, Comment, Context, Match, Ports
from kubekit.network.packet import PROTOCOL_NUMBERS, Packet
from kubekit.network.targets import TARGETS, VERDICTS, Jump, Target, Verdict

PROTOCOL_NAMES = {number: name for name, number in PROTOCOL_NUMBERS.items()}


class RulePass(NamedTuple):
    """What a rule said to one packet: `matched` is None when the packet did not get so far."""

    rule: Rule
    matched: bool | None
    why: str
    drew: float | None = None


class Rule:
    """One rule, ready to be asked. Fields hold what was written; None or "" means not asked."""

    __slots__ = (
        "_text",
        "dst",
        "in_interface",
        "matches",
        "out_interface",
        "protocol",
        "src",
        "target",
        "written",
    )

    def __init__(self, written: str) -> None:
        self.written = written
        self.src: tuple[Network, bool] | None = None
        self.dst: tuple[Network, bool] | None = None
        self.in_interface: tuple[str, bool] | None = None
        self.out_interface: tuple[str, bool] | None = None
        self.protocol: tuple[str, bool] | None = None
        self.matches: tuple[Match, ...] = ()
        self.target: Target | None = None
        self._text: str | None = None

    def ask(self, packet: Packet, context: Context) -> RulePass:
        """Whether the packet matches, and in words why; parts are asked in the kernel's order."""
        if self.src is not None and self.src[0].holds(packet.src_number) == self.src[1]:
            return RulePass(self, False, self._address_miss("source", packet.src, self.src))
        if self.dst is not None and self.dst[0].holds(packet.dst_number) == self.dst[1]:
            return RulePass(self, False, self._address_miss("destination", packet.dst, self.dst))
        for wanted, seen, side in (
            (self.in_interface, packet.in_interface, "in"),
            (self.out_interface, packet.out_interface, "out"),
        ):
            if wanted is not None and interface_matches(wanted[0], seen) == wanted[1]:
                return RulePass(self, False, f"{side} interface is {seen or 'none'}")
        if self.protocol is not None and (packet.protocol == self.protocol[0]) == self.protocol[1]:
            return RulePass(self, False, f"protocol is {packet.protocol}")
        said: list[str] = []
        drew: float | None = None
        for match in self.matches:
            answer: Answer = match.test(packet, context)
            if not answer.ok:
                return RulePass(self, False, answer.why, answer.drew)
            if answer.drew is not None:
                drew = answer.drew
            if answer.why:
                said.append(answer.why)
        return RulePass(self, True, self._hit(said), drew)

    @staticmethod
    def _address_miss(side: str, address: str, wanted: tuple[Network, bool]) -> str:
        return f"{side} {address} is in {wanted[0]}" if wanted[1] else f"{side} is {address}"

    def _hit(self, said: list[str]) -> str:
        about = [
            word
            for word, wanted in (
                ("source", self.src),
                ("destination", self.dst),
                ("in interface", self.in_interface),
                ("out interface", self.out_interface),
                ("protocol", self.protocol),
            )
            if wanted is not None
        ]
        for match in self.matches:
            if isinstance(match, Ports) and (match.dport or match.sport):
                about.append("port")
        if len(about) > 1:
            said = [f"{', '.join(about[:-1])} and {about[-1]} match", *said]
        elif about:
            said = [f"{about[0]} matches", *said]
        return "; ".join(said) or "no condition: every packet matches"

    @property
    def comment(self) -> str:
        """The text of its `-m comment`, or ""."""
        for match in self.matches:
            if isinstance(match, Comment):
                return match.comment
        return ""

    @property
    def jump(self) -> str:
        """The chain it jumps to, or ""."""
        return self.target.name if isinstance(self.target, Jump) else ""

    @property
    def text(self) -> str:
        """The rule as `iptables-save` prints it, without ``-A CHAIN``."""
        if self._text is None:
            self._text = self._print()
        return self._text

    def without_comment(self) -> str:
        """The rule's text with its comment left out: what a view shows in one line."""
        comment = self.comment
        if not comment:
            return self.text
        shown = next(match for match in self.matches if isinstance(match, Comment)).text()
        return self.text.replace(f"-m comment {shown}", "", 1).replace("  ", " ").strip()

    def _print(self) -> str:
        parts: list[str] = []
        for option, address in (("-s", self.src), ("-d", self.dst)):
            if address is not None and (address[0].prefix or address[1]):
                parts.append(f"{'! ' if address[1] else ''}{option} {address[0]}")
        for option, wanted in (
            ("-i", self.in_interface),
            ("-o", self.out_interface),
            ("-p", self.protocol),
        ):
            if wanted is not None:
                parts.append(f"{'! ' if wanted[1] else ''}{option} {wanted[0]}")
        for match in self.matches:
            parts.append(f"-m {match.name} {match.text()}".rstrip())
        if self.target is not None:
            flag = "-g" if isinstance(self.target, Jump) and self.target.goto else "-j"
            parts.append(f"{flag} {self.target.name} {self.target.text()}".rstrip())
        return " ".join(parts)

    def __str__(self) -> str:
        return self.text


def split_words(line: str) -> list[str]:
    """Words of a line as iptables-restore splits them: double or single quotes group, a backslash escapes."""
    if '"' not in line and "'" not in line and "\\" not in line:
        return line.split()
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    escaped = False
    for char in line:
        if escaped:
            word = [*(word or []), char]
            escaped = False
        elif char == "\\":
            escaped = True
        elif quote:
            if char == quote:
                quote = ""
            elif word is not None:
                word.append(char)
        elif char in "\"'":
            quote = char
            word = word if word is not None else []
        elif char in " \t":
            if word is not None:
                words.append("".join(word))
                word = None
        else:
            if word is None:
                word = []
            word.append(char)
    if word is not None:
        words.append("".join(word))
    return words


def parse_rule(line: str, family: str = "IPv4") -> Rule:
    """The rule of one line (what stands after ``-A CHAIN``). Raises IptablesError with iptables' words."""
    if "--mode nth" in line:
        return parse_words(split_words(line), line, family)  # it counts, so it cannot be shared
    return _remembered(line, family)


@lru_cache(maxsize=1 << 17)
def _remembered(line: str, family: str) -> Rule:
    return parse_words(split_words(line), line, family)


def parse_words(words: list[str], written: str = "", family: str = "IPv4") -> Rule:
    """The same from words that a shell has already split."""
    return _Parser(words, written, family).parse()


_HEADER = {
    "-s": "src",
    "--source": "src",
    "--src": "src",
    "-d": "dst",
    "--destination": "dst",
    "--dst": "dst",
    "-i": "in",
    "--in-interface": "in",
    "-o": "out",
    "--out-interface": "out",
    "-p": "protocol",
    "--protocol": "protocol",
    "-m": "match",
    "--match": "match",
    "-j": "jump",
    "--jump": "jump",
    "-g": "goto",
    "--goto": "goto",
}


class _Parser:
    """Reads the words of one rule from left to right; options go to the extension that knows them."""

    def __init__(self, words: list[str], written: str, family: str) -> None:
        self.words = words
        self.family = family
        self.rule = Rule(written or " ".join(words))
        self.matches: list[Match] = []
        self.target: Target | None = None
        self.at = 0

    def parse(self) -> Rule:
        negated = False
        while self.at < len(self.words):
            word = self.words[self.at]
            self.at += 1
            if word == "!":
                negated = True
                continue
            kind = _HEADER.get(word)
            if kind is None:
                self._extension(word, negated)
            else:
                self._header(kind, self._value(word), negated)
            negated = False
        for match in self.matches:
            match.settle(self.family)
            match.check()
        protocol = self.rule.protocol[0] if self.rule.protocol and not self.rule.protocol[1] else ""
        if self.target is not None:
            self.target.settle(self.family)
            self.target.check(protocol)
        self.rule.matches = tuple(self.matches)
        self.rule.target = self.target
        return self.rule

    def _value(self, option: str) -> str:
        if self.at >= len(self.words):
            raise IptablesError(f'option "{option}" requires an argument')
        self.at += 1
        return self.words[self.at - 1]

    def _header(self, kind: str, value: str, negated: bool) -> None:
        rule = self.rule
        if kind in ("src", "dst"):
            found: Network | None
            try:
                found = network(value)
            except ValueError:
                found = None
            if found is None or (found.version == 6) != (self.family == "IPv6"):
                raise IptablesError(f"host/network `{value}' not found")
            if kind == "src":
                rule.src = (found, negated)
            else:
                rule.dst = (found, negated)
        elif kind == "in":
            rule.in_interface = (value, negated)
        elif kind == "out":
            rule.out_interface = (value, negated)
        elif kind == "protocol":
            name = PROTOCOL_NAMES.get(int(value), value) if value.isdigit() else value.lower()
            if name not in PROTOCOL_NUMBERS and name != "all" and not name.isdigit():
                raise IptablesError(f'unknown protocol "{value}" specified')
            if name != "all":
                rule.protocol = (name, negated)
        elif kind == "match":
            if value not in MATCHES:
                raise IptablesError(f"Couldn't load match `{value}':No such file or directory\n")
            self.matches.append(MATCHES[value]())
        elif value in VERDICTS:
            self.target = Verdict(value)
        elif value in TARGETS:
            self.target = TARGETS[value]()
        else:
            self.target = Jump(value, goto=kind == "goto")

    def _extension(self, option: str, negated: bool) -> None:
        if not option.startswith("-"):
            raise IptablesError(f"Bad argument `{option}'")
        if self.target is not None and option in self.target.options:
            self.target.set(option, [self._value(option) for _ in range(self.target.options[option])])
            return
        for match in reversed(self.matches):
            if option in match.options:
                match.set(option, [self._value(option) for _ in range(match.options[option])], negated)
                return
        protocol = self.rule.protocol[0] if self.rule.protocol else ""
        loaded = MATCHES.get(protocol)
        if loaded is not None and option in loaded.options:
            match = loaded()
            self.matches.append(match)
            match.set(option, [self._value(option)], negated)
            return
        raise IptablesError(f'unknown option "{option}"')
