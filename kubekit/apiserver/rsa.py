"""RSA signatures in plain Python: what a ServiceAccount token needs where no cryptography package is
installed.

`SigningKey(rng)` draws a key from a seeded stream, so a notebook's tokens are repeatable; `sign` is
RSASSA-PKCS1-v1_5 with SHA-256 (RS256), `jwk` the public half. Not for secrets that matter: a seeded key is
no secret. Source: RFC 8017, RFC 7517.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache

from kubekit.sim import Rng

BITS = 2048
EXPONENT = 65537
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@lru_cache(maxsize=1)
def _small_primes() -> tuple[int, ...]:
    limit = 20_000
    sieve = bytearray([1]) * limit
    for number in range(2, int(limit**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, limit, number)))
    return tuple(number for number in range(3, limit) if sieve[number])


def _is_prime(number: int, rng: Rng) -> bool:
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd //= 2
        twos += 1
    for _ in range(5):
        x = pow(rng.randint(2, number - 2), odd, number)
        if x in (1, number - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % number
            if x == number - 1:
                break
        else:
            return False
    return True


def _prime(bits: int, rng: Rng) -> int:
    start = rng.randint(0, (1 << bits) - 1) | (3 << (bits - 2)) | 1
    primes = _small_primes()
    rests = [start % prime for prime in primes]
    step = 0
    while True:
        if all((rest + step) % prime for rest, prime in zip(rests, primes, strict=True)):
            candidate = start + step
            if (candidate - 1) % EXPONENT and _is_prime(candidate, rng):
                return candidate
        step += 2


@lru_cache(maxsize=64)
def _drawn(seed: int) -> tuple[int, int]:
    """The two primes of a seed: the same cluster made twice draws its key once."""
    rng = Rng(seed)
    return _prime(BITS // 2, rng), _prime(BITS // 2, rng)


class SigningKey:
    """A key pair, drawn when it is first needed."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._parts: tuple[int, int, int] | None = None

    def _key(self) -> tuple[int, int, int]:
        if self._parts is None:
            p, q = _drawn(self._rng.seed)
            self._parts = (p, q, pow(EXPONENT, -1, (p - 1) * (q - 1)))
        return self._parts

    @property
    def modulus(self) -> int:
        """The public modulus."""
        p, q, _ = self._key()
        return p * q

    @property
    def key_id(self) -> str:
        """What names the key in a token's header."""
        size = BITS // 8
        return b64(hashlib.sha256(self.modulus.to_bytes(size, "big")).digest())

    def jwk(self) -> dict[str, str]:
        """The public key as a JSON Web Key."""
        return {
            "use": "sig",
            "kty": "RSA",
            "kid": self.key_id,
            "alg": "RS256",
            "n": b64(self.modulus.to_bytes(BITS // 8, "big")),
            "e": b64(EXPONENT.to_bytes(3, "big")),
        }

    def sign(self, message: bytes) -> bytes:
        """The RS256 signature of a message."""
        p, q, exponent = self._key()
        padded = int.from_bytes(self._padded(message), "big")
        one, other = pow(padded, exponent % (p - 1), p), pow(padded, exponent % (q - 1), q)
        signed = other + q * ((one - other) * pow(q, -1, p) % p)
        return signed.to_bytes(BITS // 8, "big")

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether a signature is this key's."""
        if len(signature) != BITS // 8:
            return False
        opened = pow(int.from_bytes(signature, "big"), EXPONENT, self.modulus)
        return opened.to_bytes(BITS // 8, "big") == self._padded(message)

    @staticmethod
    def _padded(message: bytes) -> bytes:
        digest = _SHA256 + hashlib.sha256(message).digest()
        return b"\x00\x01" + b"\xff" * (BITS // 8 - len(digest) - 3) + b"\x00" + digest
