"""Restore: a new member's files made from a snapshot.

The keys, revisions, leases and users are those of the snapshot; the cluster is a new one, with the members,
ids and token that are given, so that a restored member can never be taken for one of the old cluster's. Each
member of the new cluster is restored from the same snapshot by itself.

    plan = Plan(name="m1", initial_cluster="m1=http://host1:2380,...", data_dir="m1.etcd")
    restore(disk, "backup.db", plan)                         # .members .member .cluster_id

What was made is what `etcdutl snapshot restore` makes: ``member/snap/db``, a `.snap` file and a log that
begins with the members. A snapshot that is damaged is refused after it was copied, and the copy is left
behind, as etcdutl does. Refusals are `SnapshotError`, in etcdutl's words (those of `release`).
Source: etcdutl/snapshot/v3_snapshot.go; clientv3/snapshot/v3_snapshot.go of 3.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubekit.etcd.backend import BackendError, Pairs, last_revision, member_bytes
from kubekit.etcd.bbolt import Database, DatabaseError
from kubekit.etcd.bbolt_writer import DatabaseImage
from kubekit.etcd.disk import Disk
from kubekit.etcd.initial_cluster import (
    BootstrapError,
    Resolve,
    initial_members,
    no_names,
    parse_initial_cluster,
    parse_urls,
    verify_bootstrap,
)
from kubekit.etcd.membership import DEFAULT_TOKEN, MemberInfo, cluster_id
from kubekit.etcd.raft_codec import LogMark, encode_identity
from kubekit.etcd.revision import Revision, pack
from kubekit.etcd.snap_file import members_tree, save_snap
from kubekit.etcd.snapshot import DIGEST, SnapshotError, digest_of, go_error, has_digest
from kubekit.etcd.wal import SEGMENT_SIZE, WAL
from kubekit.etcd.wal_records import WalError
from kubekit.raft import ADD_NODE, CONF_CHANGE, ConfChange, ConfState, Entry, HardState, Snapshot

_COPIED = 1 << 20


@dataclass(frozen=True)
class Plan:
    """The flags of a restore, by their names."""

    name: str = "default"
    initial_cluster: str = "default=http://localhost:2380"
    initial_cluster_token: str = DEFAULT_TOKEN
    initial_advertise_peer_urls: str = "http://localhost:2380"
    data_dir: str = ""
    wal_dir: str = ""
    skip_hash_check: bool = False
    bump_revision: int = 0
    mark_compacted: bool = False


@dataclass(frozen=True)
class Restored:
    """What was made, and where."""

    data_dir: str
    wal_dir: str
    snap_dir: str
    members: tuple[MemberInfo, ...]
    member: MemberInfo
    cluster_id: int


def restore(
    disk: Disk,
    path: str,
    plan: Plan | None = None,
    *,
    release: str = "3.6",
    resolve: Resolve = no_names,
    segment_size: int = SEGMENT_SIZE,
) -> Restored:
    """Make a member's files from the snapshot at `path`. Raises SnapshotError."""
    plan = plan or Plan()
    if (plan.bump_revision > 0) != plan.mark_compacted:
        raise SnapshotError("--mark-compacted required if --revision-bump > 0")
    members = _members(plan, release, resolve)
    data_dir = plan.data_dir or f"{plan.name}.etcd"
    wal_dir = plan.wal_dir or f"{data_dir}/member/wal"
    snap_dir = f"{data_dir}/member/snap"
    _check_folders(disk, plan, data_dir, release)
    member = next(member for member in members if member.name == plan.name)
    cluster = cluster_id(each.id for each in members)
    identity = encode_identity(member.id, cluster)
    try:
        _copy(disk, path, snap_dir, plan.skip_hash_check)
        _rewrite(disk, f"{snap_dir}/db", plan, members, release)
        _begin_log(disk, wal_dir, snap_dir, identity, members, release, segment_size)
    except OSError as error:
        raise SnapshotError(go_error("write", str(error.filename or data_dir), error)) from None
    except WalError as error:
        raise SnapshotError(str(error)) from None
    return Restored(data_dir, wal_dir, snap_dir, tuple(members), member, cluster)


def _members(plan: Plan, release: str, resolve: Resolve) -> list[MemberInfo]:
    try:
        urls = parse_urls(plan.initial_advertise_peer_urls.split(","))
        cluster = parse_initial_cluster(plan.initial_cluster)
        verify_bootstrap(plan.name, urls, cluster, release=release, resolve=resolve)
    except BootstrapError as error:
        raise SnapshotError(str(error)) from None
    return initial_members(cluster, plan.initial_cluster_token)


def _check_folders(disk: Disk, plan: Plan, data_dir: str, release: str) -> None:
    if disk.exists(data_dir):
        if release < "3.5":
            raise SnapshotError(f'data-dir "{data_dir}" exists')
        try:
            empty = not disk.list(data_dir)
        except OSError:
            empty = False
        if not empty:
            raise SnapshotError(f'data-dir "{data_dir}" not empty or could not be read')
    if plan.wal_dir and disk.exists(plan.wal_dir):
        raise SnapshotError(f'wal-dir "{plan.wal_dir}" exists')


