"""Hashes: how members find out that they hold the same history.

`hash_kv` is the CRC-32C of the bucket `key` up to a revision: its name, then each entry's key and value.
What a compaction at the same place would remove is left out, so that members which have compacted agree
with members which have not yet. Each compaction's own hash is remembered, and answered when that revision
is asked for. `hash_buckets` is the hash of everything in a member's file, which says no more than that: it
differs between members whose files do.
Source: server/storage/mvcc/hash.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kubekit.etcd.crc32c import crc32c
from kubekit.etcd.key_value import KeyValue, encode
from kubekit.etcd.revision import Revision, pack

BUCKET = b"key"
"""The name of the bucket, which is hashed first."""

REMEMBERED = 10
"""How many compactions' hashes are kept."""


_PIECE = 1 << 20
"""Bytes that are held before they are summed up."""


class HashKV(NamedTuple):
    """A hash of the history up to `revision`; `compact_revision` is -1 when there was no compaction before
    it."""

    hash: int
    compact_revision: int
    revision: int


def hash_kv(
    entries: Iterable[tuple[Revision, KeyValue]], compacted: int, revision: int, keep: set[Revision]
) -> HashKV:
    """The hash of `entries` up to `revision`.

    Entries up to `compacted` count only if they are in `keep` (all do when `keep` is empty), a tombstone at
    `compacted` never.
    """
    crc = _Sum()
    crc.add(BUCKET)
    for at, kv in entries:
        main = at.main
        if main > revision:
            break
        if main <= compacted and (
            (keep and at not in keep) or (main == compacted and kv.create_revision == 0)
        ):
            continue
        crc.add(pack(at, kv.create_revision == 0))
        crc.add(encode(kv))
    return HashKV(crc.value(), compacted, revision)


_OWN = frozenset({(b"meta", b"consistent_index"), (b"meta", b"term")})
"""(bucket, key) of what each member writes for itself."""


def hash_buckets(buckets: Iterable[tuple[bytes, Iterable[tuple[bytes, bytes]]]]) -> int:
    """The hash of a member's file: of each bucket in order its name, then keys and values.

    How far the member has come in the log is left out.

    >>> hash_buckets([(b"key", []), (b"meta", [(b"term", b"7")])]) == crc32c(b"keymeta")
    True
    """
    crc = _Sum()
    for name, pairs in buckets:
        crc.add(name)
        for key, value in pairs:
            if (name, key) not in _OWN:
                crc.add(key)
                crc.add(value)
    return crc.value()


class _Sum:
    """A CRC-32C that goes on, taken of larger pieces than it is given."""

    __slots__ = ("_crc", "_parts", "_size")

    def __init__(self) -> None:
        self._crc = 0
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size > _PIECE:
            self.value()

    def value(self) -> int:
        self._crc = crc32c(b"".join(self._parts), self._crc)
        self._parts.clear()
        self._size = 0
        return self._crc
