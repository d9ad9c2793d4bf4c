"""Hashes: what members agree on."""

from __future__ import annotations

import pytest

from kubekit.etcd import Compacted, FutureRevision, KVStore
from kubekit.etcd.crc32c import crc32c
from kubekit.etcd.hashing import REMEMBERED, hash_buckets
from kubekit.etcd.key_value import encode
from kubekit.etcd.revision import pack
from kubekit.etcd.v3rpc import Server


def filled(store: KVStore) -> KVStore:
    for number in range(30):
        store.put(b"key%d" % (number % 7), b"%d" % number)
        if number % 5 == 4:
            store.delete(b"key%d" % (number % 3))
    return store


def test_an_empty_store_has_the_hash_of_the_buckets_name(store: KVStore) -> None:
    assert store.hash_kv() == (1084519789, -1, 1)


def test_the_same_writes_give_the_same_hash(store: KVStore) -> None:
    other = filled(KVStore(store.clock))
    assert filled(store).hash_kv() == other.hash_kv()
    other.put(b"key1", b"other")
    assert store.hash_kv().hash != other.hash_kv().hash


def test_a_compactions_own_hash_is_remembered(store: KVStore) -> None:
    before = filled(store).hash_kv(20)
    store.compact(20)
    assert store.hash_kv(20).compact_revision == -1
    assert before.hash != store.hash_kv(21).hash
    with pytest.raises(Compacted):
        store.hash_kv(19)
    with pytest.raises(FutureRevision):
        store.hash_kv(1000)


def test_only_the_latest_compactions_are_remembered(store: KVStore) -> None:
    filled(store)
    for revision in range(2, 4 + REMEMBERED):
        store.compact(revision)
    assert store.hash_kv(4).revision == 4
    with pytest.raises(Compacted):
        store.hash_kv(3)


def test_a_file_is_hashed_bucket_by_bucket(store: KVStore) -> None:
    filled(store)
    pairs = [(pack(at, kv.tombstone), encode(kv)) for at, kv in store.history(0)]
    assert hash_buckets([(b"key", pairs)]) == store.hash_kv().hash
    whole = hash_buckets([(b"key", pairs), (b"meta", [(b"confState", b"{}"), (b"term", b"1")])])
    assert whole == hash_buckets([(b"key", pairs), (b"meta", [(b"confState", b"{}"), (b"term", b"2")])])
    assert whole != hash_buckets([(b"key", pairs), (b"meta", [(b"confState", b"[]"), (b"term", b"1")])])


def test_a_long_history_is_hashed_in_pieces(store: KVStore) -> None:
    for number in range(300):
        store.put(b"key", b"%d" % number * 5000)
    parts = [b"key"]
    for at, kv in store.history(0):
        parts += (pack(at), encode(kv))
    assert store.hash_kv().hash == crc32c(b"".join(parts))


def test_the_hash_of_a_member_is_of_all_that_it_keeps(store: KVStore) -> None:
    server = Server(filled(store))

    def hash_now() -> int:
        found: int = server.call("Maintenance/Hash", {})["hash"]
        return found

    before = hash_now()
    assert before == hash_now() != store.hash_kv().hash
    server.call("Lease/LeaseGrant", {"ID": 7, "TTL": 60})
    assert hash_now() != before
    server.call("Lease/LeaseRevoke", {"ID": 7})
    assert hash_now() == before
    server.call("Auth/RoleAdd", {"name": "reader"})
    assert hash_now() != before
