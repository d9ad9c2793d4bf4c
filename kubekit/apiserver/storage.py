"""Storage: the API server's only door to etcd, and the only file of this room that knows etcd's words.

An object lies under `/registry/<resource>/<namespace>/<name>` as JSON bytes, without its resourceVersion:
that is etcd's mod revision of the key. Every write is a transaction with a condition, ``put if new`` or
``put if mod = N``; a write that lost the race writes nothing. `Storage` is given a store with the
interface of `kubekit.etcd.KVStore` (embedded or remote). Do not call the store from anywhere else, and do not
decode its bytes: with encryption at rest they are JSON only after `Storage.read`.
Upstream: apiserver/pkg/storage/etcd3/store.go.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson

from kubekit.api.exchange import encode_json
from kubekit.apiserver.encryption.transformers import IDENTITY, Transformer, Untransformable

if TYPE_CHECKING:
    from kubekit.apiserver.encryption.configuration import Encryption

Obj = dict[str, Any]

PREFIX = "/registry"


class Stored(NamedTuple):
    """One key's value at a revision."""

    key: str
    value: bytes
    mod_revision: int


Deliver = Callable[[str, bytes | None, int], None]
"""Called with one change of a key: its key, its value (None when it was deleted) and the revision."""


class Compacted(Exception):
    """A revision was asked for that has been compacted away; `at` is the oldest that is left."""

    def __init__(self, at: int) -> None:
        super().__init__(f"compacted at {at}")
        self.at = at


class Future(Exception):
    """A revision was asked for that does not exist yet."""


class StoreUnavailable(Exception):
    """The store does not answer (no leader, no quorum, stopped); the text is etcd's."""


class Backend(Protocol):
    """What the API server needs of a key-value store with revisions."""

    def revision(self) -> int: ...
    def get(self, key: str) -> Stored | None: ...
    def get_prefix(
        self, prefix: str, revision: int = 0, start: str = "", limit: int = 0
    ) -> tuple[list[Stored], int]:
        """The values under a prefix from key `start` on, and how many there are in all from there."""
        ...

    def put_if(self, key: str, value: bytes, mod_revision: int, lease: int = 0) -> int:
        """Put when the key's mod revision is as given (0: absent); the new revision, or 0 when it is not."""
        ...

    def grant(self, ttl: int) -> int:
        """A new lease for some seconds; its id."""
        ...

    def delete_if(self, key: str, mod_revision: int) -> int: ...
    def load(self, prefix: str) -> tuple[list[Stored], int]:
        """Everything under a prefix as of one revision, and that revision."""
        ...

    def refresh(self) -> None:
        """Hear of everything that was written, by whomever, before this call."""
        ...

    def watch(
        self,
        prefix: str,
        start_revision: int,
        deliver: Deliver,
        lost: Callable[[], None] | None = None,
    ) -> Callable[[], None]:
        """Deliver every change under the prefix from a revision on; returns what ends it. `lost`: there is a
        gap, and the watch has ended."""
        ...


class _Pending:
    """An object that is being written: what its event brings, if it is this write's event."""

    __slots__ = ("metadata", "obj", "result", "value")

    def __init__(self, obj: Obj, metadata: Obj, value: bytes) -> None:
        self.obj = obj
        self.metadata = metadata
        self.value = value
        self.result: Obj | None = None

    def at(self, revision: int) -> Obj:
        """The object with its resourceVersion, made once."""
        text = str(revision)
        if self.result is None or self.result["metadata"]["resourceVersion"] != text:
            self.result = {**self.obj, "metadata": {**self.metadata, "resourceVersion": text}}
        return self.result


