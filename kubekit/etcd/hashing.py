"""Hashes: how members find out that they hold the same history.

`hash_kv` is the CRC-32C of the bucket `key` up to a revision: its name, then each entry's key and value.
What a compaction at the same place would remove is left out, so that members which have compacted agree
with members which have not yet. Each compaction's own hash is remembered, and answered when that revision
is asked for.
Source: server/storage/mvcc/hash.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kubekit.etcd.crc32c import crc32c
from kubekit.etcd.key_value import KeyValue, encode
from kubekit.etcd.revision import Revision, pack

BUCKET = b"key"
"""The name of the bucket, which is hashed first."""

REMEMBERED = 10
"""How many compactions' hashes are kept."""


class HashKV(NamedTuple):
    """A hash of the history up to `revision`; `compact_revision` is -1 when there was no compaction before
    it."""

    hash: int
    compact_revision: int
    revision: int


def hash_kv(
    entries: Iterable[tuple[Revision, KeyValue]], compacted: int, revision: int, keep: set[Revision]
) -> HashKV:
    """The hash of `entries` up to `revision`.

    Entries up to `compacted` count only if they are in `keep` (all do when `keep` is empty), a tombstone at
    `compacted` never.
    """
    parts = [BUCKET]
    for at, kv in entries:
        main = at.main
        if main > revision:
            break
        if main <= compacted and (
            (keep and at not in keep) or (main == compacted and kv.create_revision == 0)
        ):
            continue
        parts.append(pack(at, kv.create_revision == 0))
        parts.append(encode(kv))
    return HashKV(crc32c(b"".join(parts)), compacted, revision)
