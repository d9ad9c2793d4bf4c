"""NaCl's secret box: XSalsa20 hides, Poly1305 vouches.

`seal(key, nonce, data)` gives tag and ciphertext, `open` the data again or None. Key 32 bytes, nonce 24
bytes, and a nonce must never serve twice under one key. Numbers in Python take time that depends on their
values: good for looking at, not for guarding anything. About 0.1 ms a block of 64 bytes.

    key, nonce[:16] --HSalsa20--> a key of its own; with nonce[16:] and a counter --Salsa20--> a stream of
    bytes stream[:32] is Poly1305's key, stream[32:] is added to the data

Source: D. J. Bernstein, "Cryptography in NaCl" (2009), "Extending the Salsa20 nonce" (2011).
"""

from __future__ import annotations

import hmac
import struct

NONCE = 24
TAG = 16
_SIGMA = struct.unpack("<4I", b"expand 32-byte k")
_MASK = 0xFFFFFFFF
_PRIME = (1 << 130) - 5
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF

_QUARTERS = (
    (0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11),
    (0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14),
)  # fmt: skip
"""A double round: first the columns of the square of sixteen words, then its rows."""


def _state(key: bytes, sixteen: bytes) -> list[int]:
    """The square: constants on the diagonal, the key around them, nonce and counter in the middle."""
    k = struct.unpack("<8I", key)
    n = struct.unpack("<4I", sixteen)
    return [_SIGMA[0], *k[:4], _SIGMA[1], *n, _SIGMA[2], *k[4:], _SIGMA[3]]


def _rounds(words: list[int]) -> list[int]:
    """Twenty rounds."""
    x = list(words)
    for _ in range(10):
        for a, b, c, d in _QUARTERS:
            t = (x[a] + x[d]) & _MASK
            x[b] ^= ((t << 7) | (t >> 25)) & _MASK
            t = (x[b] + x[a]) & _MASK
            x[c] ^= ((t << 9) | (t >> 23)) & _MASK
            t = (x[c] + x[b]) & _MASK
            x[d] ^= ((t << 13) | (t >> 19)) & _MASK
            t = (x[d] + x[c]) & _MASK
            x[a] ^= ((t << 18) | (t >> 14)) & _MASK
    return x


def stream(key: bytes, nonce: bytes, length: int) -> bytes:
    """So many bytes of XSalsa20's stream."""
    x = _rounds(_state(key, nonce[:16]))
    own = struct.pack("<8I", x[0], x[5], x[10], x[15], x[6], x[7], x[8], x[9])
    blocks = []
    for counter in range((length + 63) // 64):
        start = _state(own, nonce[16:] + counter.to_bytes(8, "little"))
        blocks.append(struct.pack("<16I", *((a + b) & _MASK for a, b in zip(start, _rounds(start)))))
    return b"".join(blocks)[:length]


def poly1305(key: bytes, data: bytes) -> bytes:
    """The tag of some data under a key that is used once: a polynomial's value modulo 2^130 - 5."""
    r = int.from_bytes(key[:16], "little") & _CLAMP
    total = 0
    for at in range(0, len(data), 16):
        total = (total + int.from_bytes(data[at : at + 16] + b"\1", "little")) * r % _PRIME
    return ((total + int.from_bytes(key[16:], "little")) & ((1 << 128) - 1)).to_bytes(16, "little")


def _added(data: bytes, pad: bytes) -> bytes:
    size = len(data)
    return (int.from_bytes(data, "little") ^ int.from_bytes(pad, "little")).to_bytes(size, "little")


def seal(key: bytes, nonce: bytes, data: bytes) -> bytes:
    """Tag and ciphertext."""
    made = stream(key, nonce, 32 + len(data))
    hidden = _added(data, made[32:])
    return poly1305(made[:32], hidden) + hidden


def open(key: bytes, nonce: bytes, sealed: bytes) -> bytes | None:
    """What was sealed; None when key, nonce or box are not the right ones."""
    tag, hidden = sealed[:TAG], sealed[TAG:]
    made = stream(key, nonce, 32 + len(hidden))
    if not hmac.compare_digest(poly1305(made[:32], hidden), tag):
        return None
    return _added(hidden, made[32:])
