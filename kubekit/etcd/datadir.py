"""Storage: a member's data directory, which is all that is left of it after a crash.

    member/snap/db                   the state machine as of some entry of the log (`backend`)
    member/snap/<term>-<index>.snap  which entry the newest snapshot contains (`snap_file`)
    member/wal/<seq>-<index>.wal     the log: hard state and entries (`wal`)

`save` is called before a message is sent or an entry applied, and keeps what it is given. `load` gives
everything back after a restart, and mends what a crash has left half done. Nothing that was acknowledged is
ever lost; what was not may be found or not, but never in part.

    storage = Storage(disk)
    if not storage.exists:
        storage.create(member_id, cluster_id, members)       # members: () for one that joins a cluster
    stored = storage.load()
    log = Log.restore(stored.snapshot, stored.hard_state, stored.entries)
    storage.save(ready.hard_state, ready.entries)
    storage.save_snapshot(Snapshot(index, term, conf_state), state)      # also one that the leader has sent

The state that is loaded may be ahead of the snapshot: entries up to `stored.applied` come out of the log once
more and must not be applied to the store, the users or the members again. A directory of etcd 3.4, 3.5 or 3.6
can be loaded, and a real etcd starts on one that was written here. Raises `StorageError` for a directory that
cannot be trusted. Source: server/storage/storage.go, backend.go; server/etcdserver/bootstrap.go;
server/etcdserver/api/snap/db.go.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kubekit.etcd.backend import BackendError, BackendState, buckets_of, member_bytes, read_backend
from kubekit.etcd.bbolt import Database, DatabaseError
from kubekit.etcd.bbolt_writer import DatabaseImage
from kubekit.etcd.disk import Disk, MemoryDisk
from kubekit.etcd.membership import MemberInfo, Membership
from kubekit.etcd.raft_codec import LogMark, decode_identity, encode_identity
from kubekit.etcd.raft_request import RaftRequest
from kubekit.etcd.snap_file import (
    SnapError,
    members_of,
    members_tree,
    newest_snap,
    purge_snaps,
    save_snap,
)
from kubekit.etcd.wal import SEGMENT_SIZE, WAL, marks
from kubekit.etcd.wal_records import WalError
from kubekit.raft import ADD_NODE, CONF_CHANGE, ConfChange, Entry, HardState, Snapshot


class StorageError(Exception):
    """A data directory that cannot be used; the text is etcd's own."""


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Turn whatever a file can do wrong into a StorageError."""
    try:
        yield
    except (WalError, SnapError, DatabaseError, BackendError) as error:
        raise StorageError(str(error)) from None
    except OSError as error:
        raise StorageError(_disk_error(error)) from None


def _disk_error(error: OSError) -> str:
    text = os.strerror(error.errno or 0)
    return f"{error.filename or 'write'}: {text[:1].lower()}{text[1:]}"


@dataclass
class Stored:
    """What a data directory holds. `snapshot` is None until the first one; `state` is None until a database
    was written; `members` are those after entry `applied`."""

    member_id: int
    cluster_id: int
    snapshot: Snapshot | None
    state: BackendState | None
    hard_state: HardState
    entries: list[Entry]
    members: Membership = field(default_factory=Membership)

    @property
    def applied(self) -> int:
        """The last entry of the log that `state` and `members` contain."""
        index = self.snapshot.index if self.snapshot is not None else 0
        return max(index, self.state.consistent_index) if self.state is not None else index


class Storage:
    """The data directory `folder` of a disk ("" for the disk itself)."""

    def __init__(
        self, disk: Disk, folder: str = "", *, wal_dir: str = "", segment_size: int = SEGMENT_SIZE
    ) -> None:
        start = f"{folder}/" if folder else ""
        self.disk = disk
        self.segment_size = segment_size
        self.snap_dir = f"{start}member/snap"
        self.wal_dir = wal_dir or f"{start}member/wal"
        self.db = f"{self.snap_dir}/db"
        self._wal: WAL | None = None
        self._put_off: tuple[Snapshot | None, BackendState] | None = None
        """The newest database, on a disk that can tell when somebody looks."""

    @property
    def exists(self) -> bool:
        """Whether a member has been here."""
        disk = self.disk
        return disk.exists(self.wal_dir) and any(name.endswith(".wal") for name in disk.list(self.wal_dir))

    def create(self, member_id: int, cluster_id: int, members: Sequence[MemberInfo] = ()) -> None:
        """Begin a member's log. The members that a cluster begins with are its first entries, and agreed on.

        Raises StorageError when there is a log.
        """
        with _in_words():
            self.disk.mkdir(self.snap_dir)
            parent = self.wal_dir.rpartition("/")[0]
            if parent:
                self.disk.mkdir(parent)
            wal = WAL.create(
                self.disk, self.wal_dir, encode_identity(member_id, cluster_id), self.segment_size
            )
            if members:
                entries = [
                    Entry(1, index, CONF_CHANGE, ConfChange(ADD_NODE, member.id, member_bytes(member)))
                    for index, member in enumerate(sorted(members), 1)
                ]
                wal.save(HardState(1, 0, len(entries)), entries)
        self._wal = wal

    def load(self) -> Stored:
        """Everything that is here; afterwards `save` goes on from it. Raises StorageError."""
        with _in_words():
            return self._load()

    def _load(self) -> Stored:
        disk = self.disk
        disk.mkdir(self.snap_dir)
        for name in disk.list(self.snap_dir):
            if name.startswith("db.tmp"):
                disk.remove(f"{self.snap_dir}/{name}")
        snapshot = newest_snap(disk, self.snap_dir, marks(disk, self.wal_dir))
        state = self._database(snapshot)
        mark = LogMark() if snapshot is None else LogMark(snapshot.index, snapshot.term)
        wal, found = WAL.open(disk, self.wal_dir, mark, self.segment_size)
        self._wal = wal
        stored = Stored(*decode_identity(found.identity), snapshot, state, found.hard_state, found.entries)
        stored.members = _members(stored)
        return stored

    def _database(self, snapshot: Snapshot | None) -> BackendState | None:
        """The database, or in its place the one that came with a snapshot and was not put there yet."""
        disk = self.disk
        state = self._read_database()
        index = snapshot.index if snapshot is not None else 0
        waiting = [name for name in disk.list(self.snap_dir) if name.endswith(".snap.db")]
        if state is None or state.consistent_index < index:
            if f"{index:016x}.snap.db" in waiting:
                self._put_in_place(index)
                state = self._read_database()
            elif index:
                raise StorageError(f"failed to find database snapshot file (snap: {_MISSING})")
        for name in waiting:
            if disk.exists(f"{self.snap_dir}/{name}"):
                disk.remove(f"{self.snap_dir}/{name}")
        return state

    def _read_database(self) -> BackendState | None:
        if not self.disk.exists(self.db) or not self.disk.size(self.db):
            return None
        return read_backend(Database(self.disk.view(self.db)))

    # Writing

    @property
    def _open_wal(self) -> WAL:
        if self._wal is None:
            raise StorageError("the log is not open: load it first")
        return self._wal

    def save(self, hard_state: HardState | None, entries: Sequence[Entry], must_sync: bool = True) -> None:
        """Write entries and a hard state (None: as before), and keep them through a crash when it matters."""
        wal = self._open_wal
        try:
            wal.save(hard_state, entries, must_sync)
        except OSError as error:
            # What is on the disk now is unknown; only reading it anew tells where to go on.
            self._wal = None
            raise StorageError(_disk_error(error)) from None

    def save_snapshot(
        self, snapshot: Snapshot, state: BackendState, hard_state: HardState | None = None
    ) -> None:
        """Write a snapshot: the state must contain its entry, and must not change any more.

        For one that the leader has sent, give the hard state that came with it. Older segments of the log
        that nobody needs are removed.
        """
        wal = self._open_wal
        mark = LogMark(snapshot.index, snapshot.term, snapshot.conf_state)
        before, self._put_off = self._put_off, (snapshot, state)
        if before is not None or self.disk.later(self._catch_up):
            wal.save_mark(mark)
            wal.save(hard_state, ())
        else:
            self._put_off = None
            self._wal = None
            with _in_words():
                # The file that names the snapshot comes after the database and before the log's note:
                # whatever the log notes is there.
                self._write_database(f"{self.snap_dir}/{snapshot.index:016x}.snap.db", state)
                self._write_snap(snapshot, state)
                wal.save_mark(mark)
                if hard_state is not None:
                    wal.save(hard_state, ())
                    wal.sync()
                self._put_in_place(snapshot.index)
            self._wal = wal
        self.purge(snapshot.index)

    def save_database(self, state: BackendState) -> None:
        """Write the state without a snapshot, as a member that stops does: it has less to apply when it comes
        back."""
        snapshot = self._put_off[0] if self._put_off is not None else None
        before, self._put_off = self._put_off, (snapshot, state)
        if before is None and not self.disk.later(self._catch_up):
            self._put_off = None
            self._replace_database(state)

    def append(self, entry: Entry) -> None:
        """Write one entry that follows the last one, and keep it through a crash."""
        if self._wal is None or not self._wal.put_off(entry):
            self.save(None, (entry,))

    def crash(self) -> None:
        """The machine has lost its power: what was not synced is gone, where the disk knows such a thing."""
        self._wal = None
        if isinstance(self.disk, MemoryDisk):
            self.disk.crash()

    def wipe(self) -> None:
        """The disk is lost."""
        self._wal = self._put_off = None
        folder = self.snap_dir.rpartition("/")[0]
        for path in (folder, self.wal_dir):
            if self.disk.exists(path):
                self.disk.remove(path)

    def purge(self, index: int) -> None:
        """Remove what is not needed once there is a snapshot of entry `index`."""
        wal = self._open_wal
        with _in_words():
            wal.purge(index)
            if self._put_off is None:
                purge_snaps(self.disk, self.snap_dir)

    def _catch_up(self) -> None:
        """Write the database that was put off."""
        put_off, self._put_off = self._put_off, None
        if put_off is None:
            return
        snapshot, state = put_off
        self._replace_database(state)
        if snapshot is not None:
            self._write_snap(snapshot, state)
            purge_snaps(self.disk, self.snap_dir)

    def _replace_database(self, state: BackendState) -> None:
        made = f"{self.db}.tmp"
        self._write_database(made, state)
        self.disk.rename(made, self.db)
        self.disk.fsync(self.snap_dir)

    def _write_database(self, path: str, state: BackendState) -> None:
        disk = self.disk
        disk.mkdir(self.snap_dir)
        disk.write(path, b"")
        for piece in DatabaseImage(buckets_of(state)):
            disk.append(path, piece)
        disk.fsync(path)
        disk.fsync(self.snap_dir)

    def _write_snap(self, snapshot: Snapshot, state: BackendState) -> None:
        tree = members_tree(state.members, state.removed, state.cluster_version)
        save_snap(self.disk, self.snap_dir, snapshot._replace(data=tree))

    def _put_in_place(self, index: int) -> None:
        """Make the database that came with a snapshot the member's own."""
        self.disk.rename(f"{self.snap_dir}/{index:016x}.snap.db", self.db)
        self.disk.fsync(self.snap_dir)


