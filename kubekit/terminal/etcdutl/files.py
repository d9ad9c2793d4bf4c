"""hashkv and defrag: a member's file while its member does not run.

Source: etcdutl/etcdutl/hashkv_command.go, defrag_command.go.
"""

from __future__ import annotations

from kubekit.etcd.backend import BackendError, read_backend
from kubekit.etcd.bbolt import Database, DatabaseError
from kubekit.etcd.bbolt_writer import DatabaseImage
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.snapshot import go_error
from kubekit.etcd.store_loading import load
from kubekit.sim import VirtualClock
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.flags import number, string
from kubekit.terminal.etcdctl.call import Call
from kubekit.terminal.etcdctl.exits import ERROR, Exit

DATABASE = "member/snap/db"
"""Where a data directory keeps the database."""


def _open(call: Call, path: str) -> Database:
    """The database at a path. Raises Exit(1)."""
    try:
        return Database(call.program.files.view(path))
    except OSError as error:
        raise Exit(ERROR, go_error("stat", path, error)) from None
    except DatabaseError as error:
        raise Exit(ERROR, str(error)) from None


def hashkv(call: Call) -> None:
    """`hashkv FILE`: the hash of all versions up to a revision."""
    if len(call.args) != 1:
        raise call.program.wrong_call(call.found, f"accepts 1 arg(s), received {len(call.args)}")
    display = call.display
    try:
        loaded = load(read_backend(_open(call, call.args[0])), VirtualClock())
        found = loaded.store.hash_kv(call.flag("rev"))
    except (BackendError, EtcdError) as error:
        raise Exit(ERROR, str(error)) from None
    shown = {"hash": found.hash, "hashRevision": found.revision, "compactRevision": found.compact_revision}
    display.show("file_hash", shown, {})


def defrag(call: Call) -> None:
    """`defrag --data-dir DIR`: write the file anew, without the pages that are free."""
    folder = call.flag("data-dir")
    path = f"{folder}/{DATABASE}"
    files = call.program.files
    try:
        database = _open(call, path)
    except Exit as error:
        raise Exit(ERROR, f"Failed to defragment etcd data[{folder}] ({error.text})") from None
    before = database.size
    part = f"{path}.tmp"
    files.write(part, b"")
    buckets = [(name, list(_pairs(database, name))) for name in _names(database)]
    for piece in DatabaseImage(buckets):
        files.append(part, piece)
    files.rename(part, path)
    after = files.size(path)
    call.log("info", "finished defragmenting directory", path=path, before_bytes=before, after_bytes=after)


def _names(database: Database) -> list[bytes]:
    return [entry.key for entry in database.root.entries() if entry.bucket]


def _pairs(database: Database, name: bytes) -> list[tuple[bytes, bytes]]:
    bucket = database.bucket(name)
    return list(bucket.items()) if bucket is not None else []


def commands(minor: int) -> list[Command]:
    """The commands of this file."""
    folder = string("data-dir", "Required. Defragments a data directory not in use by etcd.")
    found = [
        Command("defrag", "Defragments the storage of the etcd", defrag, [folder], required=("data-dir",)),
    ]
    if minor >= 6:
        revision = number("rev", "maximum revision to hash (default: latest revision)")
        found.append(
            Command("hashkv <filename>", "Prints the KV history hash of a given file", hashkv, [revision])
        )
    return found
