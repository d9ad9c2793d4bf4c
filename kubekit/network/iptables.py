"""Tables, chains and rules of one address family, and the text that fills and shows them.

`Tables.save` prints what `iptables-save` prints; `restore` (the next file) reads the text back. The verbs
of the `iptables` command (`ensure_chain`, `add_rule`, ...) are methods for the command line and for
kube-proxy's jump rules. A chain's list of rules is replaced, never edited, so that whoever walked it may
keep it. Errors are IptablesError with the real words.

The tables of nf_tables come into being when something first touches them, so a fresh node saves nothing.
Source: iptables 1.8.9 (nf_tables): nft.c, xtables-restore.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kubekit.network.errors import BAD_RULE, NO_SUCH_CHAIN, IptablesError
from kubekit.network.rule import Rule, parse_words
from kubekit.network.targets import BUILTIN_TARGETS

BUILTIN_CHAINS: dict[str, tuple[str, ...]] = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}
"""Tables in the order a packet meets them, each with its built-in chains in the order they are printed."""

CHAIN_NAME_LIMIT = 29


class Chain:
    """A named list of rules; `policy` is "-" unless the chain is built in."""

    __slots__ = ("bytes", "hits", "name", "packets", "policy", "rules")

    def __init__(self, name: str, policy: str = "-", rules: list[Rule] | None = None) -> None:
        self.name = name
        self.policy = policy
        self.rules: list[Rule] = rules if rules is not None else []
        self.packets = 0
        self.bytes = 0
        self.hits: dict[int, int] = {}
        """How many packets matched each rule, by its place; a chain that is written anew starts at
        nothing.
        """

    @property
    def builtin(self) -> bool:
        """Whether the kernel calls it at a hook."""
        return self.policy != "-"

    def copy(self) -> Chain:
        """A chain that can be changed without changing this one."""
        twin = Chain(self.name, self.policy, list(self.rules))
        twin.packets, twin.bytes = self.packets, self.bytes
        twin.hits = dict(self.hits)
        return twin


class Table:
    """The chains of one table by name."""

    def __init__(self, name: str, family: str = "IPv4") -> None:
        self.name = name
        self.family = family
        self.chains: dict[str, Chain] = {chain: Chain(chain, "ACCEPT") for chain in BUILTIN_CHAINS[name]}

    def in_order(self) -> Iterator[Chain]:
        """Built-in chains first, the others by name: the order of iptables-save."""
        builtin = BUILTIN_CHAINS[self.name]
        for name in builtin:
            yield self.chains[name]
        for name in sorted(name for name in self.chains if name not in builtin):
            yield self.chains[name]

    def referenced(self, chain: str) -> int:
        """How many rules jump to the chain."""
        return sum(rule.jump == chain for other in self.chains.values() for rule in other.rules)

    def save(self) -> str:
        """The table's part of iptables-save, without the comment lines that carry the date."""
        lines = [f"*{self.name}"]
        chains = list(self.in_order())
        lines += [f":{chain.name} {chain.policy} [{chain.packets}:{chain.bytes}]" for chain in chains]
        lines += [f"-A {chain.name} {rule.text}".rstrip() for chain in chains for rule in chain.rules]
        return "\n".join([*lines, "COMMIT", ""])


