"""Watches: who is told of which change.

A watcher is *synced* when it has been told all that happened; then each write reaches it at once. One that
starts in the past is *unsynced*: `sync` reads the history once for all of these and moves those that have
caught up.

`WatcherGroups` knows which watchers a change concerns. A receiver is called within the writer's turn and
should only queue. If it writes all the same, that write's events wait until everybody has got the present
ones: each watcher sees revisions in order.
Source: server/storage/mvcc/watchable_store.go.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from kubekit.etcd.errors import EmptyWatchRange
from kubekit.etcd.key_value import DELETE, PUT, Event, KeyValue
from kubekit.etcd.revision import Revision
from kubekit.etcd.tree_index import FROM_KEY
from kubekit.etcd.watch_groups import WatcherGroups

BATCH_REVISIONS = 1000
"""How many revisions a watcher is told at once while it catches up."""

SYNC_WATCHERS = 512
"""How many watchers one `sync` serves."""

T = TypeVar("T")
Deliver = Callable[[list[Event], int], None]
"""Called with events (at least one) and the store's revision. The list may be shared: do not change it."""


class History(Protocol):
    """What catching up needs of the store."""

    revision: int
    compacted_revision: int

    def history(self, main: int) -> Iterable[tuple[Revision, KeyValue]]: ...
    def at(self, key: bytes, revision: int) -> KeyValue | None: ...


Batch = tuple[list[Event], int]
"""Events of the past, and the revision at which the next batch begins or 0 when there is none."""


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

    def told_until(self) -> int:
        """The last revision of which it has been told whatever concerns it."""
        if self.synced and not self._hub.delivering:
            return max(self.min_revision - 1, self._hub.revision)
        return self.min_revision - 1

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

    def send(self, events: list[Event], revision: int, plain: list[Event] | None = None) -> None:
        """Deliver what the watcher wants of some events; `plain` are the same without what was before."""
        if self.cancelled:
            return
        if not self.prev_kv:
            events = plain if plain is not None else without_previous(events)
        if self.hidden:
            events = [event for event in events if event.type not in self.hidden]
        if events:
            self.deliver(events, revision)


def without_previous(events: list[Event]) -> list[Event]:
    """The same events without what was there before."""
    return [event if event.prev_kv is None else Event(event.type, event.kv) for event in events]


