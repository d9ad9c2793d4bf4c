"""KeyIndex: one key's life, as a list of generations.

A *generation* begins when the key is put for the first time and ends with the *tombstone* of its deletion.
The next put begins the next generation, with version 1 again. The last generation is the present one; when
it is empty the key does not exist now.

A worked example. `put` at 2, 3 and 5, `tombstone` at 6, `put` at 9:

>>> ki = KeyIndex(b"web")
>>> for main in (2, 3, 5):
...     ki.put(Revision(main, 0), KeyValue(b"web", b"1"))
>>> ki.tombstone(Revision(6, 0))
>>> ki.put(Revision(9, 0), KeyValue(b"web", b"2"))
>>> print(ki)
web: [2 3 5 6t] [9]

What was the key at revision 4? The version of 3; at 7 there was none; at 9 it began anew:

>>> ki.get(4), ki.get(7), ki.get(9)
(Revision(main=3, sub=0), None, Revision(main=9, sub=0))

Compaction at R keeps the newest version up to R, because R itself must still be readable, and all that
follow:

>>> keep = set()
>>> ki.compact(4, keep); print(ki, sorted(r.main for r in keep))
web: [3 5 6t] [9] [3]

Compacting at the tombstone keeps the tombstone (so does etcd since 3.5.16; earlier releases dropped it). One
later, the whole generation goes:

>>> keep = set()
>>> ki.compact(6, keep); print(ki, sorted(r.main for r in keep))
web: [6t] [9] [6]
>>> keep = set()
>>> ki.compact(7, keep); print(ki, sorted(r.main for r in keep))
web: [9] []

The present version itself is at hand too (`present`), because nearly every question is about it. Do not read
generations from elsewhere: ask `get`, `present`, `keep`.
Source: server/storage/mvcc/key_index.go.
"""

from __future__ import annotations

from bisect import bisect_left

from kubekit.etcd.key_value import KeyValue
from kubekit.etcd.revision import Revision


def _until(generation: list[Revision], at: int) -> int:
    """How many of a generation's versions are of main revision `at` or before."""
    if generation and generation[-1][0] <= at:
        return len(generation)
    return bisect_left(generation, (at + 1, 0))


class KeyIndex:
    """Where each version of one key is filed."""

    __slots__ = ("generations", "key", "present")

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.generations: list[list[Revision]] = [[]]
        """Each generation's revisions, oldest first; every one but the last ends with its tombstone."""
        self.present: KeyValue | None = None
        """The key as it is now; None when it does not exist."""

    def put(self, revision: Revision, kv: KeyValue) -> None:
        """File a new version of the key."""
        self.generations[-1].append(revision)
        self.present = kv

    def tombstone(self, revision: Revision) -> None:
        """End the present generation. Only of a history whose beginning was compacted it may be empty."""
        self.generations[-1].append(revision)
        self.generations.append([])
        self.present = None

    def get(self, at: int) -> Revision | None:
        """Where the version of main revision `at` is filed; None when the key did not exist then."""
        present = self.generations[-1]
        if present and present[-1][0] <= at:
            return present[-1]
        generation = self._generation_at(at)
        if generation is None:
            return None
        return generation[_until(generation, at) - 1]

    def compact(self, at: int, keep: set[Revision]) -> None:
        """Forget what nobody can ask for once `at` is the oldest readable revision.

        What must stay filed of the time up to `at` is added to `keep`.
        """
        generation, first = self._compact_from(at, keep)
        if first > 0:
            del self.generations[generation][:first]
        if generation > 0:
            del self.generations[:generation]

    def keep(self, at: int, keep: set[Revision]) -> None:
        """Add to `keep` what a compaction at `at` would keep, a tombstone excepted; changes nothing.

        Tombstones are left out so that hashes agree with releases that drop them.
        """
        generation, first = self._compact_from(at, keep)
        last = len(self.generations) - 1
        revisions = self.generations[generation]
        if revisions and generation != last and first == len(revisions) - 1:
            keep.discard(revisions[first])

    @property
    def empty(self) -> bool:
        """Whether nothing at all is left of the key."""
        return len(self.generations) == 1 and not self.generations[0]

    def _generation_at(self, at: int) -> list[Revision] | None:
        last = len(self.generations) - 1
        for number in range(last, -1, -1):
            generation = self.generations[number]
            if not generation:
                continue
            if number != last and generation[-1][0] <= at:
                return None
            if generation[0][0] <= at:
                return generation
        return None

    def _compact_from(self, at: int, keep: set[Revision]) -> tuple[int, int]:
        """(generation, place in it) of the newest revision up to `at`, which is added to `keep`; place -1:
        none."""
        last = len(self.generations) - 1
        number = 0
        while number < last and self.generations[number][-1][0] < at:
            number += 1
        generation = self.generations[number]
        place = _until(generation, at) - 1
        if place >= 0:
            keep.add(generation[place])
        return number, place

    def __str__(self) -> str:
        last = len(self.generations) - 1
        parts = []
        for number, generation in enumerate(self.generations):
            mains = [str(revision.main) for revision in generation]
            if number != last:
                mains[-1] += "t"
            parts.append("[" + " ".join(mains) + "]")
        return f"{self.key.decode(errors='backslashreplace')}: {' '.join(parts)}"
