"""Snapshots: the whole state of a member in one file.

A snapshot is the database file followed by its SHA-256. `snapshot_blobs` is what a member sends, `save` keeps
it, `status` sums a file up, and `SnapshotFile` opens one to look inside. A copy of a member's own file lacks
the digest and opens all the same.

    disk = FolderDisk(".")
    save(member.snapshot(), disk, "backup.db")               # written beside, synced, then renamed
    status(disk, "backup.db")                                # .hash .revision .total_key .total_size .version
    snapshot = SnapshotFile.open(disk, "backup.db")
    snapshot.state.revisions, snapshot.state.members, snapshot.database.bucket(b"key"), snapshot.digest_ok

Releases differ in what `status` counts and says; `release` ("3.4", "3.5", "3.6") says whose answer is wanted.
Refusals are `SnapshotError`, in the words of etcdctl and etcdutl. Source: etcdutl/snapshot/v3_snapshot.go,
client/v3/snapshot/v3_snapshot.go, server/etcdserver/api/v3rpc/maintenance.go.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kubekit.etcd.backend import BackendState, buckets_of, read_backend
from kubekit.etcd.bbolt import Buffer, Database, DatabaseError
from kubekit.etcd.bbolt_pages import check
from kubekit.etcd.bbolt_writer import DatabaseImage
from kubekit.etcd.crc32c import crc32c
from kubekit.etcd.disk import Disk
from kubekit.etcd.protobuf import DecodeError, decode
from kubekit.etcd.revision import unpack

DIGEST = 32
"""Bytes of the SHA-256 at the end."""

SECTOR = 512
"""A file whose size is a multiple of this and DIGEST more has a digest."""

BLOB = 32 * 1024
"""Bytes that a member sends at once."""

_HASHED = 1 << 20


class SnapshotError(Exception):
    """A snapshot that cannot be saved, read or restored; the text is etcd's own."""


class Status(NamedTuple):
    """What a snapshot holds, in short. `hash` is the CRC-32C of all buckets, `revision` that of the newest
    version (0: none), `total_key` depends on the release, `total_size` is in bytes, `version` is empty before
    3.6."""

    hash: int
    revision: int
    total_key: int
    total_size: int
    version: str = ""


def go_error(operation: str, path: str, error: OSError) -> str:
    """What Go prints for a file operation that failed: ``open x.db: no such file or directory``."""
    text = os.strerror(error.errno or 0)
    return f"{operation} {path}: {text[:1].lower()}{text[1:]}"


def go_quote(data: bytes) -> str:
    """Bytes between quotes as Go's %q prints them."""
    named = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
    parts = []
    for char in data.decode(errors="surrogateescape"):
        code = ord(char)
        if code in named:
            parts.append(named[code])
        elif 0xDC80 <= code <= 0xDCFF:
            parts.append(f"\\x{code - 0xDC00:02x}")
        elif char.isprintable():
            parts.append(char)
        elif code < 0x80:
            parts.append(f"\\x{code:02x}")
        else:
            parts.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return f'"{"".join(parts)}"'


def has_digest(size: int) -> bool:
    """Whether a file of this size ends with a digest."""
    return size % SECTOR == DIGEST


# Sending and keeping


class SnapshotBlobs:
    """A member's state as it is sent: blobs of 32 KiB, then the digest. `state` must not change meanwhile."""

    def __init__(self, state: BackendState) -> None:
        self._image = DatabaseImage(buckets_of(state))
        self.size = self._image.size
        """Bytes of the database, without the digest."""

    def __iter__(self) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for piece in self._image:
            digest.update(piece)
            for at in range(0, len(piece), BLOB):
                yield piece[at : at + BLOB]
        yield digest.digest()


def save(blobs: Iterable[bytes], disk: Disk, path: str) -> int:
    """Keep a snapshot that a member sends; its size in bytes. Raises SnapshotError.

    What was received of a snapshot that breaks off is removed, and a file that is there stays as it is.
    """
    part = f"{path}.part"
    try:
        disk.write(part, b"")
    except OSError as error:
        raise SnapshotError(f"could not open {part} ({go_error('open', part, error)})") from None
    try:
        size = 0
        for blob in blobs:
            try:
                disk.append(part, blob)
            except OSError as error:
                reason = go_error("write", part, error)
                raise SnapshotError(f"could not write snapshot: {reason}") from None
            size += len(blob)
        if not has_digest(size):
            raise SnapshotError(f"sha256 checksum not found [bytes: {size}]")
        disk.fsync(part)
        try:
            disk.rename(part, path)
        except OSError as error:
            reason = go_error(f"rename {part}", path, error)
            raise SnapshotError(f"could not rename {part} to {path} ({reason})") from None
    finally:
        if disk.exists(part):
            disk.remove(part)
    return size


# Looking into one


