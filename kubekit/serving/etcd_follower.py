"""The follower: a thread that watches a real etcd and keeps what it hears for the engine.

It watches the whole key space, so that every revision brings an event and it always knows how far it has
come; with a watch of a prefix one could not tell a quiet prefix from a slow connection. What it hears waits
in a queue, whole revisions in order, until the engine takes it; when much waits the thread stops reading, and
etcd keeps the rest. A broken stream is opened again at another endpoint, right after the last whole revision:
no event is lost or comes twice. When that revision has been compacted meanwhile, `lost` says so.

The thread never touches the engine; it only rings (`Loop.post`).
Source: client/v3/watch.go.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from kubekit.etcd.conversion import kv_of
from kubekit.etcd.key_value import Event
from kubekit.etcd.messages import Message
from kubekit.etcd.protobuf import DecodeError, decode, encode
from kubekit.serving.etcd_channels import Channels
from kubekit.serving.quiet_grpc import grpc

MOST_WAITING = 20_000
"""Events that may wait for the engine before the thread stops reading."""

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds before a stream is opened again: doubled each time it brought nothing, up to the longest."""

EVERYTHING = b"\x00"
"""As key and as range_end of a watch: the whole key space."""

Heard = tuple[int, list[Event]]
"""A revision with its events."""


class Follower:
    """Hears every change from `revision` + 1 on."""

    def __init__(self, channels: Channels, revision: int, ring: Callable[[], None]) -> None:
        self._channels = channels
        self._ring = ring
        self._heard: deque[Heard] = deque()
        self._count = 0
        self._changed = threading.Condition()
        self._stopped = False
        self._place = 0
        self._stream: Any = None
        self.revision = revision
        """The last revision that was heard whole."""
        self.lost = 0
        """When not 0: what follows `revision` was compacted away, up to this revision."""
        self.streams = 0
        """How often a stream was opened."""
        self._thread = threading.Thread(target=self._run, name="kubekit-etcd-follower", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            stream = self._stream
        if stream is not None:
            stream.cancel()
        self._thread.join(timeout=5)

    def take(self) -> Heard | None:
        """The next revision that was heard, or None when nothing waits."""
        with self._changed:
            if not self._heard:
                return None
            heard = self._heard.popleft()
            self._count -= len(heard[1])
            self._changed.notify_all()
            return heard

    def wait(self, revision: int, seconds: float) -> bool:
        """Wait until a revision has been heard (or is lost); whether it was."""
        with self._changed:
            self._changed.wait_for(lambda: self.revision >= revision or self.lost or self._stopped, seconds)
            return self.revision >= revision

    def hop(self) -> None:
        """Leave the present endpoint, which says nothing, for another."""
        with self._changed:
            stream = self._stream
        if stream is not None:
            stream.cancel()

    def begin_again(self, revision: int) -> None:
        """Go on after a revision, having lost what came before."""
        with self._changed:
            self._heard.clear()
            self._count = 0
            self.revision = revision
            self.lost = 0
            self._changed.notify_all()

    # -- the thread -------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopped:
            before = self.revision
            # When the stream breaks, the next endpoint goes on where this one stopped.
            with contextlib.suppress(grpc.RpcError, DecodeError, ValueError):
                self._follow()
            if self._stopped:
                return
            self._place += 1
            if self.revision > before:
                pause = FIRST_PAUSE
            with self._changed:
                if self.lost:
                    self._changed.wait_for(lambda: not self.lost or self._stopped)
                else:
                    self._changed.wait_for(lambda: self._stopped, pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _follow(self) -> None:
        """Read one stream until it breaks or the past is lost."""
        create: Message = {
            "key": EVERYTHING,
            "range_end": EVERYTHING,
            "start_revision": self.revision + 1,
            "progress_notify": True,
            "fragment": True,
        }
        outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        outgoing.put(encode("WatchRequest", {"create_request": create}))
        stream = self._channels.stream(self._place, "Watch/Watch", _until_none(outgoing))
        with self._changed:
            self._stream = stream
            self.streams += 1
        parts: list[Message] = []
        try:
            for data in stream:
                response = decode("WatchResponse", data)
                if response.get("canceled"):
                    self._canceled(response)
                    return
                parts += response.get("events", ())
                if response.get("fragment"):
                    continue
                self._keep(parts)
                parts = []
        finally:
            outgoing.put(None)
            stream.cancel()

    def _canceled(self, response: Message) -> None:
        compacted = response.get("compact_revision", 0)
        if compacted:
            with self._changed:
                self.lost = compacted
                self._changed.notify_all()
            self._ring()

    def _keep(self, events: list[Message]) -> None:
        """Keep whole revisions for the engine; wait while too much waits already."""
        if not events:
            return
        by_revision: list[Heard] = []
        for message in events:
            event = event_of(message)
            revision = event.kv.mod_revision
            if not by_revision or by_revision[-1][0] != revision:
                by_revision.append((revision, []))
            by_revision[-1][1].append(event)
        with self._changed:
            self._changed.wait_for(lambda: self._count < MOST_WAITING or self._stopped)
            self._heard.extend(by_revision)
            self._count += len(events)
            self.revision = by_revision[-1][0]
            self._changed.notify_all()
        self._ring()


def event_of(message: Message) -> Event:
    """A message of an event as the store has it."""
    return Event(message.get("type", 0), kv_of(message["kv"]))


def _until_none(outgoing: queue.SimpleQueue[bytes | None]) -> Iterator[bytes]:
    while (data := outgoing.get()) is not None:
        yield data
