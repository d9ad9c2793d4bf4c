"""The watch cache: what the API server remembers of one resource, and whom it tells of changes.

One `WatchCache` for each storage prefix holds every object decoded, in key order, and a window of the last
events. It follows the store by one watch; reads and watches of all clients are served from here. An event is
encoded at most once for each form, whoever needs it. Watchers are kept by what they ask for (everything, one
namespace, one `spec.nodeName`, one name), so that a pod's change looks at one kubelet and not at thousands.

A selector makes each watcher see its own world: an object that begins to match is ADDED for it, one that
ceases to match is DELETED (with its last matching content), whatever happened in the store:

    store: pod web gets nodeName=node02     scheduler (all pods): MODIFIED     kubelet node02: ADDED

Upstream: apiserver/pkg/storage/cacher (cacher.go, cache_watcher.go, watch_cache.go).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from kubekit.api.exchange import WatchEvent, WatchStream
from kubekit.apiserver.storage import Storage
from kubekit.sim.calm import calm

Obj = dict[str, Any]
Predicate = Callable[[Obj], bool]
Transform = Callable[[Obj], Obj]

WINDOW = 8192
"""Events remembered for each resource: a watch that starts before the oldest gets 410 Expired."""


class TooOld(Exception):
    """A watch asked for a revision that has left the window; `oldest` is the first it could have."""

    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {asked} ({oldest})")


class CacheEvent:
    """One change of one object, with the events made from it for watchers, each made once."""

    __slots__ = ("_forms", "cause", "key", "new", "old", "revision")

    def __init__(self, key: str, old: Obj | None, new: Obj | None, revision: int, cause: int | None) -> None:
        self.key = key
        self.old = old
        self.new = new
        self.revision = revision
        self.cause = cause
        self._forms: dict[Any, WatchEvent] = {}

    @property
    def type(self) -> str:
        """What happened in the store."""
        return "DELETED" if self.new is None else "ADDED" if self.old is None else "MODIFIED"

    def for_watcher(self, type: str, form: Any, transform: Transform | None) -> WatchEvent:
        """The watch event of a type in a form (None: as stored), shared by all who need it."""
        event = self._forms.get((type, form))
        if event is None:
            if type == "DELETED":
                assert self.old is not None
                obj = with_revision(self.old, self.revision)
            else:
                assert self.new is not None
                obj = self.new
            event = WatchEvent(type, transform(obj) if transform is not None else obj, self.cause)
            self._forms[type, form] = event
        return event


class Watcher:
    """One client's watch."""

    __slots__ = (
        "bookmark",
        "form",
        "heard",
        "matches",
        "route",
        "seq",
        "source",
        "stream",
        "transform",
    )

    def __init__(
        self,
        stream: WatchStream,
        route: tuple[str, str],
        matches: Predicate | None,
        source: str = "",
        bookmark: Callable[[int], WatchEvent] | None = None,
        form: Any = None,
        transform: Transform | None = None,
    ) -> None:
        self.stream = stream
        self.route = route
        self.matches = matches
        self.source = source
        self.bookmark = bookmark
        """Makes what tells it, in its version and form, how far it has come; None: it does not want that."""
        self.form = form
        self.transform = transform
        self.heard = 0
        self.seq = 0

    def verdict(self, event: CacheEvent) -> str:
        """ADDED, MODIFIED or DELETED as this watcher sees it; "" when it sees nothing."""
        matches = self.matches
        if matches is None:
            return event.type
        now = event.new is not None and matches(event.new)
        before = event.old is not None and matches(event.old)
        if now:
            return "MODIFIED" if before else "ADDED"
        return "DELETED" if before else ""


EVERYTHING = ("", "")


