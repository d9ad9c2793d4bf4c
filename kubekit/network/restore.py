"""iptables-restore: read a whole text of tables, chains and rules, and put it in place a table at a time.

`restore(tables, text)` obeys what the program would with `--noflush --counters`: a chain line makes a
chain or empties it, rules are added to it, `-X` deletes it, and only COMMIT makes the table's changes
real, all of them or none. A wrong line raises IptablesError with the program's own words and the number
of the line. kube-proxy writes its rules this way and no other. Source: iptables 1.8.9 (nf_tables):
xtables-restore.c.
"""

from __future__ import annotations

import re

from kubekit.network.errors import BAD_RULE, NO_SUCH_CHAIN, PROGRAM_VERSION, IptablesError
from kubekit.network.iptables import BUILTIN_CHAINS, Chain, Table, Tables, allowed, check_chain_name
from kubekit.network.rule import Rule, parse_rule

_CHAIN_LINE = re.compile(r"^:(\S+) (\S+)(?: \[(\d+):(\d+)\])?$")
_COUNTERS = re.compile(r"^\[(\d+):(\d+)\] ")


def restore(tables: Tables, text: str, noflush: bool = True, counters: bool = True) -> None:
    """Obey the text; on IptablesError nothing of the table with the wrong line has happened."""
    _Restore(tables, text.splitlines(), noflush, counters).run()


class _Restore:
    """One run of iptables-restore: the lines, the table being filled, and what to say when a line is
    wrong.
    """

    def __init__(self, tables: Tables, lines: list[str], noflush: bool, counters: bool) -> None:
        self.tables = tables
        self.lines = lines
        self.noflush = noflush
        self.counters = counters
        self.table: Table | None = None
        self.chains: dict[str, Chain] = {}
        self.fresh: set[str] = set()
        self.deleted: dict[str, int] = {}
        self.added: list[tuple[int, str, Rule]] = []

    def run(self) -> None:
        for at, line in enumerate(self.lines, start=1):
            try:
                self._line(at, line.strip())
            except IptablesError as problem:
                raise self._report(problem, at) from None
        if self.table is not None:
            raise IptablesError(f"iptables-restore: COMMIT expected at line {len(self.lines) + 1}", 1)

    @staticmethod
    def _report(problem: IptablesError, at: int) -> IptablesError:
        if problem.status == 1:
            said = f"iptables-restore: line {at} failed"
            return IptablesError(f"{said}: {problem.message}" if problem.message else said, 1)
        if problem.status == 4:
            return IptablesError(f"iptables-restore {PROGRAM_VERSION}: \n{problem.message}", 4)
        return IptablesError(
            f"iptables-restore {PROGRAM_VERSION}: {problem.message}\nError occurred at line: {at}\n"
            "Try `iptables-restore -h' or 'iptables-restore --help' for more information.",
            2,
        )

    def _line(self, at: int, line: str) -> None:
        if not line or line.startswith("#"):
            return
        if line.startswith("*"):
            self._begin(at, line[1:].strip())
        elif self.table is None:
            raise IptablesError("", 1)
        elif line == "COMMIT":
            self._commit()
        elif line.startswith(":"):
            self._declare(line)
        else:
            self._rule(at, line)

    def _begin(self, at: int, name: str) -> None:
        if name not in BUILTIN_CHAINS:
            raise IptablesError(f"iptables-restore: line {at} table name '{name}' invalid")
        self.table = self.tables.table(name)
        self.chains = dict(self.table.chains) if self.noflush else Table(name).chains
        self.fresh, self.deleted, self.added = set(), {}, []

    def _declare(self, line: str) -> None:
        match = _CHAIN_LINE.match(line)
        if match is None:
            raise IptablesError("", 1)
        name, policy, packets, sent = match.groups()
        check_chain_name(name)
        old = self.chains.get(name)
        if old is not None and old.builtin:
            chain = old.copy()
            if policy in ("ACCEPT", "DROP"):
                chain.policy = policy
        else:
            chain = Chain(name)
        if self.counters and packets is not None:
            chain.packets, chain.bytes = int(packets), int(sent)
        self.chains[name] = chain
        self.fresh.add(name)
        self.deleted.pop(name, None)

    def _editable(self, name: str) -> Chain:
        chain = self.chains.get(name)
        if chain is None:
            raise IptablesError(NO_SUCH_CHAIN, 1)
        if name not in self.fresh:
            chain = self.chains[name] = chain.copy()
            self.fresh.add(name)
        return chain

    def _rule(self, at: int, line: str) -> None:
        line = _COUNTERS.sub("", line, count=1)
        verb, _, rest = line.partition(" ")
        name, _, rest = rest.strip().partition(" ")
        if verb in ("-A", "--append"):
            self._append(at, name, rest)
        elif verb in ("-I", "--insert"):
            place, _, tail = rest.partition(" ")
            position, words = (int(place), tail) if place.isdigit() else (1, rest)
            rule = parse_rule(words, self.tables.family)
            self._editable(name).rules.insert(position - 1, rule)
            self.added.append((at, name, rule))
        elif verb in ("-D", "--delete"):
            chain = self._editable(name)
            text = parse_rule(rest, self.tables.family).text
            found = [index for index, rule in enumerate(chain.rules) if rule.text == text]
            if not found:
                raise IptablesError(BAD_RULE, 1)
            del chain.rules[found[0]]
        elif verb in ("-X", "--delete-chain"):
            if name not in self.chains or self.chains[name].builtin:
                raise IptablesError(NO_SUCH_CHAIN, 1)
            if self.chains[name].rules:
                raise IptablesError(f"line {at}: CHAIN_DEL failed (Device or resource busy): chain {name}", 4)
            del self.chains[name]
            self.deleted[name] = at
        elif verb in ("-N", "--new-chain"):
            if name in self.chains:
                raise IptablesError("Chain already exists.", 1)
            check_chain_name(name)
            self.chains[name] = Chain(name)
            self.fresh.add(name)
        elif verb in ("-F", "--flush"):
            self._editable(name).rules.clear()
        else:
            raise IptablesError(f"Bad argument `{verb}'")

    def _append(self, at: int, name: str, rest: str) -> None:
        rule = parse_rule(rest, self.tables.family)
        self._editable(name).rules.append(rule)
        self.added.append((at, name, rule))

    def _commit(self) -> None:
        assert self.table is not None
        for at, name, rule in self.added:
            if rule.jump and rule.jump not in self.chains:
                raise IptablesError(f"Chain '{rule.jump}' does not exist")
            if not allowed(rule, self.table.name):
                raise IptablesError(
                    f"line {at}: RULE_APPEND failed (Invalid argument): rule in chain {name}", 4
                )
        if self.deleted:
            for chain in self.chains.values():
                for rule in chain.rules:
                    if rule.jump in self.deleted:
                        line = self.deleted[rule.jump]
                        raise IptablesError(
                            f"line {line}: CHAIN_DEL failed (Device or resource busy): chain {rule.jump}", 4
                        )
        self.tables.commit(self.table.name, self.chains, list(self.deleted))
        self.table = None
