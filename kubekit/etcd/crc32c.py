"""CRC-32C: the checksum of etcd's files and hashes.

`crc32c` takes the sum of some bytes, or goes on from the sum of what came before: the records of a log are
chained that way.

>>> hex(crc32c(b"123456789"))
'0xe3069283'
>>> hex(crc32c(b"6789", crc32c(b"12345")))
'0xe3069283'

Python has no CRC-32C, and a loop over bytes is slow. Short inputs are taken four bytes at a time, with two
tables of 65536 entries. Long inputs are folded first. A CRC is the remainder of a division of polynomials
over two elements, and this divisor also divides ``x**6777 + x**484 + x**100 + 1``: a bit may be replaced by
three bits further on. Squaring such a relation doubles its exponents, so half of any input folds away with
three shifts of one long number.
Source: RFC 3720, appendix B.4; the folding is this project's own.
"""

from __future__ import annotations

from functools import cache
from struct import unpack_from

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


@cache
def _wide() -> tuple[list[int], list[int]]:
    """What two bytes make of the remainder when nothing, and when two more bytes follow."""
    table = _TABLE
    last = []
    for pair in range(65536):
        half = table[pair & 0xFF]
        last.append(table[half & 0xFF ^ pair >> 8] ^ half >> 8)
    return last, [last[entry & 0xFFFF] ^ entry >> 16 for entry in last]


_FOLD = (6777, 484, 100)
"""Exponents of the relation by which long inputs fold."""

_PIECE = 1 << 20
"""Bytes that are folded as one number: larger ones fall out of the processor's cache."""


def crc32c(data: bytes | memoryview, crc: int = 0) -> int:
    """The CRC-32C of some bytes, or of what had the sum `crc` with these bytes after it."""
    if len(data) > _PIECE:
        view = memoryview(data)
        for at in range(0, len(view), _PIECE):
            crc = crc32c(view[at : at + _PIECE], crc)
        return crc
    crc ^= 0xFFFFFFFF
    if len(data) * 8 >= 2 * _FOLD[0]:
        # The start value belongs to the first four bytes; from then on the remainder starts at 0.
        data = _folded(int.from_bytes(data, "little") ^ crc, len(data) * 8)
        crc = 0
    words = len(data) >> 2
    if words:
        last, first = _wide()
        for word in unpack_from(f"<{words}I", data):
            word ^= crc
            crc = first[word & 0xFFFF] ^ last[word >> 16]
    table = _TABLE
    for byte in data[words << 2 :]:
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
