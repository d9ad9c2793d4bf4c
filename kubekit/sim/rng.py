"""The one seeded random stream: names, uids, addresses, tie-breaks and jitter all come from here.

A run is repeatable because chance is an argument. Components take `loop.rng`, or a named child of it when
the number of draws of one component must not shift the draws of another. Never import `random` elsewhere.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import MutableSequence, Sequence
from typing import TypeVar

T = TypeVar("T")

SAFE_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels and no look-alikes, so that a generated name spells nothing (apimachinery util/rand)."""


class Rng:
    """A seeded random stream.

    >>> Rng(7).suffix() == Rng(7).suffix()
    True
    """

    __slots__ = ("_random", "seed")

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._random = random.Random(seed)

    def child(self, name: str) -> Rng:
        """An independent stream that depends on this one's seed and on `name` only."""
        return Rng(zlib.crc32(name.encode(), self.seed & 0xFFFFFFFF))

    def random(self) -> float:
        """A float in [0, 1)."""
        return self._random.random()

    def uniform(self, low: float, high: float) -> float:
        """A float between `low` and `high`."""
        return low + (high - low) * self._random.random()

    def randint(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        return self._random.randint(low, high)

    def choice(self, items: Sequence[T]) -> T:
        """One of `items`, which must not be empty."""
        return items[int(self._random.random() * len(items))]

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Shuffle in place."""
        self._random.shuffle(items)

    def suffix(self, length: int = 5) -> str:
        """What `generateName` appends: `length` characters of the safe alphabet."""
        draw = self._random.random
        return "".join([SAFE_ALPHABET[int(draw() * 27)] for _ in range(length)])

    def bytes(self, count: int) -> bytes:
        """So many bytes."""
        return self._random.randbytes(count)

    def uuid(self) -> str:
        """A version 4 UUID in its usual text form."""
        bits = (self._random.getrandbits(128) & ~(0xF000 << 64) & ~(0xC000 << 48)) | (4 << 76) | (8 << 60)
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