def _copy(disk: Disk, path: str, snap_dir: str, skip_hash_check: bool) -> None:
    """Copy the snapshot's database and check it."""
    try:
        size = disk.size(path)
        if size < DIGEST:
            raise SnapshotError(f"seek {path}: invalid argument")
        wanted = disk.read(path, size - DIGEST, DIGEST)
    except IsADirectoryError as error:
        raise SnapshotError(go_error("read", path, error)) from None
    except OSError as error:
        raise SnapshotError(go_error("open", path, error)) from None
    try:
        disk.mkdir(snap_dir)
    except OSError as error:
        raise SnapshotError(go_error("mkdir", snap_dir, error)) from None
    end = size - DIGEST if has_digest(size) else size
    db = f"{snap_dir}/db"
    disk.write(db, b"")
    for at in range(0, end, _COPIED):
        disk.append(db, disk.read(path, at, min(_COPIED, end - at)))
    if skip_hash_check:
        return
    if not has_digest(size):
        raise SnapshotError("snapshot missing hash but --skip-hash-check=false")
    found = digest_of(disk.view(db), end)
    if found != wanted:
        raise SnapshotError(f"expected sha256 {_numbers(wanted)}, got {_numbers(found)}")


def _numbers(data: bytes) -> str:
    return "[" + " ".join(map(str, data)) + "]"


def _rewrite(disk: Disk, db: str, plan: Plan, members: list[MemberInfo], release: str) -> None:
    """Make the copied database the new cluster's."""
    try:
        database = Database(disk.view(db))
        image = DatabaseImage(list(_buckets(database, plan, members, release)))
        made = f"{db}.tmp.restore"
        disk.write(made, b"")
        for piece in image:
            disk.append(made, piece)
    except (DatabaseError, BackendError) as error:
        raise SnapshotError(str(error)) from None
    disk.fsync(made)
    disk.rename(made, db)
    disk.fsync(db.rpartition("/")[0])


def _buckets(
    database: Database, plan: Plan, members: list[MemberInfo], release: str
) -> Iterator[tuple[bytes, Pairs]]:
    """The snapshot's buckets, with what a new cluster must have otherwise."""
    modern = release >= "3.5"
    meta: dict[bytes, bytes] = {b"consistent_index": len(members).to_bytes(8, "big")}
    added: list[tuple[bytes, bytes]] = []
    if modern:
        meta[b"term"] = (1).to_bytes(8, "big")
    if plan.bump_revision:
        bumped = Revision(last_revision(database) + plan.bump_revision, 0)
        added = [(pack(bumped), b"")]
        meta[b"scheduledCompactRev"] = pack(bumped)
    names = [entry.key for entry in database.root.entries() if entry.bucket]
    for name in sorted({*names, b"key", b"members", b"members_removed", b"meta"}):
        if name == b"meta":
            yield name, sorted({**dict(_Pairs(database, name)), **meta}.items())
        elif name == b"key":
            yield name, _Pairs(database, name, added)
        elif name == b"members" and modern:
            yield name, sorted((b"%x" % member.id, member_bytes(member)) for member in members)
        elif name == b"members_removed" and modern:
            yield name, []
        else:
            yield name, _Pairs(database, name)


class _Pairs:
    """A bucket's keys and values, as often as they are asked for."""

    def __init__(
        self, database: Database, name: bytes, added: list[tuple[bytes, bytes]] | None = None
    ) -> None:
        self._database = database
        self._name = name
        self._added = added or []

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        bucket = self._database.bucket(self._name)
        if bucket is not None:
            yield from bucket.items()
        yield from self._added


def _begin_log(
    disk: Disk,
    wal_dir: str,
    snap_dir: str,
    identity: bytes,
    members: list[MemberInfo],
    release: str,
    segment_size: int,
) -> None:
    """A log whose first entries are the members, and a snapshot that contains them."""
    parent = wal_dir.rpartition("/")[0]
    if parent:
        disk.mkdir(parent)
    entries = [
        Entry(1, index, CONF_CHANGE, ConfChange(ADD_NODE, member.id, member_bytes(member)))
        for index, member in enumerate(members, 1)
    ]
    conf_state = ConfState(tuple(member.id for member in members))
    count = len(members)
    wal = WAL.create(disk, wal_dir, identity, segment_size)
    wal.save(HardState(1, members[0].id, count), entries)
    # In the tree of the old store a restored member is not said to be started: it has no name yet.
    save_snap(disk, snap_dir, Snapshot(count, 1, conf_state, members_tree(members)))
    wal.save_mark(LogMark(count, 1, conf_state if release >= "3.5" else None))
