"""Matches that need chance or memory: `statistic`, which spreads flows, and `recent`, which makes them stick.

Part of `matches` (same shape, same rules); registered in `kernel_matches.MATCHES`. Chance comes only through
`context.decide`, memory only from `context.recents`: a walk of all branches is given a copy of it.
"""

from __future__ import annotations

from kubekit.network.errors import IptablesError
from kubekit.network.matches import Answer, Context, Match
from kubekit.network.packet import Packet


class Statistic(Match):
    """`-m statistic`: chance (`random`) or turns (`nth`).

    The kernel keeps a probability as a 31-bit fraction, which is why 1/3 comes back as 0.33333333349.
    """

    name = "statistic"
    options = {"--mode": 1, "--probability": 1, "--every": 1, "--packet": 1}
    about = "chance"

    def __init__(self) -> None:
        self.mode, self.every, self.packet = "", 0, 0
        self.written: float | None = None
        self.fraction = 0
        self.negated = False

    def set(self, option: str, values: list[str], negated: bool) -> None:
        value = values[0]
        if option == "--mode":
            if value not in ("random", "nth"):
                raise IptablesError(f'statistic: bad mode "{value}"')
            self.mode = value
        elif option == "--probability":
            try:
                self.written = float(value)
            except ValueError:
                self.written = -1.0
            if not 0 <= self.written <= 1:
                raise IptablesError(
                    'statistic: bad value for option "--probability", or out of range (0-1).\n'
                )
            self.fraction, self.negated = int(self.written * 0x80000000 + 0.5), negated
        elif option == "--every":
            self.every, self.negated = int(value), negated
        else:
            self.packet = int(value)

    def check(self) -> None:
        if not self.mode:
            raise IptablesError('statistic: option "--mode" must be specified\n')
        if self.mode == "random" and self.written is None:
            raise IptablesError(
                'statistic: option "--probability" must be specified when using --mode random\n'
            )
        if self.mode == "nth" and not self.every:
            raise IptablesError('statistic: option "--every" must be specified when using --mode nth\n')

    @property
    def probability(self) -> float:
        """The probability as it was written (a rule read back from a kernel has the kernel's)."""
        assert self.written is not None
        return self.written

    def test(self, packet: Packet, context: Context) -> Answer:
        if self.mode == "nth":
            turn = context.turns.get(id(self), 0)
            context.turns[id(self)] = (turn + 1) % self.every
            return Answer((turn == self.packet) != self.negated, f"turn {turn} of {self.every}")
        chance = 1 - self.probability if self.negated else self.probability
        happens, drew = context.decide(chance, self)
        if drew is None:
            return Answer(happens, f"with probability {chance:.10g}")
        words = f"drew {drew:.4f}, " + (f"below {chance:.4g}" if happens else f"not below {chance:.4g}")
        return Answer(happens, words, drew)

    def text(self) -> str:
        no = "! " if self.negated else ""
        if self.mode == "nth":
            return f"--mode nth {no}--every {self.every} --packet {self.packet}"
        return f"--mode random {no}--probability {self.fraction / 0x80000000:.11f}"

    def listed(self) -> str:
        return "statistic mode " + self.text()[7:].replace("--", "")


class Recent(Match):
    """`-m recent`: a list of addresses and when each was last seen; how iptables mode keeps session
    affinity.
    """

    name = "recent"
    options = {
        "--name": 1,
        "--set": 0,
        "--rcheck": 0,
        "--update": 0,
        "--remove": 0,
        "--seconds": 1,
        "--reap": 0,
        "--hitcount": 1,
        "--rsource": 0,
        "--rdest": 0,
        "--mask": 1,
    }
    about = "recently seen"

    def __init__(self) -> None:
        self.list, self.action, self.side, self.mask = "DEFAULT", "", "--rsource", ""
        self.seconds, self.hitcount, self.reap, self.negated = 0, 0, False, False

    def set(self, option: str, values: list[str], negated: bool) -> None:
        if option == "--name":
            self.list = values[0]
        elif option == "--seconds":
            self.seconds = int(values[0])
        elif option == "--hitcount":
            self.hitcount = int(values[0])
        elif option == "--reap":
            self.reap = True
        elif option == "--mask":
            self.mask = values[0]
        elif option in ("--rsource", "--rdest"):
            self.side = option
        else:
            if self.action:
                raise IptablesError(
                    "recent: only one of `--set', `--rcheck' `--update' or `--remove' may be set\n"
                )
            self.action, self.negated = option, negated

    def settle(self, family: str) -> None:
        whole = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" if family == "IPv6" else "255.255.255.255"
        self.mask = self.mask or whole

    def check(self) -> None:
        if not self.action:
            raise IptablesError(
                "recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'\n"
            )
        if self.reap and not self.seconds:
            raise IptablesError('recent: option "--seconds" must be specified when using "--reap"\n')

    def test(self, packet: Packet, context: Context) -> Answer:
        address = packet.src if self.side == "--rsource" else packet.dst
        seen = context.recents.setdefault(self.list, {})
        if self.action == "--set":
            seen.setdefault(address, []).append(context.now)
            del seen[address][:-20]
            return Answer(not self.negated, f"{address} is remembered in {self.list}")
        oldest = context.now - self.seconds if self.seconds else float("-inf")
        if self.reap:
            for old in [key for key, stamps in seen.items() if stamps[-1] < oldest]:
                del seen[old]
        stamps = seen.get(address, [])
        found = sum(1 for stamp in stamps if stamp >= oldest) >= max(1, self.hitcount)
        if self.action == "--remove" and stamps:
            del seen[address]
        if self.action == "--update" and found:
            stamps.append(context.now)
        if found:
            words = f"{address} was here {context.now - stamps[-1]:.0f} s ago"
        else:
            words = f"{address} was not here" + (f" in the last {self.seconds} s" if self.seconds else "")
        return Answer(found != self.negated, words)

    def text(self) -> str:
        parts = [("! " if self.negated else "") + self.action]
        if self.seconds:
            parts.append(f"--seconds {self.seconds}")
        if self.reap:
            parts.append("--reap")
        if self.hitcount:
            parts.append(f"--hitcount {self.hitcount}")
        return " ".join([*parts, f"--name {self.list}", f"--mask {self.mask}", self.side])

    def listed(self) -> str:
        words = {"--set": "SET", "--rcheck": "CHECK", "--update": "UPDATE", "--remove": "REMOVE"}
        parts = ["recent:", ("! " if self.negated else "") + words[self.action]]
        if self.seconds:
            parts.append(f"seconds: {self.seconds}")
        if self.reap:
            parts.append("reap")
        if self.hitcount:
            parts.append(f"hit_count: {self.hitcount}")
        side = "source" if self.side == "--rsource" else "dest"
        return " ".join([*parts, f"name: {self.list} side: {side} mask: {self.mask}"])
