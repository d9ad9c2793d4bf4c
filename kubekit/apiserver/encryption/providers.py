"""Providers: the ways to encrypt one value under one key.

    aescbc      16 random bytes, then AES-CBC of the value with PKCS#7 padding: hides, does not vouch
    aesgcm      12 random bytes, then AES-GCM of the value and its tag; the place in the store is vouched for
    too secretbox   24 random bytes, then the tag and XSalsa20 of the value

Randomness is an argument: runs repeat, and so these ciphertexts protect nobody. AES comes from the package
`cryptography`, which is only imported when a key for it is configured. Upstream:
apiserver/pkg/storage/value/encrypt/aes/aes.go, .../secretbox/secretbox.go.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from kubekit.apiserver.configuration_file import ConfigurationError
from kubekit.apiserver.encryption import secretbox
from kubekit.apiserver.encryption.transformers import Transformer, Untransformable

Random = Callable[[int], bytes]
"""Gives so many random bytes."""

BLOCK = 16
TOO_SHORT = "the stored data was shorter than the required size"


def _cipher(name: str) -> Any:
    try:
        return importlib.import_module(f"cryptography.hazmat.primitives.ciphers{name}")
    except ImportError:
        raise ConfigurationError(
            "aescbc and aesgcm need the Python package cryptography (pip install 'kubekit[serve]'); "
            "secretbox needs nothing"
        ) from None


class AESCBC:
    """AES in cipher-block chaining."""

    def __init__(self, key: bytes, random: Random) -> None:
        self._ciphers = _cipher("")
        self._algorithm = self._ciphers.algorithms.AES(key)
        self._random = random

    def seal(self, data: bytes, place: bytes) -> bytes:
        """The initialisation vector and the blocks; the last is filled up with the number of bytes added."""
        vector = self._random(BLOCK)
        missing = BLOCK - len(data) % BLOCK
        encryptor = self._ciphers.Cipher(self._algorithm, self._ciphers.modes.CBC(vector)).encryptor()
        return bytes(vector + encryptor.update(data + bytes([missing]) * missing) + encryptor.finalize())

    def open(self, data: bytes, place: bytes) -> tuple[bytes, bool]:
        """The value; raises Untransformable, for a wrong key when (as nearly always) the padding is wrong."""
        if len(data) < BLOCK:
            raise Untransformable(TOO_SHORT)
        vector, blocks = data[:BLOCK], data[BLOCK:]
        if len(blocks) % BLOCK:
            raise Untransformable("the stored data is not a multiple of the block size")
        decryptor = self._ciphers.Cipher(self._algorithm, self._ciphers.modes.CBC(vector)).decryptor()
        plain: bytes = decryptor.update(blocks) + decryptor.finalize()
        added = plain[-1] if plain else 0
        if added == 0 or added > len(plain):
            raise Untransformable("invalid PKCS7 data (empty or not padded)")
        if plain[-added:] != bytes([added]) * added:
            raise Untransformable("invalid padding on input")
        return plain[:-added], False


class AESGCM:
    """AES in Galois/counter mode: a value moved to another key in the store cannot be read there."""

    NONCE = 12

    def __init__(self, key: bytes, random: Random) -> None:
        self._aead = _cipher(".aead").AESGCM(key)
        self._broken: type[Exception] = importlib.import_module("cryptography.exceptions").InvalidTag
        self._random = random

    def seal(self, data: bytes, place: bytes) -> bytes:
        """Nonce, ciphertext, tag."""
        nonce = self._random(self.NONCE)
        return bytes(nonce + self._aead.encrypt(nonce, data, place))

    def open(self, data: bytes, place: bytes) -> tuple[bytes, bool]:
        """The value; raises Untransformable when key, place or value are not those that were written."""
        if len(data) < self.NONCE:
            raise Untransformable(TOO_SHORT)
        nonce, sealed = data[: self.NONCE], data[self.NONCE :]
        try:
            return bytes(self._aead.decrypt(nonce, sealed, place)), False
        except self._broken:
            raise Untransformable("cipher: message authentication failed") from None


class Secretbox:
    """NaCl's secret box."""

    def __init__(self, key: bytes, random: Random) -> None:
        self._key = key
        self._random = random

    def seal(self, data: bytes, place: bytes) -> bytes:
        """Nonce, tag, ciphertext."""
        nonce = self._random(secretbox.NONCE)
        return nonce + secretbox.seal(self._key, nonce, data)

    def open(self, data: bytes, place: bytes) -> tuple[bytes, bool]:
        """The value; raises Untransformable (the text is the original's, misleading as it is)."""
        if len(data) < secretbox.NONCE + secretbox.TAG:
            raise Untransformable(TOO_SHORT)
        opened = secretbox.open(self._key, data[: secretbox.NONCE], data[secretbox.NONCE :])
        if opened is None:
            raise Untransformable("output array was not large enough for encryption")
        return opened, False


PROVIDERS: dict[str, tuple[Callable[[bytes, Random], Transformer], tuple[int, ...], str]] = {
    "aesgcm": (AESGCM, (16, 24, 32), "AES"),
    "aescbc": (AESCBC, (16, 24, 32), "AES"),
    "secretbox": (Secretbox, (32,), "Secretbox"),
}
"""field of the file -> how to make it of a key, the lengths a key may have, its name in complaints."""
