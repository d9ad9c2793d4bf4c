"""Transformers: what is done to a value on its way to the store and back.

A transformer has `seal(data, place)` and `open(data, place)`, which gives (data, stale); `place` is the key
in the store. `Prefixed` chooses among several by how the stored bytes begin, and writes with the first of
them. What cannot be read raises `Untransformable`. Upstream: apiserver/pkg/storage/value/transformer.go,
apiserver/pkg/storage/value/encrypt/identity.
"""

from __future__ import annotations

from typing import Protocol

ENCRYPTED = b"k8s:enc:"
"""How every encrypted value begins."""


class Untransformable(ValueError):
    """Stored bytes that the configured providers cannot read."""


class Transformer(Protocol):
    """One way to write values."""

    def seal(self, data: bytes, place: bytes) -> bytes: ...
    def open(self, data: bytes, place: bytes) -> tuple[bytes, bool]: ...


class Identity:
    """Values as they are; encrypted ones are somebody else's."""

    def seal(self, data: bytes, place: bytes) -> bytes:
        """The value itself."""
        return data

    def open(self, data: bytes, place: bytes) -> tuple[bytes, bool]:
        """The value itself; raises Untransformable for one that begins as encrypted ones do."""
        if data.startswith(ENCRYPTED):
            raise Untransformable("identity transformer tried to read encrypted data")
        return data, False


IDENTITY = Identity()


class Prefixed:
    """Several transformers, each under a prefix: the first writes, the first that can read reads."""

    def __init__(self, choices: list[tuple[bytes, Transformer]], otherwise: str) -> None:
        self.choices = choices
        self.otherwise = otherwise
        """What is said of a value that begins with none of the prefixes."""

    def seal(self, data: bytes, place: bytes) -> bytes:
        """The value as the first transformer writes it, after its prefix."""
        prefix, transformer = self.choices[0]
        return prefix + transformer.seal(data, place)

    def open(self, data: bytes, place: bytes) -> tuple[bytes, bool]:
        """(the value, whether another than the first transformer wrote it); raises Untransformable."""
        told: list[str] = []
        for number, (prefix, transformer) in enumerate(self.choices):
            if not data.startswith(prefix):
                continue
            try:
                opened, stale = transformer.open(data[len(prefix) :], place)
            except Untransformable as error:
                # Of a provider without a prefix nothing can be said: everything begins with nothing.
                if prefix:
                    told.append(str(error))
                continue
            return opened, stale or number > 0
        different = list(dict.fromkeys(told))
        if not different:
            raise Untransformable(self.otherwise)
        raise Untransformable(different[0] if len(told) == 1 else f"[{', '.join(different)}]")
