"""etcd snapshots: real files, written by etcd 3.4.23, 3.5.1 and 3.6.13, opened by kubekit.

Units of each file: its digest, what three releases of `snapshot status` say of it, its members, its leases,
its buckets, every recorded revision's content (read from a store that was loaded with it), and the file
written anew by kubekit and summed up again.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kubekit.etcd.bbolt import Database
from kubekit.etcd.disk import MemoryDisk
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.snapshot import SnapshotBlobs, SnapshotFile, status
from kubekit.etcd.store_loading import load
from kubekit.etcd.tree_index import FROM_KEY
from kubekit.sim import VirtualClock
from tests.conformance.outcome import Outcome

Obj = dict[str, Any]

RELEASES = {"3.4.23": "3.4", "3.5.1": "3.5", "3.6.13": "3.6"}


def run(folder: Path, category: str | None = None) -> Outcome:
    """Open every file of the folder; `category` is part of a file's name."""
    outcome = Outcome()
    for facts in recorded(folder / "snapshots"):
        if category is None or category in facts["name"]:
            data = gzip.decompress((folder / "snapshots" / facts["file"]).read_bytes())
            for unit, wanted, got in units(facts, data):
                outcome.count(wanted == got, f"{facts['name']} {unit}", f"wanted {wanted!r} got {got!r}")
    return outcome


def recorded(folder: Path) -> Iterator[Obj]:
    """What is known of each file."""
    for path in sorted([*folder.glob("*.json"), *folder.glob("*.json.gz")]):
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        yield json.loads(text)


def units(facts: Obj, data: bytes) -> Iterator[tuple[str, Any, Any]]:
    """(name, wanted, got) of each unit of a file."""
    disk = MemoryDisk()
    disk.write("file.db", data)
    snapshot = SnapshotFile.open(disk, "file.db")
    yield "digest", (facts["has_sha256_trailer"], facts["sha256_ok"]), _digest(snapshot)
    for version, release in RELEASES.items():
        if f"status_{version}" in facts:
            yield f"status {version}", facts[f"status_{version}"], _status(disk, "file.db", release)
    yield "members", _wanted_members(facts), _members(snapshot)
    yield "buckets", _wanted_buckets(facts), _counted(snapshot.database)
    loaded = load(snapshot.state, VirtualClock())
    yield "leases", _sorted_leases(facts["leases"]), _leases(loaded)
    yield "revision", facts["revision"], loaded.store.revision
    for revision, wanted in facts["content_by_revision"].items():
        yield f"at {revision}", wanted, _content(loaded, int(revision), facts["revision"], wanted)
    disk.write("again.db", b"".join(SnapshotBlobs(snapshot.state)))
    for version, release in RELEASES.items():
        got = _status(disk, "again.db", release)
        wanted = _status(disk, "file.db", release)
        yield f"written anew, status {version}", _unsized(wanted), _unsized(got)
    again = SnapshotFile.open(disk, "again.db")
    yield "written anew", _buckets(snapshot.database), _buckets(again.database)


def _digest(snapshot: SnapshotFile) -> tuple[bool, bool | None]:
    return bool(snapshot.digest), snapshot.digest_ok if snapshot.digest else None


def _status(disk: MemoryDisk, path: str, release: str) -> Obj:
    found = status(disk, path, release)
    names = {"hash": found.hash, "revision": found.revision, "totalKey": found.total_key}
    names["totalSize"] = found.total_size
    return names | ({"version": found.version} if release >= "3.6" else {})


def _unsized(found: Obj) -> Obj:
    return {name: value for name, value in found.items() if name != "totalSize"}


def _wanted_members(facts: Obj) -> list[Obj]:
    """The members as the server listed them, sorted; 3.5 does not write the clients' addresses down."""
    found = [dict(member) for member in facts["member_list"]]
    if facts["etcd"].startswith("3.5"):
        found = [{name: value for name, value in one.items() if name != "clientURLs"} for one in found]
    return sorted(found, key=lambda one: str(one["ID"]))


def _members(snapshot: SnapshotFile) -> list[Obj]:
    shown = []
    for member in snapshot.state.members:
        one: Obj = {"ID": str(member.id), "name": member.name, "peerURLs": list(member.peer_urls)}
        if member.client_urls:
            one["clientURLs"] = list(member.client_urls)
        shown.append(one)
    return sorted(shown, key=lambda one: str(one["ID"]))


def _wanted_buckets(facts: Obj) -> dict[str, int]:
    return {name: bucket["keys"] for name, bucket in facts["buckets"].items()}


def _counted(database: Database) -> dict[str, int]:
    return {name: len(pairs) for name, pairs in _buckets(database)}


def _buckets(database: Database) -> list[tuple[str, list[tuple[bytes, bytes]]]]:
    found = []
    for entry in database.root.entries():
        found.append((entry.key.decode(), list(database.root.opened(entry).items())))
    return found


def _sorted_leases(leases: list[Obj]) -> list[Obj]:
    return sorted(({**one, "keys": sorted(one["keys"])} for one in leases), key=lambda one: one["ID"])


def _leases(loaded: Any) -> list[Obj]:
    found = [
        {"ID": lease.id, "grantedTTL": lease.ttl, "keys": sorted(key.decode() for key in lease.keys)}
        for lease in loaded.store.leases.leases()
    ]
    return _sorted_leases(found)


def _content(loaded: Any, revision: int, newest: int, wanted: list[Any]) -> list[Any] | str:
    """Every key at a revision, as the recordings write it."""
    try:
        found = loaded.store.range(b"\0", FROM_KEY, rev=0 if revision == newest else revision)
    except EtcdError as error:
        return error.message
    longs = {row[0] for row in wanted if isinstance(row[1], dict)}
    return [
        [
            kv.key.decode(),
            _value(kv.value, kv.key.decode() in longs),
            kv.create_revision,
            kv.mod_revision,
            kv.version,
            kv.lease,
        ]
        for kv in found.kvs
    ]


def _value(value: bytes, long: bool) -> Any:
    if long:
        return {"len": len(value), "sha256": hashlib.sha256(value).hexdigest()}
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
