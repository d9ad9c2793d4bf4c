"""bcrypt: passwords as etcd keeps them, so that users can log in wherever a file is taken.

The hash is what is left of a fixed text after it was encrypted with a key schedule that costs 2**cost rounds:
slow on purpose, and slower still in Python. etcd uses cost 10 (some seconds here, for each password that is
checked the first time); own passwords are kept with the least cost that there is, because they guard a
simulation.

>>> hash_password("pw", salt_of("alice"))
b'$2a$04$I7eEwV6M.I6YF6Kwh4bhoO9Y1Rgv60U22HP3cP2VVhezqa5XyxAQa'
>>> check_password("pw", _), check_password("PW", _)
(True, False)

The cipher's tables are the digits of pi, which are computed when they are first needed.
Source: Provos and Mazieres, "A Future-Adaptable Password Scheme"; golang.org/x/crypto/bcrypt.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import cache
from itertools import cycle, islice

COST = 4
"""The cost of own passwords; the least that bcrypt allows."""

_REMEMBERED = 256
"""How many hashes are remembered, so that a password is worked on once."""

_ROUNDS = 16
_WORDS = _ROUNDS + 2
_BOX = 256
_LONGEST = 72
"""Bytes of a password that count."""

_TEXT = b"OrpheanBeholderScryDoubt"
_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_HASH = re.compile(rb"\$2[abxy]?\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})")


def salt_of(name: str) -> bytes:
    """A salt for a user: always the same one, so that two runs of a cluster are the same."""
    return hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:16]


def hash_password(password: str, salt: bytes, cost: int = COST) -> bytes:
    """What is kept instead of a password; `salt` has 16 bytes."""
    digest = _remembered(password.encode(errors="surrogateescape"), salt, cost)
    return f"$2a${cost:02d}${_encoded(salt)}{_encoded(digest)}".encode()


def check_password(password: str, hashed: bytes) -> bool:
    """Whether a hash is that of a password; of something that is no hash it never is."""
    match = _HASH.fullmatch(hashed)
    if match is None or not 4 <= int(match[1]) <= 31:
        return False
    salt = _decoded(match[2].decode())
    digest = _remembered(password.encode(errors="surrogateescape"), salt, int(match[1]))
    return hmac.compare_digest(_encoded(digest).encode(), match[3])


_memory: dict[tuple[bytes, int], bytes] = {}


def _remembered(password: bytes, salt: bytes, cost: int) -> bytes:
    name = (hashlib.sha256(salt + password).digest(), cost)
    found = _memory.get(name)
    if found is None:
        if len(_memory) >= _REMEMBERED:
            del _memory[next(iter(_memory))]
        found = _memory[name] = _digest(password, salt, cost)
    return found


def _digest(password: bytes, salt: bytes, cost: int) -> bytes:
    words, box = _digits_of_pi()
    schedule = _Schedule(list(words), [list(part) for part in box])
    key = _stretched((password + b"\0")[:_LONGEST])
    spice = _stretched(salt)
    schedule.expand(key, spice[:4])
    for _ in range(1 << cost):
        schedule.expand(key, None)
        schedule.expand(spice, None)
    text = _words(_TEXT)
    for place in range(0, len(text), 2):
        left, right = text[place : place + 2]
        for _ in range(64):
            left, right = schedule.encrypt(left, right)
        text[place : place + 2] = left, right
    # The last byte has always been left out.
    return b"".join(word.to_bytes(4, "big") for word in text)[:23]


class _Schedule:
    """Blowfish: the words and boxes that a key has been worked into."""

    def __init__(self, words: list[int], boxes: list[list[int]]) -> None:
        self.words = words
        self.boxes = boxes

    def expand(self, key: list[int], spice: list[int] | None) -> None:
        """Work a key into the words, then encrypt words and boxes with themselves; a salt (`spice`) is mixed
        in on the way."""
        words = self.words
        for place in range(_WORDS):
            words[place] ^= key[place]
        left = right = 0
        mixed = cycle((spice[:2], spice[2:])) if spice is not None else None
        for table in (words, *self.boxes):
            for place in range(0, len(table), 2):
                if mixed is not None:
                    first, second = next(mixed)
                    left ^= first
                    right ^= second
                left, right = self.encrypt(left, right)
                table[place] = left
                table[place + 1] = right

    def encrypt(self, left: int, right: int) -> tuple[int, int]:
        """One block of two words."""
        words = self.words
        one, two, three, four = self.boxes
        for place in range(0, _ROUNDS, 2):
            left ^= words[place]
            right ^= ((one[left >> 24] + two[left >> 16 & 255]) ^ three[left >> 8 & 255]) + four[
                left & 255
            ] & 0xFFFFFFFF
            right ^= words[place + 1]
            left ^= ((one[right >> 24] + two[right >> 16 & 255]) ^ three[right >> 8 & 255]) + four[
                right & 255
            ] & 0xFFFFFFFF
        return right ^ words[_ROUNDS + 1], left ^ words[_ROUNDS]


def _words(data: bytes) -> list[int]:
    return [int.from_bytes(data[place : place + 4], "big") for place in range(0, len(data), 4)]


def _stretched(data: bytes) -> list[int]:
    """Bytes over and over, as many words as a key schedule has."""
    return _words(bytes(islice(cycle(data), _WORDS * 4)))


@cache
def _digits_of_pi() -> tuple[list[int], list[list[int]]]:
    """The fraction of pi in words of 32 bits: 18, and four boxes of 256."""
    count = _WORDS + 4 * _BOX
    bits = count * 32
    scale = 1 << bits + 64

    def arctan_of_one_over(number: int) -> int:
        term = total = scale // number
        square, divisor, sign = number * number, 1, -1
        while term:
            term //= square
            divisor += 2
            total += sign * (term // divisor)
            sign = -sign
        return total

    # Machin's formula.
    pi = 4 * (4 * arctan_of_one_over(5) - arctan_of_one_over(239))
    fraction = (pi >> 64) - (3 << bits)
    words = _words(fraction.to_bytes(count * 4, "big"))
    boxes = words[_WORDS:]
    return words[:_WORDS], [boxes[place : place + _BOX] for place in range(0, 4 * _BOX, _BOX)]


def _encoded(data: bytes) -> str:
    """Base 64 with an alphabet of its own, without padding."""
    number = int.from_bytes(data, "big")
    length = -(-len(data) * 8 // 6)
    number <<= length * 6 - len(data) * 8
    return "".join(_ALPHABET[number >> 6 * place & 63] for place in range(length - 1, -1, -1))


def _decoded(text: str) -> bytes:
    number = 0
    for char in text:
        number = number << 6 | _ALPHABET.index(char)
    length = len(text) * 6 // 8
    return (number >> len(text) * 6 - length * 8).to_bytes(length, "big")