def open_database(disk: Disk, path: str, release: str = "3.6") -> Database:
    """The database of a snapshot file or of a member. Raises SnapshotError, with `stat` as the failed
    operation of a missing file."""
    try:
        size = disk.size(path)
    except IsADirectoryError:
        raise SnapshotError("invalid database") from None
    except OSError as error:
        raise SnapshotError(go_error("stat", path, error)) from None
    if size == 0:
        # bbolt makes an empty file a database, and fails because it was opened for reading.
        raise SnapshotError(f"write {path}: bad file descriptor")
    try:
        return Database(disk.view(path))
    except DatabaseError as error:
        text = str(error)
        old = release < "3.6" and text.startswith("file size too small")
        raise SnapshotError("file size too small" if old else text) from None
    except PermissionError as error:
        raise SnapshotError(go_error("open", path, error)) from None
    except OSError:
        raise SnapshotError("invalid database") from None


def status(disk: Disk, path: str, release: str = "3.6") -> Status:
    """Sum a snapshot file up as a release of etcd does. Raises SnapshotError."""
    return database_status(open_database(disk, path, release), release)


def database_status(database: Database, release: str = "3.6") -> Status:
    """Sum a database up. Raises SnapshotError."""
    errors = check(database)
    if errors:
        listed = "\n".join(errors)
        raise SnapshotError(f"snapshot file integrity check failed. {len(errors)} errors found.\n{listed}")
    modern = release >= "3.6"
    version = _storage_version(database) if modern else ""
    summary = _Summary()
    for entry in database.root.entries():
        if not entry.bucket:
            name = go_quote(entry.key) if modern else entry.key.decode(errors="replace")
            raise SnapshotError(f"nil bucket: {name}" if modern else f"cannot get hash of bucket {name}")
        summary.hash(entry.key)
        bucket = database.root.opened(entry)
        for key, value in bucket.items():
            summary.hash(key)
            summary.hash(value)
            summary.entries += 1
            if entry.key == b"key":
                reason = summary.version(key, value, modern)
                if reason:
                    name = go_quote(entry.key)
                    raise SnapshotError(f"error during bucket key iteration, name: {name} err: {reason}")
    summary.flush()
    total = len(summary.seen) if modern else summary.entries
    return Status(summary.crc, summary.revision, total, database.size, version)


class _Summary:
    """What is gathered while all entries go by."""

    def __init__(self) -> None:
        self.crc = 0
        self.entries = 0
        self.revision = 0
        self.seen: set[bytes] = set()
        self._waiting: list[bytes] = []
        self._length = 0

    def hash(self, data: bytes) -> None:
        self._waiting.append(data)
        self._length += len(data)
        if self._length >= _HASHED:
            self.flush()

    def flush(self) -> None:
        self.crc = crc32c(b"".join(self._waiting), self.crc)
        self._waiting.clear()
        self._length = 0

    def version(self, key: bytes, value: bytes, modern: bool) -> str:
        """Take one version of the bucket `key`; why it cannot be taken."""
        try:
            revision, tombstone = unpack(key)
        except ValueError:
            reason = _bad_revision(key)
            return f"cannot parse revision key: {go_quote(key)} err: {reason}"
        self.revision = revision.main
        if modern:
            try:
                name = decode("KeyValue", value).get("key", b"")
            except DecodeError as error:
                return f"cannot unmarshal value, key: {go_quote(key)} value: {go_quote(value)} err: {error}"
            if tombstone:
                self.seen.discard(name)
            else:
                self.seen.add(name)
        return ""


def _bad_revision(key: bytes) -> str:
    if len(key) not in (17, 18):
        return f"invalid revision length: {len(key)}"
    return f"invalid separator in bucket key: {go_quote(key[8:9])}"


_SEMVER = re.compile(r"(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


def _storage_version(database: Database) -> str:
    meta = database.bucket(b"meta")
    if meta is None:
        # etcdutl reads on without looking and falls over.
        raise SnapshotError("panic: runtime error: invalid memory address or nil pointer dereference")
    text = (meta.get(b"storageVersion") or b"").decode(errors="replace")
    return text if _SEMVER.fullmatch(text) else ""


class SnapshotFile:
    """A snapshot file, opened: `database` and what it means (`state`)."""

    def __init__(self, data: Buffer) -> None:
        self.data = data
        self.database = Database(data)
        self.state = read_backend(self.database)

    @classmethod
    def open(cls, disk: Disk, path: str) -> SnapshotFile:
        """Open a file. Raises SnapshotError, DatabaseError, BackendError."""
        return cls(open_database(disk, path).data)

    @property
    def digest(self) -> bytes:
        """The digest at the end; empty when there is none."""
        return self.data[-DIGEST:] if has_digest(len(self.data)) else b""

    @property
    def digest_ok(self) -> bool:
        """Whether there is a digest and it is that of the database."""
        return self.digest == digest_of(self.data, len(self.data) - DIGEST)


def digest_of(data: Buffer, size: int) -> bytes:
    """The SHA-256 of the first `size` bytes."""
    digest = hashlib.sha256()
    for at in range(0, size, _HASHED):
        digest.update(data[at : min(at + _HASHED, size)])
    return digest.digest()
