"""The loop: order, time, quiet, one component alone, and a report instead of a hang."""

from __future__ import annotations

import pytest

from kubekit.sim import Component, Loop, Stalled


def test_events_run_by_time_then_by_scheduling() -> None:
    loop, seen = Loop(), []
    loop.call_later(2, "a", seen.append, "late")
    loop.call_later(1, "a", seen.append, "early 1")
    loop.call_later(1, "b", seen.append, "early 2")
    loop.call_soon("a", seen.append, "now")
    loop.advance(3)
    assert seen == ["now", "early 1", "early 2", "late"]
    assert loop.clock.elapsed() == 3


def test_quiet_waits_for_foreground_timers_and_lets_background_ones_be() -> None:
    loop, seen = Loop(), []
    loop.every(1, "kubelet/node01", lambda: seen.append("beat"))
    loop.call_later(3.5, "kubelet/node01", seen.append, "pulled")
    loop.call_later(100, "kubelet/node01", seen.append, "back-off", background=True)
    loop.run_until_quiet()
    assert seen == ["beat", "beat", "beat", "pulled"]
    assert loop.clock.elapsed() == 3.5


def test_quiet_stops_at_its_horizon() -> None:
    loop = Loop()

    def again() -> None:
        loop.call_later(10, "a", again)

    again()
    loop.run_until_quiet(max_seconds=60)
    assert loop.clock.elapsed() == 60


def test_a_cancelled_timer_neither_runs_nor_holds_quiet() -> None:
    loop, seen = Loop(), []
    loop.call_later(5, "a", seen.append, 1).cancel()
    loop.run_until_quiet()
    assert seen == [] and loop.clock.elapsed() == 0


def test_run_until_moves_time_no_further_than_needed() -> None:
    loop, seen = Loop(), []
    for delay in (1, 2, 3):
        loop.call_later(delay, "a", seen.append, delay)
    loop.run_until(lambda: 2 in seen)
    assert seen == [1, 2] and loop.clock.elapsed() == 2


def test_a_run_without_progress_says_what_waits_for_what() -> None:
    loop = Loop()
    loop.call_soon("kube-scheduler", print, what="schedule shop/web")
    loop.pause("kube-scheduler")
    loop.every(10, "kubelet/node01", lambda: None, what="heartbeat")
    with pytest.raises(Stalled) as stalled:
        loop.run_until(lambda: False, timeout=30)
    text = str(stalled.value)
    assert "kube-scheduler is paused and holds 1 event(s) back, next: schedule shop/web" in text
    assert "kubelet/node01 waits" in text and "heartbeat (background)" in text
    with pytest.raises(Stalled, match="nothing is left to happen"):
        Loop().run_until(lambda: False)


def test_a_paused_owner_steps_alone_and_resumes_in_order() -> None:
    loop, seen = Loop(), []
    loop.pause("a")
    for n in range(3):
        loop.call_soon("a", seen.append, f"a{n}")
        loop.call_soon("b", seen.append, f"b{n}")
    loop.run_ready()
    assert seen == ["b0", "b1", "b2"]
    assert loop.step("a") and seen[-1] == "a0"
    loop.resume("a")
    loop.run_ready()
    assert seen[-2:] == ["a1", "a2"] and not loop.step("a")


def test_quiet_does_not_wait_for_a_paused_component() -> None:
    loop, seen = Loop(), []
    loop.call_later(5, "a", seen.append, "a")
    loop.call_later(7, "b", seen.append, "b")
    loop.pause("a")
    loop.run_until_quiet()
    assert seen == ["b"] and loop.clock.elapsed() == 7
    loop.resume("a")
    loop.run_until_quiet()
    assert seen == ["b", "a"]


def test_drop_forgets_everything_of_one_owner() -> None:
    loop, seen = Loop(), []
    loop.call_soon("a", seen.append, 1)
    loop.call_later(1, "a", seen.append, 2)
    loop.call_later(1, "b", seen.append, 3)
    loop.drop("a")
    loop.advance(2)
    assert seen == [3]


def test_an_error_goes_to_the_runner_or_to_the_handler() -> None:
    loop, seen = Loop(), []
    loop.call_soon("a", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        loop.run_ready()
    loop.on_error = lambda handle, error: seen.append((handle.owner, type(error).__name__))
    loop.call_soon("a", lambda: 1 // 0)
    loop.run_ready()
    assert seen == [("a", "ZeroDivisionError")]


def test_effects_inherit_their_cause() -> None:
    loop = Loop()
    origin = loop.trace.emit("request", "kubectl", "pod/a/b", "kubectl asks.")

    def effect() -> None:
        loop.trace.emit("sync", "kubelet/node01", "pod/a/b", "the kubelet acts.")

    with loop.trace.under(origin.id):
        loop.call_later(1, "kubelet/node01", effect)
    loop.run_until_quiet()
    last = loop.trace.records[-1]
    assert last.caused_by == origin.id
    assert loop.trace.chain(last) == [origin, last]
    assert loop.trace.of("pod/a/b") == [origin, last]


class Counter(Component):
    def __init__(self, loop: Loop) -> None:
        super().__init__(loop, "counter")
        self.count = 0
        self.said_goodbye = False

    def on_start(self) -> None:
        self.loop.every(1, self.name, self.tick)

    def tick(self) -> None:
        self.count += 1

    def on_stop(self) -> None:
        self.said_goodbye = True


def test_a_component_answers_to_its_verbs() -> None:
    loop = Loop()
    counter = Counter(loop)
    counter.start()
    loop.advance(3)
    assert counter.count == 3 and counter.running
    counter.pause()
    loop.advance(3)
    assert counter.count == 3 and counter.state == "paused"
    assert counter.step() and counter.count == 4
    counter.resume()
    loop.advance(2)
    assert counter.count == 6
    counter.crash()
    loop.advance(5)
    assert counter.count == 6 and not counter.said_goodbye and counter.state == "crashed"
    counter.start()
    loop.advance(1)
    counter.stop()
    loop.advance(5)
    assert counter.count == 7 and counter.said_goodbye
    told = [r.sentence for r in loop.trace.of("component/counter")]
    assert told == [
        "counter starts.",
        "counter is paused.",
        "counter resumes.",
        "counter crashes.",
        "counter starts.",
        "counter is stopped.",
    ]


def test_what_another_thread_posts_runs_in_the_next_turn() -> None:
    import threading

    loop = Loop()
    ran: list[str] = []
    woken: list[bool] = []
    loop.wake = lambda: woken.append(True)
    poster = threading.Thread(target=loop.post, args=("etcd", ran.append, "posted"))
    poster.start()
    poster.join()
    assert ran == [] and woken and loop.next_due() == loop.clock.now()
    loop.run_ready()
    assert ran == ["posted"]
    loop.post("etcd", ran.append, "later")
    loop.advance(1.0)
    assert ran == ["posted", "later"] and loop.next_due() is None
