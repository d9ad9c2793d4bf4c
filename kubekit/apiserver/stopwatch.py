"""A stopwatch: how long each step of one request really takes, in nanoseconds of the machine's clock.

Requests take no time on the cluster's clock, and measuring each step of each request would cost more than
many of the steps. So only a request that somebody wants timed has one: `timed` gives it to the context, whose
list of steps it then is, and each step is timed by its being added.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING

from kubekit.api.exchange import Request, Response, WatchStream
from kubekit.sim import Step

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context, Write
    from kubekit.apiserver.server import APIServer


class Stopwatch(list["Step | Write"]):
    """The steps of a request; `laps[i]` is the time from the step before to step i, and `whole` all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.laps: list[int] = []
        self.decoding = 0
        """What lies before admission: the body is read, decoded, defaulted, its fields get their manager."""
        self.whole = 0
        self._begun = self._last = perf_counter_ns()

    def append(self, step: Step | Write) -> None:
        """Add a step: it ends now."""
        super().append(step)
        now = perf_counter_ns()
        self.laps.append(now - self._last)
        self._last = perf_counter_ns()

    def admission(self) -> None:
        """Admission begins: what was done since the last step is not the first plugin's."""
        now = perf_counter_ns()
        self.decoding += now - self._last
        self._last = perf_counter_ns()

    def stop(self) -> None:
        """The answer is made."""
        self.whole = perf_counter_ns() - self._begun


def timed(server: APIServer, request: Request) -> tuple[Response | WatchStream, Stopwatch]:
    """Have a request answered and each of its steps measured; raises ConnectionRefused."""
    watch, pipeline = Stopwatch(), server.pipeline

    def begin(ctx: Context) -> Response | WatchStream:
        # Only this request: what it leads to, and all others, go the usual way, which asks for no stopwatch.
        server.pipeline = pipeline
        ctx.steps = ctx.stopwatch = watch
        return pipeline(ctx)

    with server.loop.lock:
        server.pipeline = begin
        try:
            answer = server(request)
        finally:
            server.pipeline = pipeline
        watch.stop()
    return answer, watch
