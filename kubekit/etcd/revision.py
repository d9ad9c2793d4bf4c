"""Revision: the store's own time, and the key under which everything is filed.

Every transaction that changes something gets the next *main* revision; the changes within it are numbered
by *sub*, from 0. The store files each version of a key under its revision, so the whole history lies in the
order in which it happened. `pack` and `unpack` are the form on disk. A fresh store is at revision 1; its
first write is 2.

>>> Revision(2, 0) < Revision(2, 1) < Revision(3, 0)
True
>>> pack(Revision(2, 1)).hex(" ", 1)
'00 00 00 00 00 00 00 02 5f 00 00 00 00 00 00 00 01'
>>> unpack(pack(Revision(2, 1), tombstone=True))
(Revision(main=2, sub=1), True)

Source: server/storage/mvcc/revision.go.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_KEY = struct.Struct(">qcq")
_SEPARATOR = b"_"
_TOMBSTONE = b"t"


class Revision(NamedTuple):
    """One change: `main` counts transactions, `sub` the changes within one."""

    main: int
    sub: int


def pack(revision: Revision, tombstone: bool = False) -> bytes:
    """The 17 bytes (18 for the mark of a deletion) under which a change is filed on disk."""
    key = _KEY.pack(revision.main, _SEPARATOR, revision.sub)
    return key + _TOMBSTONE if tombstone else key


def unpack(key: bytes) -> tuple[Revision, bool]:
    """The revision of a filed key, and whether it marks a deletion; raises ValueError when it is no such
    key."""
    if len(key) not in (17, 18) or key[8:9] != _SEPARATOR or (len(key) == 18 and key[17:] != _TOMBSTONE):
        raise ValueError(f"not a revision key: {key!r}")
    main, _, sub = _KEY.unpack(key[:17])
    return Revision(main, sub), len(key) == 18
