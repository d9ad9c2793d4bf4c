"""The thread in which every etcd port of this process is served.

grpcio's asyncio side works with one event loop a process, so all doors of all clusters share this one. It is
started when it is first needed and ends with the process. Nothing that runs in it may block: engine calls go
through `EngineTurns`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_starting = threading.Lock()
_running: asyncio.AbstractEventLoop | None = None


def event_loop() -> asyncio.AbstractEventLoop:
    """The loop of the thread, started if need be."""
    global _running
    with _starting:
        if _running is None:
            _running = asyncio.new_event_loop()
            threading.Thread(target=_running.run_forever, name="kubekit-etcd", daemon=True).start()
        return _running


def run(work: Coroutine[Any, Any, T], timeout: float = 30.0) -> T:
    """Run a coroutine in the thread and wait for its result; not to be called from the thread itself."""
    return asyncio.run_coroutine_threadsafe(work, event_loop()).result(timeout)
