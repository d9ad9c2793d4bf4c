"""The work queue: each key once, retries that wait longer, and what can be seen of it."""

from __future__ import annotations

import pytest

from kubekit.api import status_error
from kubekit.api.exchange import ConnectionRefused
from kubekit.client import WorkQueue
from kubekit.sim import Loop


class Worker:
    """Notes when it worked on what; fails as often as it is told to."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.loop = Loop()
        self.queue = WorkQueue(self.loop, "me", self.work)
        self.done: list[tuple[float, str]] = []
        self.failures = failures
        self.error = error or status_error.service_unavailable("later")
        self.again = False

    def work(self, key: str) -> None:
        self.done.append((round(self.loop.clock.elapsed(), 6), key))
        if self.again:
            self.again = False
            self.queue.add(key)
        if len(self.done) <= self.failures:
            raise self.error

    @property
    def keys(self) -> list[str]:
        return [key for _, key in self.done]


def test_each_key_once_in_order() -> None:
    worker = Worker()
    for key in "abab":
        worker.queue.add(key)
    assert worker.queue.snapshot()["waiting"] == ["a", "b"] and len(worker.queue) == 2
    worker.loop.run_ready()
    assert worker.keys == ["a", "b"]


def test_a_key_that_is_added_while_it_runs_runs_once_more() -> None:
    worker = Worker()
    worker.again = True
    worker.queue.add("a")
    worker.loop.run_ready()
    assert worker.keys == ["a", "a"]


@pytest.mark.parametrize("error", [status_error.service_unavailable("later"), ConnectionRefused("nobody")])
def test_retries_wait_twice_as_long_each_time(error: Exception) -> None:
    worker = Worker(4, error)
    worker.queue.add("a")
    worker.loop.run_ready()
    assert worker.queue.snapshot() == {
        "waiting": [],
        "processing": None,
        "delayed": {"a": 0.005},
        "failures": {"a": 1},
    }
    worker.loop.run_until_quiet()
    assert [at for at, _ in worker.done] == [0.0, 0.005, 0.015, 0.035, 0.075]
    assert worker.queue.failures("a") == 0, "success forgets"


def test_a_reconcile_that_counts_its_own_failure_waits_longer_each_time_too() -> None:
    worker = Worker()

    def work(key: str) -> None:
        worker.done.append((round(worker.loop.clock.elapsed(), 6), key))
        if len(worker.done) < 5:
            worker.queue.add_rate_limited(key)

    worker.queue = WorkQueue(worker.loop, "me", work)
    worker.queue.add("a")
    worker.loop.run_until_quiet()
    assert [at for at, _ in worker.done] == [0.0, 0.005, 0.015, 0.035, 0.075]
    assert worker.queue.failures("a") == 0, "success forgets"


def test_the_longest_wait() -> None:
    worker = Worker(100)
    worker.queue.add("a")
    worker.loop.advance(20_000.0)
    waits = [b[0] - a[0] for a, b in zip(worker.done, worker.done[1:])]
    assert max(waits) == pytest.approx(1000.0) and worker.queue.failures("a") == len(worker.done)


def test_long_retries_do_not_keep_a_learner_waiting() -> None:
    worker = Worker(100)
    worker.queue.add("a")
    worker.loop.run_until_quiet()
    assert worker.loop.clock.elapsed() < 3.0


def test_a_bug_is_not_retried() -> None:
    worker = Worker(1, ValueError("a bug"))
    worker.queue.add("a")
    with pytest.raises(ValueError, match="a bug"):
        worker.loop.run_ready()


def test_the_earlier_wish_counts() -> None:
    worker = Worker()
    worker.queue.add_after("a", 5.0)
    worker.queue.add_after("a", 2.0)
    worker.queue.add_after("a", 9.0)
    worker.queue.add_after("b", 0.0)
    worker.loop.run_until_quiet()
    assert worker.done == [(0.0, "b"), (2.0, "a")]


def test_holding() -> None:
    worker = Worker()
    worker.queue.hold()
    worker.queue.add("a")
    worker.queue.add("b")
    worker.loop.run_ready()
    assert worker.keys == []
    worker.queue.release()
    worker.loop.run_ready()
    assert worker.keys == ["a", "b"]


def test_a_closed_queue_works_no_more() -> None:
    worker = Worker()
    worker.queue.add("a")
    worker.queue.add_after("b", 1.0)
    worker.queue.close()
    worker.queue.add("c")
    worker.loop.advance(5.0)
    assert worker.keys == []


def test_a_reconcile_is_caused_by_what_queued_it_first() -> None:
    worker = Worker()
    seen: list[int | None] = []
    queue = WorkQueue(worker.loop, "me", lambda key: seen.append(worker.loop.trace.cause))
    worker.loop.trace.cause = 41
    queue.add("a")
    worker.loop.trace.cause = 42
    queue.add("a")
    worker.loop.trace.cause = None
    worker.loop.run_ready()
    assert seen == [41]