class WatcherHub:
    """All watchers of a store."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._synced: WatcherGroups[Watcher] = WatcherGroups()
        self._unsynced: dict[Watcher, None] = {}
        self._resting: dict[Watcher, None] = {}
        self._waiting: deque[tuple[int, list[Event]]] = deque()
        self.delivering = False
        """Whether somebody is being told something, and others perhaps not yet."""
        self._made: tuple[list[Event], list[Any]] = ([], [])

    def __len__(self) -> int:
        """How many watchers there are."""
        return len(self._synced) + self.unsynced

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
            watcher.synced = False
            self._synced.remove(watcher)

    def rest(self, watcher: Watcher) -> None:
        """Tell a watcher nothing for now; called by `Watcher.pause`."""
        self.remove(watcher)
        self._resting[watcher] = None

    def wake(self, watcher: Watcher) -> None:
        """Let a watcher catch up that rested; called by `Watcher.resume`."""
        del self._resting[watcher]
        self._unsynced[watcher] = None

    def once(self, events: list[Event], make: Callable[[Event], T]) -> list[T]:
        """What `make` gives for events that were delivered; made once for all receivers that share them, who
        must not change it. All of them pass the same `make`."""
        if self._made[0] is not events:
            self._made = (events, [make(event) for event in events])
        return self._made[1]

    @property
    def revision(self) -> int:
        """The store's."""
        return self._history.revision

    def unsync(self) -> None:
        """Let all catch up: the store was filled anew, from a file or from another member's snapshot."""
        for watcher in list(self._synced):
            self.remove(watcher)
            self._unsynced[watcher] = None

    def notify(self, revision: int, events: list[Event]) -> None:
        """Tell the synced watchers of one write."""
        if not self._synced:
            return
        if self.delivering or self._waiting:
            self._waiting.append((revision, events))
            if not self.delivering:
                self._deliver({}, 0)
            return
        self.delivering = True
        try:
            self._tell(revision, events)
        finally:
            self.delivering = False
        if self._waiting:
            self._deliver({}, 0)

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
        chosen = [watcher for watcher in chosen if watcher in self._unsynced]
        if not chosen:
            return len(self._unsynced)
        now = self._history.revision
        missed = self._missed(chosen)
        for watcher in chosen:
            _, more = missed.get(watcher, ([], 0))
            if more:
                watcher.min_revision = more
            else:
                watcher.min_revision = max(watcher.min_revision, now + 1)
                del self._unsynced[watcher]
                self._join(watcher)
        self._deliver(missed, now)
        return len(self._unsynced)

    def _join(self, watcher: Watcher) -> None:
        watcher.synced = True
        self._synced.add(watcher)

    def _deliver(self, missed: dict[Watcher, Batch], now: int) -> None:
        """Deliver history first, then the writes that wait; a receiver that writes only lengthens the
        queue."""
        outermost = not self.delivering
        self.delivering = True
        try:
            for watcher, (events, _) in missed.items():
                watcher.send(events, now)
            while outermost and self._waiting:
                self._tell(*self._waiting.popleft())
        finally:
            if outermost:
                self.delivering = False

    def _tell(self, revision: int, events: list[Event]) -> None:
        """Tell the synced watchers of one write. A group's watchers share one list of events."""
        if len(events) == 1:
            # Most writes change one key. The receivers may come and go while they are told.
            plain = without_previous(events)
            for group in self._synced.covering(events[0].kv.key):
                for watcher in list(group):
                    if revision >= watcher.min_revision:
                        watcher.min_revision = revision + 1
                        watcher.send(events, revision, plain)
            return
        concerned: dict[int, tuple[list[Watcher], list[Event]]] = {}
        for event in events:
            for group in self._synced.covering(event.kv.key):
                of_group = concerned.get(id(group))
                if of_group is None:
                    # The receivers may come and go while they are told.
                    concerned[id(group)] = (list(group), [event])
                else:
                    of_group[1].append(event)
        for watchers, its_events in concerned.values():
            plain = without_previous(its_events)
            for watcher in watchers:
                if revision >= watcher.min_revision:
                    watcher.min_revision = revision + 1
                    watcher.send(its_events, revision, plain)

    def _missed(self, watchers: list[Watcher]) -> dict[Watcher, Batch]:
        """What each watcher has missed, in one reading of the history."""
        found: dict[Watcher, Batch] = {}
        revisions: dict[Watcher, int] = {}
        wanted: WatcherGroups[Watcher] = WatcherGroups()
        for watcher in watchers:
            wanted.add(watcher)
        previous = any(watcher.prev_kv for watcher in watchers)
        full = 0
        for revision, kv in self._history.history(min(watcher.min_revision for watcher in watchers)):
            main = revision.main
            event: Event | None = None
            for group in wanted.covering(kv.key):
                for watcher in group:
                    if main < watcher.min_revision:
                        continue
                    events, more = found.get(watcher, ([], 0))
                    if more:
                        continue
                    if not events or events[-1].kv.mod_revision != main:
                        count = revisions[watcher] = revisions.get(watcher, 0) + 1
                        if count > BATCH_REVISIONS:
                            found[watcher] = (events, main)
                            full += 1
                            continue
                    if event is None:
                        event = self._event(kv, previous)
                    events.append(event)
                    found[watcher] = (events, 0)
            if full == len(watchers):
                break
        return found

    def _event(self, kv: KeyValue, previous: bool) -> Event:
        """A past change; with what was there before, as far as that has not been compacted, if `previous`."""
        if kv.create_revision == kv.mod_revision:
            return Event(PUT, kv)
        before = self._history.at(kv.key, kv.mod_revision - 1) if previous else None
        return Event(DELETE if kv.create_revision == 0 else PUT, kv, before)
