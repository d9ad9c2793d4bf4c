"""pdqsort: sorting as Go's library does it, down to the order of equals.

etcd sorts with Go's `sort.Sort`, which is not stable: keys with the same version come out in an order that
only this algorithm explains. So that the order of `get --sort-by=VERSION` is the same here, the algorithm is
followed step by step: insertion sort for twelve or fewer, else partition around a pivot, with shortcuts for
inputs that look sorted, and heapsort when pivots keep being bad. There is no chance in it: where it shuffles,
it shuffles the same way each time.

Call `sort_as_go` with a key (it leaves inputs without equals to Python's faster sort), or `sort_by_less`
where only a comparison of two is known, as kubectl has them for its rows.
Source: Go's sort.Sort (its constants since 1.20); Orson Peters, "Pattern-defeating Quicksort".
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Generic, TypeVar

T = TypeVar("T")

INSERTION = 12
"""Up to this many are sorted by insertion, which keeps equals in order."""

NINTHER = 50
"""From this many on the pivot is a median of medians, and nearly sorted inputs are mended."""

MENDINGS = 5
"""How many misplaced elements are mended before the input counts as unsorted."""


def sort_as_go(items: list[T], key: Callable[[T], Any], reverse: bool = False) -> list[T]:
    """The items in the order of their keys; equals in the order in which Go leaves them."""
    ordered = sorted(items, key=key, reverse=reverse)
    if len(items) <= INSERTION or all(key(a) != key(b) for a, b in pairwise(ordered)):
        return ordered
    pairs = [(key(item), item) for item in items]
    less = _later if reverse else _sooner
    return [item for _, item in sort_by_less(pairs, less)]


def sort_by_less(items: list[T], less: Callable[[T, T], bool]) -> list[T]:
    """The items in the order in which `sort.Sort` leaves them, when `less` is all that is known of it."""
    work = _Sorting(list(items), less)
    work.sort(0, len(items), len(items).bit_length())
    return work.items


def _sooner(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    return bool(one[0] < other[0])


def _later(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    return bool(other[0] < one[0])


class _Sorting(Generic[T]):
    """One sort under way."""

    def __init__(self, items: list[T], less: Callable[[T, T], bool]) -> None:
        self.items = items
        self._less = less

    def less(self, i: int, j: int) -> bool:
        return self._less(self.items[i], self.items[j])

    def swap(self, i: int, j: int) -> None:
        self.items[i], self.items[j] = self.items[j], self.items[i]

    def sort(self, low: int, high: int, limit: int) -> None:
        """Sort [low, high); after `limit` bad pivots by heap."""
        balanced = partitioned = True
        while high - low > INSERTION:
            length = high - low
            if limit == 0:
                self.heap(low, high)
                return
            if not balanced:
                self.shuffle(low, high)
                limit -= 1
            pivot, swaps, most = self.choose(low, high)
            if swaps == most:
                self.turn_round(low, high)
                pivot = high - 1 - (pivot - low)
                swaps = 0
            if balanced and partitioned and swaps == 0 and self.mend(low, high):
                return
            if low > 0 and not self.less(low - 1, pivot):
                # The element before is a pivot already, and equal to this one: many are.
                low = self.split_equal(low, high, pivot)
                continue
            middle, partitioned = self.split(low, high, pivot)
            left, right = middle - low, high - middle
            balanced = min(left, right) >= length // 8
            if left < right:
                self.sort(low, middle, limit)
                low = middle + 1
            else:
                self.sort(middle + 1, high, limit)
                high = middle
        self.insert(low, high)

    def insert(self, low: int, high: int) -> None:
        for i in range(low + 1, high):
            while i > low and self.less(i, i - 1):
                self.swap(i, i - 1)
                i -= 1

    def heap(self, low: int, high: int) -> None:
        size = high - low
        for root in range((size - 1) // 2, -1, -1):
            self._sift(root, size, low)
        for last in range(size - 1, -1, -1):
            self.swap(low, low + last)
            self._sift(0, last, low)

    def _sift(self, root: int, size: int, low: int) -> None:
        while (child := 2 * root + 1) < size:
            if child + 1 < size and self.less(low + child, low + child + 1):
                child += 1
            if not self.less(low + root, low + child):
                return
            self.swap(low + root, low + child)
            root = child

    def choose(self, low: int, high: int) -> tuple[int, int, int]:
        """(pivot, how many pairs were out of order, how many that would be in a falling input)."""
        quarter = (high - low) // 4
        candidates = [low + quarter, low + 2 * quarter, low + 3 * quarter]
        swaps = 0
        if high - low >= NINTHER:
            for place, middle in enumerate(candidates):
                candidates[place], more = self._median(middle - 1, middle, middle + 1)
                swaps += more
        pivot, more = self._median(*candidates)
        return pivot, swaps + more, 12

    def _median(self, a: int, b: int, c: int) -> tuple[int, int]:
        swaps = 0
        if self.less(b, a):
            a, b, swaps = b, a, swaps + 1
        if self.less(c, b):
            b, c, swaps = c, b, swaps + 1
        if self.less(b, a):
            a, b, swaps = b, a, swaps + 1
        return b, swaps

    def split(self, low: int, high: int, pivot: int) -> tuple[int, bool]:
        """Smaller ones before the pivot, the others after; its place, and whether it was so already."""
        self.swap(low, pivot)
        i, j = low + 1, high - 1
        already = True
        while True:
            while i <= j and self.less(i, low):
                i += 1
            while i <= j and not self.less(j, low):
                j -= 1
            if i > j:
                self.swap(j, low)
                return j, already
            already = False
            self.swap(i, j)
            i, j = i + 1, j - 1

    def split_equal(self, low: int, high: int, pivot: int) -> int:
        """Equals of the pivot first, larger ones after; where these begin."""
        self.swap(low, pivot)
        i, j = low + 1, high - 1
        while True:
            while i <= j and not self.less(low, i):
                i += 1
            while i <= j and self.less(low, j):
                j -= 1
            if i > j:
                return i
            self.swap(i, j)
            i, j = i + 1, j - 1

    def mend(self, low: int, high: int) -> bool:
        """Put a few misplaced elements right; whether that sorted the range."""
        i = low + 1
        for _ in range(MENDINGS):
            while i < high and not self.less(i, i - 1):
                i += 1
            if i == high:
                return True
            if high - low < NINTHER:
                return False
            self.swap(i, i - 1)
            if i - low >= 2:
                for j in range(i - 1, 0, -1):
                    if not self.less(j, j - 1):
                        break
                    self.swap(j, j - 1)
            if high - i >= 2:
                for j in range(i + 1, high):
                    if not self.less(j, j - 1):
                        break
                    self.swap(j, j - 1)
        return False

    def turn_round(self, low: int, high: int) -> None:
        for step in range((high - low) // 2):
            self.swap(low + step, high - 1 - step)

    def shuffle(self, low: int, high: int) -> None:
        """Swap three elements around the middle with others, to break a pattern that made pivots bad."""
        length = high - low
        state = length
        mask = (1 << length.bit_length()) - 1
        middle = low + length // 4 * 2
        for step in range(3):
            state ^= state << 13 & 0xFFFFFFFFFFFFFFFF
            state ^= state >> 7
            state ^= state << 17 & 0xFFFFFFFFFFFFFFFF
            other = state & mask
            if other >= length:
                other -= length
            self.swap(middle - 1 + step, low + other)
