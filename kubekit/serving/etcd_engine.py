"""Engine turns: how a thread that serves sockets asks a member of a simulated etcd.

The engine is single-threaded behind one lock. `EngineTurns.call` asks a member and waits, without blocking
the thread, until the answer has come, be it at once or after elections; `run` does something short under the
lock. When the lock is held (a notebook's cell runs the engine), the turn is taken in another thread, so that
other clients and other clusters do not wait too. Do not hold the lock across an `await`.

A member that is not running answers nothing at all: what a client of a dead server sees.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from kubekit.etcd.auth import Identity
from kubekit.etcd.messages import Message
from kubekit.serving.driver import Driver

T = TypeVar("T")

Who = str | Identity
"""Who asks: a token, or what a client's certificate says."""


class Watches(Protocol):
    """One client's stream of watches, as a member gives it."""

    def request(self, request: Message) -> None: ...
    def close(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class ServedMember(Protocol):
    """What a member must have to be served."""

    name: str
    state: str
    id: int

    @property
    def running(self) -> bool: ...

    def submit(self, call: str, request: Message, token: Any, done: Callable[[Any], None]) -> None:
        """Answer a call: `done` gets the response or the `EtcdError`, now or later, once."""
        ...

    def watch(self, send: Callable[[Message], None], token: Any = "") -> Watches: ...
    def snapshot(self) -> Iterable[bytes]: ...
    def status(self) -> Message: ...

    @property
    def auth(self) -> Any: ...


FROZEN = 0.05
"""Seconds between two looks at whether a frozen member goes on."""


class MemberGone(Exception):
    """The member stopped before it had answered: the connection breaks."""


class EngineTurns:
    """Turns of one asyncio thread at one engine."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def run(self, do: Callable[..., T], *args: Any) -> T:
        """`do(*args)` under the engine's lock; raises what it raises."""
        lock = self._driver.lock
        if lock.acquire(blocking=False):
            try:
                return do(*args)
            finally:
                lock.release()
        return await asyncio.get_running_loop().run_in_executor(None, self._locked, do, args)

    def _locked(self, do: Callable[..., T], args: tuple[Any, ...]) -> T:
        with self._driver.lock:
            return do(*args)

    async def call(self, member: ServedMember, name: str, request: Message, who: Who) -> Message:
        """The member's response; raises EtcdError, and MemberGone while it does not run."""
        running = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = running.create_future()

        def settle(response: Any) -> None:
            if not answer.done():
                answer.set_result(response)

        def done(response: Any) -> None:
            # The engine may be driven by another thread than this one's.
            running.call_soon_threadsafe(settle, response)

        at_once: list[Any] = []

        def submit() -> None:
            if not member.running:
                at_once.append(MemberGone(member.name))
                return
            direct = True

            def first(response: Any) -> None:
                if direct:
                    at_once.append(response)
                else:
                    done(response)

            member.submit(name, request, who, first)
            direct = False

        while member.state == "paused":
            await asyncio.sleep(FROZEN)  # a frozen process takes connections and says nothing
        await self.run(submit)
        response = at_once[0] if at_once else await answer
        if isinstance(response, Exception):
            raise response
        assert isinstance(response, dict)
        return response


def has_leader(member: Any) -> bool:
    """Whether a member runs and knows of a leader; one without a raft of its own leads itself."""
    raft = getattr(member, "raft", None)
    return bool(member.running) and (raft is None or raft.lead != 0)


def next_of(blobs: Iterator[bytes]) -> bytes | None:
    """The next part of a snapshot, or None at its end; to be run in a turn."""
    return next(blobs, None)