_MISSING = "snapshot file doesn't exist"


def _members(stored: Stored) -> Membership:
    """The members after entry `applied`. Before 3.6 the database is no authority on them: the snapshot is,
    and what the log says after it."""
    state = stored.state
    if state is not None and state.storage_version:
        return Membership(state.members, state.removed, state.cluster_version)
    data = stored.snapshot.data if stored.snapshot is not None else b""
    members = Membership(*members_of(data))
    names = {member.id: member for member in state.members} if state is not None else {}
    for entry in stored.entries:
        if entry.index > stored.applied:
            break
        _follow(members, entry)
    for id, member in members.by_id.items():
        # A member's name is in the database even where the old store does not have it.
        if not member.name and id in names:
            members.by_id[id] = member._replace(name=names[id].name)
    return members


def _follow(members: Membership, entry: Entry) -> None:
    """What an entry that was applied changed about the members."""
    data = entry.data
    if isinstance(data, ConfChange) and data.node_id and (data.context or data.node_id in members.by_id):
        known = members.by_id.get(data.node_id)
        if known is not None or isinstance(data.context, MemberInfo):
            members.apply(data)
    elif isinstance(data, RaftRequest) and data.kind == "cluster_member_attr_set":
        said = data.body.get("member_attributes", {})
        members.publish(data.body.get("member_ID", 0), said.get("name", ""), said.get("client_urls", ()))
    elif isinstance(data, RaftRequest) and data.kind == "cluster_version_set":
        members.version = data.body.get("ver", "")