class Storage:
    """Objects in and out of a `Backend`."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._pending: dict[str, _Pending] = {}
        """Objects this server is writing, by key: their watch events need no decoding."""
        self._places: dict[str, tuple[str, str]] = {}
        """Prefix of keys -> (group, resource): what lies there."""
        self._encryption: Encryption | None = None
        self._transformers: dict[str, Transformer] = {}

    # -- encryption at rest -----------------------------------------------------------------------------

    def place(self, prefix: str, group: str, resource: str) -> None:
        """Say which resource lies under a prefix: how its values are encrypted depends on that."""
        self._places.setdefault(prefix, (group, resource))
        self._transformers.clear()

    def encrypt_with(self, encryption: Encryption | None) -> None:
        """From now on, write and read values as this says; None: as plain JSON."""
        self._encryption = encryption
        self._transformers.clear()

    def _transformer(self, key: str) -> Transformer:
        if self._encryption is None:
            return IDENTITY
        parts = key.split("/", 4)
        # /registry/<resource>/... or /registry/<group or part>/<resource>/...
        for depth in (4, 3):
            prefix = "/".join(parts[:depth]) + "/"
            found = self._transformers.get(prefix)
            if found is not None:
                return found
            if prefix in self._places:
                found = self._transformers[prefix] = self._encryption.of(*self._places[prefix])
                return found
        return IDENTITY

    def read(self, key: str, value: bytes, revision: int) -> Obj:
        """Stored bytes as an object with its resourceVersion.

        Raises ValueError when they are no JSON object, Untransformable when they cannot be decrypted.
        """
        plain, _ = self._transformer(key).open(value, key.encode())
        return decode(plain, revision)

    def is_stale(self, key: str) -> bool:
        """Whether a key's value was written by another provider or key than would write it now."""
        if self._encryption is None or (found := self.backend.get(key)) is None:
            return False
        try:
            return self._transformer(key).open(found.value, key.encode())[1]
        except Untransformable:
            return False

    # -- objects ----------------------------------------------------------------------------------------

    def revision(self) -> int:
        """The revision as of which everything is that has been heard of."""
        return self.backend.revision()

    def agree(self) -> None:
        """Before a read that must not be old: nothing was written that has not been heard of.

        Raises StoreUnavailable when the store cannot say so, as without a quorum.
        """
        self.backend.refresh()

    def create(self, key: str, obj: Obj, lease: int = 0) -> Obj | None:
        """Put if new; the object with its resourceVersion, or None when the key exists.

        With a lease the object lives as long as that does.
        """
        return self._put(key, obj, 0, lease)

    def update(self, key: str, obj: Obj, mod_revision: int, lease: int = 0) -> Obj | None:
        """Put if mod = N; the object with its new resourceVersion, or None when it was changed meanwhile."""
        return self._put(key, obj, mod_revision, lease)

    def delete(self, key: str, mod_revision: int) -> int:
        """Delete if mod = N; the revision of the deletion, or 0 when it was changed meanwhile."""
        return self.backend.delete_if(key, mod_revision)

    def get(self, key: str) -> Obj | None:
        """The object under a key, read from the store itself."""
        found = self.backend.get(key)
        return None if found is None else self.read(key, found.value, found.mod_revision)

    def decoded(self, key: str, value: bytes, revision: int) -> Obj:
        """The object that an event brings, without decoding when this server wrote it."""
        # Other servers write too, to the same key perhaps: it is the value that says whose event this is.
        # Left there for whoever else follows the key; `_put` takes it away.
        pending = self._pending.get(key)
        if pending is not None and pending.value == value:
            return pending.at(revision)
        return self.read(key, value, revision)

    def _put(self, key: str, obj: Obj, mod_revision: int, lease: int) -> Obj | None:
        metadata = obj["metadata"]
        if "resourceVersion" in metadata:
            metadata = {k: v for k, v in metadata.items() if k != "resourceVersion"}
            obj = {**obj, "metadata": metadata}
        # The event is delivered inside the put. A receiver of it may write to the same key in turn.
        value = encode_json(obj)
        if self._encryption is not None:
            value = self._transformer(key).seal(value, key.encode())
        pending = _Pending(obj, metadata, value)
        before = self._pending.get(key)
        self._pending[key] = pending
        try:
            revision = self.backend.put_if(key, pending.value, mod_revision, lease)
        finally:
            if before is None:
                self._pending.pop(key, None)
            else:
                self._pending[key] = before
        return pending.at(revision) if revision else None


def complaint(key: str, error: ValueError, listing: bool = False) -> str:
    """What a client is told of a value that cannot be read; lists say which key it is."""
    if isinstance(error, Untransformable):
        return f'unable to transform key "{key}": {error}' if listing else str(error)
    return f"unable to decode {key}: {error}"


def decode(value: bytes, revision: int) -> Obj:
    """Stored bytes as an object with its resourceVersion; raises ValueError when they are no JSON object."""
    try:
        obj = orjson.loads(value)
    except ValueError:
        obj = json.loads(value)  # it says better what is wrong
    if not isinstance(obj, dict):
        raise ValueError("the stored value is not an object")
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
        obj["metadata"] = metadata
    metadata["resourceVersion"] = str(revision)
    return obj
