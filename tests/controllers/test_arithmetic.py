"""The pure parts: percentages, who is deleted first, indexes, schedules, hashes, shares."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubekit.controllers import cron_schedule, int_or_percent
from kubekit.controllers.cron_schedule import Schedule, ScheduleError
from kubekit.controllers.expectations import Expectations
from kubekit.controllers.int_or_percent import scaled
from kubekit.controllers.job import indexes
from kubekit.controllers.pods import in_order_of_deletion
from kubekit.controllers.slice_packing import arrange, endpoint_key
from kubekit.controllers.template_hash import fnv32, fnv32a, safe_encode
from kubekit.sim import VirtualClock, parse_rfc3339, rfc3339

Obj = dict[str, Any]
NOW = parse_rfc3339("2026-01-01T12:00:00Z")


@pytest.mark.parametrize("module", [cron_schedule, int_or_percent, indexes])
def test_worked_examples(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0 and result.failed == 0


@given(st.integers(0, 100), st.integers(0, 500))
def test_percentages_round_to_the_side_that_is_asked_for(percent: int, total: int) -> None:
    up, down = scaled(f"{percent}%", total, round_up=True), scaled(f"{percent}%", total, round_up=False)
    assert 0 <= up - down <= 1 and down * 100 <= percent * total <= up * 100


def test_a_text_without_percent_is_refused() -> None:
    with pytest.raises(ValueError, match="not a percentage"):
        scaled("3", 10, round_up=True)


# -- who goes first -----------------------------------------------------------------------------------------


def pod(
    node: str = "n1", phase: str = "Running", ready_for: float | None = 100.0, age: float = 200.0, **more: Any
) -> Obj:
    conditions = []
    if ready_for is not None:
        since = rfc3339(NOW - ready_for)
        conditions.append({"type": "Ready", "status": "True", "lastTransitionTime": since})
    cost = more.get("cost")
    return {
        "metadata": {
            "name": "p",
            "uid": more.get("uid", "u"),
            "creationTimestamp": rfc3339(NOW - age),
            "annotations": {"controller.kubernetes.io/pod-deletion-cost": cost} if cost else {},
        },
        "spec": {"nodeName": node} if node else {},
        "status": {
            "phase": phase,
            "conditions": conditions,
            "containerStatuses": [{"restartCount": more.get("restarts", 0)}],
        },
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pod(node=""), pod()),
        (pod(phase="Pending"), pod(phase="Running")),
        (pod(ready_for=None), pod()),
        (pod(cost="-5"), pod(cost="5")),
        (pod(cost="5", ready_for=None), pod(cost="-5")),
        (pod(ready_for=10.0), pod(ready_for=1000.0)),
        (pod(restarts=3), pod(restarts=0)),
        (pod(age=150.0), pod(age=15000.0)),
        (pod(uid="a", age=150.0), pod(uid="b", age=160.0)),  # ages are compared by their logarithm
    ],
)
def test_the_order_of_deletion(first: Obj, second: Obj) -> None:
    assert in_order_of_deletion([second, first], now=NOW)[0] is first
    assert in_order_of_deletion([first, second], now=NOW)[0] is first


def test_the_fuller_node_gives_first() -> None:
    alone, crowded = pod(node="n1"), pod(node="n2")
    related = [alone, crowded, pod(node="n2")]
    assert in_order_of_deletion([alone, crowded], related, NOW)[0] is crowded


# -- indexes of jobs ----------------------------------------------------------------------------------------


@given(st.sets(st.integers(0, 200)))
def test_indexes_written_can_be_read(found: set[int]) -> None:
    assert indexes.parse(indexes.write(found), 201) == found


def test_nonsense_in_indexes_is_ignored() -> None:
    assert indexes.parse("1,x,3-y,5-6,", 10) == {1, 5, 6}


# -- schedules ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "after", "then"),
    [
        ("*/5 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"),
        ("0 9-17/4 * * MON-FRI", "2026-01-02T17:00:00Z", "2026-01-05T09:00:00Z"),
        ("30 2 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T02:30:00Z"),
        ("0 0 13 * 5", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),  # either day matches
        ("@hourly", "2026-01-01T00:59:59Z", "2026-01-01T01:00:00Z"),
        ("@every 90s", "2026-01-01T00:00:00Z", "2026-01-01T00:01:30Z"),
        ("0 0 1 JAN ?", "2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ],
)
def test_the_next_time(text: str, after: str, then: str) -> None:
    assert rfc3339(Schedule(text).next(parse_rfc3339(after))) == then


def test_a_schedule_in_another_zone() -> None:
    next_time = Schedule("0 9 * * *", "Etc/UTC").next(parse_rfc3339("2026-01-01T10:00:00Z"))
    assert datetime.fromtimestamp(next_time, UTC).hour == 9


@pytest.mark.parametrize("text", ["", "* * * *", "61 * * * *", "* * * * 8", "a * * * *", "*/0 * * * *"])
def test_what_is_no_schedule(text: str) -> None:
    with pytest.raises(ScheduleError):
        Schedule(text)


# -- hashes and expectations --------------------------------------------------------------------------------


def test_known_hashes() -> None:
    assert (fnv32(b""), fnv32(b"a"), fnv32(b"foobar")) == (0x811C9DC5, 0x050C5D7E, 0x31F0B262)
    assert (fnv32a(b"a"), fnv32a(b"foobar")) == (0xE40C292C, 0xBF9CF968)
    assert safe_encode("0123456789") == "456789bcdf"


def test_expectations_are_met_or_given_up() -> None:
    clock = VirtualClock()
    expectations = Expectations(clock)
    assert expectations.satisfied("a")
    expectations.expect_creations("a", 2)
    expectations.creation_observed("a")
    assert not expectations.satisfied("a") and expectations.outstanding("a")["creations"] == 1
    clock.advance_to(clock.now() + 301.0)
    assert expectations.satisfied("a"), "after five minutes nobody believes in them"
    expectations.expect_deletions("a", ["x", "y"])
    expectations.deletion_observed("a", "x")
    expectations.deletion_observed("a", "x")
    assert not expectations.satisfied("a"), "one deletion is counted once"
    expectations.deletion_observed("a", "y")
    assert expectations.satisfied("a")


# -- slices -------------------------------------------------------------------------------------------------


def endpoint(number: int) -> Obj:
    return {"addresses": [f"10.0.0.{number}"], "conditions": {"ready": True}}


def pack(slices: list[Obj], numbers: list[int]) -> tuple[list[Obj], list[Obj], list[Obj]]:
    empty: Obj = {"metadata": {"labels": {}}}
    desired = {endpoint_key(endpoint(n)): endpoint(n) for n in numbers}
    return arrange(slices, desired, empty)


@given(st.lists(st.sets(st.integers(0, 300), max_size=100), max_size=4), st.sets(st.integers(0, 300)))
def test_packing_holds_what_is_desired_once_and_no_slice_too_full(
    before: list[set[int]], wanted: set[int]
) -> None:
    slices: list[Obj] = []
    taken: set[int] = set()
    for number, some in enumerate(before):
        own = sorted(some - taken)
        taken |= some
        if own:
            metadata = {"name": f"s{number}", "labels": {}}
            slices.append({"metadata": metadata, "endpoints": [endpoint(n) for n in own]})
    create, update, delete = pack(slices, sorted(wanted))
    gone = {one["metadata"]["name"] for one in delete}
    after = {one["metadata"]["name"]: one for one in slices if one["metadata"]["name"] not in gone}
    after.update({one["metadata"]["name"]: one for one in update})
    final = [*after.values(), *create]
    held = [e["addresses"][0] for one in final for e in one["endpoints"]]
    assert sorted(held) == sorted(f"10.0.0.{n}" for n in wanted)
    assert all(0 < len(one["endpoints"]) <= 100 for one in final)


def test_nothing_changes_when_nothing_changed() -> None:
    one: Obj = {"metadata": {"name": "s", "labels": {}}, "endpoints": [endpoint(1), endpoint(2)]}
    assert pack([one], [2, 1]) == ([], [], [])
