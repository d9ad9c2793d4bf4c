"""Hashes: how members find out that they hold the same history.

`hash_kv` is the CRC-32C of the bucket `key` up to a revision: its name, then each entry's key and value.
What a compaction at the same place would remove is left out, so that members which have compacted agree
with members which have not yet. Each compaction's own hash is remembered, and answered when that revision
is asked for.

Python has no CRC-32C, and a loop over bytes is slow, so long inputs are folded first. A CRC is the
remainder of a division of polynomials over two elements, and this divisor also divides ``x**6777 + x**484 +
x**100 + 1``: a bit may be replaced by three bits further on. Squaring such a relation doubles its
exponents, so half of any input folds away with three shifts of one long number.
Source: server/storage/mvcc/hash.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kubekit.etcd.key_value import KeyValue, encode
from kubekit.etcd.revision import Revision, pack

BUCKET = b"key"
"""The name of the bucket, which is hashed first."""

REMEMBERED = 10
"""How many compactions' hashes are kept."""


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
    parts = [BUCKET]
    for at, kv in entries:
        main = at.main
        if main > revision:
            break
        if main <= compacted and (
            (keep and at not in keep) or (main == compacted and kv.create_revision == 0)
        ):
            continue
        parts.append(pack(at, kv.create_revision == 0))
        parts.append(encode(kv))
    return HashKV(crc32c(b"".join(parts)), compacted, revision)


_POLYNOMIAL = 0x82F63B78
"""Castagnoli's, lowest bit first."""


def _table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()


_FOLD = (6777, 484, 100)
"""Exponents of the relation by which long inputs fold."""


def crc32c(data: bytes) -> int:
    """The CRC-32C of some bytes.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc = 0xFFFFFFFF
    if len(data) * 8 >= 2 * _FOLD[0]:
        # The start value belongs to the first four bytes; from then on the remainder starts at 0.
        data = _folded(int.from_bytes(data, "little") ^ crc, len(data) * 8)
        crc = 0
    table = _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _folded(number: int, bits: int) -> bytes:
    """A short input with the same remainder; the lowest bit of `number` is the first of the input."""
    while bits >= 2 * _FOLD[0]:
        scale = (bits // 2 // _FOLD[0]).bit_length() - 1
        far, middle, near = (exponent << scale for exponent in _FOLD)
        count = min(bits - far, far - middle) & ~7
        head = number & ((1 << count) - 1)
        number >>= count
        number ^= head << far - count ^ head << far - middle - count ^ head << far - near - count
        bits -= count
    return number.to_bytes(bits // 8, "little")
