"""WatchStream: many watches over one connection, as the Watch call has them.

A client sends requests (create, cancel, progress) and gets responses, each with the id of its watch; `send`
receives them as `WatchResponse` messages. A created watch is confirmed before its first event, and what
lies in its past follows at once. Too long a response is cut into fragments when the client asked for that.
Call `progress_tick` every PROGRESS_INTERVAL seconds: it tells watches that asked for it, and heard nothing
since, how far the store has come. A watch that was cancelled because its past is gone keeps its id until the
client cancels it too, and as long as it does no progress of the whole stream is told.
Source: server/etcdserver/api/v3rpc/watch.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kubekit.etcd.conversion import event_message, header
from kubekit.etcd.errors import CODE_NAMES, Compacted, DuplicateWatchId, EmptyWatchRange, EtcdError
from kubekit.etcd.key_value import DELETE, PUT, Event
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.messages import Message
from kubekit.etcd.protobuf import encode
from kubekit.etcd.v3rpc import MAX_MESSAGE_BYTES
from kubekit.etcd.watch import Watcher

PROGRESS_INTERVAL = 600.0
"""Seconds between two notes of progress."""

NO_WATCH = -1
"""The id in responses that belong to no watch: a refused creation, progress of the whole stream."""

_FILTERS = (PUT, DELETE)
"""The type of event that each filter hides: NOPUT, NODELETE."""


@dataclass(slots=True)
class _Watch:
    watcher: Watcher
    progress_notify: bool
    fragment: bool
    quiet: bool = True
    """Whether nothing was sent since the last tick."""

    @property
    def behind(self) -> bool:
        """Whether it has not caught up, and may."""
        return not (self.watcher.synced or self.watcher.cancelled or self.watcher.paused)


class WatchStream:
    """One client's stream of watches."""

    def __init__(
        self,
        store: KVStore,
        send: Callable[[Message], None],
        permit: Callable[[bytes, bytes], None] = lambda key, range_end: None,
    ) -> None:
        self._store = store
        self._send = send
        self._permit = permit
        self._watches: dict[int, _Watch] = {}
        self._next_id = 0
        self._resting = False

    def request(self, request: Message) -> None:
        """Take one `WatchRequest`."""
        if "create_request" in request:
            self._create(request["create_request"])
        elif "cancel_request" in request:
            self._cancel(request["cancel_request"].get("watch_id", 0))
        elif "progress_request" in request:
            self._progress(list(self._watches.values()), NO_WATCH)

    def close(self) -> None:
        """End all watches without a word: the client has gone."""
        for watch in self._watches.values():
            watch.watcher.cancel()
        self._watches.clear()

    def pause(self) -> None:
        """Send no more events for now: the client does not take them. Nothing is lost, and nothing kept."""
        self._resting = True
        for watch in self._watches.values():
            watch.watcher.pause()

    def resume(self) -> None:
        """Send what was missed, until the client has no room again or all has been told."""
        self._resting = False
        for watch in self._watches.values():
            watch.watcher.resume()
        while not self._resting and any(watch.behind for watch in self._watches.values()):
            self._store.watchers.sync()

    def progress_tick(self) -> None:
        """Note progress to the watches that asked for it and got nothing since the last tick."""
        for id, watch in list(self._watches.items()):
            if watch.progress_notify and watch.quiet:
                self._progress([watch], id)
            watch.quiet = True

    def _create(self, request: Message) -> None:
        key = request.get("key") or b"\x00"
        range_end = request.get("range_end", b"")
        start = request.get("start_revision", 0)
        if start < 0:
            self._refuse(Compacted.message)
            return
        hidden = {_FILTERS[name] for name in request.get("filters", []) if name in (0, 1)}
        try:
            self._permit(key, range_end)
        except EtcdError as error:
            self._refuse(f"rpc error: code = {CODE_NAMES[error.code]} desc = {error.message}")
            return
        try:
            id = self._choose_id(request.get("watch_id", 0))
            watcher = self._store.watchers.add(
                key,
                range_end,
                start,
                lambda events, revision: self._events(id, events, revision),
                prev_kv=request.get("prev_kv", False),
                hidden=hidden,
                on_compacted=lambda compacted: self._compacted(id, compacted),
            )
        except (EmptyWatchRange, DuplicateWatchId) as error:
            self._refuse(error.message)
            return
        self._watches[id] = _Watch(
            watcher, request.get("progress_notify", False), request.get("fragment", False)
        )
        self._send({"header": header(self._store.revision), "watch_id": id, "created": True})
        if self._resting:
            watcher.pause()
        while not (watcher.synced or watcher.cancelled or watcher.paused):
            self._store.watchers.sync()

    def _choose_id(self, wanted: int) -> int:
        if wanted:
            if wanted in self._watches:
                raise DuplicateWatchId
            return wanted
        while self._next_id in self._watches:
            self._next_id += 1
        self._next_id += 1
        return self._next_id - 1

    def _refuse(self, reason: str) -> None:
        self._send(
            {
                "header": header(self._store.revision),
                "watch_id": NO_WATCH,
                "created": True,
                "canceled": True,
                "cancel_reason": reason,
            }
        )

    def _cancel(self, id: int) -> None:
        watch = self._watches.pop(id, None)
        if watch is not None:
            watch.watcher.cancel()
            self._send({"header": header(self._store.revision), "watch_id": id, "canceled": True})

    def _compacted(self, id: int, compacted: int) -> None:
        self._send({"header": header(0), "watch_id": id, "canceled": True, "compact_revision": compacted})

    def _progress(self, watches: list[_Watch], id: int) -> None:
        """Say how far the store has come, if these watches have been told all of it."""
        revision = self._store.revision
        if watches and all(w.watcher.synced and w.watcher.start_revision <= revision for w in watches):
            self._send({"header": header(revision), "watch_id": id})

    def _events(self, id: int, events: list[Event], revision: int) -> None:
        watch = self._watches.get(id)
        if watch is None:
            return
        watch.quiet = False
        response = {
            "header": header(revision),
            "watch_id": id,
            "events": self._store.watchers.once(events, event_message),
        }
        for part in fragments(response) if watch.fragment else [response]:
            self._send(part)


def fragments(response: Message, limit: int = MAX_MESSAGE_BYTES) -> list[Message]:
    """A `WatchResponse` cut between events into parts shorter than `limit` bytes, all but the last marked."""
    events = response.get("events", [])
    if len(events) < 2 or len(encode("WatchResponse", response)) < limit:
        return [response]
    frame = {name: value for name, value in response.items() if name != "events"}
    empty = len(encode("WatchResponse", {**frame, "fragment": True}))
    parts: list[Message] = []
    size = limit
    for event in events:
        room = len(encode("WatchResponse", {"events": [event]}))
        if size + room >= limit:
            parts.append({**frame, "fragment": True, "events": []})
            size = empty
        parts[-1]["events"].append(event)
        size += room
    del parts[-1]["fragment"]
    return parts
