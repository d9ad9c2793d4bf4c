"""MemoryFile: one file of a `MemoryDisk`, which remembers how to undo what was not synced.

A write is kept whole, in parts or not at all when the power goes before it was synced: a disk writes sectors,
each whole or not at all, in any order. Use it through `MemoryDisk`.
Source: what fsync(2) promises and what it does not.
"""

from __future__ import annotations

from kubekit.sim import Rng

SECTOR = 512
"""Bytes that a disk writes as one; a write that a power cut interrupts is torn between sectors."""


class MemoryFile:
    """One file in memory: what was written, the zeros after it, and how to undo what was not synced."""

    __slots__ = ("data", "size", "undo")

    def __init__(self) -> None:
        self.data = bytearray()
        self.size = 0
        self.undo: list[tuple[int, bytes, int, bytes]] = []
        """(offset, bytes before, size before, bytes written) of each write since the last sync."""

    def write(self, offset: int, data: bytes) -> None:
        if offset > len(self.data):
            self.data.extend(bytes(offset - len(self.data)))
        end = offset + len(data)
        self.undo.append((offset, bytes(self.data[offset:end]), self.size, bytes(data)))
        self.data[offset:end] = data
        self.size = max(self.size, end)

    def resize(self, size: int) -> None:
        if size < self.size:
            self.undo.append((size, bytes(self.data[size:]), self.size, b""))
            del self.data[size:]
        else:
            self.undo.append((len(self.data), b"", self.size, b""))
        self.size = size

    def read(self, offset: int, size: int) -> bytes:
        end = self.size if size < 0 else min(self.size, offset + size)
        found = bytes(self.data[offset:end])
        return found + bytes(max(0, end - offset - len(found)))

    def crash(self, rng: Rng | None) -> None:
        """Go back to what was synced; with `rng`, some of the later writes reached the disk, or parts of
        them."""
        later = self.undo
        self.undo = []
        size = self.size
        for offset, before, size_before, data in reversed(later):
            self.data[offset : offset + len(data)] = before
            del self.data[size_before:]
            self.size = size_before
        if rng is None:
            return
        if rng.random() < 0.5:
            # The new size reached the disk: what is missing of the bytes reads as zeros.
            self.size = max(self.size, size)
        for offset, _, _, data in later:
            for at, piece in _sectors(offset, data):
                if rng.random() < 0.5 and at < self.size:
                    self.data.extend(bytes(max(0, at - len(self.data))))
                    self.data[at : at + len(piece)] = piece
        del self.data[self.size :]


def _sectors(offset: int, data: bytes) -> list[tuple[int, bytes]]:
    """A write in the pieces that reach the disk whole or not at all."""
    pieces = []
    at = 0
    while at < len(data):
        end = (offset + at) // SECTOR * SECTOR + SECTOR - offset
        pieces.append((offset + at, data[at:end]))
        at = end
    return pieces
