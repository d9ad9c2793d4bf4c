"""The order of equals, as a real etcd answered it, and sorting as such."""

from __future__ import annotations

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubekit.etcd.pdqsort import _Sorting, sort_as_go

FEW = [2, 1, 3, 0, 0, 0, 2, 0, 1, 0, 0, 3, 3]
MORE = [2, 3, 1, 1, 0, 1, 1, 1, 1, 0, 3, 1, 2, 2, 0, 1, 3, 2, 2, 1, 0, 3, 3, 3]
ANSWERED = [
    (FEW, False, [9, 3, 4, 5, 7, 10, 1, 8, 6, 0, 2, 11, 12]),
    (FEW, True, [2, 12, 11, 0, 6, 8, 1, 3, 7, 9, 10, 5, 4]),
    (MORE, False, [4, 20, 9, 14, 3, 5, 6, 7, 8, 2, 19, 11, 15, 12, 13, 0, 17, 18, 16, 10, 1, 21, 22, 23]),
    (MORE, True, [10, 1, 23, 22, 21, 16, 18, 12, 0, 17, 13, 15, 11, 6, 7, 5, 8, 19, 3, 2, 14, 9, 20, 4]),
]
"""Values of keys in order, descending or not, and the numbers of the keys that a real etcd answered."""


@pytest.mark.parametrize(("values", "reverse", "order"), ANSWERED)
def test_equals_come_as_a_real_etcd_has_them(values: list[int], reverse: bool, order: list[int]) -> None:
    assert sort_as_go(list(range(len(values))), values.__getitem__, reverse) == order


def test_twelve_or_fewer_keep_their_order() -> None:
    assert sort_as_go(list("bAaBcCaAbBcC"), str.lower) == list("AaaAbBbBcCcC")


@given(st.lists(st.integers(0, 9), max_size=200), st.booleans())
def test_it_sorts(numbers: list[int], reverse: bool) -> None:
    assert sort_as_go(numbers, lambda number: number, reverse) == sorted(numbers, reverse=reverse)


@given(st.lists(st.integers(0, 9), min_size=13, max_size=80))
def test_it_sorts_by_heap_when_pivots_are_bad(numbers: list[int]) -> None:
    work = _Sorting(list(numbers), operator.lt)
    work.sort(0, len(numbers), 0)
    assert work.items == sorted(numbers)
