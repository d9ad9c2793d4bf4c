"""Watch pipes: from the engine, which must not wait, to a client, which may be slow.

The engine puts responses into a pipe; whoever serves the client takes them out, in order, with `get`. When
more than a few wait, the pipe asks the engine to pause the stream: the store then forgets nothing, it just
reads what the client missed from its history as soon as the client has taken what waited. So a slow client
costs a bounded amount of memory and never holds anybody up; one that is so slow that its history has been
compacted away is told so, as by the original (where such a watcher is called a victim).
Source: server/storage/mvcc/watchable_store.go (victims), server/etcdserver/api/v3rpc/watch.go.
"""

from __future__ import annotations

import asyncio
from collections import deque

from kubekit.etcd.errors import EtcdError
from kubekit.etcd.messages import Message
from kubekit.serving.etcd_engine import EngineTurns, ServedMember, Watches, Who

HIGH = 128
"""Responses that may wait for a client before its stream pauses (as many as the original buffers)."""

LOOK_AGAIN = 0.05
"""Seconds between two looks at whether a member serves."""

HIGH_BYTES = 4 * 1024 * 1024
"""Bytes of values that may wait."""


class WatchPipe:
    """One client's stream of watches on one member."""

    def __init__(
        self, turns: EngineTurns, member: ServedMember, who: Who, require_leader: bool = False
    ) -> None:
        self._turns = turns
        self._member = member
        self._who = who
        self._require_leader = require_leader
        self._error: EtcdError | None = None
        self._stream: Watches | None = None
        self._waiting: deque[tuple[Message, int]] = deque()
        self._bytes = 0
        self._paused = False
        self._closed = False
        self._asyncio = asyncio.get_running_loop()
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()

    async def open(self) -> None:
        """Open the stream on the member; wait while it is frozen, or has not begun to serve. Raises
        EtcdError."""
        member = self._member

        def begin() -> bool:
            if member.state == "paused" or (member.state == "running" and not member.serving):
                return False
            self._stream = member.watch(
                self._receive, self._who, ended=self._end, require_leader=self._require_leader
            )
            return True

        while not await self._turns.run(begin):
            await asyncio.sleep(LOOK_AGAIN)

    async def request(self, request: Message) -> None:
        """Hand a client's request to the member, once the client has taken what it asked for before."""
        while len(self._waiting) > HIGH and not self._closed and self._error is None:
            self._drained.clear()
            await self._drained.wait()

        def hand_over() -> None:
            if self._stream is not None:
                self._stream.request(request)

        await self._turns.run(hand_over)

    async def get(self) -> Message | None:
        """The next response; None when the client has closed. Raises the EtcdError with which the member
        ended the stream."""
        while not self._waiting:
            if self._error is not None:
                raise self._error
            if self._closed:
                return None
            self._filled.clear()
            if self._paused:
                await self._turns.run(self._resume)
                continue
            if not self._waiting and not self._closed and self._error is None:
                await self._filled.wait()
        response, size = self._waiting.popleft()
        self._bytes -= size
        if len(self._waiting) <= HIGH:
            self._drained.set()
        return response

    async def close(self) -> None:
        """End all watches: the client has gone."""
        self._closed = True
        self._drained.set()
        stream, self._stream = self._stream, None
        if stream is not None:
            await self._turns.run(stream.close)

    def _end(self, error: EtcdError) -> None:
        """The member ends the stream; runs under the engine's lock, in whichever thread drives it."""
        self._error = error
        self._stream = None
        self._asyncio.call_soon_threadsafe(self._filled.set)
        self._asyncio.call_soon_threadsafe(self._drained.set)

    def _receive(self, response: Message) -> None:
        """Take a response from the engine; runs under its lock, in whichever thread drives it."""
        size = sum(
            len(event["kv"]["key"]) + len(event["kv"]["value"]) + _prev(event)
            for event in response.get("events", ())
        )
        self._waiting.append((response, size))
        self._bytes += size
        if not self._paused and (len(self._waiting) > HIGH or self._bytes > HIGH_BYTES):
            self._paused = True
            if self._stream is not None:
                self._stream.pause()
        if len(self._waiting) == 1:
            self._asyncio.call_soon_threadsafe(self._filled.set)

    def _resume(self) -> None:
        self._paused = False
        if self._stream is not None:
            self._stream.resume()


def _prev(event: Message) -> int:
    return len(event["prev_kv"]["value"]) if "prev_kv" in event else 0
