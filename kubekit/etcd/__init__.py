"""etcd: the cluster's memory. Keys and values in bytes, revisions, watches and leases, as in etcd 3.6.

The API server is the only component that talks to it. What makes it different from a dictionary is *time*:
each write is a new revision of the whole store, old revisions stay readable until they are compacted away,
and a watcher that says "I know everything up to 41" is told of 42, 43, ... without a gap.

Reading order: `revision` (the store's own time), `key_index` (one key's life), `tree_index`, `sorted_keys`
and `revision_log` (all keys; all history), `kvstore` (reading and writing), `operation` and `txn`
(if-then-else in one change), `watch` and `watch_groups` (who is told), `compaction` and `hashing`
(forgetting, and checking), `recovery` (a store made from its history), `lease` and `expiry` (keys that go by
themselves), `backend_size` and `quota` (how large it may grow), `alarms`, `auto_compaction`, `auth` (who
may), `errors` (how it refuses). Then the door: `messages` and `calls` (the tables), `conversion`, `v3rpc`
with `kv_calls`, `lease_calls`, `user_calls`, `cluster_calls` and `maintenance_calls` (the calls), `answer`
and `node` (what they stand on), `watch_stream`, `protobuf`, `protojson` and `gateway` (JSON over HTTP).

Members: `membership` (who belongs), `raft_request` (what an entry asks for) and `apply` (doing it),
`replica` (a member among its peers), `proposals` and `reads` (waiting for agreement), `ticking` (time, and
rest), `links` (the network), `bootstrap` and `process` (coming and going), `leader_duties`, `forwarding` and
`reconfiguration` (what the leader does), `corruption` (comparing members), `member` (the whole, for clients),
`cluster` (all of them), `client` (what an API server holds) and `alone` (the short way of a cluster of one).
How members agree is the room `kubekit.raft`.

On disk: `disk` and `memory_file` (what a power cut takes), `crc32c`, `bbolt`, `bbolt_pages` and
`bbolt_writer` (the database file), `backend` and `store_loading` (what it means), `snapshot`,
`initial_cluster` and `restore` (backups), `request_codec`, `raft_codec`, `wal_records` and `wal` (the log),
`snap_file` and `datadir` (all of a member's files), `bcrypt` (passwords). The bytes are etcd's own: a real
etcd reads what is written here, and the other way round.

    store = KVStore(clock)                                   # a kubekit.sim.Clock
    store.put(key, value, lease=0) -> int                    # the new revision
    store.get(key, rev=0) -> KeyValue | None                 # .key .value .create_revision .mod_revision
                                                             # .version .lease
    store.range(key, range_end=b"", rev=0, limit=0, count_only=False, keys_only=False)
                                  -> RangeResult             # .kvs .more .count .revision
    store.delete(key, range_end=b"") -> DeleteResult         # .deleted .revision .prev_kvs
    store.put_if(key, value, mod_revision, lease=0) -> int   # mod 0: must not exist; answers 0 if it lost
    store.delete_if(key, mod_revision) -> int                # the same for a deletion
    store.txn(compares, success, failure) -> TxnResult       # .succeeded .responses .revision
    store.apply(operation) -> result                         # any one operation with every option
    store.watch(key, range_end, start_rev, callback, prev_kv=False, hidden=()) -> Watcher      # .cancel()
                                                             # callback(list[Event]), after each write;
                                                             # Event: .type (PUT, DELETE) .kv .prev_kv
    store.compact(rev)                                       # store.revision, store.compacted_revision
    store.leases.grant(ttl, id=0) -> Lease                   # .renew(id) .revoke(id) .lookup(id) .expire()
    store.history(main) -> (Revision, KeyValue)...           # all that is kept from a revision on, in order
    store.restore(history, leases, compacted=0)              # become the store that has this history
    store.size                                               # .bytes .bytes_in_use; store.defragment()

`range_end` is ``b""`` for one key, `prefix_end(prefix)` for all keys under a prefix, FROM_KEY for all that
follow. Errors are `EtcdError` with `.code` (gRPC), `.message` (etcd's words) and `.http_status`: `Compacted`
(with `.compact_revision`), `FutureRevision`, `LeaseNotFound` and so on.

    etcd = cluster.EtcdCluster(loop, 3)                      # .start() .stop() .crash() .leader .members
    etcd.member("etcd-1").call("KV/Put", {"key": b"a"})      # any call of etcd's API; or .submit(..., done)
    etcd.partition(["etcd-1"]); etcd.slow("etcd-2", "etcd-3", 0.2); etcd.heal(); etcd.in_flight
    etcd.client() -> EtcdClient                              # the store's everyday methods, with failover

`KVStore` is one member's state machine: the same operations in the same order make two equal stores
(`hash_kv` tells). Leases run out only where somebody looks: `expiry.LeaseExpiry(loop, store)` does.

Left out against the original: elections of a cluster of one take no time; a client stays with one member
instead of taking turns; discovery services; metrics and tracing of the store, JWT tokens, reading while a
write is under way, a size of the file to the page (`backend_size` is a model), and remembering the hash of a
compaction that forgets a very long history. Of the files: changing a database page by page (it is written
anew as a whole, with the snapshot that needs it), locks on files, segments that are allocated ahead of their
time.
"""

from kubekit.etcd.errors import Compacted, EtcdError, FutureRevision, LeaseNotFound
from kubekit.etcd.hashing import HashKV
from kubekit.etcd.key_value import DELETE, PUT, Event, KeyValue
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.lease import Lease
from kubekit.etcd.operation import (
    COMPARE_CREATE,
    COMPARE_LEASE,
    COMPARE_MOD,
    COMPARE_VALUE,
    COMPARE_VERSION,
    EQUAL,
    GREATER,
    LESS,
    NOT_EQUAL,
    Compare,
    DeleteRange,
    DeleteResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    Txn,
    TxnResult,
)
from kubekit.etcd.revision import Revision
from kubekit.etcd.tree_index import FROM_KEY, prefix_end
from kubekit.etcd.watch import Watcher

__all__ = [
    "COMPARE_CREATE",
    "COMPARE_LEASE",
    "COMPARE_MOD",
    "COMPARE_VALUE",
    "COMPARE_VERSION",
    "DELETE",
    "EQUAL",
    "FROM_KEY",
    "GREATER",
    "LESS",
    "NOT_EQUAL",
    "PUT",
    "Compacted",
    "Compare",
    "DeleteRange",
    "DeleteResult",
    "EtcdError",
    "Event",
    "FutureRevision",
    "HashKV",
    "KVStore",
    "KeyValue",
    "Lease",
    "LeaseNotFound",
    "Put",
    "PutResult",
    "Range",
    "RangeResult",
    "Revision",
    "Txn",
    "TxnResult",
    "Watcher",
    "prefix_end",
]
