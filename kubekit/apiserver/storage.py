"""Storage: the API server's only door to etcd, and the only file of this room that knows etcd's words.

An object lies under `/registry/<resource>/<namespace>/<name>` as JSON bytes, without its resourceVersion:
that is etcd's mod revision of the key. Every write is a transaction with a condition, ``put if new`` or
``put if mod = N``; a write that lost the race writes nothing. `Storage` is given a store with the
interface of `kubekit.etcd.KVStore` (embedded or remote). Do not call the store from anywhere else.
Upstream: apiserver/pkg/storage/etcd3/store.go.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from kubekit.api.exchange import encode_json

Obj = dict[str, Any]

PREFIX = "/registry"


class Stored(NamedTuple):
    """One key's value at a revision."""

    key: str
    value: bytes
    mod_revision: int


class StoreEvent(NamedTuple):
    """One change of a key: `value` is None when it was deleted."""

    key: str
    value: bytes | None
    revision: int


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

    def put_if(self, key: str, value: bytes, mod_revision: int) -> int:
        """Put when the key's mod revision is as given (0: absent); the new revision, or 0 when it is not."""
        ...

    def delete_if(self, key: str, mod_revision: int) -> int: ...
    def watch(
        self, prefix: str, start_revision: int, deliver: Callable[[list[StoreEvent]], None]
    ) -> Callable[[], None]:
        """Deliver every change under the prefix from a revision on; returns what ends it."""
        ...


class Storage:
    """Objects in and out of a `Backend`."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._written: dict[int, Obj] = {}
        """Objects this server wrote itself, by revision: their watch event needs no decoding."""

    def revision(self) -> int:
        """The store's present revision."""
        return self.backend.revision()

    def create(self, key: str, obj: Obj) -> Obj | None:
        """Put if new; the object with its resourceVersion, or None when the key exists."""
        return self._put(key, obj, 0)

    def update(self, key: str, obj: Obj, mod_revision: int) -> Obj | None:
        """Put if mod = N; the object with its new resourceVersion, or None when it was changed meanwhile."""
        return self._put(key, obj, mod_revision)

    def delete(self, key: str, mod_revision: int) -> int:
        """Delete if mod = N; the revision of the deletion, or 0 when it was changed meanwhile."""
        return self.backend.delete_if(key, mod_revision)

    def get(self, key: str) -> Obj | None:
        """The object under a key, read from the store itself."""
        found = self.backend.get(key)
        return None if found is None else decode(found.value, found.mod_revision)

    def decoded(self, event: StoreEvent) -> Obj:
        """The object of a put event, without decoding when this server wrote it."""
        # Left there: events, for one, are followed by two caches. `_put` takes it away.
        written = self._written.get(event.revision)
        if written is not None:
            return written
        assert event.value is not None
        return decode(event.value, event.revision)

    def _put(self, key: str, obj: Obj, mod_revision: int) -> Obj | None:
        metadata = obj["metadata"]
        if "resourceVersion" in metadata:
            metadata = {k: v for k, v in metadata.items() if k != "resourceVersion"}
            obj = {**obj, "metadata": metadata}
        # The event is delivered inside the put; whoever handles it looks for the object by its revision,
        # which
        # is the present one plus one: a store has one writer at a time.
        coming = self.backend.revision() + 1
        result = {**obj, "metadata": {**metadata, "resourceVersion": str(coming)}}
        self._written[coming] = result
        try:
            revision = self.backend.put_if(key, encode_json(obj), mod_revision)
        finally:
            self._written.pop(coming, None)
        if not revision:
            return None
        if revision != coming:
            result = {**obj, "metadata": {**metadata, "resourceVersion": str(revision)}}
        return result


def decode(value: bytes, revision: int) -> Obj:
    """Stored bytes as an object with its resourceVersion; raises ValueError when they are no JSON object."""
    obj = json.loads(value)
    if not isinstance(obj, dict):
        raise ValueError("the stored value is not an object")
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
        obj["metadata"] = metadata
    metadata["resourceVersion"] = str(revision)
    return obj
