"""The canary: empty chains by which kube-proxy notices that somebody flushed the node's rules.

An empty chain KUBE-PROXY-CANARY stands in three tables. Every 30 seconds kube-proxy looks whether the one
in the mangle table is still there; if not, all rules were flushed, and everything is written anew. Flush
the nat table alone and nothing is noticed: that is so on real nodes, too. Here the look costs nothing
while nothing happens: a deleted chain arms it, at the next beat of the same 30 seconds. Source:
pkg/util/iptables Monitor.
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.network import Tables
from kubekit.proxy.chains import CANARY
from kubekit.sim import Handle, Loop

TABLES = ("mangle", "nat", "filter")
FLUSH_TIMEOUT = 5.0
"""Seconds to wait for the other tables' canaries to go as well, before everything is written anew."""


class Canary:
    """Watches one family's tables; `reload` is called when they were flushed."""

    def __init__(
        self, loop: Loop, owner: str, tables: Tables, reload: Callable[[], None], interval: float
    ) -> None:
        self.loop = loop
        self.owner = owner
        self.tables = tables
        self.reload = reload
        self.interval = interval
        self._began = loop.clock.now()
        self._armed: Handle | None = None
        self._end: Callable[[], None] | None = None

    def start(self) -> None:
        """Put the canaries in and begin to watch."""
        self._began = self.loop.clock.now()
        self._settle()
        self._end = self.tables.on_chain_deleted(self._deleted)

    def stop(self) -> None:
        """Watch no more; the chains stay."""
        if self._end is not None:
            self._end()
            self._end = None
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None

    def _settle(self) -> None:
        for table in TABLES:
            self.tables.ensure_chain(table, CANARY)

    def _deleted(self, table: str, chain: str) -> None:
        if chain == CANARY and table == TABLES[0] and self._armed is None:
            since = self.loop.clock.now() - self._began
            wait = self.interval - since % self.interval
            self._armed = self.loop.call_later(
                wait, self.owner, self._look, what="look whether rules were flushed"
            )

    def _look(self) -> None:
        self._armed = None
        if self.tables.chain(TABLES[0], CANARY) is not None:
            return
        if any(self.tables.chain(table, CANARY) is not None for table in TABLES[1:]):
            self._armed = self.loop.call_later(
                FLUSH_TIMEOUT, self.owner, self._reload, what="reload after an incomplete flush"
            )
        else:
            self._reload()

    def _reload(self) -> None:
        self._armed = None
        self.reload()
        self._settle()