class WatchCache:
    """All objects under one storage prefix, their recent events and their watchers."""

    def __init__(
        self,
        storage: Storage,
        prefix: str,
        on_event: Callable[[WatchCache, CacheEvent, list[tuple[Watcher, str]]], int | None] | None = None,
        upgrade: Transform | None = None,
        routes: tuple[str, ...] = (),
    ) -> None:
        self.storage = storage
        self.prefix = prefix if prefix.endswith("/") else prefix + "/"
        self.objects: dict[str, Obj] = {}
        self.keys: list[str] = []
        self.broken: dict[str, ValueError] = {}
        """Keys whose value cannot be read, and why: lists and gets fail until they are deleted."""
        self.revision = 0
        self.window: deque[CacheEvent] = deque(maxlen=WINDOW)
        self.oldest = 0
        """A watch may start at this revision or later."""
        self.routes = routes
        self._paths = [(field, tuple(field.split("."))) for field in routes]
        """Fields of an object by which watchers are routed, e.g. ``spec.nodeName``."""
        self.changes: list[Callable[[CacheEvent], None]] = []
        """Called with each event before the watchers: indexes of this room."""
        self._on_event = on_event
        self._upgrade = upgrade
        self._watchers: dict[tuple[str, str], dict[int, Watcher]] = {}
        self._bare: dict[str, Obj] = {}
        """Objects as a list shows them, as far as a list was asked for since they changed."""
        self._seq = 0
        self._end: Callable[[], None] | None = None

    # -- following the store ----------------------------------------------------------------------------

    def start(self) -> None:
        """Load everything and follow the store from there."""
        with calm():
            self._load()
        self._go_on()

    def _load(self) -> None:
        found, revision = self.storage.backend.load(self.prefix)
        self.objects.clear()
        self.keys.clear()
        self.broken.clear()
        self.window.clear()
        self._bare.clear()
        for stored in found:
            try:
                obj = self.storage.read(stored.key, stored.value, stored.mod_revision)
            except ValueError as error:
                self.broken[stored.key] = error
                continue
            self.objects[stored.key] = self._upgrade(obj) if self._upgrade is not None else obj
            self.keys.append(stored.key)
        self.revision = revision
        self.oldest = self.revision

    def _go_on(self) -> None:
        self._end = self.storage.backend.watch(self.prefix, self.revision + 1, self._apply, self._lost)

    def stop(self) -> None:
        """Cease to follow the store and end every watch."""
        if self._end is not None:
            self._end()
            self._end = None
        for watcher in list(self.watchers()):
            watcher.stream.close()
        self._watchers.clear()

    def _lost(self) -> None:
        """What follows is gone from the store: end every watch, so that clients list anew, and read it all.

        A store that was restored from a backup with ``--mark-compacted`` ends watches in this way.
        """
        for watcher in list(self.watchers()):
            watcher.stream.close()
        found, revision = self.storage.backend.load(self.prefix)
        there = {stored.key for stored in found}
        for key in [key for key in self.keys if key not in there]:
            self._apply(key, None, revision)
        for stored in found:
            self._apply(stored.key, stored.value, stored.mod_revision)
        self.window.clear()
        self.revision = self.oldest = revision
        self._go_on()

    def forget_before(self, revision: int) -> None:
        """Drop the window's events up to a revision (the store was compacted there)."""
        while self.window and self.window[0].revision <= revision:
            self.window.popleft()
        self.oldest = max(self.oldest, revision)

    def _apply(self, key: str, value: bytes | None, revision: int) -> None:
        """Follow one change of the store."""
        old = self.objects.get(key)
        new: Obj | None = None
        if self._bare:
            self._bare.pop(key, None)
        if value is not None:
            try:
                new = self.storage.decoded(key, value, revision)
            except ValueError as error:
                self.broken[key] = error
            else:
                if self.broken:
                    self.broken.pop(key, None)
                if self._upgrade is not None:
                    new = self._upgrade(new)
        else:
            self.broken.pop(key, None)
        self.revision = revision
        if new is not None:
            if old is None:
                insort(self.keys, key)
            self.objects[key] = new
        elif old is not None:
            del self.objects[key]
            del self.keys[bisect_left(self.keys, key)]
        else:
            return
        event = CacheEvent(key, old, new, revision, None)
        if len(self.window) == WINDOW:
            self.oldest = self.window[0].revision
        self.window.append(event)
        for look in self.changes:
            look(event)
        self._deliver(event)

    def _deliver(self, event: CacheEvent) -> None:
        told: list[tuple[Watcher, str]] = []
        for watcher in self._concerned(event):
            verdict = watcher.verdict(event)
            if verdict:
                told.append((watcher, verdict))
        if self._on_event is not None:
            event.cause = self._on_event(self, event, told)
        for watcher, verdict in told:
            watcher.heard = event.revision
            watcher.stream.send(event.for_watcher(verdict, watcher.form, watcher.transform))

    def _concerned(self, event: CacheEvent) -> list[Watcher]:
        watchers = self._watchers
        if not watchers:
            return []
        found = list(watchers.get(EVERYTHING, {}).values())
        if len(watchers) > 1 or EVERYTHING not in watchers:
            obj = event.new if event.new is not None else event.old
            assert obj is not None
            metadata = obj["metadata"]
            seen = [
                ("metadata.namespace", metadata.get("namespace", "")),
                ("metadata.name", metadata.get("name", "")),
            ]
            for field, path in self._paths:
                for version in (event.new, event.old):
                    if version is not None and (route := (field, _field(version, path))) not in seen:
                        seen.append(route)
            for route in seen:
                if route in watchers:
                    found.extend(watchers[route].values())
            found.sort(key=lambda w: w.seq)
        return found

    # -- reading ----------------------------------------------------------------------------------------

    def get(self, key: str) -> Obj | None:
        """The object under a key (without the prefix's trailing part: the whole key)."""
        return self.objects.get(key)

    def newer(self, key: str, written: Obj) -> Obj:
        """What was written, in the cache's own copy when the cache has heard of it already."""
        cached = self.objects.get(key)
        if cached is None or cached["metadata"]["resourceVersion"] != written["metadata"]["resourceVersion"]:
            return written
        return cached

    def span(self, namespace: str = "") -> list[Obj]:
        """All objects, or those of a namespace, in key order."""
        objects = self.objects
        return [objects[key] for key in self._keys(namespace)]

    def listed(self, namespace: str = "") -> list[Obj]:
        """As `span`, each object as a list shows it; made once and kept until the object changes."""
        found = self._bare
        if len(found) < len(self.objects):
            for key, obj in self.objects.items():
                if key not in found:
                    found[key] = bare(obj)
        return [found[key] for key in self._keys(namespace)]

    def _keys(self, namespace: str) -> list[str]:
        if not namespace:
            return self.keys
        low = f"{self.prefix}{namespace}/"
        start = bisect_left(self.keys, low)
        end = bisect_left(self.keys, f"{self.prefix}{namespace}0", start)  # "0" follows "/" in ASCII
        return self.keys[start:end]

    def count(self) -> int:
        """How many objects there are."""
        return len(self.objects)

    # -- watching ---------------------------------------------------------------------------------------

    def watchers(self) -> Iterator[Watcher]:
        """Every open watch."""
        for group in self._watchers.values():
            yield from group.values()

    def add(self, watcher: Watcher) -> None:
        """Begin to deliver to a watcher, until its stream closes."""
        self._seq += 1
        watcher.seq = self._seq
        group = self._watchers.setdefault(watcher.route, {})
        group[watcher.seq] = watcher

        def gone() -> None:
            group.pop(watcher.seq, None)
            if not group and self._watchers.get(watcher.route) is group:
                del self._watchers[watcher.route]

        watcher.stream.on_close(gone)

    def since(self, revision: int) -> list[CacheEvent]:
        """The events after a revision; raises `TooOld` when some have left the window."""
        if revision < self.oldest:
            raise TooOld(revision, self.oldest)
        events: list[CacheEvent] = []
        for event in reversed(self.window):
            if event.revision <= revision:
                break
            events.append(event)
        events.reverse()
        return events


def bare(obj: Obj) -> Obj:
    """An object as an item of a list: the list says what its items are."""
    item = obj.copy()
    item.pop("apiVersion", None)
    item.pop("kind", None)
    return item


def with_revision(obj: Obj, revision: int) -> Obj:
    """The object as it was, at another resourceVersion (for DELETED events)."""
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(revision)}}


def _field(obj: Obj, path: tuple[str, ...]) -> str:
    value: Any = obj
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
