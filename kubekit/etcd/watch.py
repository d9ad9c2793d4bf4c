"""Watches: who is told of which change.

A watcher is *synced* when it has been told all that happened; then each write reaches it at once. One that
starts in the past is *unsynced*: `sync` reads the history once for all of these and moves those that have
caught up.

Watchers of the same range share a group. To find the groups that a key belongs to, the key space is cut at
every group's ends into segments, and each segment knows its groups: one bisection a change, however many
watchers there are. The segments are made again only when a range appears or disappears.

    ranges  [a, m)  [c, f)        segments  a: {[a,m)}   c: {[a,m), [c,f)}   f: {[a,m)}   m: {}

A receiver is called within the writer's turn and should only queue. If it writes all the same, that write's
events wait until everybody has got the present ones: each watcher sees revisions in order.
Source: server/storage/mvcc/watchable_store.go, watcher_group.go.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from kubekit.etcd.errors import EmptyWatchRange
from kubekit.etcd.key_value import DELETE, PUT, Event, KeyValue
from kubekit.etcd.revision import Revision
from kubekit.etcd.tree_index import FROM_KEY

BATCH_REVISIONS = 1000
"""How many revisions a watcher is told at once while it catches up."""

SYNC_WATCHERS = 512
"""How many watchers one `sync` serves."""

Deliver = Callable[[list[Event], int], None]
"""Called with events (at least one) and the store's revision."""


class History(Protocol):
    """What catching up needs of the store."""

    revision: int
    compacted_revision: int

    def history(self, main: int) -> Iterable[tuple[Revision, KeyValue]]: ...
    def at(self, key: bytes, revision: int) -> KeyValue | None: ...


class Watcher:
    """One watch of a key or a range; ended with `cancel`."""

    __slots__ = (
        "_hub",
        "cancelled",
        "deliver",
        "hidden",
        "key",
        "min_revision",
        "on_compacted",
        "paused",
        "prev_kv",
        "range_end",
        "start_revision",
        "synced",
    )

    def __init__(
        self,
        hub: WatcherHub,
        key: bytes,
        range_end: bytes,
        start_revision: int,
        deliver: Deliver,
        prev_kv: bool,
        hidden: frozenset[int],
        on_compacted: Callable[[int], None] | None,
    ) -> None:
        self._hub = hub
        self.key = key
        self.range_end = range_end
        self.start_revision = start_revision
        self.min_revision = start_revision
        """The first revision that the watcher has not been told of."""
        self.deliver = deliver
        self.prev_kv = prev_kv
        self.hidden = hidden
        """Types of events (PUT, DELETE) that it does not want."""
        self.on_compacted = on_compacted
        self.synced = False
        self.cancelled = False
        self.paused = False

    def pause(self) -> None:
        """Be told nothing for now: whoever receives has no room. What is missed is not kept for it, but read
        from the history after `resume`; if that has been compacted away, it is cancelled then.

        What is being delivered at this moment still comes."""
        if not (self.paused or self.cancelled):
            self.paused = True
            self._hub.rest(self)

    def resume(self) -> None:
        """Be told again, once a `sync` has caught up."""
        if self.paused and not self.cancelled:
            self.paused = False
            self._hub.wake(self)

    def cancel(self) -> None:
        """End the watch; nothing is delivered any more. May be called twice."""
        if not self.cancelled:
            self.cancelled = True
            self._hub.remove(self)

    def send(self, events: Sequence[Event], revision: int) -> None:
        """Deliver what the watcher wants of some events."""
        if self.cancelled:
            return
        wanted = [event for event in events if event.type not in self.hidden] if self.hidden else list(events)
        if not wanted:
            return
        if not self.prev_kv:
            wanted = [event if event.prev_kv is None else Event(event.type, event.kv) for event in wanted]
        self.deliver(wanted, revision)


Group = dict[Watcher, None]


