"""Seats are shared out fairly, and flows are dealt hands that differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubekit.apiserver.fairness.allocation import Wish, fair
from kubekit.apiserver.fairness.hands import flow_hash, hand

WISHES = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 80)).map(
        lambda one: Wish(float(one[0] + one[1]), float(one[0]), float(one[0] + one[2]))
    ),
    min_size=1,
    max_size=8,
)


@given(WISHES, st.floats(0, 1))
def test_all_is_given_within_the_bounds_and_by_one_fraction(wishes: list[Wish], part: float) -> None:
    least, most = sum(one.lower for one in wishes), sum(one.upper for one in wishes)
    total = least + part * (most - least)
    found = fair(total, wishes)
    assert found is not None
    fraction, seats = found
    assert sum(seats) == pytest.approx(total, abs=1e-6)
    for one, got in zip(wishes, seats, strict=True):
        assert one.lower - 1e-9 <= got <= one.upper + 1e-9
        free = fraction * max(one.target, 0.001)
        assert got == pytest.approx(max(one.lower, min(one.upper, free)))


def test_what_cannot_be_shared_out() -> None:
    assert fair(1, [Wish(2, 2, 4)]) is None and fair(9, [Wish(2, 2, 4)]) is None and fair(0, []) is None
    assert fair(90, [Wish(10, 5, 40), Wish(20, 5, 40), Wish(30, 5, 40)]) == (
        pytest.approx(5 / 3),
        pytest.approx([50 / 3, 100 / 3, 40]),
    )


@given(st.integers(0, 2**64 - 1), st.integers(1, 8), st.integers(8, 200))
def test_a_hand_holds_different_queues(value: int, size: int, queues: int) -> None:
    dealt = hand(value, queues, size)
    assert len(set(dealt)) == size and all(0 <= one < queues for one in dealt)


def test_every_hand_is_dealt() -> None:
    assert {tuple(hand(value, 4, 2)) for value in range(12)} == {
        (a, b) for a in range(4) for b in range(4) if a != b
    }
    assert flow_hash("a", "b") != flow_hash("ab", "") and flow_hash("a", "b") < 2**64
