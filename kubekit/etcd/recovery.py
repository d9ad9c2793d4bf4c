"""Recovery: a store filled from a file, or from the snapshot of another member.

The history is all there is to go by: from it come the index, the present revision and which key belongs to
which lease. A history whose beginning was compacted away begins, for each key, with whatever is left of it.
Watchers of the store stay and are told what they have missed. Call it as `KVStore.restore`.
Source: server/storage/mvcc/kvstore.go (restore, restoreIntoIndex), watchable_store.go (Restore).
"""

from __future__ import annotations

from collections.abc import Iterable

from kubekit.etcd.backend_size import BackendSize
from kubekit.etcd.key_value import KeyValue
from kubekit.etcd.lease import Lessor
from kubekit.etcd.revision import Revision
from kubekit.etcd.revision_log import RevisionLog
from kubekit.etcd.tree_index import TreeIndex

Entries = Iterable[tuple[Revision, KeyValue]]
"""Versions in the order of their revisions; a tombstone is a KeyValue with a key and no create revision."""


def fill(entries: Entries, leases: Lessor) -> tuple[TreeIndex, RevisionLog, BackendSize, int]:
    """The index, log, size and newest revision of a history; keys are attached to the leases there are.

    A key whose lease is gone stays, without one to end it. Raises ValueError when revisions do not rise.
    """
    index, log, size = TreeIndex(), RevisionLog(), BackendSize()
    newest = Revision(0, 0)
    for at, kv in entries:
        revision = Revision(*at)
        if revision <= newest:
            raise ValueError(f"revision {revision.main}.{revision.sub} follows {newest.main}.{newest.sub}")
        newest = revision
        if kv.create_revision == 0:
            kv = KeyValue(kv.key, mod_revision=revision.main)
            index.tombstone(kv.key, revision)
        else:
            index.put(revision, kv)
        log.append(revision, kv)
        size.add(len(kv.key) + len(kv.value))
        size.commit()
    for known in index.by_key.values():
        present = known.present
        if present is not None and present.lease in leases:
            leases.attach(present.lease, present.key)
    return index, log, size, max(1, newest.main)