class WatcherHub:
    """All watchers of a store."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._keys: dict[bytes, Group] = {}
        self._ranges: dict[tuple[bytes, bytes], Group] = {}
        self._bounds: list[bytes] | None = []
        self._segments: list[list[Group]] = [[]]
        self._unsynced: Group = {}
        self._resting: Group = {}
        self._waiting: deque[tuple[int, list[Event]]] = deque()
        self._delivering = False

    def __len__(self) -> int:
        """How many watchers there are."""
        synced = sum(map(len, self._keys.values())) + sum(map(len, self._ranges.values()))
        return synced + self.unsynced

    @property
    def unsynced(self) -> int:
        """How many watchers have not caught up."""
        return len(self._unsynced) + len(self._resting)

    def add(
        self,
        key: bytes,
        range_end: bytes,
        start_revision: int,
        deliver: Deliver,
        *,
        prev_kv: bool = False,
        hidden: Iterable[int] = (),
        on_compacted: Callable[[int], None] | None = None,
    ) -> Watcher:
        """Begin a watch from `start_revision` (0: from now on); it is unsynced if that lies in the past.

        Raises EmptyWatchRange.
        """
        if range_end and range_end != FROM_KEY and key >= range_end:
            raise EmptyWatchRange
        watcher = Watcher(
            self, key, range_end, start_revision, deliver, prev_kv, frozenset(hidden), on_compacted
        )
        now = self._history.revision
        if start_revision == 0 or start_revision > now:
            watcher.min_revision = max(now + 1, start_revision)
            self._join(watcher)
        else:
            self._unsynced[watcher] = None
        return watcher

    def remove(self, watcher: Watcher) -> None:
        """Forget a watcher; called by `Watcher.cancel`."""
        self._unsynced.pop(watcher, None)
        self._resting.pop(watcher, None)
        if watcher.synced:
            self._leave(watcher)

    def rest(self, watcher: Watcher) -> None:
        """Tell a watcher nothing for now; called by `Watcher.pause`."""
        self.remove(watcher)
        self._resting[watcher] = None

    def wake(self, watcher: Watcher) -> None:
        """Let a watcher catch up that rested; called by `Watcher.resume`."""
        del self._resting[watcher]
        self._unsynced[watcher] = None

    def notify(self, revision: int, events: list[Event]) -> None:
        """Tell the synced watchers of one write."""
        if not self._keys and not self._ranges:
            return
        self._waiting.append((revision, events))
        self._deliver(())

    def sync(self, most: int = SYNC_WATCHERS) -> int:
        """Tell unsynced watchers what they have missed, reading the history once; how many are still
        unsynced.

        Those that start before the compacted revision are cancelled and told so.
        """
        chosen = list(self._unsynced)[:most]
        compacted = self._history.compacted_revision
        for watcher in chosen:
            if watcher.min_revision < compacted:
                watcher.cancel()
                if watcher.on_compacted is not None:
                    watcher.on_compacted(compacted)
        chosen = [watcher for watcher in chosen if not watcher.cancelled]
        if not chosen:
            return len(self._unsynced)
        now = self._history.revision
        batches = self._missed(chosen)
        for watcher in chosen:
            _, more = batches.get(watcher, ([], 0))
            if more:
                watcher.min_revision = more
            else:
                watcher.min_revision = now + 1
                del self._unsynced[watcher]
                self._join(watcher)
        self._deliver([(watcher, batches[watcher][0], now) for watcher in chosen if watcher in batches])
        return len(self._unsynced)

    def _deliver(self, caught_up: Sequence[tuple[Watcher, list[Event], int]]) -> None:
        """Deliver history first, then the writes that wait; a receiver that writes only lengthens the
        queue."""
        outermost = not self._delivering
        self._delivering = True
        try:
            for watcher, events, revision in caught_up:
                watcher.send(events, revision)
            while outermost and self._waiting:
                self._tell(*self._waiting.popleft())
        finally:
            if outermost:
                self._delivering = False

    def _missed(self, watchers: list[Watcher]) -> dict[Watcher, tuple[list[Event], int]]:
        """What each watcher has missed, in batches; and the revision at which the next batch begins, or 0."""
        found: dict[Watcher, tuple[list[Event], int]] = {}
        revisions: dict[Watcher, int] = {}
        wanted = WatcherHub(self._history)
        for watcher in watchers:
            wanted._group(watcher)[watcher] = None
        for revision, kv in self._history.history(min(watcher.min_revision for watcher in watchers)):
            event: Event | None = None
            for group in wanted._groups(kv.key):
                for watcher in group:
                    if revision.main < watcher.min_revision:
                        continue
                    events, more = found.get(watcher, ([], 0))
                    if more:
                        continue
                    if not events or events[-1].kv.mod_revision != revision.main:
                        count = revisions[watcher] = revisions.get(watcher, 0) + 1
                        if count > BATCH_REVISIONS:
                            found[watcher] = (events, revision.main)
                            continue
                    if event is None:
                        event = self._event(kv)
                    events.append(event)
                    found[watcher] = (events, 0)
        return found

    def _event(self, kv: KeyValue) -> Event:
        """A past change with what was there before, as far as that has not been compacted."""
        if kv.create_revision == kv.mod_revision:
            return Event(PUT, kv)
        before = self._history.at(kv.key, kv.mod_revision - 1)
        return Event(DELETE if kv.create_revision == 0 else PUT, kv, before)

    def _tell(self, revision: int, events: list[Event]) -> None:
        told: dict[Watcher, list[Event]] = {}
        for event in events:
            for group in self._groups(event.kv.key):
                for watcher in group:
                    if revision >= watcher.min_revision:
                        if watcher in told:
                            told[watcher].append(event)
                        else:
                            told[watcher] = [event]
        for watcher, its_events in told.items():
            watcher.min_revision = revision + 1
            watcher.send(its_events, revision)

    def _group(self, watcher: Watcher) -> Group:
        if not watcher.range_end:
            return self._keys.setdefault(watcher.key, {})
        span = (watcher.key, watcher.range_end)
        if span not in self._ranges:
            self._bounds = None
        return self._ranges.setdefault(span, {})

    def _join(self, watcher: Watcher) -> None:
        watcher.synced = True
        self._group(watcher)[watcher] = None

    def _leave(self, watcher: Watcher) -> None:
        watcher.synced = False
        group = self._group(watcher)
        group.pop(watcher, None)
        if group:
            return
        if watcher.range_end:
            del self._ranges[watcher.key, watcher.range_end]
            self._bounds = None
        else:
            del self._keys[watcher.key]

    def _groups(self, key: bytes) -> list[Group]:
        """The groups whose key or range covers `key`."""
        bounds = self._bounds
        if bounds is None:
            bounds = self._cut()
        covering = self._segments[bisect_right(bounds, key)]
        single = self._keys.get(key)
        return covering if single is None else [single, *covering]

    def _cut(self) -> list[bytes]:
        """Cut the key space at the ends of all ranges; the cuts."""
        starts: dict[bytes, list[tuple[bytes, bytes]]] = {}
        ends: dict[bytes, list[tuple[bytes, bytes]]] = {}
        for span in self._ranges:
            starts.setdefault(span[0], []).append(span)
            if span[1] != FROM_KEY:
                ends.setdefault(span[1], []).append(span)
        bounds = sorted(starts.keys() | ends.keys())
        active: dict[tuple[bytes, bytes], Group] = {}
        self._segments = [[]]
        for bound in bounds:
            for span in ends.get(bound, ()):
                active.pop(span)
            for span in starts.get(bound, ()):
                active[span] = self._ranges[span]
            self._segments.append(list(active.values()))
        self._bounds = bounds
        return bounds
