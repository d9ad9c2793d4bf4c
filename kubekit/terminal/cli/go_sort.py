"""Sorting as Go's `sort.Sort` does it: not stable, so equals land where the algorithm leaves them.

`go_sorted(items, less)` gives the order that a real program prints for rows that its comparison cannot tell
apart (events of one second, pods of one phase). Up to twelve items are sorted by insertion, which is stable;
longer ones by a pattern-defeating quicksort whose random numbers depend on the length alone.
Source: Go's sort package (pdqsort); Orson Peters, "Pattern-defeating Quicksort".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

SHORT = 12
"""Up to this length items are sorted by insertion."""

LONG = 50
"""From this length on the pivot is a median of medians, and a nearly sorted range is mended in place."""

MENDS = 5
"""How many pairs that stand wrong are put right before a range counts as unsorted."""

MOST_SWAPS = 12
"""Swaps of four medians of three that were all upside down: the range descends."""

_WORD = (1 << 64) - 1


def go_sorted(items: list[T], less: Callable[[T, T], bool]) -> list[T]:
    """The items in the order in which `sort.Sort` leaves them."""
    work = _Sort(list(items), less)
    work.sort(0, len(items), len(items).bit_length())
    return work.items


class _Sort(Generic[T]):
    """One list while it is being sorted. Ranges are [low, high)."""

    def __init__(self, items: list[T], less: Callable[[T, T], bool]) -> None:
        self.items = items
        self._less = less

    def before(self, i: int, j: int) -> bool:
        """Whether the item at i goes before the one at j."""
        return self._less(self.items[i], self.items[j])

    def swap(self, i: int, j: int) -> None:
        """Let two items change places."""
        self.items[i], self.items[j] = self.items[j], self.items[i]

    def sort(self, low: int, high: int, patience: int) -> None:
        """Sort a range. `patience`: bad partitions that are borne before a heap takes over."""
        balanced = partitioned = True
        while True:
            length = high - low
            if length <= SHORT:
                self.insert(low, high)
                return
            if patience == 0:
                self.heap(low, high)
                return
            if not balanced:
                self.shuffle(low, high)
                patience -= 1
            pivot, hint = self.choose(low, high)
            if hint < 0:
                self.items[low:high] = self.items[low:high][::-1]
                pivot, hint = high - 1 - (pivot - low), 1
            if balanced and partitioned and hint > 0 and self.mend(low, high):
                return
            if low > 0 and not self.before(low - 1, pivot):
                # The item before the range equals the pivot: what equals it needs no more sorting.
                low = self.skip_equal(low, high, pivot)
                continue
            middle, partitioned = self.partition(low, high, pivot)
            left, right = middle - low, high - middle
            balanced = min(left, right) >= length // 8
            if left < right:
                self.sort(low, middle, patience)
                low = middle + 1
            else:
                self.sort(middle + 1, high, patience)
                high = middle

    def insert(self, low: int, high: int) -> None:
        """Insertion sort."""
        for i in range(low + 1, high):
            j = i
            while j > low and self.before(j, j - 1):
                self.swap(j, j - 1)
                j -= 1

    def heap(self, low: int, high: int) -> None:
        """Heap sort."""
        length = high - low
        for start in range((length - 1) // 2, -1, -1):
            self._sink(start, length, low)
        for end in range(length - 1, -1, -1):
            self.swap(low, low + end)
            self._sink(0, end, low)

    def _sink(self, root: int, length: int, low: int) -> None:
        while (child := 2 * root + 1) < length:
            if child + 1 < length and self.before(low + child, low + child + 1):
                child += 1
            if not self.before(low + root, low + child):
                return
            self.swap(low + root, low + child)
            root = child

    def partition(self, low: int, high: int, pivot: int) -> tuple[int, bool]:
        """Smaller ones left of the pivot. Returns its new place, and whether all stood right already."""
        self.swap(low, pivot)
        i, j = low + 1, high - 1
        first = True
        while True:
            while i <= j and self.before(i, low):
                i += 1
            while i <= j and not self.before(j, low):
                j -= 1
            if i > j:
                self.swap(j, low)
                return j, first
            self.swap(i, j)
            i, j, first = i + 1, j - 1, False

    def skip_equal(self, low: int, high: int, pivot: int) -> int:
        """What equals the pivot to the left; returns where the rest begins."""
        self.swap(low, pivot)
        i, j = low + 1, high - 1
        while True:
            while i <= j and not self.before(low, i):
                i += 1
            while i <= j and self.before(low, j):
                j -= 1
            if i > j:
                return i
            self.swap(i, j)
            i, j = i + 1, j - 1

    def mend(self, low: int, high: int) -> bool:
        """Put a few misplaced items right; whether the range is sorted then."""
        i = low + 1
        for _ in range(MENDS):
            while i < high and not self.before(i, i - 1):
                i += 1
            if i == high:
                return True
            if high - low < LONG:
                return False
            self.swap(i, i - 1)
            if i - low >= 2:
                for j in range(i - 1, 0, -1):
                    if not self.before(j, j - 1):
                        break
                    self.swap(j, j - 1)
            if high - i >= 2:
                for j in range(i + 1, high):
                    if not self.before(j, j - 1):
                        break
                    self.swap(j, j - 1)
        return False

    def shuffle(self, low: int, high: int) -> None:
        """Break a pattern that made for bad partitions: three items change places with others."""
        length = high - low
        if length < 8:
            return
        random = length
        mask = (1 << length.bit_length()) - 1
        middle = low + (length // 4) * 2 - 1
        for i in range(3):
            random ^= (random << 13) & _WORD
            random ^= random >> 7
            random ^= (random << 17) & _WORD
            other = random & mask
            if other >= length:
                other -= length
            self.swap(middle + i, low + other)

    def choose(self, low: int, high: int) -> tuple[int, int]:
        """(pivot, 1 if the range looks ascending, -1 descending, 0 neither)."""
        length = high - low
        quarter = length // 4
        i, j, k = low + quarter, low + quarter * 2, low + quarter * 3
        swaps = 0
        if length >= 8:
            if length >= LONG:
                i, swaps = self._median(i - 1, i, i + 1, swaps)
                j, swaps = self._median(j - 1, j, j + 1, swaps)
                k, swaps = self._median(k - 1, k, k + 1, swaps)
            j, swaps = self._median(i, j, k, swaps)
        return j, {0: 1, MOST_SWAPS: -1}.get(swaps, 0)

    def _median(self, a: int, b: int, c: int, swaps: int) -> tuple[int, int]:
        if self.before(b, a):
            a, b, swaps = b, a, swaps + 1
        if self.before(c, b):
            b, c, swaps = c, b, swaps + 1
        if self.before(b, a):
            a, b, swaps = b, a, swaps + 1
        return b, swaps
