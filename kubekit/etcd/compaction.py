"""Compaction: forgetting history up to a revision, so that it does not grow for ever.

`compact(store, at)` makes `at` the oldest revision that can be read: each key keeps its newest version up
to `at`, and everything after. Watchers that still had to be told of older changes are cancelled when they
are next synced. Call it through `KVStore.compact`. etcd does this in batches beside its other work; here it
is one step.
Source: server/storage/mvcc/kvstore.go (updateCompactRev), kvstore_compaction.go.
"""

from __future__ import annotations

from kubekit.etcd.backend_size import BackendSize
from kubekit.etcd.errors import Compacted, FutureRevision
from kubekit.etcd.hashing import REMEMBERED, HashKV, hash_kv
from kubekit.etcd.key_value import KeyValue
from kubekit.etcd.revision import Revision
from kubekit.etcd.revision_log import RevisionLog
from kubekit.etcd.tree_index import TreeIndex

HASHED = 20_000
"""The longest history whose hash is taken before it is forgotten; a longer one would hold everybody up."""


def check(at: int, compacted: int, revision: int) -> None:
    """Raise Compacted or FutureRevision when the store cannot be compacted at `at`."""
    if at <= compacted:
        raise Compacted(compacted)
    if at > revision:
        raise FutureRevision


def compact(
    index: TreeIndex, log: RevisionLog, size: BackendSize, at: int, compacted: int
) -> PastHash | None:
    """Forget; the hash of all that was there up to `at`, unless that is too long.

    `compacted` is the revision of the last compaction.
    """
    keep = index.compact(at)
    found = PastHash(list(log.until(at)), compacted, at, keep) if len(log) <= HASHED else None
    versions, gone = log.drop(at, keep)
    size.remove(gone, versions)
    return found


class PastHash:
    """The hash of what was there before a compaction at `revision`; taken when somebody asks for it."""

    __slots__ = ("_compacted", "_entries", "_found", "_keep", "revision")

    def __init__(
        self, entries: list[tuple[Revision, KeyValue]], compacted: int, at: int, keep: set[Revision]
    ) -> None:
        self.revision = at
        self._entries, self._compacted, self._keep = entries, compacted, keep
        self._found: HashKV | None = None

    def __len__(self) -> int:
        """How many entries are kept for it."""
        return len(self._entries)

    def value(self) -> HashKV:
        """The hash; what was kept for it is let go."""
        if self._found is None:
            self._found = hash_kv(self._entries, self._compacted, self.revision, self._keep)
            self._entries, self._keep = [], set()
        return self._found


def remember(hashes: list[PastHash], found: PastHash) -> None:
    """Keep a compaction's hash, no more than REMEMBERED of them, and not too much that they are taken of."""
    hashes.append(found)
    hashes.sort(key=lambda kept: kept.revision)
    del hashes[:-REMEMBERED]
    kept = sum(map(len, hashes))
    for past in hashes:
        if kept <= HASHED:
            return
        kept -= len(past)
        past.value()
