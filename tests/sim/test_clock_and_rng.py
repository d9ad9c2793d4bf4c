"""Time in its two text forms, and a random stream that repeats."""

from __future__ import annotations

import re

import pytest

from kubekit.sim import Faults, Loop, Rng, Trace, VirtualClock, parse_rfc3339, rfc3339, rfc3339_micro
from kubekit.sim.rng import SAFE_ALPHABET


def test_times_read_back_as_written() -> None:
    clock = VirtualClock()
    assert rfc3339(clock.now()) == "2026-01-01T00:00:00Z"
    assert rfc3339_micro(clock.now() + 0.25) == "2026-01-01T00:00:00.250000Z"
    assert parse_rfc3339("2026-01-01T01:00:00+01:00") == clock.now()
    assert rfc3339(parse_rfc3339("2031-12-31T23:59:59Z")) == "2031-12-31T23:59:59Z"
    with pytest.raises(ValueError, match="yesterday"):
        parse_rfc3339("yesterday")


def test_virtual_time_never_goes_back() -> None:
    clock = VirtualClock(start=100.0)
    clock.advance_to(50)
    assert (clock.now(), clock.elapsed()) == (100.0, 0.0)


def test_the_stream_repeats_and_children_are_independent() -> None:
    one, two = Rng(7), Rng(7)
    assert [one.random() for _ in range(5)] == [two.random() for _ in range(5)]
    child = Rng(7).child("proxy")
    drawn = Rng(7)
    drawn.random()
    assert child.random() == drawn.child("proxy").random() != Rng(7).child("scheduler").random()


def test_names_and_uids_have_the_real_form() -> None:
    rng = Rng(1)
    suffix = rng.suffix()
    assert len(suffix) == 5 and set(suffix) <= set(SAFE_ALPHABET)
    uuids = {rng.uuid() for _ in range(200)}
    form = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    assert len(uuids) == 200 and all(form.fullmatch(u) for u in uuids)


def test_faults_are_off_until_set() -> None:
    faults = Faults()
    faults.set("slow-pull", 30)
    faults.set("deaf", True)
    assert faults.names() == ["deaf", "slow-pull"] and faults.get("slow-pull") == 30
    faults.set("deaf", False)
    faults.clear("slow-pull")
    assert faults.names() == [] and faults.get("deaf", 1) == 1


def test_the_trace_is_a_ring_with_lazy_detail() -> None:
    trace = Trace(VirtualClock(), size=3)
    asked: list[int] = []

    def detail() -> dict[str, int]:
        asked.append(1)
        return {"n": 1}

    for n in range(5):
        trace.emit("query", "user", f"pod/a/{n}", f"question {n}", came_in=detail)
    assert [r.id for r in trace.in_order()] == [3, 4, 5] and asked == []
    record = trace.records[-1]
    assert record.came_in == {"n": 1} == record.came_in and asked == [1]
    assert trace.get(1) is None and trace.get(5) is record


def test_a_reserved_record_stands_where_it_began() -> None:
    loop = Loop()
    trace = loop.trace
    taken = trace.reserve()
    trace.emit("watch", "kube-apiserver", "pod/a/b", "an effect", caused_by=taken)
    from kubekit.sim import Record

    trace.add(Record(taken, 0.0, "request", "kubectl", "pod/a/b", "the request", None, (), None, None))
    assert [r.sentence for r in trace.of("pod/a/b")] == ["the request", "an effect"]
    seen = []
    stop = trace.subscribe(seen.append)
    trace.emit("query", "user", "x", "one")
    stop()
    trace.emit("query", "user", "x", "two")
    assert [r.sentence for r in seen] == ["one"]
