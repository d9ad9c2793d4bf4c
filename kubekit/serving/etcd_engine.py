"""Engine turns: how a thread that serves sockets asks a member of a simulated etcd.

The engine is single-threaded behind one lock. `EngineTurns.call` asks a member and waits, without blocking
the thread, until the answer has come, be it at once or after elections; `run` does something short under the
lock. When the lock is held (a notebook's cell runs the engine), the turn is taken in another thread, so that
other clients and other clusters do not wait too. Do not hold the lock across an `await`.

A client that goes away before it is answered takes its question along: nobody works for it any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from kubekit.etcd.auth import Identity
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.messages import Message
from kubekit.serving.driver import Driver

T = TypeVar("T")

WAITING = 4
"""Threads that may wait for an engine's lock at once; further turns queue behind them."""

Who = str | Identity
"""Who asks: a token, or what a client's certificate says."""


class Cancellable(Protocol):
    """A question under way."""

    def cancel(self) -> None: ...


class Watches(Protocol):
    """One client's stream of watches, as a member gives it."""

    def request(self, request: Message) -> None: ...
    def close(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class ServedMember(Protocol):
    """What a member must have to be served (see `kubekit.etcd.member.Member`)."""

    name: str
    state: str
    id: int

    @property
    def serving(self) -> bool: ...

    @property
    def has_leader(self) -> bool: ...

    @property
    def auth(self) -> Any: ...

    def submit(
        self,
        call: str,
        request: Message,
        token: Who,
        done: Callable[[Any], object],
        *,
        require_leader: bool = False,
    ) -> Cancellable: ...

    def watch(
        self,
        send: Callable[[Message], None],
        token: Who = "",
        *,
        ended: Callable[[EtcdError], None] | None = None,
        require_leader: bool = False,
    ) -> Watches: ...

    def capture(self) -> Any: ...
    def status(self) -> Message: ...


class EngineTurns:
    """Turns of one asyncio thread at one engine."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        # Threads of its own: those that wait for one engine's lock must not hold up another's.
        self._waiting = ThreadPoolExecutor(WAITING, thread_name_prefix="kubekit-turn")

    def close(self) -> None:
        """Take no more turns."""
        self._waiting.shutdown(wait=False, cancel_futures=True)

    async def run(self, do: Callable[..., T], *args: Any) -> T:
        """`do(*args)` under the engine's lock; raises what it raises."""
        lock = self._driver.lock
        if lock.acquire(blocking=False):
            try:
                return do(*args)
            finally:
                lock.release()
        return await asyncio.get_running_loop().run_in_executor(self._waiting, self._locked, do, args)

    def _locked(self, do: Callable[..., T], args: tuple[Any, ...]) -> T:
        with self._driver.lock:
            return do(*args)

    async def call(
        self, member: ServedMember, name: str, request: Message, who: Who, require_leader: bool = False
    ) -> Message:
        """The member's response. Raises EtcdError."""
        running = asyncio.get_running_loop()
        answers: list[Any] = []
        waiting: asyncio.Future[None] | None = None

        def settle() -> None:
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

        def done(response: Any) -> None:
            answers.append(response)
            if waiting is not None:
                # The engine may be driven by another thread than this one's.
                running.call_soon_threadsafe(settle)

        def submit() -> Cancellable:
            return member.submit(name, request, who, done, require_leader=require_leader)

        question = await self.run(submit)
        if not answers:
            waiting = running.create_future()
            try:
                # It may have come in between, before there was anything to wake.
                if not answers:
                    await waiting
            except asyncio.CancelledError:
                await asyncio.shield(self.run(question.cancel))
                raise
        response = answers[0]
        if isinstance(response, Exception):
            raise response
        assert isinstance(response, dict)
        return response