class Tables:
    """All tables of one family. `generation` grows with each change, so that others can see that one
    happened.
    """

    def __init__(self, family: str = "IPv4") -> None:
        self.family = family
        self.tables: dict[str, Table] = {}
        self.generation = 0
        self._on_deleted: list[Callable[[str, str], None]] = []

    def on_chain_deleted(self, tell: Callable[[str, str], None]) -> Callable[[], None]:
        """Call `tell(table, chain)` when a chain goes; returns the function that ends it."""
        self._on_deleted.append(tell)

        def end() -> None:
            if tell in self._on_deleted:
                self._on_deleted.remove(tell)

        return end

    def table(self, name: str) -> Table:
        """The table, made if the node has not used it yet. Raises IptablesError for an unknown name."""
        if name not in BUILTIN_CHAINS:
            raise IptablesError(
                f"table '{name}' does not exist\nPerhaps iptables or your kernel needs to be upgraded.", 3
            )
        if name not in self.tables:
            self.tables[name] = Table(name, self.family)
        return self.tables[name]

    def chain(self, table: str, name: str) -> Chain | None:
        """A chain, or None; asking makes nothing."""
        return self.tables[table].chains.get(name) if table in self.tables else None

    def chains(self, table: str) -> list[str]:
        """The names of a table's chains, in the order they are printed."""
        return [chain.name for chain in self.tables[table].in_order()] if table in self.tables else []

    # -- the text

    def save(self, table: str | None = None) -> str:
        """What `iptables-save [-t table]` prints, without its comment lines."""
        order = ("mangle", "raw", "filter", "nat")
        names = [table] if table else [name for name in order if name in self.tables]
        return "".join(self.table(name).save() for name in names)

    def commit(self, table: str, chains: dict[str, Chain], deleted: list[str]) -> None:
        """Put a table's new chains in place (used by `restore`)."""
        self.table(table).chains = chains
        self.generation += 1
        self._tell(table, deleted)

    def _tell(self, table: str, deleted: list[str]) -> None:
        for chain in deleted:
            for tell in list(self._on_deleted):
                tell(table, chain)

    # -- the verbs of the command

    def new_chain(self, table: str, name: str) -> None:
        """`iptables -N`."""
        chains = self.table(table).chains
        check_chain_name(name)
        if name in chains:
            raise IptablesError("Chain already exists.", 1)
        chains[name] = Chain(name)
        self.generation += 1

    def ensure_chain(self, table: str, name: str) -> bool:
        """Make the chain unless it is there; whether it was."""
        if name in self.table(table).chains:
            return True
        self.new_chain(table, name)
        return False

    def delete_chain(self, table: str, name: str) -> None:
        """`iptables -X name`."""
        found = self.table(table)
        if name not in found.chains or found.chains[name].builtin:
            raise IptablesError(NO_SUCH_CHAIN, 1)
        if found.chains[name].rules or found.referenced(name):
            raise IptablesError(f" CHAIN_DEL failed (Device or resource busy): chain {name}", 4)
        del found.chains[name]
        self.generation += 1
        self._tell(table, [name])

    def delete_all_chains(self, table: str) -> None:
        """`iptables -X`: all chains that are not built in, or none of them."""
        found = self.table(table)
        own = [chain for chain in found.in_order() if not chain.builtin]
        for chain in own:
            if chain.rules or found.referenced(chain.name):
                raise IptablesError(f" CHAIN_DEL failed (Device or resource busy): chain {chain.name}", 4)
        for chain in own:
            del found.chains[chain.name]
        self.generation += 1
        self._tell(table, [chain.name for chain in own])

    def zero(self, table: str, name: str | None = None) -> None:
        """`iptables -Z [name]`: counters to nothing."""
        for chain in [self._existing(table, name)] if name else self.table(table).chains.values():
            chain.packets = chain.bytes = 0
            chain.hits = {}

    def flush(self, table: str, name: str | None = None) -> None:
        """`iptables -F [name]`."""
        if name is not None:
            self._existing(table, name).rules = []
        else:
            for chain in self.table(table).chains.values():
                chain.rules, chain.hits = [], {}
        self.generation += 1

    def set_policy(self, table: str, name: str, policy: str) -> None:
        """`iptables -P`."""
        chain = self.table(table).chains.get(name)
        if chain is None or not chain.builtin:
            raise IptablesError("Bad built-in chain name.", 1)
        if policy not in ("ACCEPT", "DROP"):
            raise IptablesError("Bad policy name. Run `dmesg' for more information.", 1)
        chain.policy = policy
        self.generation += 1

    def add_rule(self, table: str, name: str, words: list[str], at: int | None = None) -> None:
        """`iptables -A` (at is None) or `-I` (position from 1)."""
        rule = parse_words(words, family=self.family)
        chain = self._existing(table, name)
        self._check(self.table(table), name, rule)
        if at is None:
            chain.rules = [*chain.rules, rule]
        else:
            if at < 1 or at > len(chain.rules) + 1:
                raise IptablesError("Index of insertion too big.", 1)
            chain.rules = [*chain.rules[: at - 1], rule, *chain.rules[at - 1 :]]
        self.generation += 1

    def ensure_rule(self, table: str, name: str, words: list[str], prepend: bool = True) -> bool:
        """Put the rule first (or last) unless an equal one is there; whether one was."""
        rule = parse_words(words, family=self.family)
        if any(other.text == rule.text for other in self._existing(table, name).rules):
            return True
        self.add_rule(table, name, words, 1 if prepend else None)
        return False

    def has_rule(self, table: str, name: str, words: list[str]) -> bool:
        """`iptables -C`."""
        rule = parse_words(words, family=self.family)
        return any(other.text == rule.text for other in self._existing(table, name).rules)

    def delete_rule(self, table: str, name: str, which: int | list[str]) -> None:
        """`iptables -D` by number (from 1) or by the rule's words."""
        chain = self._existing(table, name)
        if isinstance(which, int):
            if which < 1 or which > len(chain.rules):
                untouched = chain.builtin and not chain.rules
                raise IptablesError(NO_SUCH_CHAIN if untouched else "Index of deletion too big.", 1)
            position = which - 1
        else:
            text = parse_words(which, family=self.family).text
            found = [index for index, other in enumerate(chain.rules) if other.text == text]
            if not found:
                raise IptablesError(BAD_RULE, 1)
            position = found[0]
        chain.rules = [*chain.rules[:position], *chain.rules[position + 1 :]]
        self.generation += 1

    def _existing(self, table: str, name: str) -> Chain:
        chain = self.table(table).chains.get(name)
        if chain is None:
            raise IptablesError(NO_SUCH_CHAIN, 1)
        return chain

    @staticmethod
    def _check(table: Table, chain: str, rule: Rule) -> None:
        if rule.jump and rule.jump not in table.chains:
            raise IptablesError(f"Chain '{rule.jump}' does not exist")
        if chain in ("OUTPUT", "POSTROUTING") and rule.in_interface is not None:
            raise IptablesError(f"Can't use -i with {chain}\n")
        if chain in ("INPUT", "PREROUTING") and rule.out_interface is not None:
            raise IptablesError(f"Can't use -o with {chain}\n")
        if not allowed(rule, table.name):
            raise IptablesError(f" RULE_APPEND failed (Invalid argument): rule in chain {chain}", 4)


def allowed(rule: Rule, table: str) -> bool:
    """Whether the kernel accepts the rule's target in this table."""
    return rule.target is None or table in rule.target.tables


def check_chain_name(name: str) -> None:
    """Raises IptablesError for a name that is too long or that a target already has."""
    if len(name) >= CHAIN_NAME_LIMIT:
        raise IptablesError(f"chain name `{name}' too long (must be under {CHAIN_NAME_LIMIT} chars)")
    if name in BUILTIN_TARGETS:
        raise IptablesError("chain name may not clash with target name\n")
