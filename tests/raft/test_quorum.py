"""Majorities."""

from __future__ import annotations

import itertools

import pytest

from kubekit.raft.quorum import LOST, PENDING, WON, committed_index, vote_result


@pytest.mark.parametrize(
    ("acknowledged", "index"),
    [([], 0), ([5], 5), ([5, 3], 3), ([5, 3, 1], 3), ([9, 9, 0, 0], 0), ([4, 4, 3, 2, 1], 3), ([0, 0, 7], 0)],
)
def test_what_a_majority_has(acknowledged: list[int], index: int) -> None:
    assert committed_index(acknowledged) == index


def test_it_is_the_highest_index_that_a_majority_has() -> None:
    for size in range(1, 6):
        for acknowledged in itertools.product(range(4), repeat=size):
            have = [sum(a >= index for a in acknowledged) for index in range(5)]
            highest = max(index for index in range(5) if have[index] > size // 2 or index == 0)
            assert committed_index(acknowledged) == highest


@pytest.mark.parametrize(
    ("voters", "votes", "result"),
    [
        ((1,), {}, PENDING),
        ((1,), {1: True}, WON),
        ((1, 2), {1: True}, PENDING),
        ((1, 2), {1: True, 2: False}, LOST),
        ((1, 2, 3), {1: True, 2: True}, WON),
        ((1, 2, 3), {1: True, 2: False}, PENDING),
        ((1, 2, 3), {2: False, 3: False}, LOST),
        ((1, 2, 3, 4), {1: True, 2: True}, PENDING),
        ((1, 2, 3, 4), {1: True, 2: True, 3: False, 4: False}, LOST),
        ((1, 2, 3), {1: True, 7: True, 8: True}, PENDING),  # strangers do not count
        ((), {}, WON),
    ],
)
def test_when_a_vote_is_decided(voters: tuple[int, ...], votes: dict[int, bool], result: str) -> None:
    assert vote_result(voters, votes) == result
